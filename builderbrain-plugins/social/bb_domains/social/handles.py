"""Handles: short names of ours for networks' own ids, so that a plan looks the same everywhere.

A handle is the same for the same id on every machine. One that was never given out names nothing:
what a plan can touch is what the desk has been shown.
"""

from base64 import b32encode
from hashlib import sha256
from typing import Any

from bb_core.errors import ToolError


def handle(kind: str, *parts: str) -> str:
    """`p-k3j2x7qa`: the kind and 40 bits of what it names."""
    digest = sha256("\0".join(parts).encode()).digest()
    return f"{kind}-{b32encode(digest[:5]).decode().lower()}"


def _kind(name: str) -> str:
    return name.partition("-")[0]


class Handles:
    """The handles given out: for each, the account that saw it and the native id."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.known = {(_kind(name), *named): name for name, named in table.items()}

    def give(self, kind: str, account: str, native: str) -> str:
        """The handle of this kind of a native id, the same each time.

        Raises ToolError when two share one.
        """
        if (kind, account, native) in self.known:
            return self.known[kind, account, native]
        name = handle(kind, account, native)
        if self.table.get(name, [account, native]) != [account, native]:
            raise ToolError("conflict", f"{name} already names another", where=account)
        self.call(name, account, native)
        return name

    def call(self, name: str, account: str, native: str) -> None:
        """From now on this is the handle of what the account sees under the native id."""
        self.table[name] = [account, native]
        self.known[_kind(name), account, native] = name

    def find(self, name: str) -> tuple[str, str]:
        """The account and the native id behind a handle; raises ToolError for a stranger."""
        if name not in self.table:
            raise ToolError("invalid", f"nothing here is called {name}", fix="fetch it first")
        account, native = self.table[name]
        return account, native

    def seen_by(self, account: str, name: str) -> str:
        """The native id behind a handle; raises ToolError when another account fetched it."""
        owner, native = self.find(name)
        if owner != account:
            found = f"{name} was fetched by {owner}, not by {account}"
            raise ToolError("denied", found, fix=f"act for {owner}")
        return native
