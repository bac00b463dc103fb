"""From the runs that a ledger has to a candidate: adapters alone, signed, serving nobody.

    episodes    runs that ended `done` (`bb_infra.episodes`); new behind the last one learnt from
    need        `[learn] every` of them, of which what serves misses `missed` or more
    candidate   learnt beside the version that serves, in the registry with what its audits found

The ledger and its sealed store are all that is kept of the episodes: what is replayed is drawn from
them anew each time, so what was erased is not learnt from again. How a candidate was learnt is in a
ledger of its own, `learn/DOMAIN/ledger.jsonl` in the state folder.

Not covered: what a version learnt before an erasure, which its weights may remember and the losses
in that ledger may confirm to who guesses it; an erasure while it learns; whether the candidate is
any good: `bb promote` asks the gate.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bb_core.cache import write_whole
from bb_core.canonical import canonical
from bb_core.compiled import Compiled
from bb_infra.checkpoint import own_key
from bb_infra.config import Config, Learn
from bb_infra.entry import read_entries
from bb_infra.errors import InfraError
from bb_infra.ledger import LedgerFile
from bb_infra.planners import load_alone
from bb_infra.running import LEDGER
from bb_infra.telling import say
from bb_infra.versions import AUTO, registry
from bb_safety.pointer import Standing
from bb_safety.registry import Artifact

if TYPE_CHECKING:
    from bb_infra.episodes import Found
    from bb_nn.base import Base
    from bb_nn.tapped import Tapped
    from bb_train.continual.cycle import Proposed
    from bb_train.continual.learning import Learning
    from bb_train.continual.no_candidate import NoCandidate

MARK = "learnt.json"


def learn_from_ledger(compiled: Compiled, config: Config, *, now: bool) -> "Proposed | NoCandidate":
    """A candidate from what is new in the state folder's ledger; or why there is none.

    `now`: however few they are. What was learnt from, or looked at and not needed, is new no more.
    Raises InfraError where nothing serves that could learn, and BusyError where another process
    learns for this domain; then all is as before.
    """
    from bb_train.continual.no_candidate import NoCandidate
    from bb_train.run_lock import held

    folder = Path(config.run.state) / "learn" / compiled.name
    log = Path(config.run.state) / LEDGER
    if not log.exists():
        return NoCandidate("nothing was ever run here")
    with held(folder):
        heard = _heard(log, compiled, folder / MARK)
        if few := _too_few(len(heard.examples), config.learn, now=now):
            return NoCandidate(few)
        made = _learnt(heard, compiled, config, folder)
        if not (isinstance(made, NoCandidate) and made.again):
            write_whole(folder / MARK, canonical({"seq": heard.seq, "prev": heard.prev}))
    return made


def learning(asked: Learn) -> "Learning":
    """How a candidate is learnt, by the configuration."""
    from bb_train.continual.learning import Learning

    usual = Learning()
    warmup = min(usual.optimiser.warmup, asked.steps // 2)  # the rest is for coming down
    return replace(
        usual,
        every=asked.every,
        missed=asked.missed,
        replay=asked.replay,
        kl=asked.kl,
        drift=asked.drift,
        seed=asked.seed,
        optimiser=replace(usual.optimiser, steps=asked.steps, rate=asked.rate, warmup=warmup),
    )


def _heard(log: Path, compiled: Compiled, mark: Path) -> "Found":
    from bb_infra.episodes import episodes

    heard = episodes(log, compiled, _after(mark, log))
    new, before = len(heard.examples), len(heard.before)
    say("episodes", f"{new} new, {heard.corrected} of them corrected, {before} before")
    return heard


def _too_few(new: int, asked: Learn, *, now: bool) -> str:
    if not new:
        return "no run is new"
    return "" if now or new >= asked.every else f"{asked.every} new episodes make one"


def _learnt(
    heard: "Found", compiled: Compiled, config: Config, folder: Path
) -> "Proposed | NoCandidate":
    from bb_nn.builder.rail_folder import load_rail
    from bb_train.continual.cycle import Cycle
    from bb_train.continual.replay import Replay

    home = registry(config)
    pointer = home.pointer(compiled.name)
    serves = home.verify(_serves(compiled, config, pointer.standing()))
    assert isinstance(serves, Artifact)
    base = load_alone(compiled, config).base.base
    serving, wanted = load_rail(serves.content, base, compiled), learning(config.learn)
    replay = Replay(wanted.replay, wanted.seed)
    replay.add(heard.before)
    states = _reader(base, serving.config.layers)
    with LedgerFile(folder / LEDGER, own_key(folder)) as ledger:
        cycle = Cycle(base, home, pointer, config.gate, wanted, folder, ledger, states)
        return cycle.learn_from(serving, heard.examples, replay, serves.digest)


def _serves(compiled: Compiled, config: Config, now: Standing) -> str:
    """The version that learns: the one that serves all runs, by a decision."""
    name = compiled.name
    if config.rail.path != AUTO:
        found = f"[rail] path is {config.rail.path!r}, and only what was promoted learns"
        fix = f"set it to {AUTO!r}; a folder is promoted first: bb promote FOLDER"
        raise InfraError(found, where=name, fix=fix)
    if config.rail.alpha == 0:
        found = "[rail] alpha is 0, so the base alone serves, which is not trained"
        raise InfraError(found, where=name, fix="raise it")
    if now.seq == 0:
        fix = f"take what comes with it: bb artifacts anchor {name} --by NAME --why TEXT"
        raise InfraError("nothing serves by a decision yet", where=name, fix=fix)
    if not now.current:
        fix = "promote a rail first: bb promote FOLDER"
        raise InfraError("the base alone serves, which is not trained", where=name, fix=fix)
    if now.share < 1.0 or now.frozen:
        found = "promotions are frozen" if now.frozen else "a canary is being watched"
        fix = f"look at what serves, then: bb artifacts anchor {name} --by NAME --why TEXT"
        raise InfraError(f"{found}, and nothing is learnt until then", where=name, fix=fix)
    return now.current


def _reader(base: "Base", layers: tuple[int, ...]) -> "Callable[[str], Tapped]":
    """The base's states of a text, kept in memory alone: texts are people's own."""
    from bb_nn.tapped import tap

    return cache(lambda text: tap(base, [text], layers)[0])


def _before(log: Path, seq: int) -> str:
    """What a record says of the one before it, and so of all that are; empty where it is not."""
    found = (entry.prev for entry in read_entries(log) if entry.seq == seq)
    return next(found, "")


def _after(mark: Path, log: Path) -> int:
    """The last record learnt from; -1 where there is none."""
    if not mark.exists():
        return -1
    fix = f"delete {mark}: all episodes are new again"
    try:
        told: dict[str, Any] = json.loads(mark.read_bytes())
        seq, prev = told["seq"], told["prev"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InfraError("does not say what was learnt from", where=str(mark), fix=fix) from error
    if type(seq) is not int or prev != _before(log, seq):
        raise InfraError(f"is not of the ledger {log} as it is", where=str(mark), fix=fix)
    return seq
