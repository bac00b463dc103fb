"""Which families carry a rail, and what the others are told."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from bb_nn.rail_config import RailConfig  # noqa: E402
from tests.conformance.families import ALSO, COUPLINGS, ids, shaken, tiny  # noqa: E402

REFUSED = {
    "bloom": "were not given rail_ctx",
    "mpt": "were not given rail_ctx",
    "mamba": "were not given rail_ctx",
    "minimax": "does not take the usual call: MiniMax uses cache of its own",
}


@pytest.mark.parametrize("family", ALSO)
@pytest.mark.parametrize("coupling", ["ladder", "inject"])
@torch.no_grad()
def test_a_family_carries_a_rail(family: str, coupling: str) -> None:
    base = tiny(family)
    model = shaken(DualRail.attach(base, COUPLINGS[coupling]))
    whole, alone = model(input_ids=ids(), use_cache=False), base(input_ids=ids()).logits
    assert (whole.logits - alone).abs().max() > 1e-3
    if coupling == "ladder":
        assert torch.equal(whole.base_logits, alone)
    with model.base_only():
        assert torch.equal(model(input_ids=ids()).logits, alone)
    first = model(input_ids=ids()[:, :9])
    assert torch.allclose(first.logits, whole.logits[:, :9], atol=1e-5)
    for place in range(9, 14):
        first = model(input_ids=ids()[:, place, None], past_key_values=first.past_key_values)
        assert torch.allclose(first.logits[:, 0], whole.logits[:, place], atol=1e-5)


@pytest.mark.parametrize("family", sorted(REFUSED))
def test_a_family_that_cannot_is_refused_in_words(family: str) -> None:
    with pytest.raises(RailError, match=REFUSED[family]):
        DualRail.attach(tiny(family))


def test_a_head_that_a_ladder_cannot_repeat_is_refused() -> None:
    base = tiny("llama")
    base.register_forward_hook(lambda module, args, out: _doubled(out))
    with pytest.raises(RailError, match="cannot repeat"):
        DualRail.attach(base, COUPLINGS["ladder"])
    DualRail.attach(base, COUPLINGS["inject"])


def test_a_layer_that_returns_more_than_a_tensor_is_refused() -> None:
    base = tiny("llama")
    layer = base.model.layers[1]
    plain = layer.forward
    layer.forward = lambda *args, **kwargs: (plain(*args, **kwargs), None)
    with pytest.raises(RailError, match="returns a tuple"):
        DualRail.attach(base, COUPLINGS["ladder"])


def test_a_projection_that_is_not_there_is_named_with_those_that_are() -> None:
    config = RailConfig(coupling="inject", heads=2, in_path=("q_proj",))
    with pytest.raises(RailError, match=r"no projection 'q_proj'.*self_attn.qkv_proj"):
        DualRail.attach(tiny("phi3"), config)


def _doubled(out: object) -> object:
    out.logits = out.logits * 2  # type: ignore[attr-defined]
    return out
