"""Which ways went out of use: an exact chance, no false alarms, and what is left out by it."""

from dataclasses import replace
from math import comb
from random import Random

import pytest

pytest.importorskip("torch")

from bb_core.plan import Plan, Ref, Step
from bb_core.space import Space
from bb_train.continual.stale import LEFT_OUT, LEVEL, OTHER, Way, absence, current, stale, ways
from bb_train.example import Example
from tests.unit.tiny_rail import made, shop

SPACE = Space.of(shop())
REASON = "cancel_order.reason"
NOT_NEEDED, MISTAKE = "no_longer_needed", "ordered_by_mistake"


def plan(*steps: tuple[str, dict[str, object]]) -> Plan:
    named = (Step(f"n{n}", tool, args) for n, (tool, args) in enumerate(steps, 1))  # type: ignore[arg-type]
    return Plan("api_json", shop().digest, tuple(named))


def cancels(reasons: list[str]) -> list[Example]:
    args = [{"order_id": f"W{n:04}", "reason": reason} for n, reason in enumerate(reasons)]
    return [
        replace(made()[0], id=f"e{n}", plan=plan(("cancel_order", a))) for n, a in enumerate(args)
    ]


@pytest.mark.parametrize("hits", [0, 1, 3, 7])
@pytest.mark.parametrize("uses", [7, 12])
@pytest.mark.parametrize("since", [0, 1, 5])
def test_absence_is_the_beta_binomial_chance_of_no_hit(hits: int, uses: int, since: int) -> None:
    # Integral over q of q^k (1-q)^(n-k+r), over the one without r: Beta functions of whole numbers.
    def beta(a: int, b: int) -> float:
        return 1 / ((a + b - 1) * comb(a + b - 2, a - 1))

    exact = beta(hits + 1, uses - hits + since + 1) / beta(hits + 1, uses - hits + 1)
    assert absence(hits, uses, since) == pytest.approx(exact)


def test_a_way_that_was_usual_and_is_gone_is_stale_and_one_that_comes_back_is_not() -> None:
    before, after = [NOT_NEEDED, MISTAKE, NOT_NEEDED] * 10, [MISTAKE] * 14
    found = stale(SPACE, cancels(before + after))
    gone = Way(REASON, f'"{NOT_NEEDED}"')
    assert set(found) == {gone} and found[gone] < LEVEL
    assert not stale(SPACE, cancels(before + after[:2]))
    assert not stale(SPACE, cancels(before + after + [NOT_NEEDED]))
    examples = cancels(before + after)
    kept = current(SPACE, examples, found)
    assert [one.id for one in kept] == [
        e.id for e in examples if e.plan.steps[0].args["reason"] == MISTAKE
    ]
    assert current(SPACE, examples, {}) == tuple(examples)


def test_where_nothing_changed_nothing_is_stale_but_by_a_chance_below_the_level() -> None:
    alarms = 0
    for seed in range(400):
        draw = Random(seed)
        share = draw.random()
        reasons = [NOT_NEEDED if draw.random() < share else MISTAKE for _ in range(60)]
        alarms += bool(stale(SPACE, cancels(reasons)))
    assert alarms <= 4  # 0.4 expected at the level for each of two ways at most


def test_the_newest_episode_is_never_stale_whatever_else_is() -> None:
    told = 0
    for seed in range(60):
        draw = Random(seed)
        reasons = [NOT_NEEDED] * draw.randrange(30) + [MISTAKE] * draw.randrange(30)
        some = cancels([*reasons, draw.choice([NOT_NEEDED, MISTAKE])])
        found = stale(SPACE, some)
        told += bool(found)
        assert some[-1] in current(SPACE, some, found)
    assert told > 10


def test_an_episode_is_one_use_however_many_steps_it_has() -> None:
    both = [("cancel_order", {"order_id": "W1", "reason": r}) for r in [NOT_NEEDED] + [MISTAKE] * 9]
    mixed = replace(made()[0], id="mixed", plan=plan(*both))
    assert not stale(SPACE, [*cancels([NOT_NEEDED] * 30), mixed])
    later = stale(SPACE, [*cancels([NOT_NEEDED] * 30), mixed, *cancels([MISTAKE] * 14)])
    assert Way(REASON, f'"{NOT_NEEDED}"') in later


def test_ways_are_told_by_slot_and_leave_names_and_numbers_alone() -> None:
    steps = plan(
        ("cancel_order", {"order_id": "W1001", "reason": NOT_NEEDED}),
        ("cancel_order", {"order_id": "W1001", "reason": Ref("n1", "/reason")}),
        ("cancel_order", {"order_id": "W1001"}),
        ("a_tool_of_another_version", {"reason": "x"}),
    )
    found = [way for way in ways(SPACE, steps) if way.slot == REASON]
    assert [way.filled for way in found] == [f'"{NOT_NEEDED}"', OTHER, LEFT_OUT]
    assert not any("W1001" in str(way) for way in ways(SPACE, steps))
