"""One HTTP request to a network, and what its answer means.

Whether a request that ended badly took effect is said as exactly as HTTP allows: one that was never
sent is `unavailable`, one that acts and has no answer is `timeout_unknown`, never a failure.
"""

import os
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from bb_core.errors import ToolError, ToolFault

KINDS: Mapping[int, ToolFault] = {
    400: "invalid",
    401: "denied",
    403: "denied",
    404: "invalid",
    409: "conflict",
    410: "invalid",
    413: "invalid",
    422: "invalid",
    429: "limit",
    503: "unavailable",
}
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
SHOWN = 160


class Wire:
    """A connection to one server, with one account's token. The token is never in an error."""

    def __init__(self, account: str, settings: Mapping[str, str]) -> None:
        url = setting(account, settings, "url")
        if not url.startswith(("http://", "https://")):
            raise ToolError("unavailable", f"url is {url!r}", where=account, fix="write https://…")
        secret = os.environ.get(setting(account, settings, "token_env"), "")
        if not secret:
            fix = f"set the variable {settings['token_env']}"
            raise ToolError("unavailable", "its token is not set", where=account, fix=fix)
        self.account = account
        self.http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {secret}"},
            trust_env=False,
            verify=url.startswith("https:"),
        )

    def get(self, path: str, timeout_s: float, **params: str | int) -> Any:
        """What the server shows."""
        return self.look(path, timeout_s, params, {})

    def look(
        self,
        path: str,
        timeout_s: float,
        params: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> Any:
        """The same, asked with headers."""
        given = {"params": dict(params), "headers": dict(headers)}
        return self._send("GET", path, timeout_s, given, acts=False)

    def act(
        self,
        method: Literal["POST", "PUT", "DELETE"],
        path: str,
        timeout_s: float,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What the server says it did."""
        given = {"json": body, "headers": dict(headers or {})}
        return self._send(method, path, timeout_s, given, acts=True)

    def _send(
        self, method: str, path: str, timeout_s: float, given: dict[str, Any], acts: bool
    ) -> Any:
        where = f"{self.account} {method} {path.partition('?')[0]}"
        lost: ToolFault = "timeout_unknown" if acts else "unavailable"
        try:
            response = self.http.request(method, path, timeout=timeout_s, **given)
        except NOT_SENT as error:
            raise ToolError("unavailable", type(error).__name__, where=where) from error
        except httpx.HTTPError as error:
            raise ToolError(lost, type(error).__name__, where=where) from error
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = None
        if response.is_success and body is not None:
            return body
        # a refusal of the server's own says that nothing was done; anything else says nothing
        kind = KINDS.get(response.status_code, lost)
        raise ToolError(kind, f"{response.status_code} {_reason(body)}".strip(), where=where)

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()


def setting(account: str, settings: Mapping[str, str], name: str) -> str:
    """A setting that has to be there; raises ToolError when it is not."""
    if not settings.get(name):
        fix = f"add {name} = '…' to its settings"
        raise ToolError("unavailable", f"no {name} is set", where=account, fix=fix)
    return settings[name]


def _reason(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    parts = [body.get(name) for name in ("errcode", "error", "message", "error_description")]
    return " ".join(part for part in parts if isinstance(part, str))[:SHOWN]
