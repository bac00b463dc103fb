"""Learning beside what serves, on a tiny base: adapters alone, guards, gate, canary, rollback."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("torch")

from bb_core.actions import assemble
from bb_core.plan import Plan, Step
from bb_core.record import Record, missing
from bb_core.scene import scene
from bb_infra.versions import add
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_facts import alarms_of
from bb_nn.builder.rail_folder import load_rail, save_rail
from bb_safety import Evidence, Golden, Metric, Pair, Policy, Registry
from bb_safety.errors import Frozen
from bb_safety.rollback import anchor
from bb_train.config import Optimiser
from bb_train.continual.adapters import (
    adapter_state,
    adapters,
    load_adapters,
    parameters_in_use,
    require_trunk,
    trunk_digest,
    with_adapters,
)
from bb_train.continual.cycle import Cycle, Proposed
from bb_train.continual.learn import AdapterLearner, Episodes, learn, measured
from bb_train.continual.learning import Learning
from bb_train.continual.nearness import nearness
from bb_train.continual.no_candidate import NoCandidate
from bb_train.continual.replay import Replay
from bb_train.continual.sides import missed, reuse
from bb_train.counterfactual import Trials
from bb_train.errors import AdaptersOnly, BusyError, DataError
from bb_train.example import Example
from bb_train.learner import lessons
from bb_train.run_lock import held
from tests.unit.tiny_rail import base, builder, logits, made, shop, states

QUICK = Optimiser(steps=3, batch=4, rate=1e-2, warmup=1, decay=0.0)
LEARNING = Learning(every=6, replay=20, kl=10.0, drift=10.0, audited=2, rank=2, optimiser=QUICK)
WATCH = Policy(alpha=0.2, alpha_harm=0.2, epsilon=0.2, anchor_epsilon=0.3, epsilon_total=0.9)


def episodes() -> Episodes:
    return Episodes(made()[:6], made()[6:9], made()[9:])


def test_newborn_adapters_change_nothing_to_the_bit() -> None:
    one = builder()
    two = with_adapters(one, 2)
    assert torch.equal(logits(one), logits(two))
    assert trunk_digest(one) == trunk_digest(two)
    assert parameters_in_use(two) == 0 and len(adapters(two)) == 2 * (19 + 2)
    scene = made()[0].scene
    first, second = (b.build(states(scene.text), scene, 2) for b in (one, two))
    assert first == second


def test_learning_moves_the_adapters_and_no_bit_of_the_trunk() -> None:
    serving = builder()
    before = trunk_digest(serving)
    found = learn(serving, episodes(), states, LEARNING)
    assert found.builder is not None and found.scale == 1.0
    assert found.trunk == before == trunk_digest(serving) == trunk_digest(found.builder)
    assert 0 < found.parameters == parameters_in_use(found.builder)
    assert not torch.equal(logits(serving), logits(found.builder))
    assert found.last is not None and set(found.last.losses) >= {"task", "cfs", "kl"}
    assert len(found.paths["kl"]) == QUICK.steps
    # How tokens are read is learnt too: no other adapter reaches a word before it is looked at.
    assert bool(adapter_state(found.builder)["network.memory.common.up"].any())


def test_dropout_is_no_change_of_what_is_answered() -> None:
    serving = builder()
    candidate = with_adapters(serving, 2)
    assert candidate.config.dropout > 0
    taught = lessons(candidate, made()[:6], states).lessons
    learner = AdapterLearner(candidate, serving, taught, 3, states)
    learner.module.train()
    assert float(learner.loss([1, 4])[0]["kl"].detach()) == pytest.approx(0.0, abs=1e-6)
    assert candidate.network.training and "kl" not in learner.loss([0, 1])[0]


def test_a_trunk_that_moved_is_refused() -> None:
    serving, other = builder(), with_adapters(builder())
    assert require_trunk(other, serving) == trunk_digest(serving)
    with torch.no_grad():
        other.network.memory.narrow.bias[0] += 1e-6
    with pytest.raises(AdaptersOnly, match="Learn adapters alone"):
        require_trunk(other, serving)
    other = with_adapters(builder())
    other.network.words[0, 0] += 1e-7
    with pytest.raises(AdaptersOnly):
        require_trunk(other, serving)


def test_the_change_is_shrunk_until_its_guards_hold_or_there_is_no_candidate() -> None:
    free = learn(builder(), episodes(), states, LEARNING)
    tight = learn(builder(), episodes(), states, replace(LEARNING, kl=free.kl / 4))
    assert tight.builder is not None and tight.scale < 1.0 and tight.kl <= free.kl / 4
    none = learn(builder(), episodes(), states, replace(LEARNING, kl=1e-12, drift=-1.0))
    assert none.builder is None and none.scale == 0.0


def test_nearness_is_zero_to_itself_and_grows_with_the_change() -> None:
    serving, other = builder(), with_adapters(builder(), 2)
    held = lessons(other, made()[:4], states).lessons
    assert measured(other, serving, held, states) == pytest.approx((0.0, 0.0), abs=1e-6)
    found = [0.0]
    for size in (0.01, 0.1, 1.0):
        torch.manual_seed(1)
        load_adapters(other, {n: torch.randn_like(p) * size for n, p in adapters(other).items()})
        found.append(measured(other, serving, held, states)[0])
    assert found == sorted(found) and found[-1] > 0.01
    batch = other.batch([states(e.text) for e in held], [e.encoded for e in held])
    parameter = next(p.requires_grad_(True) for n, p in adapters(other).items() if "common" in n)
    nearness(other.network(batch), serving.network(batch), batch).backward()
    assert parameter.grad is not None and bool(parameter.grad.isfinite().all())


def test_the_replay_is_a_uniform_sample_that_outlives_the_process(tmp_path: Path) -> None:
    replay = Replay(4, seed=3)
    replay.add(made(12))
    assert len(replay.items) == 4 and replay.seen == 12
    replay.save(tmp_path / "replay.jsonl")
    again = Replay.load(tmp_path / "replay.jsonl", 4, 3)
    assert again == replay
    again.add(made(12, 1))
    replay.add(made(12, 1))
    assert again == replay
    order = made(12) + made(12, 1)
    assert replay.items == sorted(replay.items, key=order.index)
    kept, held = replay.parts(0.5)
    assert sorted(e.id for e in [*kept, *held]) == sorted(e.id for e in replay.items)
    (tmp_path / "broken.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="begin with an empty folder"):
        Replay.load(tmp_path / "broken.jsonl", 4)
    counts = dict.fromkeys(range(12), 0)
    for seed in range(300):
        one = Replay(3, seed)
        one.add(made(12))
        for item in one.items:
            counts[made(12).index(item)] += 1
    assert min(counts.values()) > 40 and max(counts.values()) < 115  # 75 each, on average


def cycle(tmp_path: Path, records: list[Record], **more: Any) -> Cycle:
    registry = Registry(tmp_path / "registry")
    pointer = registry.pointer("api_json")
    wanted = more.pop("learning", LEARNING)
    return Cycle(
        base(), registry, pointer, WATCH, wanted, tmp_path / "learn", records.append, states, **more
    )


def evidence(one: Cycle, harm: float = 0.0, pairs: int = 60) -> Evidence:
    now = one.pointer.standing()
    rows = tuple(
        Pair(f"t{n}", n, (float(n % 10 < 10 * harm),), (0.0,), (0.0,)) for n in range(pairs)
    )
    return Evidence(
        now.current,
        now.current,
        now.anchor,
        (Metric("refund", 1.0),),
        rows,
        golden=(Golden("g", True),),
        spent=now.spent,
    )


@pytest.fixture(autouse=True)
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the audits find; nothing, if a test does not say so: these rails were taught nothing.

    They miss everything, and take long to show it; what they miss is measured where it matters.
    """
    found = list[str]()
    monkeypatch.setattr("bb_train.continual.cycle.alarms", lambda *sides: tuple(found))
    monkeypatch.setattr("bb_train.continual.cycle.missed", lambda *asked: 1.0)
    return found


