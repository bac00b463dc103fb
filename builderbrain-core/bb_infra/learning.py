"""bb learn: new episodes of a domain, and a candidate when there are enough of them.

State lies in `learn/DOMAIN` of the state folder: what is pending, the replay, and up to which record
the ledger was read. A candidate whose audits raise an alarm goes to the gate with nothing but that
alarm, and is refused on the ledger; any other is promoted the way `bb promote` does it.
"""

import json
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.cache import cache_home, write_whole
from bb_core.compiled import Compiled
from bb_infra.checkpoint import own_key
from bb_infra.config import Config
from bb_infra.episodes import episodes
from bb_infra.errors import InfraError
from bb_infra.ledger import LedgerFile
from bb_infra.promotion import Outcome, promote
from bb_infra.running import LEDGER
from bb_infra.table import count
from bb_infra.telling import say
from bb_infra.versions import registry, serving
from bb_safety.evidence import Evidence
from bb_safety.shadow import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bb_nn.builder.builder import PlanBuilder
    from bb_train.continual.cycle import Cycle, Proposed
    from bb_train.example import Example

SEEN = "seen.json"


@dataclass(frozen=True)
class Learned:
    """What came of it: how many episodes were new, how many wait, and the candidate's outcome."""

    new: int
    waiting: int
    candidate: str = ""
    outcome: Outcome | None = None
    alarms: tuple[str, ...] = ()


def learn(compiled: Compiled, config: Config, file: str = "", *, by: str = "") -> Learned:
    """Take new episodes in, and make and judge a candidate if enough wait.

    `file`: examples in place of the ledger's episodes. `by`: who approves the first of its kind.
    """
    with opened(compiled, config) as (cycle, builder):
        new = _new(compiled, config, cycle, file)
        if not cycle.due:
            return Learned(new, len(cycle.pending))
        say("learn", f"adapters alone, from {count(len(cycle.pending), 'episode')}")
        made = cycle.propose(builder)
        if made is None:
            say("learn", "the guards do not hold; there is no candidate")
            return Learned(new, 0)
        _say(made)
        if made.alarms:
            cycle.decide(made, _nothing(compiled, cycle), by=by)
            return Learned(new, 0, made.artifact.digest, alarms=made.alarms)
    outcome = promote(compiled, made.artifact, config, by=by)
    return Learned(new, 0, made.artifact.digest, outcome)


@contextmanager
def opened(compiled: Compiled, config: Config) -> "Iterator[tuple[Cycle, PlanBuilder]]":
    """The cycle of a domain with the builder that serves it; the ledger is held meanwhile."""
    from bb_infra.model_here import here
    from bb_nn.base import load_base
    from bb_nn.builder.rail_folder import load_rail
    from bb_train.continual.cycle import Cycle
    from bb_train.state_cache import StateCache

    serves = serving(compiled, config)
    if serves.folder is None:
        fix = "train a rail first: bb train CONFIG"
        raise InfraError("the base alone serves; there is no rail to learn", fix=fix)
    here(config.model.name)
    base = load_base(config.model.name)
    builder = load_rail(serves.folder, base, compiled)
    state = Path(config.run.state)
    cache = StateCache(cache_home() / "states", base, builder.config.layers)
    with LedgerFile(state / LEDGER, own_key(state)) as ledger:
        home = registry(config)
        yield (
            Cycle(
                base,
                home,
                home.pointer(compiled.name),
                config.gate,
                config.learn.learning,
                state / "learn" / compiled.name,
                ledger,
                cache.get,
            ),
            builder,
        )


def _new(compiled: Compiled, config: Config, cycle: "Cycle", file: str) -> int:
    """New episodes taken in; says how many."""
    if file:
        found = _read(file, compiled)
        cycle.observe(found)
        return len(found)
    mark = cycle.folder / SEEN
    seen = int(json.loads(mark.read_bytes())["seq"]) if mark.exists() else -1
    told = episodes(Path(config.run.state) / LEDGER, compiled, seen)
    cycle.observe(told.examples)
    write_whole(mark, json.dumps({"seq": told.seq}).encode())
    corrected = f", {told.corrected} of them corrections" if told.corrected else ""
    say("episodes", f"{len(told.examples)} new{corrected}, {len(cycle.pending)} wait")
    return len(told.examples)


def _read(file: str, compiled: Compiled) -> "Sequence[Example]":
    from bb_train.example import read_examples

    found = read_examples(Path(file))
    other = next((one for one in found if one.plan.schema != compiled.digest), None)
    if other is not None:
        what = f"example {other.id} is of another domain, or version of it"
        raise InfraError(what, where=file, fix=f"make them again for {compiled.name}")
    return found


def _say(made: "Proposed") -> None:
    learnt = made.learnt
    assert learnt is not None
    kl = f"KL {learnt.kl:.3g}, drift {learnt.drift:+.3g} at scale {learnt.scale:g}"
    say("candidate", f"{made.artifact.digest[:19]}, {learnt.parameters:,} numbers in use, {kl}")
    for alarm in made.alarms:
        say("alarm", alarm)


def _nothing(compiled: Compiled, cycle: "Cycle") -> Evidence:
    now = cycle.pointer.standing()
    return Evidence(now.current, now.current, now.anchor, metrics(compiled.harms), spent=now.spent)
