"""A battery's self-test: replay its right plans, its wrong ones and its hijacked ones. No weights.

Everything is tried, on a fresh twin each time; an episode lost to the twin or to an adapter is
counted apart and is nobody's failure. `bb domains check` tries a part of the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.battery import Task
from bb_core.canonical import canonical
from bb_core.harms import Episode, harms
from bb_core.observers import Measured
from bb_infra.battery_checks import asserts, idle, judge_task, missed, taken
from bb_infra.domain_checks import Domain, first
from bb_runtime.hijack_trial import carried_out, steer
from bb_runtime.trial import Trial, tried, wrong

BLOCKS = ("static", "guards")


@dataclass
class Replayed:
    """What a replay counted. `problems` say, a line each, what is wrong with the battery."""

    counts: Counter[str] = field(default_factory=Counter)
    mutants: Counter[tuple[str, str]] = field(default_factory=Counter)
    hijacks: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    harms: dict[str, float] = field(default_factory=dict)
    started: dict[bytes, set[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def say(self, task: Task, found: str) -> None:
        """Note a problem with a task."""
        if found:
            self.problems.append(f"{task.id}: {found}")

    def began(self, task: Task, trial: Trial) -> None:
        """Note the state an episode started in."""
        if trial.began:
            self.counts["episodes"] += 1
            self.started.setdefault(canonical(dict(task.world)), set()).add(trial.began)
        self.counts["lost"] += trial.caught == "infra"


def replay_oracle(domain: Domain, measured: Measured) -> Replayed:
    """Right plans do what is asked, doing nothing does not, and whatever is wrong is caught."""
    found = Replayed()
    for task in domain.tasks:
        if task.expect == "refuse":
            _refused(domain, task, found)
        elif not task.rounds:
            found.say(task, "has no reference plan")
        else:
            _right(domain, task, found, measured)
            _mutants(domain, task, found)
    leaks = sum(len(states) > 1 for states in found.started.values())
    found.counts["worlds that start otherwise"] = leaks
    if leaks:
        found.problems.append(f"{leaks} worlds do not start alike each time: episodes leak")
    return found


def _refused(domain: Domain, task: Task, found: Replayed) -> None:
    found.counts["to refuse"] += 1
    wrong_with = judge_task(domain, task)
    empty = not asserts(domain, task, Trial(task.id, "gold", "nothing"))
    found.counts["refused"] += not wrong_with
    found.counts["assert nothing"] += empty
    found.say(task, wrong_with or ("asserts nothing" if empty else ""))


def _right(domain: Domain, task: Task, found: Replayed, measured: Measured) -> None:
    right = domain.right(task)
    found.began(task, right)
    if right.caught == "infra":
        found.say(task, f"lost: {first(right.why)}")
        return
    found.counts["to do"] += 1
    found.counts["done"] += right.caught == "nothing"
    found.counts["blocked"] += right.caught in BLOCKS
    found.say(task, f"stopped by {right.caught}: {first(right.why)}" * (right.caught != "nothing"))
    if right.caught == "nothing" and not asserts(domain, task, right):
        found.counts["assert nothing"] += 1
        found.say(task, "asserts nothing")
    if task.diff:
        found.counts["to act"] += 1
        nothing = idle(domain, task)
        found.began(task, nothing)
        idly = canonical(dict(nothing.diff)) == canonical(dict(task.diff))
        found.counts["done by nothing"] += idly
        found.say(task, "doing nothing solves it" * idly)
    _measure(domain, task, right, found, measured)


def _measure(domain: Domain, task: Task, trial: Trial, found: Replayed, measured: Measured) -> None:
    end = trial.runs[-1].status if trial.runs else "refused"
    plans = tuple(domain.compiled.read(plan).digest for plan in task.rounds)
    episode = Episode(task, trial.start, trial.diff, end, plans)
    for one, value in zip(
        domain.compiled.harms, harms(domain.compiled.harms, episode), strict=True
    ):
        found.harms[one.id] = found.harms.get(one.id, 0.0) + value
    measured.add(episode)


def _mutants(domain: Domain, task: Task, found: Replayed) -> None:
    right, adapters = domain.right(task), domain.adapters
    if right.caught != "nothing" or adapters is None:
        return
    for mutant, refused in wrong(domain.compiled, task, right, domain.pool):
        trial = refused or tried(domain.compiled, adapters, task, mutant)
        found.began(task, trial)
        found.mutants[mutant.kind, trial.caught] += 1
        found.say(task, missed(trial))


def replay_hijacks(domain: Domain) -> Replayed:
    """Right plans steered by what tools return have no effect."""
    found = Replayed()
    for task in domain.doable:
        right, adapters = domain.right(task), domain.adapters
        if right.caught != "nothing" or adapters is None:
            found.say(task, "its own plan does not pass, so it was not hijacked")
            continue
        made = 0
        for hijack, done in steer(domain.compiled, adapters, task, right, domain.pool):
            made += 1
            steered = done or carried_out(domain.compiled, adapters, task, hijack)
            found.began(task, steered.trial)
            found.hijacks[hijack.what, hijack.way, _stopped_by(steered.trial)] += 1
            found.counts["effects"] += steered.effect
            found.say(task, taken(steered))
        found.counts["steered tasks" if made else "tasks with nothing to steer"] += 1
    return found


def _stopped_by(trial: Trial) -> str:
    """`flow` where a rule about untrusted data is among the reasons, else who stopped it."""
    return "flow" if any(rule.startswith("F.") for rule in trial.rules) else trial.caught


def figures(found: Replayed, measured: Measured | None = None) -> dict[str, Any]:
    """The counts as one JSON object."""
    told: dict[str, Any] = {"counts": dict(found.counts), "problems": found.problems}
    if found.mutants:
        told["mutants"] = _nested(found.mutants)
    if found.hijacks:
        told["hijacks"] = [
            {"what": what, "way": way, "stopped": by, "plans": n}
            for (what, way, by), n in sorted(found.hijacks.items())
        ]
    if measured:
        told["harms"] = found.harms
        told["metrics"] = {name: total for name, total, _ in measured.per_thousand()}
        told["broken metrics"] = measured.broken
    return told


def _nested(found: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for (kind, caught), n in sorted(found.items()):
        rows.setdefault(kind, {})[caught] = n
    return rows


def told_oracle(found: Replayed) -> Iterator[tuple[str, str]]:
    """The replay of right and wrong plans, line by line."""
    n, caught = found.counts, Counter[str]()
    for (_, by), count in found.mutants.items():
        caught[by] += count
    all_caught = sum(caught.values()) - caught["nothing"] - caught["infra"]
    yield "oracle", f"{n['done']:,} of {n['to do']:,} tasks done by their own plans"
    yield "refusals", f"{n['refused']:,} of {n['to refuse']:,} stopped by their rule"
    yield "no-op", f"solves {n['done by nothing']:,} of {n['to act']:,} tasks that change something"
    yield "blocks", f"{n['blocked']:,} of {n['to do']:,} right plans blocked by the checker"
    yield "asserts", f"{n['assert nothing']:,} tasks assert nothing"
    yield "twin", f"{n['episodes']:,} episodes, {n['worlds that start otherwise']:,} worlds leaked"
    yield "lost", f"{n['lost']:,} episodes lost to the twin or an adapter"
    by = ", ".join(f"{who} {caught[who]:,}" for who in ("static", "guards", "tools", "oracle"))
    yield "mutants", f"{all_caught:,} of {sum(caught.values()):,} caught: {by}"
    for kind, row in _nested(found.mutants).items():
        yield "", f"  {kind:<24} {', '.join(f'{who} {count:,}' for who, count in row.items())}"


def told_hijacks(found: Replayed) -> Iterator[tuple[str, str]]:
    """The replay of hijacked plans, line by line."""
    total, effects = sum(found.hijacks.values()), found.counts["effects"]
    steered, idle = found.counts["steered tasks"], found.counts["tasks with nothing to steer"]
    yield "hijacks", f"{total:,} plans steered by what tools return, {effects:,} effects"
    yield "", f"  of {steered:,} tasks; {idle:,} show no text of others, or have nothing to steer"
    for (what, way, by), n in sorted(found.hijacks.items()):
        yield "", f"  {what:<10} {way:<9} stopped by {by:<8} {n:,}"
