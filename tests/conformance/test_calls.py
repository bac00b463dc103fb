"""Every way a base may be called, on every family of the table, with a rail on it."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from tests.conformance.families import COUPLINGS, FULL, ids, railed, shaken, tiny  # noqa: E402

each = pytest.mark.parametrize("family", FULL)
ways = pytest.mark.parametrize("coupling", sorted(COUPLINGS))
NEAR = {"atol": 1e-5, "rtol": 1e-4}
GREEDY = {"max_new_tokens": 6, "do_sample": False}


@each
@ways
@torch.no_grad()
def test_the_rail_moves_the_logits(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    base = model.base(input_ids=ids()).logits
    assert (model(input_ids=ids()).logits - base).abs().max() > 1e-3


@each
@ways
@torch.no_grad()
def test_a_prefix_has_the_same_logits_alone(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    whole = model(input_ids=ids(), use_cache=False).logits
    assert torch.allclose(model(input_ids=ids()[:, :9]).logits, whole[:, :9], **NEAR)


@each
@ways
@torch.no_grad()
def test_prefill_and_steps_give_the_logits_of_one_pass(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    whole = model(input_ids=ids(), use_cache=False).logits
    out = model(input_ids=ids()[:, :5])
    parts = [out.logits]
    for start, end in ((5, 6), (6, 7), (7, 11), (11, 14)):
        out = model(input_ids=ids()[:, start:end], past_key_values=out.past_key_values)
        parts.append(out.logits)
    assert torch.allclose(torch.cat(parts, dim=1), whole, **NEAR)


@each
@ways
def test_generate_is_the_same_with_and_without_a_cache(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    cached = model.generate(ids(), **GREEDY)
    assert torch.equal(cached, model.generate(ids(), **GREEDY, use_cache=False))


@each
@ways
def test_beams_are_the_same_with_and_without_a_cache(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    beams = {**GREEDY, "num_beams": 3}
    cached = model.generate(ids(rows=2), **beams)
    assert torch.equal(cached, model.generate(ids(rows=2), **beams, use_cache=False))


@each
@ways
def test_a_static_cache_gives_the_same_text(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    padded, mask = _left(ids(), 3)
    given = {"attention_mask": mask, **GREEDY}
    static = model.generate(padded, **given, cache_implementation="static", disable_compile=True)
    assert torch.equal(static, model.generate(padded, **given))


@each
@ways
@torch.no_grad()
def test_a_row_padded_on_the_left_is_the_row_alone(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    padded, mask = _left(ids(), 3)
    places = (mask.cumsum(-1) - 1).clamp_min(0)
    found = model(input_ids=padded, attention_mask=mask, position_ids=places)
    assert torch.allclose(found.logits[:, 3:], model(input_ids=ids()).logits, **NEAR)
    text = model.generate(padded, attention_mask=mask, **GREEDY)
    assert torch.equal(text[:, 3:], model.generate(ids(), **GREEDY))


@each
@ways
@torch.no_grad()
def test_a_row_padded_on_the_right_is_the_row_alone(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    padded = torch.nn.functional.pad(ids(), (0, 4))
    mask = torch.nn.functional.pad(torch.ones_like(ids()), (0, 4))
    found = model(input_ids=padded, attention_mask=mask).logits[:, :14]
    assert torch.allclose(found, model(input_ids=ids()).logits, **NEAR)


@each
@ways
@torch.no_grad()
def test_a_batch_is_its_rows(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    rows = ids(rows=3)
    alone = torch.cat([model(input_ids=row[None]).logits for row in rows])
    assert torch.allclose(model(input_ids=rows).logits, alone, **NEAR)


@each
@torch.no_grad()
def test_hidden_states_show_what_the_next_layer_saw(family: str) -> None:
    base = tiny(family)
    base(input_ids=ids(), output_hidden_states=True)  # its own hooks are there before the rail's
    model = shaken(DualRail.attach(base, COUPLINGS["inject"]))
    states = model(input_ids=ids(), output_hidden_states=True).hidden_states
    base = model.base(input_ids=ids(), output_hidden_states=True).hidden_states
    assert len(states) == len(base) == 5
    assert torch.equal(states[1], base[1])  # the first tap is after the second layer
    assert not torch.allclose(states[2], base[2])


@each
@torch.no_grad()
def test_a_ladder_gives_the_bases_own_logits_bit_for_bit(family: str) -> None:
    model = railed(family, "ladder")
    for keep in (0, 1, 5):
        alone = model.base(input_ids=ids(), logits_to_keep=keep).logits
        assert torch.equal(model(input_ids=ids(), logits_to_keep=keep).base_logits, alone)
    out, base = model(input_ids=ids()), model.base(input_ids=ids(), use_cache=True)
    for token in ids(3)[0]:
        step = {"input_ids": token.view(1, 1)}
        out = model(**step, past_key_values=out.past_key_values)
        base = model.base(**step, past_key_values=base.past_key_values)
        assert torch.equal(out.base_logits, base.logits)


@each
@ways
def test_assisted_decoding_is_refused_in_words(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    with pytest.raises(RailError, match="assistant"):
        model.generate(ids(), **GREEDY, prompt_lookup_num_tokens=2)
    with pytest.raises(RailError, match="assistant"):
        model.generate(ids(), **GREEDY, assistant_model=model.base)


@each
@torch.no_grad()
def test_a_half_precision_base_carries_an_fp32_rail(family: str) -> None:
    for coupling in sorted(COUPLINGS):
        model = railed(family, coupling, dtype=torch.bfloat16)
        out = model(input_ids=ids())
        assert out.logits.dtype == torch.bfloat16
        assert out.stream.dtype == torch.float32
        assert torch.isfinite(out.logits.float()).all()


@torch.no_grad()
def test_a_cache_that_the_rail_did_not_read_is_refused() -> None:
    model = railed("llama", "ladder")
    with model.base_only():
        cache = model(input_ids=ids(), use_cache=True).past_key_values
    with pytest.raises(RailError, match="has not read"):
        model(input_ids=ids(1), past_key_values=cache)


@torch.no_grad()
def test_a_cache_made_without_a_config_serves_too() -> None:
    from transformers import DynamicCache

    model = railed("llama", "inject")
    out = model(input_ids=ids()[:, :9], past_key_values=DynamicCache())
    out = model(input_ids=ids()[:, 9:], past_key_values=out.past_key_values)
    assert torch.allclose(out.logits, model(input_ids=ids()).logits[:, 9:], **NEAR)


@torch.no_grad()
def test_the_rails_state_is_as_large_after_any_number_of_tokens() -> None:
    model = railed("llama", "inject")
    sizes = set()
    for length in (1, 3, 32, 200):
        cache = model(input_ids=ids(length)).past_key_values
        states = [state for layer in cache.layers[4:] for state in layer.recurrent_states.values()]
        sizes.add(sum(state.nbytes for state in states))
    assert len(sizes) == 1


def test_a_rails_state_cannot_be_cropped() -> None:
    model = railed("llama", "inject")
    with torch.no_grad():
        cache = model(input_ids=ids()).past_key_values
    assert not cache.is_croppable
    with pytest.raises(RailError, match="cropped"):
        cache.crop(-1)


@torch.no_grad()
def test_a_cache_can_be_repeated_and_picked_from() -> None:
    model = railed("llama", "ladder")
    rows = ids(rows=2)
    cache = model(input_ids=rows[:, :9]).past_key_values
    cache.batch_repeat_interleave(2)
    cache.batch_select_indices(torch.tensor([3, 0]))
    found = model(input_ids=rows.flip(0)[:, 9:], past_key_values=cache).logits
    assert torch.allclose(found, model(input_ids=rows.flip(0)).logits[:, 9:], **NEAR)


@torch.no_grad()
def test_a_mask_of_four_axes_needs_the_rails_own() -> None:
    model = railed("llama", "inject")
    square = torch.ones(1, 1, 14, 14, dtype=torch.bool).tril()
    with pytest.raises(RailError, match="rail_mask"):
        model(input_ids=ids(), attention_mask=square)
    found = model(input_ids=ids(), attention_mask=square, rail_mask=torch.ones(1, 14))
    assert torch.allclose(found.logits, model(input_ids=ids()).logits, **NEAR)


def _left(row, count: int):  # type: ignore[no-untyped-def]
    """A row with padding before it, and its mask."""
    pad = (count, 0)
    return (
        torch.nn.functional.pad(row, pad),
        torch.nn.functional.pad(torch.ones_like(row), pad),
    )
