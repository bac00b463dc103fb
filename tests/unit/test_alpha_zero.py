"""With every gate shut the model is its base, bit for bit, however it is called."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.dual_rail import DualRail  # noqa: E402
from tests.conformance.families import COUPLINGS, FULL, ids, shaken, tiny  # noqa: E402

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def poisoned(family: str, coupling: str, dtype: torch.dtype) -> DualRail:
    """A model whose rail is infinite wherever it is computed, and whose gates are shut."""
    model = shaken(DualRail.attach(tiny(family, dtype), COUPLINGS[coupling]))
    model.gates.set_(0.0)
    for parameter in model.rail.parameters():
        if parameter is not model.gates.alpha:
            parameter.data.fill_(float("inf"))
    return model


def frozen(family: str, dtype: torch.dtype) -> Any:
    """Another copy of the base that no rail was ever attached to.

    Frozen, as load_base gives it: torch multiplies by a matrix that wants a gradient with another
    kernel, which rounds the last bit differently.
    """
    return tiny(family, dtype).requires_grad_(False)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
@pytest.mark.parametrize("family", FULL)
@torch.no_grad()
def test_every_call_is_the_bases(family: str, coupling: str, dtype: torch.dtype) -> None:
    model, base = poisoned(family, coupling, dtype), frozen(family, dtype)
    rows = ids(rows=3)
    mask = torch.ones_like(rows)
    mask[1, :4] = 0
    for given in (
        {"input_ids": rows},
        {"input_ids": rows[:1]},
        {"input_ids": rows, "attention_mask": mask},
        {"input_ids": rows, "use_cache": False},
        {"input_ids": rows, "logits_to_keep": 1},
        {"inputs_embeds": base.get_input_embeddings()(rows)},
    ):
        assert torch.equal(model(**given).logits, base(**given).logits), given.keys()
    ours, theirs = model(input_ids=rows, use_cache=True), base(input_ids=rows, use_cache=True)
    for token in ids(4)[0]:
        step = {"input_ids": token.expand(3, 1)}
        ours = model(**step, past_key_values=ours.past_key_values)
        theirs = base(**step, past_key_values=theirs.past_key_values)
        assert torch.equal(ours.logits, theirs.logits)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("family", [*FULL, "gpt2"])
def test_every_text_is_the_bases(family: str, dtype: torch.dtype) -> None:
    coupling = "ladder" if family == "gpt2" else "hybrid"
    model, base = poisoned(family, coupling, dtype), frozen(family, dtype)
    rows = ids(rows=2)
    mask = torch.ones_like(rows)
    mask[1, :4] = 0
    for way in (
        {},
        {"num_beams": 3},
        {"use_cache": False},
        {"attention_mask": mask},
        {"attention_mask": mask, "use_cache": False},
        {"attention_mask": mask, "num_beams": 3},
        {"cache_implementation": "static", "disable_compile": True},
    ):
        told = {"output_logits": True, "return_dict_in_generate": True}
        given = {"max_new_tokens": 4, "do_sample": False, **told, **way}
        ours, theirs = model.generate(rows, **given), base.generate(rows, **given)
        assert torch.equal(ours.sequences, theirs.sequences), way
        pairs = zip(ours.logits, theirs.logits, strict=True)
        assert all(torch.equal(a, b) for a, b in pairs), way


@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
def test_the_loss_is_the_bases(coupling: str) -> None:
    model, base = poisoned("llama", coupling, torch.float32), frozen("llama", torch.float32)
    ours, theirs = (m(input_ids=ids(), labels=ids()).loss for m in (model, base))
    assert torch.equal(ours, theirs)


def test_inside_base_only_it_is_the_base_and_may_have_an_assistant() -> None:
    model = shaken(DualRail.attach(tiny("llama"), COUPLINGS["inject"]))
    base = frozen("llama", torch.float32)
    with model.base_only(), torch.no_grad():
        assert model.is_base
        assert torch.equal(model(input_ids=ids()).logits, base(input_ids=ids()).logits)
        found = model.generate(ids(), max_new_tokens=4, do_sample=False, prompt_lookup_num_tokens=2)
    assert found.shape == (1, 18)
    assert not model.is_base
    with pytest.raises(ValueError, match="inside"), model.base_only():
        raise ValueError("inside")
    assert not model.is_base


def test_one_open_gate_is_enough_and_a_shut_one_is_not_passed() -> None:
    model = shaken(DualRail.attach(tiny("llama"), COUPLINGS["inject"]))
    model.gates.set_(torch.tensor([0.0, 0.5]))
    model.rail.entries[0].weight.data.fill_(float("nan"))
    with torch.no_grad():
        assert torch.isfinite(model(input_ids=ids()).logits).all()
        model.gates.set_(torch.tensor([0.5, 0.0]))
        assert torch.isnan(model(input_ids=ids()).logits).any()


def test_a_multiplied_zero_would_have_leaked() -> None:
    """Why the gate is a branch."""
    infinite = torch.full((2,), float("inf"))
    assert torch.isnan(torch.ones(2) + 0.0 * infinite).all()
