"""What callers other than `generate` hand over: trainers, tuples, embeddings, several models."""

import copy
import threading
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, GenerationConfig  # noqa: E402

from bb_nn.base import load_base  # noqa: E402
from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import BaseMismatchError, RailError  # noqa: E402
from bb_nn.gates import Gates  # noqa: E402
from bb_nn.in_path import LowRank, projections  # noqa: E402
from bb_nn.programs.library import Library  # noqa: E402
from bb_nn.programs.live import Live, record  # noqa: E402
from bb_nn.programs.pack import newborn, take  # noqa: E402
from bb_nn.rail_config import RailConfig  # noqa: E402
from tests.conformance.families import COUPLINGS, ids, railed, shaken, tiny  # noqa: E402

ways = pytest.mark.parametrize("coupling", sorted(COUPLINGS))
SMALL = {"every": 2, "heads": 2, "window": 4}


def logits(model: Any, **more: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids(), use_cache=False, **more).logits


@ways
@torch.no_grad()
def test_a_loss_is_scaled_as_the_bases(coupling: str) -> None:
    model = railed("llama", coupling)
    rows = ids(rows=2)
    shifted = {"shift_labels": rows.roll(-1, 1), "labels": rows}
    for aims in ({"labels": rows, "num_items_in_batch": 100}, shifted):
        with model.base_only():
            alone = model(input_ids=rows, **aims).loss
        assert torch.equal(alone, model.base(input_ids=rows, **aims).loss)
        plain = model(input_ids=rows, **aims).loss
        assert 0.5 < (plain / alone).item() < 2


@torch.no_grad()
def test_a_mixture_of_experts_keeps_its_loss_for_routing() -> None:
    base = tiny("gpt_oss")
    model = shaken(DualRail.attach(base, COUPLINGS["inject"]))
    given = {"input_ids": ids(), "labels": ids(), "output_router_logits": True}
    with model.base_only():
        ours = model(**given)
    assert torch.equal(ours.loss, base(**given).loss)
    assert torch.equal(ours.aux_loss, base(**given).aux_loss)
    assert model(**given).aux_loss is not None


@ways
@torch.no_grad()
def test_a_tuple_is_given_where_it_is_asked_for(coupling: str) -> None:
    model = railed("llama", coupling)
    assert torch.equal(model(input_ids=ids(), return_dict=False)[0], model(input_ids=ids()).logits)
    with model.base_only():
        found = model(input_ids=ids(), return_dict=False)[0]
    assert torch.equal(found, model.base(input_ids=ids()).logits)


@ways
def test_a_text_may_start_from_embeddings(coupling: str) -> None:
    model = railed("llama", coupling)
    given = {"max_new_tokens": 5, "do_sample": False}
    found = model.generate(inputs_embeds=model.get_input_embeddings()(ids()).detach(), **given)
    assert torch.equal(found, model.generate(ids(), **given)[:, 14:])


def test_an_assistant_is_refused_however_it_is_asked_for() -> None:
    with pytest.raises(RailError, match="assistant"):
        railed("llama", "inject").generate(ids(), GenerationConfig(prompt_lookup_num_tokens=2))


@ways
def test_a_trainers_way_of_saving_is_taken(coupling: str, tmp_path: Path) -> None:
    model = railed("llama", coupling)
    model.save_pretrained(tmp_path, state_dict=model.state_dict(), safe_serialization=True)
    assert torch.equal(logits(DualRail.from_pretrained(tmp_path, tiny("llama"))), logits(model))


def test_gates_over_the_cap_are_saved_under_it(tmp_path: Path) -> None:
    model = railed("llama", "inject")
    with torch.no_grad():
        model.gates.alpha.fill_(3.0)
    model.save_pretrained(tmp_path)
    again = DualRail.from_pretrained(tmp_path, tiny("llama"))
    assert again.gates.alpha.mean().item() == pytest.approx(again.gates.cap)


def test_a_rail_comes_back_in_its_own_type(tmp_path: Path) -> None:
    model = railed("llama", "ladder")
    model.rail.to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    again = DualRail.from_pretrained(tmp_path, tiny("llama"))
    assert torch.equal(logits(again), logits(model))


