"""Ranking: other ways to cut, traits of a plan, and weights that put the right one first."""

from dataclasses import replace
from math import exp, log

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bb_core.actions import assemble, decide
from bb_core.decision import Decision
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_core.scene import scene
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.built import Built
from bb_nn.builder.cuts import MOST, WITHIN, cuts
from bb_nn.builder.ranker import TRAITS, Contender, Ranker, traits_of
from bb_nn.builder.segmenter import cut
from bb_train.continual.adapters import require_trunk
from bb_train.errors import AdaptersOnly
from bb_train.example import Example
from bb_train.rank import FOLDS, SHRINKAGES, Row, fit_ranker, fitted, shrinkage, telling
from tests.unit.tiny_rail import builder, ending, made, states

torch.set_num_threads(1)


def ranking(plain: PlanBuilder) -> PlanBuilder:
    """The same builder with a ranker."""
    wider = PlanBuilder(replace(plain.config, ranked=True), plain.space, plain.described)
    missing, unexpected = wider.load_state_dict(plain.state_dict(), strict=False)
    assert (missing, unexpected) == (["ranker.weights"], [])
    return wider.eval().requires_grad_(False)


@given(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=12), st.data())
def test_the_own_cuts_come_first_and_others_in_order(
    values: list[float], data: st.DataObject
) -> None:
    logits = torch.tensor(values)
    may = torch.tensor(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    found = cuts(logits, may)
    assert found[0] == (cut(logits, may), 0.0) and 1 <= len(found) <= MOST
    deltas = [delta for _, delta in found[1:]]
    assert deltas == sorted(deltas, reverse=True) and all(d > -WITHIN for d in deltas)
    assert len({tuple(starts) for starts, _ in found}) == len(found)
    for starts, delta in found:
        assert starts[0] == 0 and all(may[t] for t in starts[1:])
        assert delta == pytest.approx(
            _log_prob(logits, starts) - _log_prob(logits, found[0][0]), abs=1e-4
        )


def _log_prob(logits: Tensor, starts: list[int]) -> float:
    """log p of cuts from their definition, token by token, the first left out."""
    z = logits - log(3.0)
    sign = torch.tensor([1.0 if t in starts else -1.0 for t in range(len(z))])
    return float(torch.nn.functional.logsigmoid(sign * z)[1:].double().sum())


def test_plans_that_differ_in_cuts_alone_are_one() -> None:
    one, same, other = (
        Built((Decision(0, clause=0),), -1.0), Built((Decision(0, clause=1),), -2.0),
        Built((Decision(1),), -1.0),
    )  # fmt: skip
    rows = [Contender(b, (b.log_prob, 0, 0, 0, 0)) for b in (other, one, same)]
    found = Ranker().best(rows, 4)
    assert [b.decisions for b in found] == [one.decisions, other.decisions]
    mass = [exp(b.log_prob) for b in found]
    assert sum(mass) == pytest.approx(1.0)
    assert mass[0] / mass[1] == pytest.approx(1 + exp(-1))
    assert Ranker().best([], 4) == []


def test_unfitted_it_is_the_probability_of_cuts_and_plan() -> None:
    assert dict(zip(TRAITS, Ranker().weights.tolist(), strict=True)) == {
        "plan": 1.0, "cuts": 1.0, "unread": 0.0, "refused": 0.0, "empty": 0.0,
    }  # fmt: skip


def test_what_a_builder_builds_is_among_what_it_ranks() -> None:
    plain = ending(builder())
    example = made()[0]
    wider = ranking(plain)
    assert wider.ranker is not None
    tapped = states(example.scene.text)
    own, best = (b.build(tapped, example.scene, 4) for b in (plain, wider))
    assert [b.log_prob for b in own] == sorted((b.log_prob for b in own), reverse=True)
    assert 1 <= len(best) <= 4 and sum(exp(b.log_prob) for b in best) <= 1 + 1e-6
    assert wider.likeliest(tapped, example.scene, 4) == own
    assert sum(exp(b.log_prob) for b in own) <= 1 + 1e-6  # what is left is other plans'
    known = {c.same for c in wider.contenders(tapped, example.scene)}
    assert {tuple(replace(d, clause=0) for d in b.decisions) for b in own} <= known


def test_what_is_left_unread_is_counted_and_what_is_refused_is_known() -> None:
    example = made()[0]
    asker = builder().asker(example.scene)
    decisions = decide(builder().space, example.scene, example.plan, example.clauses)
    whole = traits_of(asker, Built(tuple(decisions), -0.5, (), example.clauses), -1.0)
    assert whole[:2] == (-0.5, -1.0) and whole[3:] == (0.0, 0.0)
    hasty = tuple(replace(d, after=()) for d in decisions if d.fills)
    assert traits_of(asker, Built(hasty[-1:], -0.5, (), (0,)), 0.0)[3] == 1.0
    seen = replace(example.scene, text=example.scene.text + '\n{"tool": "get_order"}')
    assert traits_of(builder().asker(seen), Built(hasty[-1:], -0.5, (), (0,)), 0.0)[3] == 0.0
    nothing = traits_of(asker, Built((), -0.5, (), (0, 5)), 0.0)
    assert nothing[2] == len(asker.offers.said) > whole[2]
    assert nothing[4] == 2.0


def drawn(count: int, truth: Tensor | None = None) -> list[Row]:
    """Six candidates each, of which the truth makes one right, or chance."""
    draw = torch.Generator().manual_seed(0)
    rows = []
    for _ in range(count):
        traits = torch.randn(6, 5, generator=draw)
        scores = torch.rand(6, generator=draw) if truth is None else traits @ truth
        rows.append((traits, torch.arange(6) == scores.argmax()))
    return rows


TRUTH = torch.tensor([1.0, 0.0, -2.0, 0.0, 0.0])


def test_fitting_puts_the_right_one_first_and_says_nothing_of_what_says_nothing() -> None:
    rows, start = drawn(200, TRUTH), Ranker().weights
    w = fitted(rows, start, 0.01)
    hits = [sum(bool(right[(t @ v).argmax()]) for t, right in rows) for v in (w, start)]
    assert hits[0] > 190 > hits[1]
    assert w[2] < -1 < 0 < w[0] and w[[1, 3, 4]].abs().max() < 0.5
    none = [(traits, torch.zeros(6, dtype=torch.bool)) for traits, _ in rows]
    every = [(traits, torch.ones(6, dtype=torch.bool)) for traits, _ in rows]
    assert telling([*none, *every]) == [] and len(telling(rows)) == len(rows)
    assert torch.equal(fitted([], start, 0.01), start)


def test_weights_shrink_where_they_say_nothing_of_rows_left_out() -> None:
    start = torch.zeros(5)
    assert shrinkage(drawn(60, TRUTH), start) == min(SHRINKAGES)
    assert shrinkage(drawn(60), start) == max(SHRINKAGES)
    assert shrinkage(drawn(FOLDS - 1, TRUTH), start) == max(SHRINKAGES)


def test_a_real_builder_is_fitted_to_put_first_what_it_put_last() -> None:
    """The right plan of each example is made the one that comes last, unfitted."""
    wider, taught = ranking(ending(builder())), []
    assert wider.ranker is not None
    for example in made()[:6]:
        found = wider.ranker.best(wider.contenders(states(example.scene.text), example.scene), 99)
        plans = [_plan(wider, example, one.decisions) for one in found]
        taught += [replace(example, plan=plan) for plan in reversed(plans) if plan][:1]
    before = {k: t.clone() for k, t in wider.network.state_dict().items()}
    told = fit_ranker(wider, wider.ranker, taught, states)
    assert told.examples == told.among == len(taught) > 2 and told.l2 == max(SHRINKAGES)
    assert told.before < told.after
    assert wider.ranker.weights.tolist() == pytest.approx(list(told.weights.values()), abs=1e-3)
    assert wider.ranker.weights[0] < 0  # the least probable is right
    assert all(torch.equal(t, before[k]) for k, t in wider.network.state_dict().items())


def _plan(one: PlanBuilder, example: Example, decisions: tuple[Decision, ...]) -> Plan | None:
    try:
        return assemble(one.space, example.scene, decisions)
    except PlanError:
        return None


def test_the_weights_decide_what_comes_first_and_are_part_of_the_trunk() -> None:
    example = made()[0]
    wider, other = (ranking(ending(builder())) for _ in range(2))
    assert wider.ranker is not None and other.ranker is not None
    other.ranker.weights.neg_()
    found = wider.contenders(states(example.scene.text), example.scene)
    first, last = (one.ranker.best(found, 99) for one in (wider, other))  # type: ignore[union-attr]
    assert len(first) > 1
    assert first[0].decisions == last[-1].decisions != last[0].decisions
    with pytest.raises(AdaptersOnly):
        require_trunk(other, wider)


def test_no_two_ways_to_cut_are_the_same() -> None:
    """Pieces of an emoji begin at one character."""
    wider = ranking(builder())
    for text in ("cancel W1000 🦜🦜 and W1001 🦜", "   W1000,  W1001 \n\n W1002"):
        ways = [starts for starts, _ in wider.ways(states(text), scene(text))]
        assert len(set(ways)) == len(ways)
        assert all(list(starts) == sorted(set(starts)) for starts in ways)
