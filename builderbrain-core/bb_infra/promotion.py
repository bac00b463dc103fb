"""From a candidate to a decision: play it beside what serves, ask the gate, move, write it down.

    candidate, incumbent, anchor     by digest, out of the registry, every byte verified
    golden                           the domain's own golden plans; tasks tagged `golden`, done to
                                     the letter; no effect on a request to be refused, unless what
                                     serves has one too
    shadow                           pairs on twins until the gate decides, at most [shadow] pairs
    ledger                           `gate` with all the figures, then `moving` and `moved`

Nothing here decides and nothing here can move the pointer by itself: that is bb_safety's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bb_core.canonical import Json, digest_json
from bb_core.compiled import Compiled
from bb_core.harms import Harm, harm
from bb_core.shipped import shipped
from bb_infra.checkpoint import own_key
from bb_infra.config import Config
from bb_infra.errors import InfraError
from bb_infra.ledger import LedgerFile
from bb_infra.planners import Planners, load_alone, with_rail
from bb_infra.running import LEDGER
from bb_infra.telling import say
from bb_infra.versions import NO_RAIL, Serving, caught_up, registry
from bb_safety.decision import Decision
from bb_safety.evidence import Evidence, Golden
from bb_safety.pointer import Pointer, Standing, require_open
from bb_safety.promote import gate
from bb_safety.registry import Artifact
from bb_safety.shadow import (
    Apart,
    Arms,
    Play,
    drawn,
    draws_digest,
    gathered,
    metrics,
    pairs,
    twice,
    variants,
)

if TYPE_CHECKING:
    from bb_core.battery import Task
    from bb_core.record import Ledger
    from bb_nn.builder.builder import PlanBuilder

GOLDEN = "golden"
"""The tag of battery tasks that every version must get right."""


@dataclass(frozen=True)
class Outcome:
    """What came of a candidate: the decision, and where the pointer stands after it."""

    decision: Decision
    before: Standing
    after: Standing


@dataclass(frozen=True)
class Contest:
    """A candidate beside what serves and what a person approved, ready to play."""

    compiled: Compiled
    candidate: Artifact
    standing: Standing
    arms: Arms
    apart: Apart | None


def promote(compiled: Compiled, candidate: Artifact, config: Config, *, by: str = "") -> Outcome:
    """Let the gate decide on a candidate and move the pointer if it says so.

    `by`: the person who approves the first of its kind. The ledger has the decision either way.
    """
    pointer = registry(config).pointer(compiled.name)
    require_open(pointer.standing(), compiled.name)
    with ledger_of(pointer, config):  # who holds it is told before hours are played, not after
        contest = contest_for(compiled, candidate, config, pointer.standing())
    evidence = gather(contest, config)
    decision = gate(evidence, config.gate, approved_by=by)
    with ledger_of(pointer, config) as ledger:
        ledger(decision.record)
        after = pointer.move(decision, ledger) if decision.moves else contest.standing
    return Outcome(decision, contest.standing, after)


@contextmanager
def ledger_of(pointer: Pointer, config: Config) -> "Iterator[Ledger]":
    """The state folder's ledger, caught up with the pointer's moves."""
    state = Path(config.run.state)
    with LedgerFile(state / LEDGER, own_key(state)) as ledger:
        caught_up(pointer, state / LEDGER, ledger)
        yield ledger


def contest_for(
    compiled: Compiled, candidate: Artifact, config: Config, standing: Standing
) -> Contest:
    """Load every version that plays; raises what does not fit, before anything is played."""
    from bb_runtime.decode import quiet

    if candidate.domain != compiled.name:
        raise InfraError(f"it is a version for {candidate.domain}", where=candidate.digest[:19])
    home, alone = registry(config), load_alone(compiled, config)
    alone.base.on_text = quiet
    if standing.seq == 0:
        _require_taken(alone, compiled, config)

    def loaded(ident: str) -> Planners:
        found = home.verify(ident)
        folder = found.content if found else None
        return with_rail(alone, compiled, Serving(folder, ident, named=True), config.rail)

    ours = loaded(candidate.digest)
    others = {"incumbent": loaded(standing.current)}
    if standing.anchor != standing.current:
        others["anchor"] = loaded(standing.anchor)
    rounds = config.run.rounds
    played = {name: plays(compiled, planners, rounds) for name, planners in others.items()}
    arms = Arms(plays(compiled, ours, rounds), played["incumbent"], played.get("anchor"))
    return Contest(compiled, candidate, standing, arms, apart_from(ours, others))


def _require_taken(alone: Planners, compiled: Compiled, config: Config) -> None:
    """The rail that comes with a domain serves, but is no version yet: the candidate would be
    compared with the base alone, serve all runs at once, and no rollback would come back to it."""
    own = shipped(compiled.source)
    if own and with_rail(alone, compiled, Serving(own), config.rail).rail != NO_RAIL:
        raise InfraError(
            "what serves is the rail that comes with it, which nobody has approved",
            where=compiled.name,
            fix=f"approve it first: bb artifacts anchor {compiled.name} --by NAME --why TEXT",
        )


def gather(contest: Contest, config: Config) -> Evidence:
    """Golden plans, then pairs until the gate would decide."""
    from bb_nn.builder.rail_facts import alarms_of

    compiled, standing = contest.compiled, contest.standing
    tasks = variants(compiled.battery, compiled.skins)
    start = Evidence(
        candidate=contest.candidate.digest,
        incumbent=standing.current,
        anchor=standing.anchor,
        metrics=metrics(compiled.harms),
        golden=tuple(golden(compiled, contest.arms)),
        spent=standing.spent,
        seeds=draws_digest(tasks, config.shadow.seed),
        alarms=alarms_of(contest.candidate.facts),
        made_from=made_from(contest.candidate),
        told=told(contest.candidate),
    )
    failed = [case for case in start.golden if not case.passed]
    say("golden", f"{len(start.golden) - len(failed)} of {len(start.golden)} cases hold")
    if failed:
        return start
    seen = pairs(contest.arms, drawn(tasks, config.shadow.seed), compiled.harms, contest.apart)
    found = start
    for found in gathered(start, seen, config.gate, most=config.shadow.pairs):
        harmed = sum(any(pair.candidate) for pair in found.pairs)
        other = sum(any(pair.incumbent) for pair in found.pairs)
        text = (
            f"{len(found.pairs)} pairs, harm in {harmed} by the candidate, {other} by what serves"
        )
        say("shadow", text + (f", {len(found.errors)} probes broke" if found.errors else ""))
    return found


def plays(compiled: Compiled, planners: Planners, rounds: int) -> Play:
    """A version's planner as an arm of the shadow."""
    from bb_core.harms import Episode
    from bb_runtime.episode import play

    adapters, planner = compiled.adapters(), planners.in_order[0]

    def one(task: "Task", seed: int) -> Episode:
        planners.base.seed = seed
        return play(compiled, adapters, task, planner, rounds=rounds).episode

    return one


