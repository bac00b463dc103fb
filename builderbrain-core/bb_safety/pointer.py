"""The current pointer of a domain: which version serves, moved by decisions alone.

    pointer = Pointer(root, "api_json", registry.verify)
    pointer.standing()                      who serves now: a value
    pointer.move(decision, ledger)          the only way to change that

Every move is one file, `moves/00000007.json`, written whole, synced, and linked to its number in
one step; the last one is what holds. So there is no second file that could disagree with it: a
process killed at any instant, a full disk and a cut power leave the move made or not made. Of two
processes that move at once one gets the number and the other StaleDecision. Each move names the
digest of the one before.

Not covered: whoever can write the folder can add a move by hand; the ledger does not have it, and
`unledgered` says so.
"""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from bb_core.cache import write_new
from bb_core.canonical import Json, canonical, digest, digest_json
from bb_core.record import Ledger, Record
from bb_safety.decision import Decision, require_issued
from bb_safety.errors import Frozen, PointerError, StaleDecision
from bb_safety.evidence import NONE

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_MOVE = re.compile(r"[0-9]{8}\.json")


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version serves, and how it came to.

    current    its digest; empty: the base alone
    previous   the one before, which a rollback goes back to
    share      how many of the new runs it gets; the rest get `previous` (a canary)
    anchor     the last version a person approved; spent: epsilon since then
    rollbacks  those that no person has looked at; frozen: too many, nothing is promoted
    """

    seq: int = 0
    verdict: str = ""
    current: str = NONE
    previous: str = NONE
    share: float = 1.0
    anchor: str = NONE
    spent: float = 0.0
    rollbacks: int = 0
    frozen: bool = False
    decision: str = ""
    person: str = ""
    at: str = ""
    before: str = ""

    def version(self, run: str) -> str:
        """The version that serves a new run: the same for the same run, in proportion to share."""
        if self.share >= 1.0:
            return self.current
        place = int.from_bytes(sha256(run.encode()).digest()[:8], "big") / 2**64
        return self.current if place < self.share else self.previous


def require_open(now: Standing, domain: str) -> None:
    """Raise Frozen unless a promotion may be tried as things stand.

    Not after too much harm, and not while a canary serves: it would be what a rollback comes back
    to, with all runs, though nobody has settled it.
    """
    if now.frozen:
        found = f"{now.rollbacks} rollbacks and no person has looked"
        fix = f"look at it, then: bb artifacts anchor {domain} --by NAME --why TEXT"
        raise Frozen(found, where=domain, fix=fix)
    if now.share < 1.0:
        raise Frozen(
            f"{_short(now.current)} serves {now.share:.0%} of new runs and is not settled",
            where=domain,
            fix=f"end it: bb artifacts anchor {domain} --by NAME --why TEXT, or bb rollback",
        )


class Pointer:
    """One domain's pointer under a registry's root; `verify` raises for an artifact not whole."""

    def __init__(self, root: Path, domain: str, verify: Callable[[str], object]) -> None:
        if not _NAME.fullmatch(domain):
            raise PointerError(f"{domain[:60]!r} is no domain's name", where=str(root))
        self.domain, self._verify = domain, verify
        self.folder = root / "pointers" / domain
        self._moves, self._kept = self.folder / "moves", root / "decisions"

    def standing(self) -> Standing:
        """Who serves now; raises PointerError where the last move is not what was written."""
        last = max(self._numbered(), default=None)
        return self._read(last) if last else Standing()

    def history(self) -> tuple[Standing, ...]:
        """Every move, oldest first; raises PointerError where the chain is broken."""
        found, before = list[Standing](), ""
        for path in sorted(self._numbered()):
            now = self._read(path)
            if now.before != before or now.seq != len(found) + 1:
                found_ = "this move does not follow the one before it"
                raise PointerError(found_, where=str(path), fix=_COMPARE)
            before = digest(path.read_bytes())
            found.append(now)
        return tuple(found)

    def move(self, decision: Decision, ledger: Ledger) -> Standing:
        """Move by a decision and give the new standing.

        The ledger has the intent before and the move after. Raises ForgedDecision, StaleDecision,
        Frozen, PointerError, or what the ledger and the disk raise: then nothing has moved, unless
        it was the record after the move that failed, which `recover` makes up for.
        """
        sure = require_issued(decision)
        if not sure.moves:
            found = f"a decision to {sure.verdict} moves nothing"
            raise PointerError(
                found, where=self.domain, fix="; ".join(map(str, sure.reasons))[:300]
            )
        self._verify(sure.target)
        with self._locked():
            now = self.standing()
            after = self._after(now, sure)
            self._require_unused(sure)
            self._keep(sure)
            ledger(self._record("moving", sure, after))
            self._link(after)
            ledger(self._record("moved", sure, after))
            return after

    def unledgered(self, recorded: frozenset[int]) -> tuple[Standing, ...]:
        """Moves that the ledger's `moved` records, by their seq, do not have."""
        return tuple(move for move in self.history() if move.seq not in recorded)

    def recover(self, recorded: frozenset[int], ledger: Ledger) -> tuple[Standing, ...]:
        """Tell the ledger of a move whose process died between the move and its record."""
        with self._locked():
            missing = self.unledgered(recorded)
            for move in missing:
                body: dict[str, Json] = {"standing": asdict(move), "recovered": True}
                ledger(Record("moved", move.current, body={"domain": self.domain, **body}))
            return missing

    def decision(self, ident: str) -> dict[str, Any]:
        """What was kept of the decision behind a move: summary, evidence and policy."""
        path = self._kept / f"{ident.removeprefix('sha256:')}.json"
        try:
            kept: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise PointerError(f"cannot be read ({error})", where=str(path)) from error
        return kept

    def _require_unused(self, decision: Decision) -> None:
        """One decision, one promotion; whatever takes back or keeps may be decided alike twice."""
        used = any(move.decision == decision.digest for move in self.history())
        if used and decision.verdict == "promote":
            found = "this decision to promote has moved it before"
            raise StaleDecision(found, where=self.domain, fix="gather the evidence again")

    def _after(self, now: Standing, decision: Decision) -> Standing:
        told = decision.evidence
        first = decision.verdict == "promote" or now.seq == 0  # nothing but a person's word serves
        expected = told.incumbent if first else told.candidate
        if now.current != expected or (decision.verdict == "promote" and _moved(now, decision)):
            found = f"{_short(now.current)} serves now, and the decision is on {_short(expected)}"
            raise StaleDecision(found, where=self.domain, fix="gather the evidence again")
        made = self._next(now, decision)
        last = sorted(self._numbered())
        return replace(
            made,
            seq=now.seq + 1,
            verdict=decision.verdict,
            decision=decision.digest,
            person=decision.person,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            before=digest(last[-1].read_bytes()) if last else "",
        )

    def _next(self, now: Standing, decision: Decision) -> Standing:
        policy, target = decision.policy, decision.target
        if decision.verdict == "promote":
            require_open(now, self.domain)
            share = policy.canary if now.current else 1.0
            spent = now.spent + policy.epsilon
            first = decision.person and not now.anchor  # the first is approved by a person
            kept = replace(now, anchor=target, spent=0.0) if first else replace(now, spent=spent)
            return replace(kept, current=target, previous=now.current, share=share)
        if decision.verdict == "settle":
            return replace(now, share=1.0)
        if decision.verdict == "anchor":
            kept = replace(now, current=target, share=1.0, anchor=target)
            return replace(kept, spent=0.0, rollbacks=0, frozen=False)
        return self._back(now, decision)

    def _back(self, now: Standing, decision: Decision) -> Standing:
        """As it stood when the target last served; the rollback itself is remembered."""
        stood = [move for move in (Standing(), *self.history()) if move.current == decision.target]
        if not stood or decision.target == now.current:
            found = f"{_short(decision.target)} has not served before {_short(now.current)}"
            raise PointerError(
                found, where=self.domain, fix=f"see: bb artifacts list {self.domain}"
            )
        rollbacks = now.rollbacks + (not decision.person)
        frozen = now.frozen or rollbacks >= decision.policy.freeze_after
        return replace(stood[-1], share=1.0, rollbacks=rollbacks, frozen=frozen)

    def _record(self, kind: str, decision: Decision, after: Standing) -> Record:
        body: dict[str, Json] = {"domain": self.domain, "standing": asdict(after)}
        return Record(kind, decision.target, body={**body, "decision": decision.digest})

    def _keep(self, decision: Decision) -> None:
        """The decision with its evidence, under its digest, before anything moves by it."""
        from bb_safety.evidence import evidence_json

        name = f"{decision.digest.removeprefix('sha256:')}.json"
        told = {**decision.summary(), "said": decision.said}
        data = canonical({**told, "evidence": evidence_json(decision.evidence)})
        self._kept.mkdir(parents=True, exist_ok=True)
        if not (self._kept / name).exists():
            write_new(self._kept / name, data)

    def _link(self, after: Standing) -> None:
        path = self._moves / f"{after.seq:08}.json"
        body = asdict(after)
        data = canonical({**body, "digest": digest_json(body)})
        if not write_new(path, data):
            found = f"move {after.seq} was made by another process"
            raise StaleDecision(found, where=self.domain, fix="gather the evidence again")

    def _numbered(self) -> list[Path]:
        if not self._moves.is_dir():
            return []
        return [path for path in self._moves.iterdir() if _MOVE.fullmatch(path.name)]

    def _read(self, path: Path) -> Standing:
        try:
            data: dict[str, Any] = json.loads(path.read_bytes())
            said = data.pop("digest")
            standing = Standing(**data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PointerError(f"not a move ({error})", where=str(path), fix=_COMPARE) from error
        if digest_json(data) != said:
            raise PointerError("it was changed", where=str(path), fix=_COMPARE)
        return standing

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One mover at a time; leftovers of one that was killed are cleared away."""
        try:
            self._moves.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PointerError(str(error.strerror), where=str(self.folder)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for path in self._moves.glob(".new-*"):
                path.unlink(missing_ok=True)
            yield
        finally:
            os.close(handle)


_COMPARE = "compare it with the ledger (bb log verify) and a copy; do not go on from here"


def _moved(now: Standing, decision: Decision) -> bool:
    told = decision.evidence
    return now.anchor != told.anchor or abs(now.spent - told.spent) > 1e-9


def _short(ident: str) -> str:
    return ident[:19] or "the base alone"
