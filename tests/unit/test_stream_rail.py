"""The stream rail as a whole: bounds, birth, skills, what is configured and what is saved."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from bb_nn.base import load_base  # noqa: E402
from bb_nn.clamp import moved  # noqa: E402
from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import BaseMismatchError, RailError  # noqa: E402
from bb_nn.programs.bank import SkillBank  # noqa: E402
from bb_nn.programs.pack import banks  # noqa: E402
from bb_nn.rail_config import RailConfig  # noqa: E402
from bb_nn.taps import Reading  # noqa: E402
from tests.conformance.families import COUPLINGS, ids, railed, shaken, tiny  # noqa: E402

SMALL = {"every": 2, "heads": 2, "window": 4}


@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
@torch.no_grad()
def test_a_new_rail_changes_nothing(coupling: str) -> None:
    base = tiny("llama")
    model = DualRail.attach(base, COUPLINGS[coupling])
    assert not model.is_base
    assert torch.equal(model(input_ids=ids()).logits, base(input_ids=ids()).logits)


def first_entry(rho: float | None, alpha: float, factor: float) -> torch.Tensor:
    """|h' - h| / |h| where the first tap enters, all rail weights multiplied by `factor`."""
    config = RailConfig(coupling="inject", rho=rho, alpha=0.0, cap=1.0, **SMALL)
    model = shaken(DualRail.attach(tiny("llama"), config), gates=alpha)
    for name, parameter in model.rail.named_parameters():
        if not name.startswith("gates"):
            parameter.data.mul_(factor)
    with torch.no_grad():
        after, before = (
            m(input_ids=ids(), output_hidden_states=True).hidden_states[2]
            for m in (model, model.base)
        )
    return moved(after, before)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("factor", [1.0, 1e6])
def test_the_clamp_bounds_what_any_weights_can_do(alpha: float, factor: float) -> None:
    assert first_entry(1.0, alpha, factor).max() <= alpha * (1 + 1e-4)


def test_without_the_clamp_a_small_alpha_bounds_nothing() -> None:
    assert first_entry(None, 0.05, 1e6).max() > 1e3


@torch.no_grad()
def test_the_ladders_entry_is_bounded_too() -> None:
    model = railed("llama", "ladder")
    for entry in model.rail.entries:
        entry.weight.data.mul_(1e6)
    reading = Reading((1, 3))
    out = model(input_ids=ids())
    model.base(input_ids=ids(), rail_ctx=reading)
    top = reading.states[3]
    assert moved(model.rail.into(0, top, out.stream), top).max() <= 0.5 * (1 + 1e-4)


def test_a_skill_is_picked_by_the_call() -> None:
    config = RailConfig(coupling="ladder", skills=3, skill_rank=2, **SMALL)
    model = shaken(DualRail.attach(tiny("llama"), config))
    rows = ids().expand(2, -1)
    with torch.no_grad():
        plain = model(input_ids=rows).logits
        both = model(input_ids=rows, skill=torch.tensor([0, 2])).logits
        swapped = model(input_ids=rows, skill=torch.tensor([2, 0])).logits
        none = model(input_ids=rows, skill=torch.tensor([-1, 0])).logits
    assert not torch.equal(both[0], both[1])
    assert torch.allclose(both, swapped.flip(0), atol=1e-6)
    assert torch.allclose(none[0], plain[0], atol=1e-6)
    text = model.generate(rows, skill=torch.tensor([0, 2]), max_new_tokens=5, do_sample=False)
    again = model.generate(
        rows, skill=torch.tensor([0, 2]), max_new_tokens=5, do_sample=False, use_cache=False
    )
    assert torch.equal(text, again)


@pytest.mark.parametrize("coupling", ["ladder", "inject"])
def test_a_rail_learns_what_its_base_does_not_know(coupling: str) -> None:
    torch.manual_seed(0)
    config = RailConfig(coupling=coupling, alpha=0.5, cap=0.5, rho=2.0, **SMALL)
    base = tiny("llama")
    base.lm_head.weight.data.mul_(20)  # a random head says too little to be moved far
    model = DualRail.attach(base, config).train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-2)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = model(input_ids=ids(rows=4), labels=ids(rows=4)).loss
        loss.backward()
        optimiser.step()
        model.gates.project_()
        assert model.gates.alpha.mean().item() <= 0.5 + 1e-6
        losses.append(loss.item())
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"coupling": "parallel"}, "coupling"),
        ({"every": -1}, "every"),
        ({"taps": (3, 1)}, "taps"),
        ({"width": 30}, "width"),
        ({"window": 0}, "window"),
        ({"cap": 1.5}, "cap"),
        ({"alpha": 0.6}, "alpha"),
        ({"rho": 0.0}, "rho"),
        ({"rho": math.inf}, "rho"),
        ({"heads": 0}, "heads"),
        ({"skills": -1}, "skills"),
        ({"in_path": ("q_proj",)}, "in_path"),
    ],
)
def test_a_wrong_configuration_is_refused(given: dict, found: str) -> None:
    with pytest.raises(RailError, match=found):
        RailConfig(**given)


