"""From the runs that a ledger has to a candidate: adapters alone, signed, serving nobody.

    episodes    runs that ended `done` (`bb_infra.episodes`); new behind the last one learnt from
    need        `[learn] every` of them, of which what serves misses `missed` or more
    candidate   learnt beside the version that serves, in the registry with what its audits found

The ledger and its sealed store are all that is kept of the episodes: what is replayed is drawn from
them anew each time, so what was erased is not learnt from again. How a candidate was learnt is in a
ledger of its own, `learn/DOMAIN/ledger.jsonl` in the state folder.

Not covered: what a version learnt before an erasure, which its weights may remember; whether the
candidate is any good: `bb promote` asks the gate.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.cache import write_whole
from bb_core.canonical import canonical
from bb_core.compiled import Compiled
from bb_infra.checkpoint import own_key
from bb_infra.config import Config, Learn
from bb_infra.errors import InfraError
from bb_infra.ledger import LedgerFile
from bb_infra.planners import load_alone
from bb_infra.running import LEDGER
from bb_infra.versions import registry
from bb_safety.pointer import Standing
from bb_safety.registry import Artifact

if TYPE_CHECKING:
    from bb_nn.base import Base
    from bb_nn.tapped import Tapped
    from bb_train.continual.cycle import NoCandidate, Proposed
    from bb_train.continual.learning import Learning
    from bb_train.example import Example

MARK, WORK = "learnt.json", "work"


@dataclass(frozen=True)
class Heard:
    """The episodes of a ledger: new ones, how many of them correct a plan, and those before."""

    new: "tuple[Example, ...]"
    corrected: int
    old: "tuple[Example, ...]"
    seq: int


def hear(compiled: Compiled, config: Config) -> Heard:
    """What the ledger has to learn from, and what of it is new since a candidate was made."""
    from bb_infra.episodes import episodes

    log = Path(config.run.state) / LEDGER
    if not log.exists():
        return Heard((), 0, (), -1)
    new = episodes(log, compiled, _mark(_folder(compiled, config)))
    ours = {one.id for one in new.examples}
    before = tuple(one for one in episodes(log, compiled).examples if one.id not in ours)
    return Heard(new.examples, new.corrected, before, new.seq)


def learn_from(heard: Heard, compiled: Compiled, config: Config) -> "Proposed | NoCandidate":
    """A candidate from what is new, in the registry; or why there is none.

    Either way it is new no more. Raises InfraError where nothing serves that could learn, and
    BusyError where another process learns for this domain.
    """
    from bb_nn.builder.rail_folder import load_rail
    from bb_train.continual.cycle import Cycle
    from bb_train.continual.replay import Replay

    home, folder = registry(config), _folder(compiled, config)
    pointer = home.pointer(compiled.name)
    artifact = home.verify(_current(compiled, pointer.standing()))
    assert isinstance(artifact, Artifact)
    base = load_alone(compiled, config).base.base
    serving, wanted = load_rail(artifact.content, base, compiled), learning(config.learn)
    with _working(folder) as work, LedgerFile(folder / LEDGER, own_key(folder)) as ledger:
        states = _reader(base, artifact)
        cycle = Cycle(base, home, pointer, config.gate, wanted, work, ledger, states)
        replay = Replay(wanted.replay, wanted.seed)
        replay.add(heard.old)
        replay.save(cycle.replay_file)
        cycle.observe(heard.new)
        made = cycle.propose(serving)
        write_whole(folder / MARK, canonical({"seq": heard.seq}))
    return made


def learning(asked: Learn) -> "Learning":
    """How a candidate is learnt, by the configuration."""
    from bb_train.config import Optimiser
    from bb_train.continual.learning import Learning

    optimiser = Optimiser(steps=asked.steps, batch=8, rate=asked.rate, warmup=5, decay=0.0)
    return Learning(
        every=asked.every,
        missed=asked.missed,
        replay=asked.replay,
        kl=asked.kl,
        drift=asked.drift,
        seed=asked.seed,
        optimiser=optimiser,
    )


def _current(compiled: Compiled, standing: Standing) -> str:
    """The version that learns: the one that serves by a decision."""
    name = compiled.name
    if standing.seq == 0:
        fix = f"take what comes with it: bb artifacts anchor {name} --by NAME --why TEXT"
        raise InfraError("nothing serves by a decision yet", where=name, fix=fix)
    if not standing.current:
        fix = "promote a rail first: bb promote FOLDER"
        raise InfraError("the base alone serves, which is not trained", where=name, fix=fix)
    return standing.current


def _reader(base: "Base", serving: Artifact) -> "Callable[[str], Tapped]":
    """The base's states of a text, kept in memory alone: texts are people's own."""
    from bb_nn.builder.config import BuilderConfig
    from bb_nn.builder.rail_folder import read_record
    from bb_nn.tapped import tap

    layers = BuilderConfig.from_json(read_record(serving.content)["config"]).layers
    return cache(lambda text: tap(base, [text], layers)[0])


@contextmanager
def _working(folder: Path) -> Iterator[Path]:
    """A folder for the episodes' texts while they are learnt from; nothing of it stays."""
    from bb_train.run_lock import held

    with held(folder):
        work = folder / WORK
        shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
        try:
            work.mkdir()
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _folder(compiled: Compiled, config: Config) -> Path:
    return Path(config.run.state) / "learn" / compiled.name


def _mark(folder: Path) -> int:
    path = folder / MARK
    try:
        return int(json.loads(path.read_bytes())["seq"]) if path.exists() else -1
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "delete it: all episodes are new again"
        raise InfraError("does not say what was learnt from", where=str(path), fix=fix) from error
