"""torch.compile takes a model with a rail as one graph, and computes the same."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.dual_rail import DualRail  # noqa: E402
from tests.conformance.families import COUPLINGS, FULL, ids, railed  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch.compiler.reset()


def whole_graph(model: DualRail, backend: str) -> DualRail:
    return torch.compile(model, fullgraph=True, dynamic=False, backend=backend)


QUICK = {("gpt_oss", "inject"), ("llama", "ladder")}
ALL = [(family, coupling) for family in FULL for coupling in sorted(COUPLINGS)]


@pytest.mark.parametrize(
    ("family", "coupling"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.slow) for one in ALL],
)
@torch.no_grad()
def test_the_forward_pass_is_one_graph(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    plain = model(input_ids=ids(), use_cache=False).logits
    compiled = whole_graph(model, "eager")(input_ids=ids(), use_cache=False).logits
    assert torch.equal(compiled, plain)


@pytest.mark.parametrize(
    "coupling", ["ladder", *(pytest.param(c, marks=pytest.mark.slow) for c in ("inject", "hybrid"))]
)
def test_a_compiled_training_step_has_the_same_gradients(coupling: str) -> None:
    model = railed("llama", coupling).train()
    given = {"input_ids": ids(), "labels": ids(), "use_cache": False}
    model(**given).loss.backward()
    plain = {n: p.grad.clone() for n, p in model.rail.named_parameters()}
    model.zero_grad()
    whole_graph(model, "aot_eager")(**given).loss.backward()
    for name, parameter in model.rail.named_parameters():
        assert torch.allclose(parameter.grad, plain[name], atol=1e-6), name


@torch.no_grad()
def test_a_closed_gate_is_out_of_the_graph() -> None:
    model = railed("llama", "inject")
    model.gates.set_(0.0)
    for parameter in model.rail.parameters():
        if parameter is not model.gates.alpha:
            parameter.data.fill_(float("inf"))
    plain = model.base(input_ids=ids(), use_cache=False).logits
    compiled = whole_graph(model, "eager")(input_ids=ids(), use_cache=False).logits
    assert torch.equal(compiled, plain)


@pytest.mark.parametrize("coupling", ["ladder", pytest.param("inject", marks=pytest.mark.slow)])
@torch.no_grad()
def test_a_step_with_a_static_cache_is_one_graph(coupling: str) -> None:
    from transformers import StaticCache

    model = railed("llama", coupling)
    cache = StaticCache(config=model.config, max_cache_len=16)
    model(input_ids=ids()[:, :9], past_key_values=cache)
    step = whole_graph(model, "eager")
    found = [
        step(input_ids=ids()[:, at, None], past_key_values=cache).logits[:, 0]
        for at in range(9, 14)
    ]
    plain = model(input_ids=ids(), use_cache=False).logits[:, 9:]
    assert torch.allclose(torch.stack(found, dim=1), plain, atol=1e-5)
