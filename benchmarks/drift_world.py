"""Serving a drifting shop: requests, episodes, candidates, and what the gate and the watch say.

Three sets of tasks that share none: what users ask (learnt from, corrected where it went wrong),
what the gate's shadow plays, and what everything is measured on. The shadow takes its tasks one
after another, each once until all were used, as drifted as the users' own: a small set drawn with
replacement would certify that set and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from drifts import Phase, drifted
from report import say
from served import Served, Site, nearness, right

from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.harms import Episode, harms
from bb_safety import Evidence, Golden, Pair, Policy
from bb_safety.potential import difference
from bb_safety.shadow import Arms, Play, Seen, gathered, metrics, pairs
from bb_train.continual.cycle import Cycle, Proposed
from bb_train.continual.no_candidate import NoCandidate
from bb_train.example import Example

NEAR = 40
"""The KL is measured on so many of a candidate's pairs."""


@dataclass(frozen=True)
class Parts:
    """The three sets of examples, as they were before any drift."""

    users: Sequence[Example]
    shadow: Sequence[Example]
    fresh: Sequence[Example]


@dataclass
class World:
    """The run: who serves what, and everything that happened."""

    at: Site
    cycle: Cycle
    policy: Policy
    parts: Parts
    refused: Sequence[Task]
    versions: dict[str, Served]
    rows: list[dict[str, Json]] = field(default_factory=list)
    events: list[dict[str, Json]] = field(default_factory=list)
    watched: list[Pair] = field(default_factory=list)
    used: Iterator[int] = field(default_factory=count)
    drifted: dict[tuple[str, str], Example] = field(default_factory=dict)

    def harms(self, version: str, task: Task) -> tuple[float, ...]:
        """The harms of a version's episode; it is played once and remembered."""
        return harms(self.at.here.domain.harms, self.versions[version].play(task))

    def fresh(self, phase: Phase) -> list[Task]:
        """The tasks that are only measured on, as they come in a phase."""
        return self.tasks(self.parts.fresh, phase)

    def tasks(self, some: Sequence[Example], phase: Phase) -> list[Task]:
        """Examples' tasks in a phase, their texts read by the base."""
        found = [task for one in some if (task := self.example(one, phase).task)]
        self.at.read_all([task.prompt for task in found])
        return found

    def example(self, one: Example, phase: Phase) -> Example:
        """An example as it comes in a phase, made once."""
        key = (one.digest, phase.name)
        if key not in self.drifted:
            self.drifted[key] = drifted(self.at, one, phase)
        return self.drifted[key]

    def hits(self, version: str, tasks: Sequence[Task]) -> list[bool]:
        """Which tasks a version does exactly as asked."""
        return [right(self.versions[version].play(task)) for task in tasks]

    def rise(self, after: str, before: str, tasks: Sequence[Task]) -> list[float]:
        """V_s of one version above another's, task by task."""
        weights = [one.weight for one in self.at.here.domain.harms]
        return [
            difference(weights, self.harms(after, task), self.harms(before, task)) for task in tasks
        ]

    def event(self, what: str, why: str, **more: Json) -> None:
        """Something happened after so many requests."""
        self.events.append({"request": len(self.rows), "what": what, "why": why, **more})
        say(f"{len(self.rows)}: {what} {why[:120]} {more}")


def serve(world: World, phase: Phase, requests: int, seed: int, *, learns: bool) -> None:
    """One phase: requests, episodes, and whatever candidates come of them.

    What is served before anything drifted is replayed later, and no candidate is made of it.
    """
    order = Random(f"{seed}/{phase.name}")
    users = [world.example(one, phase) for one in world.parts.users]
    world.at.read_all([one.scene.text for one in users])
    queue: list[Example] = []
    for _ in range(requests):
        queue = queue or order.sample(users, len(users))
        example = queue.pop()
        assert example.task is not None
        now, run = world.cycle.pointer.standing(), f"{phase.name}-{len(world.rows)}"
        version = now.version(run)
        world.rows.append(
            {"phase": phase.name, "version": version[7:15], "canary": now.share < 1.0,
             "right": world.hits(version, [example.task])[0],
             "harm": any(world.harms(version, example.task))}
        )  # fmt: skip
        if now.share < 1.0 and version == now.current:
            watch(world, example.task)
        if not learns:
            world.cycle.replay.add([replace(example, id=run)])
            continue
        world.cycle.observe([replace(example, id=run)])
        if world.cycle.due and world.cycle.pointer.standing().share >= 1.0:
            learnt(world, phase)
    world.cycle.replay.save(world.cycle.replay_file)


