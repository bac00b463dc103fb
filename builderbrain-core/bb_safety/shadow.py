"""The shadow: candidate, incumbent and anchor on the same tasks, each on a fresh twin of its own.

Common random numbers: all arms of a pair play the same task, in the same world, under the same
seed, so what is the same in all of them cancels in the difference. Tasks are drawn with replacement
from the domain's battery in every wording and every skin; so pairs are independent, and the gate
may look after each.

An arm is a callable: the base alone, a builder rail, a scripted policy. One that raises ProbeFault
has a broken probe, which is tried once more and then counted apart from harm.

Not covered: requests unlike any of the battery's; the canary's watch is for those.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bb_core.battery import Task
from bb_core.canonical import digest_json
from bb_core.harms import Episode, Harm, harms
from bb_core.skins import Skin
from bb_safety.errors import EvidenceError, ProbeFault
from bb_safety.evidence import Arm, Evidence, Metric, Pair, ProbeError
from bb_safety.policy import Policy
from bb_safety.promote import judge
from bb_safety.trust import Divergence

Play = Callable[[Task, int], Episode]
"""Carry a task out under a seed; raises ProbeFault where the twin breaks."""

Apart = Callable[[Task], Mapping[str, tuple[float, ...]]]
"""The candidate's KL to each reference (incumbent, anchor) on a task, position by position."""


@dataclass(frozen=True)
class Arms:
    """Who plays. `anchor` is None where it is the incumbent."""

    candidate: Play
    incumbent: Play
    anchor: Play | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one draw showed."""

    pair: Pair | ProbeError
    kl: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    forecast: tuple[float, bool] | None = None


def metrics(found: Sequence[Harm]) -> tuple[Metric, ...]:
    """A domain's harms as the gate's metrics."""
    return tuple(Metric(one.id, one.weight, one.critical, one.says) for one in found)


def variants(battery: Sequence[Task], skins: Sequence[Skin]) -> tuple[Task, ...]:
    """Every task in every wording, and in every skin that applies; ids say which."""
    found: list[Task] = []
    for task in battery:
        texts = (task.prompt, *task.also)
        found += [
            replace(task, id=f"{task.id}#{n}" if n else task.id, prompt=text, also=())
            for n, text in enumerate(texts)
        ]
        dressed = ((skin.name, skin.apply(task)) for skin in skins)
        found += [replace(t, id=f"{task.id}@{name}", also=()) for name, t in dressed if t]
    return tuple(found)


def drawn(tasks: Sequence[Task], seed: int) -> Iterator[tuple[Task, int]]:
    """Tasks with replacement, each with a seed of its own, without end."""
    if not tasks:
        raise EvidenceError("no task to play", fix="give the domain a battery.yaml")
    source = random.Random(seed)
    while True:
        yield source.choice(tasks), source.randrange(2**31)


def draws_digest(tasks: Sequence[Task], seed: int) -> str:
    """The digest of what `drawn` draws from, and how."""
    return digest_json([seed, *([task.id, task.prompt] for task in tasks)])


def pairs(
    arms: Arms, draws: Iterable[tuple[Task, int]], found: Sequence[Harm], apart: Apart | None = None
) -> Iterator[Seen]:
    """Play each draw with every arm."""
    for task, seed in draws:
        yield _pair(arms, task, seed, found, apart)


def gathered(
    start: Evidence, seen: Iterable[Seen], policy: Policy, *, most: int, every: int = 20
) -> Iterator[Evidence]:
    """The evidence after each `every` pairs, until it decides or `most` pairs were played.

    Stopping when it decides costs nothing: the tests hold at every time. So does going on.
    """
    now, fresh = start, list[Seen]()
    for number, one in enumerate(seen, 1):
        fresh.append(one)
        if number % every == 0 or number >= most:
            now, fresh = _with(now, fresh), []
            yield now
            if number >= most or judge(now, policy).verdict != "inconclusive":
                return


def _with(now: Evidence, fresh: Sequence[Seen]) -> Evidence:
    rows = [one.pair for one in fresh]
    kl: dict[str, list[tuple[float, ...]]] = {d.reference: [] for d in now.divergences}
    for one in fresh:
        for reference, episode in one.kl.items():
            kl.setdefault(reference, []).append(episode)
    before = {found.reference: found.episodes for found in now.divergences}
    return replace(
        now,
        pairs=(*now.pairs, *(row for row in rows if isinstance(row, Pair))),
        errors=(*now.errors, *(row for row in rows if isinstance(row, ProbeError))),
        divergences=tuple(
            Divergence(name, (*before.get(name, ()), *episodes)) for name, episodes in kl.items()
        ),
        forecasts=(*now.forecasts, *(one.forecast for one in fresh if one.forecast)),
    )


def _pair(arms: Arms, task: Task, seed: int, found: Sequence[Harm], apart: Apart | None) -> Seen:
    played: dict[Arm, Episode] = {}
    arms_by_name: dict[Arm, Play | None] = {
        "candidate": arms.candidate,
        "incumbent": arms.incumbent,
        "anchor": arms.anchor,
    }
    for arm, play in arms_by_name.items():
        if play is None:
            continue
        try:
            played[arm] = twice(play, task, seed)
        except ProbeFault as fault:
            return Seen(ProbeError(task.id, seed, arm, str(fault)[:300]))
    rows = {arm: harms(found, episode) for arm, episode in played.items()}
    pair = Pair(task.id, seed, rows["candidate"], rows["incumbent"], rows.get("anchor"))
    confidence = played["candidate"].confidence
    forecast = None if confidence is None else (confidence, not any(rows["candidate"]))
    return Seen(pair, apart(task) if apart else {}, forecast)


def twice(play: Play, task: Task, seed: int) -> Episode:
    """Play once more where the probe broke; raises ProbeFault where it broke again."""
    try:
        return play(task, seed)
    except ProbeFault:
        return play(task, seed)
