"""Whose cache it is, and what has been read into it."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import DynamicCache, StaticCache  # noqa: E402

from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from tests.conformance.families import COUPLINGS, FULL, ids, railed, shaken, tiny  # noqa: E402

ways = pytest.mark.parametrize("coupling", sorted(COUPLINGS))
NEAR = {"atol": 1e-5, "rtol": 1e-4}


@ways
@torch.no_grad()
def test_an_empty_cache_of_the_callers_is_the_one_that_is_filled(coupling: str) -> None:
    model, cache = railed("llama", coupling), DynamicCache()
    model(input_ids=ids()[:, :9], past_key_values=cache)
    assert cache.get_seq_length() == 9
    found = model(input_ids=ids()[:, 9:], past_key_values=cache).logits
    assert torch.allclose(found, model(input_ids=ids()).logits[:, 9:], **NEAR)


@torch.no_grad()
def test_another_rails_cache_is_refused_until_it_is_reset() -> None:
    base = tiny("llama")
    first = shaken(DualRail.attach(base, COUPLINGS["ladder"]))
    second = shaken(DualRail.attach(base, COUPLINGS["ladder"]), seed=1)
    cache = first(input_ids=ids()[:, :9]).past_key_values
    with pytest.raises(RailError, match="by another rail"):
        second(input_ids=ids()[:, 9:], past_key_values=cache)
    cache.reset()
    found = second(input_ids=ids(), past_key_values=cache).logits
    assert torch.allclose(found, second(input_ids=ids()).logits, **NEAR)


@ways
@torch.no_grad()
def test_tokens_that_the_base_read_alone_are_not_passed_over(coupling: str) -> None:
    model = railed("llama", coupling)
    cache = model(input_ids=ids()[:, :5]).past_key_values
    with model.base_only():
        model(input_ids=ids()[:, 5:10], past_key_values=cache)
        model(input_ids=ids()[:, 10:12], past_key_values=cache)
    with pytest.raises(RailError, match="has not read"):
        model(input_ids=ids()[:, 12:], past_key_values=cache)


@ways
@pytest.mark.parametrize("family", FULL)
@torch.no_grad()
def test_a_given_past_is_read_and_written_without_use_cache_too(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    whole = model(input_ids=ids()).logits
    cache = model(input_ids=ids()[:, :5]).past_key_values
    for start, end in ((5, 9), (9, 14)):
        given = {"input_ids": ids()[:, start:end], "past_key_values": cache, "use_cache": False}
        assert torch.allclose(model(**given).logits, whole[:, start:end], **NEAR)


@ways
def test_a_text_can_be_learnt_from_that_goes_on_from_a_cache(coupling: str) -> None:
    model = railed("llama", coupling).train()
    with torch.no_grad():
        past = model(input_ids=ids()[:, :7], use_cache=True).past_key_values
    model(input_ids=ids()[:, 7:], past_key_values=past, labels=ids()[:, 7:]).loss.backward()
    assert all(p.grad is not None for p in model.rail.parameters())


@ways
@torch.no_grad()
def test_a_mask_as_long_as_a_static_cache_says_which_tokens_are_real(coupling: str) -> None:
    model = railed("llama", coupling)
    cache = StaticCache(config=model.base.config, max_cache_len=32)
    parts = []
    for start, end in ((0, 9), (9, 14)):
        mask = torch.zeros(1, 32, dtype=torch.long)
        mask[:, :end] = 1
        given = {"input_ids": ids()[:, start:end], "attention_mask": mask}
        parts.append(model(**given, past_key_values=cache).logits)
    assert torch.allclose(torch.cat(parts, dim=1), model(input_ids=ids()).logits, **NEAR)


def test_what_is_no_cache_is_refused_in_words() -> None:
    model = railed("llama", "ladder")
    with pytest.raises(RailError, match="is a tuple"):
        model(input_ids=ids(), past_key_values=((torch.zeros(1),),))
    with pytest.raises(RailError, match="no tokens"):
        model(attention_mask=torch.ones(1, 3))