def watch(world: World, task: Task) -> None:
    """One more pair of the canary, and what its watch says."""
    now = world.cycle.pointer.standing()
    ours, theirs = (world.harms(v, task) for v in (now.current, now.previous))
    world.watched.append(Pair(task.id, len(world.watched), ours, theirs))
    if len(world.watched) % 5:
        return
    found = metrics(world.at.here.domain.harms)
    seen = Evidence(now.current, now.previous, now.previous, found, tuple(world.watched))
    decision, after = world.cycle.watch(seen)
    if decision.moves:
        harmed = sum(max(p.candidate) > max(p.incumbent) for p in seen.pairs)
        why = str(decision.reasons[0])
        world.event(decision.verdict, why, pairs=len(seen.pairs), users=harmed, now=after.current)
        world.watched = []


def learnt(world: World, phase: Phase) -> None:
    """A candidate from what is pending, its shadow, and the gate's word."""
    now = world.cycle.pointer.standing()
    made = world.cycle.propose(world.versions[now.current].builder)
    if isinstance(made, NoCandidate):
        world.event("not proposed", made.why, phase=phase.name)
        return
    ident = made.artifact.digest
    world.versions[ident] = Served(world.at, made.builder)
    evidence = shadow(world, made, phase)
    decision = world.cycle.decide(made, evidence)
    fresh = world.fresh(phase)
    rises = world.rise(ident, now.current, fresh)
    assert made.learnt is not None
    world.event(
        decision.verdict, "; ".join(map(str, decision.reasons))[:300], phase=phase.name,
        version=ident[7:15], pairs=len(evidence.pairs), fresh=len(fresh),
        v_s_rise=round(sum(rises) / len(rises), 4),
        right=sum(world.hits(ident, fresh)), before=sum(world.hits(now.current, fresh)),
        kl_replay=round(made.learnt.kl, 3), scale=made.learnt.scale,
        kl=round(next(d.mean for d in evidence.divergences if d.reference == "incumbent"), 2),
        parameters=made.learnt.parameters, stale=[*made.told["stale"]],  # type: ignore[misc]
        spent=world.cycle.pointer.standing().spent,
    )  # fmt: skip


def shadow(world: World, made: Proposed, phase: Phase) -> Evidence:
    """Pairs on tasks nobody has learnt from, until the gate would decide."""
    now = world.cycle.pointer.standing()
    ours, found = made.artifact.digest, world.at.here.domain.harms
    arms = Arms(*(_plays(world.versions[v]) for v in (ours, now.current, now.anchor)))
    others = {"incumbent": now.current, "anchor": now.anchor}
    measured = count()

    def far(task: Task) -> dict[str, tuple[float, ...]]:
        if next(measured) >= NEAR:
            return {}
        return {
            name: nearness(world.at, made.builder, world.versions[v].builder, task.prompt)
            for name, v in others.items()
            if name == "incumbent" or v != now.current
        }

    golden = tuple(
        Golden(task.id, not any(world.harms(ours, task)) or any(world.harms(now.current, task)))
        for task in world.refused
    )
    start = made.on(
        Evidence(ours, now.current, now.anchor, metrics(found), golden=golden, spent=now.spent)
    )
    seen: Iterator[Seen] = pairs(arms, draws(world, phase), found, far)
    last = start
    for last in gathered(start, seen, world.policy, most=len(world.parts.shadow)):  # noqa: B007
        pass
    return replace(last, alarms=(), told={})


def draws(world: World, phase: Phase) -> Iterator[tuple[Task, int]]:
    """The shadow's tasks as they come in a phase, going on where the last candidate's ended."""
    some = world.parts.shadow
    for number in world.used:
        (task,) = world.tasks([some[number % len(some)]], phase)
        yield task, number


def _plays(served: Served) -> Play:
    def play(task: Task, seed: int) -> Episode:
        return served.play(task, seed)

    return play