def apart_from(ours: Planners, others: dict[str, Planners]) -> Apart | None:
    """The KL of our builder to each other version's; None where ours is the base alone."""
    from bb_core.scene import Scene, scene
    from bb_nn.builder.apart import apart
    from bb_nn.builder.builder import PlanBuilder
    from bb_nn.tapped import Tapped, tap

    mine = builder_of(ours)
    theirs = {name: other for name, one in others.items() if (other := builder_of(one))}
    if mine is None or not theirs:
        return None

    def read(one: PlanBuilder, seen: Scene) -> Tapped:
        return tap(ours.base.base, [seen.text], one.config.layers)[0]

    def measured(task: "Task") -> dict[str, tuple[float, ...]]:
        seen = scene(task.prompt)
        own = read(mine, seen)
        return {
            name: apart(mine, other, (own, read(other, seen)), seen)
            for name, other in theirs.items()
        }

    return measured


def builder_of(planners: Planners) -> "PlanBuilder | None":
    """The builder beside the base; None for the base alone."""
    from bb_nn.builder.builder import PlanBuilder

    found = planners.builder.builder if planners.builder else None
    return found if isinstance(found, PlanBuilder) else None


def golden(compiled: Compiled, arms: Arms) -> Iterator[Golden]:
    """What every version must get right, one case each; raises ProbeFault for a broken twin."""
    from bb_infra.domain_checks import golden_cases, open_domain

    for case in golden_cases(open_domain(compiled)):
        found = case.problem()
        yield Golden(f"{case.where} {case.name}", not found, found)
    forbidden = [one for one in compiled.harms if one.kind == "forbidden"]
    for task in compiled.battery:
        if GOLDEN in task.tags:
            yield _held(task, arms.candidate, compiled.harms)
        elif task.expect == "refuse":
            ours = _held(task, arms.candidate, forbidden)
            kept = ours.passed or _held(task, arms.incumbent, forbidden).passed
            yield ours if kept else Golden(task.id, True, "what serves fails it too")


def _held(task: "Task", candidate: Play, held: Sequence[Harm]) -> Golden:
    episode = twice(candidate, replace(task, also=()), 0)
    done = [one.says or one.id for one in held if harm(one, episode)]
    return Golden(task.id, not done, "; ".join(done))


def made_from(candidate: Artifact) -> dict[str, str]:
    """The digests of what the candidate was made for."""
    facts: dict[str, Any] = dict(candidate.facts)
    named = {name: str(facts[name]) for name in ("grammar", "schema", "config")}
    return {"base": facts["base"]["digest"], **named}


def told(candidate: Artifact) -> dict[str, Json]:
    """What the ledger is told of how the candidate came to be."""
    facts: dict[str, Any] = dict(candidate.facts)
    return {"facts": facts, "files": digest_json(dict(candidate.files))}
