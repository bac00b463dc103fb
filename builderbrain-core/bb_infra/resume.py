"""Go on with a run whose process is gone: its plan and state come from the run database.

A run goes on only under the model, grammar, schema and configuration it was begun with, and only on
a real system: a twin ends with its process. Nothing that was done is done again.
Not covered: a run that ended before its first plan passed; nothing of it happened, so ask anew.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.plan import from_json
from bb_infra.carried import Wanted, carry_out
from bb_infra.config import Config
from bb_infra.entry import read_log
from bb_infra.errors import InfraError
from bb_infra.options import compiled_under
from bb_infra.planners import load_planners
from bb_infra.running import LEDGER, NO_MODEL, RUNS, Opened, database, made_from
from bb_infra.telling import compiles, say
from bb_runtime.durable import Durable, Stored
from bb_runtime.errors import DurableError

if TYPE_CHECKING:
    from bb_runtime.rounds import Run

MOST_NAMED = 8


def resume(domain: str, run: str, config: Config, *, yes: bool = False) -> int:
    """Go on with a run: 0 when it is done, 1 if refused or failed, 3 if a person must look."""
    compiled = compiled_under(domain, config)
    state, given = Path(config.run.state), made_from(compiled, None, config).artifact
    if not (config.run.database or (state / RUNS).exists()):
        raise InfraError(f"no runs are kept here, so none {run!r}", where=str(state), fix=_START)
    with Durable(database(config), given) as engine:
        found = unfinished(engine, state / LEDGER, run)
    _fits(found, domain)
    if found.note["model"] == NO_MODEL:
        planners = None
    else:
        _same_model(found, config)
        planners = load_planners(compiled, config, rail=str(found.note.get("rail", NO_MODEL)))
    _same(found, made_from(compiled, planners, config).artifact)
    compiles(compiled)

    def go(ready: Opened) -> "Run":
        # Asked again under the ledger's lock: until now another process could go on with it too.
        now = unfinished(ready.engine, state / LEDGER, run)
        say("resume", now.id)
        return ready.runner.resume(run, from_json(dict(now.plan)), now.note)

    return carry_out(Wanted(run, compiled, planners, config, yes=yes), go)


def unfinished(engine: Durable, log: Path, run: str) -> Stored:
    """What is kept of a run that has not ended; raises InfraError, which names those there are."""
    done = ended(log)
    found = engine.latest(run)
    if found and run not in done:
        return found
    left = [name for name in engine.begun() if name not in done]
    named = ", ".join(left[-MOST_NAMED:]) or "none"
    what = f"run {run!r} has ended" if run in done else f"no run {run!r}"
    raise InfraError(what, where=str(log.parent), fix=f"unfinished: {named}")


def ended(log: Path) -> set[str]:
    """The runs that came to an end, by their ledger."""
    if not log.exists():
        return set()
    return {r.run for r in read_log(log) if r.type == "done" and "end" in r.body}


def _fits(found: Stored, domain: str) -> None:
    if found.plan.get("domain") != domain:
        of = f"is of domain {found.plan.get('domain')!r}"
        raise InfraError(
            of, where=found.run, fix=f"run: bb run {found.plan.get('domain')} --resume …"
        )
    if found.note.get("twin"):
        raise InfraError("was on a twin, which ended with it", where=found.run, fix=_START)


def _same_model(found: Stored, config: Config) -> None:
    """Seen before the model is loaded, which takes a while."""
    if found.note["model"] != config.model.name:
        what = f"begun with model {found.note['model']!r}, this is {config.model.name!r}"
        raise DurableError(what, where=found.run, fix=_AS_BEGUN)


def _same(found: Stored, now: str) -> None:
    if found.artifact != now:
        what = f"begun under artifact {found.artifact[:19]}, this is {now[:19]}"
        raise DurableError(what, where=found.run, fix=_AS_BEGUN)


_START = "start a new run"
_AS_BEGUN = "go on with the model, grammar, schema and configuration it was checked with"