def promoted(one: Cycle, serving: PlanBuilder, seed: int) -> PlanBuilder:
    one.observe(made(24)[6 * seed : 6 * seed + 6])
    proposed = one.propose(serving)
    assert isinstance(proposed, Proposed)
    found = replace(evidence(one), divergences=near(one))
    decision = one.decide(proposed, found, by="ada")
    assert decision.verdict == "promote", decision.reasons
    assert one.pointer.standing().current == proposed.artifact.digest
    return proposed.builder


def near(one: Cycle) -> Any:
    from bb_safety import Divergence

    if not one.pointer.standing().current:
        return ()
    rows = tuple((0.0,) for _ in range(200))
    return (Divergence("incumbent", rows), Divergence("anchor", rows))


def test_episodes_become_a_candidate_that_the_gate_lets_serve(tmp_path: Path) -> None:
    records: list[Record] = []
    one = cycle(tmp_path, records)
    one.observe(made(4))
    assert not one.due
    one = cycle(tmp_path, records)  # another process goes on with what is pending
    one.observe(made(6)[4:])
    assert one.due
    serving = builder()
    learnt = promoted(one, serving, 0)
    assert not one.pending and one.replay.seen == 6 + 6
    folder = one.registry.get(one.pointer.standing().current).content
    again = load_rail(folder, base(), shop())
    assert again.config.common and trunk_digest(again) != ""
    assert torch.allclose(logits(again), logits(learnt), atol=2e-2)  # kept in float16
    kinds = [record.type for record in records]
    assert kinds.count("trained") == QUICK.steps and kinds.count("measured") == 1
    assert kinds[-3:] == ["gate", "moving", "moved"]
    assert not any(missing(record) for record in records)
    json.dumps([dict(record.body) for record in records])
    gate = next(r for r in records if r.type == "gate")
    figures: Any = gate.body["figures"]
    assert figures["v_s_delta"] == 0.0 and figures["duals"] and figures["ged"] is not None


