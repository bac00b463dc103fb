"""Who owns what: copies, files, several rails on one base, gradients, PEFT."""

import copy
import io
import pickle
import threading
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import BaseMismatchError, RailError  # noqa: E402
from tests.conformance.families import COUPLINGS, FULL, ids, railed, shaken, tiny  # noqa: E402

each = pytest.mark.parametrize("family", FULL)
ways = pytest.mark.parametrize("coupling", sorted(COUPLINGS))


@torch.no_grad()
def logits(model: DualRail) -> torch.Tensor:
    return model(input_ids=ids(), use_cache=False).logits


@each
@ways
def test_a_base_keeps_its_names_and_its_answers(family: str, coupling: str) -> None:
    base = tiny(family)
    names, before = list(base.state_dict()), base(input_ids=ids()).logits.detach()
    model = shaken(DualRail.attach(base, COUPLINGS[coupling]))
    logits(model)
    assert list(base.state_dict()) == names
    assert torch.equal(base(input_ids=ids()).logits, before)


@each
@ways
def test_a_saved_rail_comes_back_exactly(family: str, coupling: str, tmp_path: Path) -> None:
    model = railed(family, coupling)
    model.save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rail.json", "rail.safetensors"]
    again = DualRail.from_pretrained(tmp_path, tiny(family))
    assert torch.equal(logits(again), logits(model))
    with pytest.raises(BaseMismatchError, match="made for"):
        DualRail.from_pretrained(tmp_path, tiny(family, seed=1))


@each
@ways
def test_a_copy_is_its_own(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    before, twin = logits(model), copy.deepcopy(model)
    assert torch.equal(logits(twin), before)
    for parameter in [*twin.rail.parameters(), *twin.base.parameters()]:
        parameter.data.mul_(1.5)
    assert torch.equal(logits(model), before)
    assert not torch.equal(logits(twin), before)


@each
@ways
def test_two_rails_share_a_base(family: str, coupling: str) -> None:
    base = tiny(family)
    first = shaken(DualRail.attach(base, COUPLINGS[coupling]))
    alone = logits(first)
    second = shaken(DualRail.attach(base, COUPLINGS["inject"]), seed=1)
    assert second.base is first.base
    both = logits(second)
    assert not torch.equal(both, alone)
    for _ in range(2):  # in turns
        assert torch.equal(logits(first), alone)
        assert torch.equal(logits(second), both)


@each
@ways
def test_a_pickled_model_is_the_model(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    assert torch.equal(logits(pickle.loads(pickle.dumps(model))), logits(model))
    kept = io.BytesIO()
    torch.save(model, kept)
    kept.seek(0)
    assert torch.equal(logits(torch.load(kept, weights_only=False)), logits(model))


def grads(model: DualRail) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model.train()
    model(input_ids=ids(rows=2), labels=ids(rows=2)).loss.backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@each
@ways
def test_only_the_rail_learns(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    found = grads(model)
    assert set(found) == {n for n, _ in model.named_parameters() if n.startswith("rail.")}
    dead = [n for n, g in found.items() if not torch.isfinite(g).all() or g.abs().max() == 0]
    assert dead == []


@each
def test_a_ladder_keeps_nothing_of_the_base_for_the_backward_pass(family: str) -> None:
    model = railed(family, "ladder")
    ours = {p.data_ptr() for p in model.rail.parameters()}
    base = {p.data_ptr(): n for n, p in model.base.named_parameters()}
    kept = set()

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.add(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(input_ids=ids(), labels=ids())
    assert kept & ours
    assert not [base[p] for p in kept & set(base) if "layers." in base[p]]


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing_enable.*:FutureWarning")
@each
@ways
def test_checkpointing_gives_the_same_gradients(family: str, coupling: str) -> None:
    model = railed(family, coupling)
    plain = grads(model)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    again = grads(model)
    assert all(m.training and m.gradient_checkpointing for m in model.base.model.layers)
    assert plain.keys() == again.keys()
    for name in plain:
        assert torch.allclose(plain[name], again[name], atol=1e-6), name


def lora() -> object:
    peft = pytest.importorskip("peft")
    return peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")


@each
@ways
def test_a_rail_over_a_peft_base_trains_both(family: str, coupling: str) -> None:
    peft = pytest.importorskip("peft")
    model = shaken(DualRail.attach(peft.get_peft_model(tiny(family), lora()), COUPLINGS[coupling]))
    found = grads(model)
    assert sum("lora_" in name for name in found) == 16
    assert sum(name.startswith("rail.") for name in found) == len(list(model.rail.parameters()))
    model.eval()
    cached = model.generate(ids(), max_new_tokens=4, do_sample=False)
    assert torch.equal(
        cached, model.generate(ids(), max_new_tokens=4, do_sample=False, use_cache=False)
    )


@each
@ways
def test_peft_injected_into_the_base_leaves_the_rail_trainable(family: str, coupling: str) -> None:
    peft = pytest.importorskip("peft")
    model = railed(family, coupling)
    before = logits(model)
    peft.inject_adapter_in_model(lora(), model.base)
    assert torch.equal(logits(model), before)  # LoRA's second matrix is zero at birth
    found = grads(model)
    assert sum("lora_" in name for name in found) == 16
    assert sum(name.startswith("rail.") for name in found) == len(list(model.rail.parameters()))


@each
def test_peft_around_a_rail_freezes_it_until_it_is_told_not_to(family: str) -> None:
    peft = pytest.importorskip("peft")
    model = railed(family, "inject")
    wrapped = peft.get_peft_model(model, lora())
    assert not any(p.requires_grad for p in model.rail.parameters())
    model.rail.requires_grad_(True)
    found = grads(model)
    assert sum("lora_" in name for name in found) == 16
    assert any(name.startswith("rail.") for name in found)
    assert wrapped.generate(input_ids=ids(), max_new_tokens=3, do_sample=False).shape == (1, 17)


def test_prompts_learnt_by_peft_are_refused() -> None:
    peft = pytest.importorskip("peft")
    prompts = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with pytest.raises(RailError, match="prompts learnt by PEFT"):
        DualRail.attach(peft.get_peft_model(tiny("llama"), prompts), COUPLINGS["ladder"])


def test_another_threads_base_call_takes_no_in_path_delta_away() -> None:
    model = railed("llama", "hybrid")
    want, alone = logits(model), model.base(input_ids=ids(5)).logits
    found = []

    def meanwhile(module: object, args: object) -> None:
        if not found:
            found.append(None)
            other = threading.Thread(target=lambda: found.append(model.base(input_ids=ids(5))))
            other.start()
            other.join()

    model.base.model.layers[1].self_attn.q_proj.register_forward_pre_hook(meanwhile)
    assert torch.equal(logits(model), want)
    assert torch.equal(found[1].logits, alone)


def test_a_call_that_breaks_off_leaves_nothing_behind() -> None:
    model = railed("llama", "hybrid")
    want, alone = logits(model), model.base(input_ids=ids()).logits

    def broken(module: object, args: object) -> None:
        raise KeyboardInterrupt

    hook = model.base.model.layers[1].self_attn.k_proj.register_forward_pre_hook(broken)
    with pytest.raises(KeyboardInterrupt):
        model(input_ids=ids(), labels=ids())
    hook.remove()
    assert torch.equal(logits(copy.deepcopy(model)), want)
    assert torch.equal(model.base(input_ids=ids()).logits, alone)
