"""The main job, from plain English to a verified ledger, and the same for any request."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.canonical import Json
from bb_core.state_diff import state_diff
from bb_core.verdict import Checked, Refused
from bb_infra import draw
from bb_infra.config import Config
from bb_infra.options import compiled_under
from bb_infra.running import LEDGER, Opened, Watcher, new_run, opened
from bb_infra.verify import verify
from bb_runtime.approve import Approver, Decision, Request, at_terminal, shown
from bb_runtime.progress import Lines

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_runtime.planner import ModelPlanner
    from bb_runtime.rounds import Attempt, Run

DOMAIN = "api_json"
REQUEST = (
    "Hi, this is bianca.xu@example.com. The Chef Knife (i0021) in order W1061 arrived broken. "
    "Please refund $118.49 to my original payment."
)
EXITS = {"done": 0, "failed": 1, "refused": 1, "parked": 3}


def demo(config: Config) -> None:
    """The main job on a shop of its own; exits with 1 unless all of it held."""
    status = carry_out(DOMAIN, REQUEST, config, twin=True, approve=aloud)
    if not verified(Path(config.run.state) / LEDGER) or status:
        raise SystemExit(status or 1)


def run(
    domain: str, request: str, config: Config, *, twin: bool = False, yes: bool = False
) -> None:
    """Carry one request out; exits 1 if refused or failed, 3 if a person must look."""
    status = carry_out(domain, request, config, twin=twin, approve=aloud if yes else at_terminal())
    if status:
        raise SystemExit(status)


def carry_out(domain: str, request: str, config: Config, *, twin: bool, approve: Approver) -> int:
    """Carry a request out, telling a person each step of the way; the exit status."""
    compiled = compiled_under(domain, config)
    tools, rules = len(compiled.schema.tools), compiled.files["checker.py"].count(b"    at.")
    say(
        "compile",
        f"{domain} {compiled.version}: {tools} tools, {rules} obligations, {compiled.digest[:19]}",
    )
    planner = load_planner(compiled, config)
    watcher = Watcher(
        approve, Lines(sys.stdout), lambda attempt: judged(compiled, planner, attempt)
    )
    with opened(compiled, planner, config, watcher, twin=twin) as ready:
        say("system", f"{'a twin' if twin else domain} at {getattr(ready.world, 'url', '?')}")
        say("request", request)
        say("decode", "the plan, token by token, under the masks")
        before = ready.world.snapshot() if twin else None
        done = ready.runner.run(new_run(), request)
        ended(done, ready)
        if twin:
            changes(state_diff(before, ready.world.snapshot()))
    return EXITS[done.end]


def load_planner(compiled: "Compiled", config: Config) -> "ModelPlanner":
    """The configured model as a planner, fetched first if it is in the catalogue and not here."""
    from bb_infra.model_here import here
    from bb_runtime.base import load_base
    from bb_runtime.planner import ModelPlanner

    began = time.monotonic()
    here(config.model.name)
    base = load_base(config.model.name)
    dtype = str(base.dtype).removeprefix("torch.")
    say(
        "model",
        f"{base.name}, {dtype}, {base.digest[:19]}, loaded in {time.monotonic() - began:.1f} s",
    )
    return ModelPlanner(
        base,
        compiled,
        budget=config.decode.tokens,
        temperature=config.decode.temperature,
        seed=config.decode.seed,
        on_text=lambda text: print(text, end="", flush=True),
    )


def judged(compiled: "Compiled", planner: "ModelPlanner", attempt: "Attempt") -> None:
    """Show a draft's figures, its picture, and what the checker says of it."""
    made = planner.decoded
    if made:
        print(f"\n{'':9} {len(made.tokens)} tokens, {made.forced} of them forced")
    verdict = attempt.verdict
    if verdict.plan.steps:
        say("plan", verdict.plan.digest[:19])
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


def ended(done: "Run", ready: Opened) -> None:
    """One line about the run."""
    say(
        "run",
        f"{done.id}: {done.end} after {len(done.rounds)} round(s), {ready.ledger.size} records",
    )


def changes(diff: dict[str, Json]) -> None:
    """What is different in the twin."""
    say("effects", f"{len(diff)} changes" if diff else "none")
    for pointer, value in diff.items():
        print(f"{'':9} {pointer} = {value!r}")


def verified(log: Path) -> bool:
    """Verify a ledger under its own key, and say so."""
    public = log.with_name("ledger.pub")
    found = verify(log, public_key=public.read_text("utf-8").strip() if public.exists() else None)
    for problem in found.problems:
        print(f"{'':9} {problem}")
    word = "verified" if found.ok else "DOES NOT VERIFY"
    say("ledger", f"{log}: {found.records} records, {word}, root {found.root[:16]}")
    return bool(found.ok)


def say(what: str, text: str) -> None:
    """One titled line."""
    print(f"{what:<9} {text}".rstrip(), flush=True)


def indented(text: str) -> str:
    """A block under a titled line."""
    return "\n".join(f"{'':9} {line}" for line in text.splitlines())