@pytest.mark.parametrize("how", ["written", "joined"])
def test_a_base_changed_after_loading_is_not_named_as_it_was(how: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = load_base("random:llama", torch.float32)
    model = shaken(DualRail.attach(base, RailConfig(**SMALL)))
    if how == "written":
        with torch.no_grad():
            model.get_input_embeddings().weight.mul_(1.5)
    else:
        config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
        peft.inject_adapter_in_model(config, model.base)
    model.save_pretrained(tmp_path)
    with pytest.raises(BaseMismatchError):
        DualRail.from_pretrained(tmp_path, load_base("random:llama", torch.float32))
    assert torch.equal(logits(DualRail.from_pretrained(tmp_path, model.base)), logits(model))


def test_a_copy_of_a_rail_still_names_its_base(tmp_path: Path) -> None:
    model = DualRail.attach(load_base("random:llama", torch.float32), RailConfig(**SMALL))
    copy.deepcopy(model).save_pretrained(tmp_path)
    DualRail.from_pretrained(tmp_path)


def test_base_only_ends_with_the_last_that_entered() -> None:
    model = railed("llama", "ladder")
    first, second = model.base_only(), model.base_only()
    first.__enter__()
    second.__enter__()
    twin = copy.deepcopy(model)
    first.__exit__(None, None, None)
    assert model.is_base
    second.__exit__(None, None, None)
    assert not model.is_base
    assert not twin.is_base


def test_base_only_in_many_threads_leaves_the_model_as_it_was() -> None:
    model = railed("llama", "ladder")

    def often() -> None:
        for _ in range(500):
            with model.base_only():
                pass

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not model.is_base


@pytest.mark.parametrize("coupling", ["ladder", "inject"])
def test_a_loaded_rail_is_compiled_with_the_gates_it_was_saved_with(
    coupling: str, tmp_path: Path
) -> None:
    config = RailConfig(coupling=coupling, alpha=0.0, **SMALL)
    model = shaken(DualRail.attach(tiny("llama"), config))
    model.save_pretrained(tmp_path)
    again = DualRail.from_pretrained(tmp_path, tiny("llama"))
    assert torch.allclose(logits(torch.compile(again, backend="eager")), logits(model), atol=1e-5)


def test_gates_written_behind_torchs_back_are_read_again_with_the_mode() -> None:
    gates = Gates(2, alpha=0.0, cap=0.5).eval()
    assert gates.is_shut()
    gates.alpha.data.fill_(0.4)
    assert not gates.eval().is_shut()
    with pytest.raises(RailError, match="gates for 2"):
        gates.set_(torch.zeros(3))
    gates.alpha.data.fill_(float("nan"))
    with pytest.raises(RailError, match="nan"):
        gates.eval()


def test_a_rail_may_be_attached_in_inference_mode() -> None:
    with torch.inference_mode():
        model = DualRail.attach(tiny("llama"), COUPLINGS["inject"])
        model.gates.set_(0.0)
        assert model.is_base
        model.gates.set_(0.5)
        assert not model.is_base
        assert model(input_ids=ids()).logits.shape == (1, 14, 96)


@ways
def test_a_rail_in_half_precision_is_finite(coupling: str) -> None:
    model = railed("llama", coupling, dtype=torch.float16)
    model.rail.to(torch.float16)
    whole = logits(model)
    assert torch.isfinite(whole).all()
    mask = torch.ones_like(ids())
    mask[:, :3] = 0
    assert torch.isfinite(logits(model, attention_mask=mask)).all()
    with torch.autocast("cpu", torch.float16):
        assert torch.isfinite(logits(railed("llama", coupling))).all()


def test_a_skill_that_is_not_there_is_refused_in_words() -> None:
    plain = railed("llama", "ladder")
    with pytest.raises(RailError, match="0 skills"):
        plain(input_ids=ids(), skill=torch.tensor([0]))
    model = shaken(DualRail.attach(tiny("llama"), RailConfig(skills=2, **SMALL)))
    with pytest.raises(RailError, match="skill 2 of 2"):
        model(input_ids=ids(), skill=torch.tensor([2]))
    with pytest.raises(RailError, match="2 skills"):
        model(input_ids=ids(), skill=torch.tensor([0, 1]))
    with pytest.raises(RailError, match="one skill"):
        model.generate(ids(), skill=torch.zeros(1, 14, dtype=torch.long), max_new_tokens=1)


def test_a_float_is_no_skill_but_may_weigh_all() -> None:
    model = shaken(DualRail.attach(tiny("llama"), RailConfig(skills=2, **SMALL)))
    rows = ids(2, rows=2)

    def under(skill: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return model(input_ids=rows, skill=skill).logits

    for wrong in (torch.tensor([0.0, 1.0]), torch.tensor([True, False]), torch.ones(2, 3)):
        with pytest.raises(RailError, match="for a bank of 2"):
            under(wrong)
    with pytest.raises(RailError, match="2 skills"):
        under(torch.ones(1, 2))
    wanted = under(torch.tensor([1, 0]))
    assert torch.allclose(under(torch.tensor([[0.0, 1.0], [1.0, 0.0]])), wanted, atol=1e-6)


@ways
def test_a_mask_of_other_rows_or_too_few_columns_is_refused(coupling: str) -> None:
    model = railed("llama", coupling)
    square = torch.ones(2, 1, 14, 14, dtype=torch.bool).tril()
    for shape in ((1, 14), (2, 1), (2, 3), (3, 14)):
        given = {"attention_mask": square, "rail_mask": torch.ones(shape)}
        with pytest.raises(RailError, match=r"a mask .* for \[2, 14\] tokens"):
            model(input_ids=ids(rows=2), **given)


def test_a_projection_that_experts_share_the_name_of_is_refused() -> None:
    layer = torch.nn.Module()
    layer.experts = torch.nn.ModuleList(
        torch.nn.ModuleDict({"up_proj": torch.nn.Linear(4, 4)}) for _ in range(3)
    )
    with pytest.raises(RailError, match=r"'up_proj' names 3 projections: .*experts\.0\.up_proj"):
        projections(layer, ("up_proj",))


def test_in_path_deltas_reach_every_family_that_takes_them() -> None:
    config = RailConfig(coupling="inject", in_path=("q_proj",), **SMALL)
    model = shaken(DualRail.attach(tiny("stablelm"), config))
    before = logits(model)
    for delta in model.rail.path.modules():
        if isinstance(delta, LowRank):
            delta.up.data.zero_()
    assert not torch.equal(logits(model), before)


def test_a_projection_that_no_call_passes_is_refused() -> None:
    base = tiny("llama")
    for layer in base.model.layers:
        layer.self_attn.unused = torch.nn.Linear(32, 32)
    config = RailConfig(coupling="inject", in_path=("unused",), **SMALL)
    with pytest.raises(RailError, match="no call passes"):
        DualRail.attach(base, config)
    assert next(base.parameters()).requires_grad  # a refused base is as it was


def test_what_is_no_causal_model_with_weights_is_refused() -> None:
    config = AutoConfig.for_model("llama", hidden_size=32, num_hidden_layers=1, vocab_size=9)
    config.num_attention_heads = config.num_key_value_heads = 2
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config)
    for base, found in (
        (AutoModel.from_config(config), "not a causal"),
        ("smollm2-135m", "not a causal"),
        (empty, "no weights"),
    ):
        with pytest.raises(RailError, match=found):
            DualRail.attach(base)
    with pytest.raises(RailError, match="resized"):
        railed("llama", "ladder").resize_token_embeddings(100)


def test_a_second_rail_leaves_a_base_that_recomputes_its_layers() -> None:
    base = tiny("llama")
    first = DualRail.attach(base, COUPLINGS["inject"])
    base.gradient_checkpointing_enable({"use_reentrant": False})
    first.train()
    second = DualRail.attach(base, COUPLINGS["ladder"])
    assert base.training
    assert not second.training
    assert not second.rail.training


def test_a_ladder_does_not_mix_adapters_without_a_word() -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    base = peft.get_peft_model(tiny("llama"), config)
    model = shaken(DualRail.attach(base, COUPLINGS["ladder"]))
    with pytest.raises(RailError, match="PEFT adapters"):
        model(input_ids=ids(), adapter_names=["default"])


def test_a_ladder_over_a_base_that_sees_is_refused() -> None:
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    text = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "vocab_size": 96}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 4, "model_type": "llama"}
    vision = {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "image_size": 8}
    vision |= {"num_attention_heads": 4, "patch_size": 4, "model_type": "clip_vision_model"}
    base = LlavaForConditionalGeneration(LlavaConfig(text_config=text, vision_config=vision))
    with pytest.raises(RailError, match="not text"):
        DualRail.attach(base, RailConfig(every=1, heads=2))
    DualRail.attach(base, RailConfig(coupling="inject", every=1, heads=2))


def test_a_version_with_one_skill_more_keeps_its_in_path_deltas() -> None:
    config = RailConfig(
        coupling="inject", in_path=("q_proj", "o_proj"), skills=2, skill_rank=2, **SMALL
    )
    model = shaken(DualRail.attach(tiny("llama"), config))
    packs = [take(model, row, f"s{row}", (f"t{row}",)) for row in range(2)]
    live = Live(model, Library(tuple(record(pack) for pack in packs)))
    with model.base_only():
        born = newborn(model, "new", ("t2",))
        after = live.add(born, born.digest).model
    assert not after.is_base
    skill = torch.tensor([1])
    assert torch.allclose(logits(after, skill=skill), logits(model, skill=skill), atol=1e-6)
