"""The desk: what is ours whatever the network. Accounts and their rules, drafts, the address book,
what moderators did, what has been said, and every value that came out of a labelled field.

A desk with a file keeps all of it there: written whole beside the old one and moved over it, so a
cut leaves the one or the other; for its owner's eyes only, and one process at a time. What is to go
out is noted before it does: where no more is on record than that, nobody knows whether it went.
Not covered: two desks for one account.
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from copy import copy, deepcopy
from pathlib import Path
from typing import Any, cast

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.social import rate, scan
from bb_domains.social.handles import Handles
from bb_domains.social.network import Network
from bb_domains.social.self_chosen import plain_word

EMPTY: Mapping[str, Any] = {
    "accounts": {},
    "begun": {},
    "contacts": {},
    "drafts": {},
    "handles": {},
    "handoffs": {},
    "marks": {},
    "planned": {},
    "record": {},
    "said": {},
    "seen": [],
    "sent": {},
}


class Clock:
    """The time in seconds, and the hour of the day where an account is at home."""

    def __init__(self, now: Callable[[], int], hour: Callable[[str], int]) -> None:
        self.now, self.hour = now, hour


class Desk:
    """The world of this domain's tools; `networks` holds each account's own."""

    def __init__(
        self,
        state: dict[str, Any],
        networks: Mapping[str, Network],
        clock: Clock,
        *,
        file: Path | None = None,
        scanner: str = "",
    ) -> None:
        self.state = {**deepcopy(dict(EMPTY)), **state}
        self.networks, self.clock, self.scanner = networks, clock, scanner
        self._file, self._lock, self._writing = file, -1, threading.RLock()
        if file:
            self._open(file)
        self.handles = Handles(self.state["handles"])

    def snapshot(self) -> Json:
        """Everything of ours and, on a twin, of its network."""
        hidden = ("begun", "handles", "planned", "seen", "sent")
        shown = {key: value for key, value in self.state.items() if key not in hidden}
        return cast(Json, deepcopy(shown))

    def close(self) -> None:
        """Let go of the networks and the file."""
        for network in self.networks.values():
            network.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def account(self, name: str) -> dict[str, Any]:
        """One of our accounts; raises ToolError for a name that is none."""
        if name not in self.state["accounts"]:
            known = ", ".join(sorted(self.state["accounts"])) or "none"
            raise ToolError("invalid", f"no account {name}", fix=f"known: {known}")
        return cast(dict[str, Any], self.state["accounts"][name])

    def network(self, name: str) -> Network:
        """An account's network."""
        self.account(name)
        return self.networks[name]

    def once(self, call: Call, act: Callable[[], dict[str, Json]]) -> Json:
        """What `act` gives, or gave when this intent was carried out before.

        Raises ToolError `unavailable` before anything is done where that cannot be kept, and
        `timeout_unknown` where it was done and cannot be.
        """
        begun, sent = self.state["begun"], self.state["sent"]
        with self._writing:
            if call.key not in sent:
                sent[call.key] = self._carried(call.key, act, begun.get(call.key, False))
            if call.key in begun:
                self._end(call.key)
            return cast(Json, deepcopy(sent[call.key]))

    def _carried(
        self, key: str, act: Callable[[], dict[str, Json]], before: bool
    ) -> dict[str, Json]:
        """What `act` gives; `before`: it was begun once already, and no fault now undoes that."""
        self.state["begun"][key] = True
        try:
            self.keep()
            return act()
        except ToolError as error:
            if error.kind != "timeout_unknown" and not before:
                del self.state["begun"][key]
            raise

    def _end(self, key: str) -> None:
        begun = self.state["begun"]
        del begun[key]
        try:
            self.keep()
        except ToolError as error:
            begun[key] = True
            raise ToolError("timeout_unknown", f"it was done; {error}", where="desk") from error

    def remember(self, values: Iterable[str]) -> None:
        """Values out of labelled fields: no text that holds one goes out any more."""
        with self._writing:
            self.state["seen"] += sorted({v for v in values if v} - {*self.state["seen"]})
            self.keep()

    def findings(self, text: str) -> list[scan.Finding]:
        """Whose data is in a text, by every net that is switched on."""
        canaries = self.state.get("canaries", ())
        found = [*scan.exact(text, canaries, "canary")]
        found += scan.exact(text, self.state["seen"], "taint")
        found += scan.patterns(text)
        if self.scanner == "presidio":
            found += scan.second(text)
        return found

    def said_this_hour(self, account: str) -> int:
        """How much the fullest hour holds that it is now, with what goes out in it later."""
        return rate.fullest(self._times(account), self.clock.now())

    def full_hours(self, account: str) -> list[int]:
        """In how many hours from now the account will have said enough, as things stand."""
        most = self.account(account)["max_per_hour"]
        return rate.full_hours(self._times(account), self.clock.now(), most)

    def _times(self, account: str) -> list[int]:
        said, planned = self.state["said"], self.state["planned"]
        return [*said.get(account, ()), *planned.get(account, ())]

    def speak(self, account: str, hours: int = 0) -> None:
        """Note that the account has spoken now, or will in so many hours."""
        kept = self.state["planned" if hours else "said"]
        kept.setdefault(account, []).append(self.clock.now() + hours * rate.HOUR_S)

    def keep(self) -> None:
        """Write everything to the desk's file, if it has one."""
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        try:
            with self._writing, open(new, "w", encoding="utf-8", opener=_private) as file:
                # copies: a reading thread may give a handle out meanwhile
                json.dump({k: copy(v) for k, v in self.state.items() if k in EMPTY}, file)
                file.flush()
                os.fsync(file.fileno())
                new.replace(self._file)
        except OSError as error:
            found = f"cannot be written: {error}"
            raise _unusable(self._file, found, "make room, then look at what was sent") from error

    def _open(self, file: Path) -> None:
        self._lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        except BlockingIOError:
            self.close()
            raise _unusable(file, "is in use by another process", "end that one first") from None
        except ValueError as error:
            raise _unusable(file, f"is no desk: {error}", "move it away") from error
        rules = self.state["accounts"]
        book = {**kept.get("contacts", {}), **self.state["contacts"]}
        told = {contact["name"] for contact in book.values()}
        # versions before kept a stranger's name of one word, too, and no text with it went out
        seen = [v for v in kept.get("seen", ()) if v in told or not plain_word(v)]
        self.state |= {**kept, "accounts": rules, "contacts": book, "seen": seen}


def _private(path: str, flags: int) -> int:
    """A file that nobody else can read, whoever made one of its name before."""
    handle = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    os.fchmod(handle, 0o600)
    return handle


def _unusable(file: Path, found: str, fix: str) -> ToolError:
    return ToolError("unavailable", found, where=str(file), fix=fix)
