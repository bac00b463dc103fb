"""Skills are born, merged and distilled beside what serves, and serve only by the gate."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from bb_core.actions import Copy, Decision
from bb_core.skill import Skill
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.progress import Progress
from bb_nn.builder.rail_folder import load_rail, save_rail
from bb_nn.errors import SwapError
from bb_nn.programs.library import Library
from bb_nn.programs.live import Live
from bb_safety import Evidence, Golden, Metric, Pair, Policy, Registry
from bb_train.continual.adapters import adapters, load_adapters, trunk_digest, with_adapters
from bb_train.continual.cycle import Cycle
from bb_train.continual.learning import Learning
from bb_train.continual.skill_change import (
    born,
    distilled_skills,
    merged_skills,
    require_births,
)
from bb_train.errors import AdaptersOnly
from bb_train.learner import lessons
from bb_train.skills.compose import with_skill
from bb_train.skills.fit_composite import widened
from tests.unit.tiny_rail import base, builder, logits, made, shop, states

TOOLS = ("find_user_by_email", "get_order")
LOOKS = Skill("+".join(TOOLS), TOOLS, (), (), ((), (0,)))
FIRST, SECOND = 3, 6


def loss(one: PlanBuilder, step: int) -> torch.Tensor:
    lesson = lessons(one, made()[:4], states).lessons
    batch = one.batch([states(e.text) for e in lesson], [e.encoded for e in lesson])
    return one.loss(batch).task


def busy() -> PlanBuilder:
    """A builder whose every skill does something."""
    one = with_adapters(builder(), 2)
    torch.manual_seed(4)
    load_adapters(one, {n: 0.1 * torch.randn_like(p) for n, p in adapters(one).items()})
    return one


def test_a_skill_is_born_with_a_vector_and_rows_of_its_own_and_comes_back(tmp_path: Path) -> None:
    serving = builder()
    before = trunk_digest(serving)
    one = born(serving, base(), LOOKS, loss, 2)
    assert trunk_digest(one) == before == trunk_digest(serving)
    assert len(one.space.skills) == len(serving.space.skills) + 1
    require_births(one, serving)
    save_rail(tmp_path, one, base())
    again = load_rail(tmp_path, base(), shop())
    assert torch.allclose(again.network.words, one.network.words, atol=1e-2)
    with pytest.raises(AdaptersOnly, match="its cap"):
        born(serving, base(), LOOKS, loss, 1, most=0)


def test_a_builder_is_not_served_where_its_rows_move_and_its_space_does_not() -> None:
    with pytest.raises(SwapError, match=r"space's too.*skill_change"):
        Live(busy(), Library())


def test_no_condition_is_asked_of_a_composite() -> None:
    one = widened(builder(), with_skill(builder().space, LOOKS), base())
    names = [skill.name for skill in one.space.skills]
    asker = one.asker(made()[0].scene)
    look = Decision(names.index("get_order"), (Copy(0, 5),))
    offered = {
        name: asker.offers.conditions(Progress((look,), skill=names.index(name)))
        for name in ("cancel_order", LOOKS.name)
    }
    assert len(offered["cancel_order"]) > 1 == len(offered[LOOKS.name])


def test_two_births_at_once_are_refused() -> None:
    one = born(builder(), base(), LOOKS, loss, 1)
    two = born(one, base(), replace(LOOKS, name="again"), loss, 1)
    with pytest.raises(AdaptersOnly, match="2 skills were born at once"):
        require_births(two, builder())


def test_merged_and_distilled_skills_share_one_change_and_the_rest_is_untouched() -> None:
    serving = busy()
    before = logits(serving)

    def run(one: PlanBuilder) -> object:
        return logits(one)

    for one in (
        merged_skills(serving, FIRST, SECOND),
        distilled_skills(serving, FIRST, SECOND, run),
    ):
        assert trunk_digest(one) == trunk_digest(serving)
        bank, old = (b.network.decoder.blocks[0].bank for b in (one, serving))
        assert torch.equal(bank.up[FIRST], bank.up[SECOND])
        assert torch.equal(bank.down[FIRST], bank.down[SECOND])
        others = [row for row in range(len(bank)) if row not in (FIRST, SECOND)]
        assert all(torch.equal(bank.up[row], old.up[row]) for row in others)
    assert torch.equal(logits(serving), before)


def test_a_skill_serves_only_after_the_gate(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    policy = Policy(alpha=0.2, epsilon=0.2, anchor_epsilon=0.3, epsilon_total=0.9)
    pointer = registry.pointer("api_json")
    cycle = Cycle(
        base(), registry, pointer, policy, Learning(), tmp_path / "learn", lambda r: None, states
    )
    serving = busy()
    proposed = cycle.offer(merged_skills(serving, FIRST, SECOND), serving, "merged")
    assert pointer.standing().current == ""
    rows = tuple(Pair(f"t{n}", n, (0.0,), (0.0,)) for n in range(60))
    told = Evidence("", "", "", (Metric("harm", 1.0),), rows, golden=(Golden("g", True),))
    harmful = replace(told, golden=(Golden("g", False, "it fails"),))
    assert cycle.decide(proposed, harmful, by="ada").verdict == "reject"
    assert pointer.standing().current == ""
    assert cycle.decide(proposed, told, by="ada").verdict == "promote"
    assert pointer.standing().current == proposed.artifact.digest
