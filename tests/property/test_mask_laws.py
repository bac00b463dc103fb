"""Laws of the mask.

A mask never admits a token that leads outside the typed language, and admits what continues it;
from every state there is an end; a decode of any budget from the minimum up is a whole plan.
"""

from random import Random

import pytest

pytest.importorskip("llguidance")

from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.compiled import Compiled, compile_domain
from bb_core.next_step import NextStep
from bb_core.registry import discover
from bb_nn.base import byte_tokenizer
from bb_runtime.steer import Row, Steering
from bb_runtime.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def steering(compiled: Compiled) -> Steering:
    return Steering(NextStep(compiled.surface, compiled.schema), Vocabulary.of(byte_tokenizer()))


def choices(row: Row) -> list[int]:
    mask = row.mask()
    return [t for t in range(row.steering.vocabulary.size) if mask[t >> 3] >> (t & 7) & 1]


def wander(row: Row, rng: Random, left: int) -> Row:
    """Write random allowed tokens while the plan still fits, then close it."""
    while not row.is_done:
        token = rng.choice(choices(row))
        if not row.fits([token], left - len(row.tokens)):
            row.close()
        else:
            row.consume(token)
    return row


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_the_mask_is_exactly_the_language(steering: Steering, seed: int) -> None:
    rng, row = Random(seed), steering.row()
    vocabulary = steering.vocabulary
    for _ in range(rng.randrange(1, 120)):
        if row.is_done:
            break
        allowed, automaton = set(choices(row)), steering.segment(row.tools).automaton
        for token in range(vocabulary.size):
            data = vocabulary.bytes_of(token)
            follows = bool(data) and automaton.step(row._state, data) is not None
            assert follows == (token in allowed), (row.text, data)
        row.consume(rng.choice(sorted(allowed)))


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), extra=st.integers(0, 400))
def test_any_budget_from_the_minimum_up_gives_a_whole_plan(
    compiled: Compiled, steering: Steering, seed: int, extra: int
) -> None:
    budget = steering.minimum + extra
    row = wander(steering.row(), Random(seed), budget)
    assert len(row.tokens) <= budget
    plan = compiled.parse(row.text.decode())
    assert tuple(step.id for step in plan.steps) == tuple(
        f"n{i + 1}" for i in range(len(plan.steps))
    )