def test_an_alarm_of_the_audit_is_signed_and_keeps_a_candidate_out(
    tmp_path: Path, audited: list[str]
) -> None:
    one = cycle(tmp_path, [])
    one.observe(made(6))
    audited += ["cfs gamed: …"]
    proposed = one.propose(builder())
    assert isinstance(proposed, Proposed) and proposed.alarms == ("cfs gamed: …",)
    again = add(one.registry, proposed.artifact.content)  # taken up by its folder alone
    assert again == proposed.artifact and alarms_of(again.facts) == ("cfs gamed: …",)
    decision = one.decide(proposed, evidence(one), by="ada")
    assert decision.verdict == "reject" and one.pointer.standing().seq == 0


def test_a_candidate_may_say_no_more_than_what_it_was_learnt_beside(tmp_path: Path) -> None:
    one = cycle(tmp_path, [])
    half = {"alpha": 0.5, "trained": {"steps": 0}}
    save_rail(tmp_path / "half", builder(), base(), half)
    serves = add(one.registry, tmp_path / "half").digest
    one.pointer.move(anchor(replace(evidence(one), candidate=serves), WATCH, "ada", "seen"), _quiet)
    one.observe(made(6))
    proposed = one.propose(builder())
    assert isinstance(proposed, Proposed)
    facts = proposed.artifact.facts
    assert facts["alpha"] == 0.5 and facts["from"] == serves and facts["kind"] == "adapters"


def _quiet(record: Record) -> None:
    """Nobody reads this ledger."""


