"""What `bb` says while a run goes on: one titled line for each thing, blocks under them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.canonical import Json
from bb_core.verdict import Checked, Refused
from bb_infra import draw
from bb_infra.checkpoint import read_public
from bb_infra.table import count
from bb_infra.verify import verify
from bb_runtime.approve import Decision, Request, shown

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_infra.running import Opened
    from bb_runtime.decode import Decoded
    from bb_runtime.rounds import Attempt, Run


LONGEST = 400
"""Characters of a request that are shown."""


def compiles(compiled: "Compiled") -> None:
    """One line about the domain."""
    tools, rules = len(compiled.schema.tools), compiled.files["checker.py"].count(b"    at.")
    what = f"{compiled.name} {compiled.version}: {tools} tools, {rules} obligations"
    say("compile", f"{what}, {compiled.digest[:19]}")


def judged(
    compiled: "Compiled", made: "Decoded | None", attempt: "Attempt", name: str = ""
) -> None:
    """Show a draft's figures, its picture, and what the checker says of it.

    `name` is what the ledger calls the plan: not its digest, since that would let it be guessed.
    """
    if made:
        print(f"\n{'':9} {len(made.tokens)} tokens, {made.forced} of them forced")
    elif attempt.draft.score is not None:
        print(f"{'':9} log score {attempt.draft.score:z.2f} at alpha {attempt.draft.alpha:g}")
    verdict = attempt.verdict
    if verdict.plan.steps:
        say("plan", f"{verdict.plan.digest[:19]}, in the ledger {name.removeprefix('sha256:')[:8]}")
        print(indented(draw.tree(verdict.plan, compiled.schema, colour=sys.stdout.isatty())))
    if isinstance(verdict, Refused):
        say("check", "refused")
        print(indented("\n".join(map(str, verdict.violations))))
    elif isinstance(verdict, Checked):
        rules = sorted({guard.id for guard in verdict.guards})
        say("check", f"passed; held just before each effect: {', '.join(rules) or 'nothing'}")
        say("execute", "")


def aloud(request: Request) -> Decision:
    """Say what consent is asked for, and give it: for the demo and for `--yes`."""
    print(indented(shown(request)))
    return Decision(True, "--yes")


def ended(done: "Run", ready: "Opened") -> None:
    """One line about the run."""
    rounds, records = count(len(done.rounds), "round"), count(ready.ledger.size, "record")
    say("run", f"{done.id}: {done.end} after {rounds}, {records}")


def changes(diff: dict[str, Json]) -> None:
    """What is different in the twin."""
    say("effects", count(len(diff), "change") if diff else "none")
    for pointer, value in diff.items():
        print(f"{'':9} {pointer} = {value!r}")


def verified(log: Path) -> bool:
    """Verify a ledger under its own key, and say so."""
    public = log.with_name("ledger.pub")
    found = verify(log, public_key=read_public(public) if public.exists() else None)
    for problem in found.problems:
        print(f"{'':9} {problem}")
    word = found.state if found.ok else "DOES NOT VERIFY"
    say("ledger", f"{log}: {count(found.records, 'record')}, {word}, root {found.root[:16]}")
    return bool(found.ok)


def say(what: str, text: str) -> None:
    """One titled line."""
    print(f"{what:<9} {text}".rstrip(), flush=True)


def in_short(text: str) -> str:
    """A text on one line that no terminal acts on; a long one is cut, and its length said."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} … ({len(text):,} characters)"


def indented(text: str) -> str:
    """A block under a titled line."""
    return "\n".join(f"{'':9} {line}" for line in text.splitlines())