def test_taps_are_counted_from_the_last_layer() -> None:
    assert RailConfig(every=5).layers(30) == (4, 9, 14, 19, 24, 29)
    assert RailConfig("ladder").layers(30) == (4, 9, 14, 19, 24, 29)
    assert RailConfig("inject").layers(30) == (5, 13, 21, 29)
    assert RailConfig.from_json(RailConfig("inject", every=5).to_json()).every == 5
    assert RailConfig("inject").to_json()["every"] == 8  # on disk, whatever the usual one becomes
    assert RailConfig(taps=(0, 7)).layers(8) == (0, 7)
    with pytest.raises(RailError, match="8 layers"):
        RailConfig(taps=(8,)).layers(8)


def test_the_width_is_a_quarter_of_the_bases() -> None:
    assert RailConfig().rail_width(576) == 144
    assert RailConfig(width=64).rail_width(576) == 64


@pytest.mark.parametrize("config", [RailConfig(), RailConfig(taps=(1, 3), rho=None)])
def test_a_configuration_goes_to_json_and_back(config: RailConfig) -> None:
    assert RailConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(RailError, match="unknown field 'depth'"):
        RailConfig.from_json({"depth": 3})


def test_a_rail_is_loaded_with_the_base_it_names(tmp_path: Path) -> None:
    model = shaken(DualRail.attach(load_base("random:llama", torch.float32), RailConfig(**SMALL)))
    model.gates.set_(0.2, cap=0.25)
    model.save_pretrained(tmp_path)
    again = DualRail.from_pretrained(tmp_path)
    assert again.gates.cap == 0.25
    assert not again.training
    with torch.no_grad():
        bf16 = again(input_ids=ids()).logits.float()
        assert torch.allclose(bf16, model(input_ids=ids()).logits, atol=0.05)
    with pytest.raises(BaseMismatchError, match="Load 'random:llama'"):
        DualRail.from_pretrained(tmp_path, load_base("random:llama", seed=1))


def test_a_rail_on_a_bare_model_has_to_be_given_it(tmp_path: Path) -> None:
    railed("llama", "ladder").save_pretrained(tmp_path)
    with pytest.raises(RailError, match="no name"):
        DualRail.from_pretrained(tmp_path)


def test_a_folder_that_was_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RailError, match="not a saved rail"):
        DualRail.from_pretrained(tmp_path, tiny("llama"))
    railed("llama", "ladder").save_pretrained(tmp_path)
    weights = tmp_path / "rail.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(RailError, match="not those recorded"):
        DualRail.from_pretrained(tmp_path, tiny("llama"))


def test_the_default_rail_is_small_beside_the_embedded_base() -> None:
    """Six taps of width 144 on 30 layers of 576: 1.4 % of 135 million parameters."""
    layers = torch.nn.ModuleList(torch.nn.Identity() for _ in range(30))
    from bb_nn.rail import Rail

    count = sum(p.numel() for p in Rail(RailConfig(), layers, 576).parameters())
    assert math.isclose(count, 1.83e6, rel_tol=0.1)


@pytest.mark.parametrize("change", [SkillBank.grow, lambda bank: bank.drop(0)])
def test_a_rail_is_saved_with_the_skills_it_has_by_now(
    tmp_path: Path, change: Callable[[SkillBank], Any]
) -> None:
    config = RailConfig(**SMALL, skills=2, skill_rank=2)
    model = shaken(DualRail.attach(tiny("llama"), config))
    for bank in banks(model).values():
        change(bank)
    model.save_pretrained(tmp_path)
    again = DualRail.from_pretrained(tmp_path, tiny("llama"))
    skill = torch.tensor([len(next(iter(banks(model).values()))) - 1])
    with torch.no_grad():
        first, second = (m(input_ids=ids(), skill=skill).logits for m in (model, again))
    assert torch.equal(first, second)
    assert again.rail.config.skills == len(next(iter(banks(again).values())))