def test_what_serves_moved_while_it_was_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cycle(tmp_path, [])
    save_rail(tmp_path / "other", builder(), base(), {"alpha": 1.0, "trained": {"steps": 9}})
    other = add(one.registry, tmp_path / "other").digest
    moved = anchor(replace(evidence(one), candidate=other), WATCH, "ada", "seen")

    def meanwhile(*asked: Any) -> Any:
        one.pointer.move(moved, _quiet)
        return learn(*asked)

    monkeypatch.setattr("bb_train.continual.cycle.learn", meanwhile)
    one.observe(made(6))
    assert one.propose(builder()) == NoCandidate("another version serves by now", again=True)
    assert one.due and not one.replay.items


def test_a_candidate_is_of_the_version_it_was_learnt_beside(tmp_path: Path) -> None:
    one, fresh = cycle(tmp_path, []), made(6)
    named = one.learn_from(builder(), fresh, Replay(4), "sha256:another")
    assert named == NoCandidate("another version serves by now", again=True)


def test_what_the_base_cannot_read_to_its_end_is_left_out(tmp_path: Path) -> None:
    long = replace(made(6)[5], id="long", scene=scene("x" * 4000))
    records: list[Record] = []
    one = cycle(tmp_path, records)
    one.observe([*made(6)[:5], long])
    assert isinstance(one.propose(builder()), Proposed)
    assert isinstance(one.learn_from(builder(), [long], Replay(4), ""), NoCandidate)


def test_what_cannot_be_said_makes_no_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb_train.continual.cycle.sayable", lambda *asked: [])
    records: list[Record] = []
    one = cycle(tmp_path, records)
    one.observe(made(6))
    none = one.propose(builder())
    assert none == NoCandidate("what serves can say the plan of none of them")
    assert not one.due and not missing(records[-1])


def test_harm_in_the_canary_takes_it_back_and_two_of_those_freeze(tmp_path: Path) -> None:
    records: list[Record] = []
    one = cycle(tmp_path, records)
    serving = promoted(one, builder(), 0)
    first = one.pointer.standing().current
    for number in (1, 2):
        promoted(one, serving, number)
        now = one.pointer.standing()
        assert now.share < 1.0 and now.previous == first
        seen = replace(evidence(one, harm=0.6), incumbent=first)
        decision, after = one.watch(seen)
        assert decision.verdict == "rollback" and after.current == first
        assert after.rollbacks == number
    assert one.pointer.standing().frozen
    one.observe(made(24)[18:])
    proposed = one.propose(serving)
    assert isinstance(proposed, Proposed)
    with pytest.raises(Frozen):
        one.decide(proposed, replace(evidence(one), divergences=near(one)), by="ada")
    assert not any(missing(record) for record in records)


def test_a_candidate_whose_guards_do_not_hold_is_not_proposed(tmp_path: Path) -> None:
    records: list[Record] = []
    wanted = replace(LEARNING, kl=1e-12, drift=-1.0, held=1.0)
    one = cycle(tmp_path, records, learning=wanted)
    one.replay.add(made(6, 3))
    one.replay.save(tmp_path / "learn" / "replay.jsonl")
    one.observe(made(6))
    made_none = one.propose(builder())
    assert isinstance(made_none, NoCandidate) and "no scale kept its guards" in made_none.why
    assert records[-1].type == "measured" and records[-1].body["candidate"] == ""
    assert records[-1].body["why"] == made_none.why and not missing(records[-1])
    assert one.registry.all() == () and not one.pending


def test_where_what_serves_misses_too_few_nothing_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb_train.continual.cycle.missed", missed)
    serving, some = builder(), made(3)
    own = [replace(one, plan=planned(serving, one), clauses=()) for one in some]
    records: list[Record] = []
    one = cycle(tmp_path, records, learning=replace(LEARNING, missed=0.5))
    one.observe([*own[:2], some[2]])
    none = one.propose(serving)
    assert isinstance(none, NoCandidate)
    assert none.why == "what serves misses 33.3% of 3, under 50.0%"
    assert [r.type for r in records] == ["measured"] and not missing(records[0])
    assert records[0].body["missed"] == pytest.approx(1 / 3)
    assert one.registry.all() == () and not one.pending and one.replay.seen == 3
    one.observe([own[0], *some[1:]])
    assert isinstance(one.propose(serving), Proposed)


