"""Cuts for a request that nobody has cut: those that explain its plan best."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from bb_nn.builder.builder import PlanBuilder
from bb_train.induce import induced, plan_nats
from bb_train.learner import lessons
from tests.unit.tiny_rail import builder, made, states

torch.set_num_threads(1)


def nats(one: PlanBuilder, example, starts):  # type: ignore[no-untyped-def]
    tapped = states(example.scene.text)
    encoded = one.encode(tapped, example.scene, example.plan, starts)
    batch = one.batch([tapped], [encoded])
    return plan_nats(one.network(batch), batch)


def test_what_is_known_stays() -> None:
    one = builder()
    for example in made()[:4]:
        assert example.clauses and induced(one, example, states) is example


def test_the_cuts_are_those_under_which_cuts_and_plan_are_likeliest() -> None:
    one, changed = builder(), 0
    for example in made():
        uncut = replace(example, clauses=())
        found = induced(one, uncut, states).clauses
        ways = one.ways(states(example.scene.text), example.scene)
        worth = {starts: delta - nats(one, uncut, starts) for starts, delta in ways}
        assert found in worth and worth[found] == max(worth.values())
        changed += found != ways[0][0]
    assert changed  # a builder of random weights doubts


@torch.no_grad()
def test_the_nats_of_a_plan_add_up_over_a_batch() -> None:
    one = builder()
    taught = lessons(one, made()[:4], states).lessons
    each = [one.batch([states(t.text)], [t.encoded]) for t in taught]
    whole = one.batch([states(t.text) for t in taught], [t.encoded for t in taught])
    parts = sum(plan_nats(one.network(batch), batch) for batch in each)
    assert plan_nats(one.network(whole), whole) == pytest.approx(parts, rel=1e-4)
    assert parts > 0
