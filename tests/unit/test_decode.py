"""Decoding whole plans, by our own loop and through other people's generate()."""

from typing import Any

import pytest

pytest.importorskip("llguidance")

import torch

from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.next_step import NextStep
from bb_core.registry import discover
from bb_core.state import State
from bb_core.verdict import Refused
from bb_nn.base import Base, load_base
from bb_nn.fetch import fetched
from bb_runtime.decode import Forward, decode, steered_generate
from bb_runtime.errors import BudgetError, DeadRowError
from bb_runtime.masks import SteeredLogits, masked
from bb_runtime.steer import Steering
from bb_runtime.vocabulary import vocabulary_of

torch.set_num_threads(1)  # for a model this small a second thread only waits
SMOL = "random:llama@smollm2-135m"


@pytest.fixture(scope="module", params=["random:llama", SMOL])
def base(request: Any) -> Base:
    if request.param == SMOL and fetched("smollm2-135m") is None:
        pytest.skip("run: bb models fetch smollm2-135m")
    return load_base(request.param)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def steering(base: Base, compiled: Compiled) -> Steering:
    return Steering(NextStep(compiled.surface, compiled.schema), vocabulary_of(base))


@pytest.fixture(scope="module")
def prompt(base: Base) -> list[int]:
    ids: list[int] = base.tokenizer("Cancel order W1001, please.")["input_ids"]
    return ids


def sound(compiled: Compiled, text: str) -> None:
    """The text is a whole plan of the domain without a structural fault."""
    verdict = check(compiled, compiled.parse(text), State())
    if isinstance(verdict, Refused):
        assert not [v for v in verdict.violations if v.rule.startswith("S.")], text


def test_every_budget_gives_a_whole_plan(
    base: Base, compiled: Compiled, steering: Steering, prompt: list[int]
) -> None:
    least = steering.minimum
    for extra in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
        for seed in (extra,):
            done = decode(base.model, prompt, steering, least + extra, temperature=1.0, seed=seed)
            assert len(done.tokens) <= least + extra
            sound(compiled, done.text)


def test_a_smaller_budget_is_refused_before_the_model_is_asked(
    steering: Steering, prompt: list[int]
) -> None:
    with pytest.raises(BudgetError):
        decode(None, prompt, steering, steering.minimum - 1)


def test_text_is_streamed_whole_and_in_characters(
    base: Base, steering: Steering, prompt: list[int]
) -> None:
    parts: list[str] = []
    done = decode(base.model, prompt, steering, 300, temperature=1.5, seed=3, on_text=parts.append)
    assert "".join(parts) == done.text
    assert b"".join(map(vocabulary_of(base).bytes_of, done.tokens)).decode() == done.text


def test_the_same_seed_gives_the_same_plan(
    base: Base, steering: Steering, prompt: list[int]
) -> None:
    one, two = (decode(base.model, prompt, steering, 200, temperature=1.0, seed=5) for _ in "ab")
    assert (one.tokens, one.mean_logprob) == (two.tokens, two.mean_logprob)


def test_a_kept_cache_changes_nothing(base: Base, steering: Steering, prompt: list[int]) -> None:
    kept = Forward(base.model)
    other = [*prompt[:3], *prompt[5:]]
    for ids in (prompt, other, prompt):
        fresh = decode(base.model, ids, steering, 120)
        assert decode(kept, ids, steering, 120).tokens == fresh.tokens


def test_custom_generate(base: Base, compiled: Compiled, steering: Steering) -> None:
    ids = base.tokenizer("Hello", return_tensors="pt")["input_ids"]
    out = base.model.generate(
        ids, custom_generate=steered_generate, steering=steering, max_new_tokens=120
    )
    written = out[0, ids.shape[1] :].tolist()
    sound(compiled, b"".join(map(vocabulary_of(base).bytes_of, written)).decode())


@pytest.mark.parametrize(
    "how",
    [
        {"do_sample": True},
        {"num_beams": 3},
        {"prompt_lookup_num_tokens": 3},
        {"do_sample": True, "num_return_sequences": 2},
    ],
    ids=str,
)
def test_other_peoples_generate(
    base: Base, compiled: Compiled, steering: Steering, how: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    ids = base.tokenizer("Hello", return_tensors="pt")["input_ids"]
    budget = steering.minimum + 6
    out = base.model.generate(
        ids,
        logits_processor=[SteeredLogits(steering, ids.shape[1], budget)],
        max_new_tokens=budget,
        pad_token_id=base.tokenizer.eos_token_id,
        **how,
    )
    for row in out[:, ids.shape[1] :].tolist():
        sound(compiled, b"".join(map(vocabulary_of(base).bytes_of, row)).decode())


def test_a_dead_row_raises_and_emits_nothing(base: Base, steering: Steering) -> None:
    dead = torch.full((steering.vocabulary.size,), float("-inf"))
    with pytest.raises(DeadRowError):
        masked(dead, steering.row().mask())
    ids = base.tokenizer("Hello", return_tensors="pt")["input_ids"]
    with pytest.raises(DeadRowError):
        base.model.generate(
            ids,
            logits_processor=[SteeredLogits(steering, ids.shape[1], 200)],
            suppress_tokens=list(range(steering.vocabulary.size)),
            max_new_tokens=200,
        )