def planned(rail: PlanBuilder, one: Example) -> Plan:
    likeliest = rail.build(states(one.scene.text), one.scene, 1)[0]
    return assemble(rail.space, one.scene, likeliest.decisions)


def test_episodes_whose_plan_did_nothing_are_not_learnt_from(tmp_path: Path) -> None:
    task = next(t for t in shop().battery if t.id == "cancel-1")
    plan = shop().read(task.rounds[-1])
    look = next(s for s in plan.steps if s.tool == "get_order")
    twice = replace(plan, steps=(*plan.steps[:2], replace(look, id="n99"), *plan.steps[2:]))
    twice = replace(
        twice,
        steps=tuple(
            replace(s, after=(*s.after, "n99")) if s.tool == "confirm" else s for s in twice.steps
        ),
    )
    real = replace(made()[0], id="real", task=task, plan=plan)
    idle = replace(real, id="idle", plan=twice)
    one = cycle(tmp_path, [], trials=Trials(shop(), shop().adapters()))
    one.observe([real, idle])
    assert [e.id for e in one.pending] == ["real"]


def test_a_plan_that_does_all_that_was_asked_is_no_worse_for_being_longer() -> None:
    short = Plan("shop", "none", (Step("n1", "look", {}), Step("n2", "ask", {})))
    long = Plan("shop", "none", (*short.steps, Step("n3", "look", {}), Step("n4", "ask", {})))
    found = reuse([short, long, None, short])
    assert found[0] == pytest.approx(found[1]) and found[2] == pytest.approx(found[0])
    rare = reuse([short, short, Plan("shop", "none", (Step("n1", "refund", {}),))])
    assert rare[2] > rare[0]


def test_one_process_at_a_time_proposes_and_any_may_observe(tmp_path: Path) -> None:
    one, two = cycle(tmp_path, []), cycle(tmp_path, [])
    one.observe(made(3))
    two.observe(made(6)[3:])
    assert one.due and two.due and list(one.pending) == list(made(6))
    with held(one.folder), pytest.raises(BusyError):
        two.propose(builder())
    assert isinstance(two.propose(builder()), Proposed)
    assert not one.pending and not one.due


def test_what_is_not_done_any_more_is_not_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(e for e in made(24) if "cancel_order" in {s.tool for s in e.plan.steps})

    def because(reason: str, number: int) -> Example:
        steps = tuple(
            replace(s, args={**s.args, "reason": reason}) if s.tool == "cancel_order" else s
            for s in one.plan.steps
        )
        return replace(one, id=f"{reason}-{number}", plan=replace(one.plan, steps=steps))

    old = [because("no_longer_needed", n) for n in range(18)]
    new = [because("ordered_by_mistake", n) for n in range(18)]
    seen: list[Episodes] = []

    def watched(serving: PlanBuilder, some: Episodes, *rest: Any) -> Any:
        seen.append(some)
        return learn(serving, some, *rest)

    monkeypatch.setattr("bb_train.continual.cycle.learn", watched)
    records: list[Record] = []
    drifting = cycle(tmp_path, records)
    drifting.replay.add(old[:12])
    drifting.replay.save(tmp_path / "learn" / "replay.jsonl")
    drifting.observe([*old[12:], *new])
    made_of = drifting.propose(builder())
    assert isinstance(made_of, Proposed) and seen == [Episodes(tuple(new), (), ())]
    (gone,) = made_of.told["stale"]  # type: ignore[misc]
    assert gone == 'cancel_order.reason: "no_longer_needed"'
    assert records[-1].body["stale"] == made_of.told["stale"]
    assert drifting.replay.seen == 36 and any(e in old for e in drifting.replay.items)
