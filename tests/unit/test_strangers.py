"""Tools that training never showed: told by what a request says of them, and by no vector."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from bb_core.scene import scene
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.option_head import Kind
from bb_nn.builder.rail_folder import load_rail, save_rail
from bb_nn.builder.words import tool_text
from bb_nn.errors import RailError
from bb_train.learner import lessons
from tests.unit.tiny_rail import base, builder, made, shop, states

torch.set_num_threads(1)
SEEN = scene("Issue $5 of store credit to pm1255, and cancel W1001.")


@cache
def plain() -> PlanBuilder:
    return builder()


def told(share: float = 0.5) -> PlanBuilder:
    """A builder that is told of strangers; its weights are random."""
    torch.manual_seed(0)
    shape = replace(plain().config, strangers=share)
    return PlanBuilder(shape, plain().space, plain().described).eval().requires_grad_(False)


def skill_logits(one: PlanBuilder) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of every skill on offer in some lessons: logit, what is known of it, its question."""
    taught = lessons(one, made()[:3], states).lessons
    batch = one.batch([states(e.text) for e in taught], [e.encoded for e in taught])
    asked = batch.questions
    skills = asked.kind == Kind.SKILL
    return one.network(batch).options[skills], asked.features[skills], asked.group[skills]


def test_a_stranger_has_one_vector_and_the_others_keep_theirs() -> None:
    one = told()
    before = one.network.words.clone()
    one.estrange(["issue_credit", "handoff"])
    rows = [one.described.rows[tool_text(one.space, t)] for t in ("issue_credit", "handoff")]
    changed = (one.network.words != before).any(dim=1).nonzero().flatten().tolist()
    assert sorted(rows) == changed
    assert torch.equal(one.network.words[rows], one.network.stranger.expand(2, -1))
    assert torch.equal(one.described.vectors, one.network.words)


def test_strangers_differ_by_what_is_said_alone() -> None:
    one = told()
    one.estrange(one.space.schema.tools)
    with torch.no_grad():
        one.network.head.features.weight.normal_()
        logits, known, group = skill_logits(one)
        row = one.network.head.features.weight[int(Kind.SKILL)]
    rest = logits - known @ row
    for question in group.unique():
        own = rest[group == question]
        assert torch.allclose(own, own[:1].expand_as(own), atol=1e-4)


def test_nobody_is_made_a_stranger_outside_training() -> None:
    one = told(0.9)
    first, again = skill_logits(one)[0], skill_logits(one)[0]
    assert torch.equal(first, again)


def trained() -> PlanBuilder:
    """A builder of two that are half strangers, in training, nothing dropped."""
    torch.manual_seed(0)
    shape = replace(plain().config, strangers=0.5, dropout=0.0, tap_dropout=0.0)
    return PlanBuilder(shape, plain().space, plain().described).train()


def test_training_tells_those_drawn_as_if_they_had_been_estranged() -> None:
    one = trained()
    torch.manual_seed(1)
    rows = one.network._strangers(batch_of(one))  # type: ignore[arg-type]
    assert rows is not None
    torch.manual_seed(1)
    found = skill_logits(one)[0]
    texts = {one.described.texts[row] for row in rows.tolist()}
    tools = [t for t in one.space.schema.tools if tool_text(one.space, t) in texts]
    assert 0 < len(tools) < len(one.space.schema.tools)
    one.estrange(tools)
    assert torch.allclose(skill_logits(one.eval())[0], found, atol=1e-5)


def test_where_the_trunk_is_not_trained_nobody_is_a_stranger() -> None:
    """Adapters that are learnt online are compared with what serves, which draws none."""
    one = trained()
    one.network.requires_grad_(False)
    assert one.network._strangers(batch_of(one)) is None  # type: ignore[arg-type]


def test_a_builder_that_is_told_by_vectors_alone_knows_no_strangers() -> None:
    with pytest.raises(RailError, match=r"without strangers.*\[builder\] strangers"):
        builder().estrange(["issue_credit"])


def batch_of(one: PlanBuilder) -> object:
    taught = lessons(one, made()[:3], states).lessons
    return one.batch([states(e.text) for e in taught], [e.encoded for e in taught]).questions


def test_only_tools_on_offer_are_made_strangers_and_about_so_many() -> None:
    one = trained()
    asked = batch_of(one)
    offered = {one.described.rows[tool_text(one.space, tool)] for tool in one.space.schema.tools}
    counts = []
    for seed in range(200):
        torch.manual_seed(seed)
        rows = set(one.network._strangers(asked).tolist())  # type: ignore[arg-type]
        assert rows <= offered
        counts.append(len(rows))
    assert abs(sum(counts) / len(counts) - 0.5 * len(offered)) < 0.1 * len(offered)


def test_a_builder_without_strangers_draws_none() -> None:
    one = builder().requires_grad_(True).train()
    before = torch.get_rng_state()
    assert one.network._strangers(batch_of(one)) is None  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_stranger_stays_one_on_disk(tmp_path: Path) -> None:
    one = told()
    one.estrange(["issue_credit"])
    save_rail(tmp_path, one, base())
    again = load_rail(tmp_path, base(), shop())
    row = again.described.rows[tool_text(again.space, "issue_credit")]
    assert torch.equal(again.network.words[row], again.network.stranger)
    tapped = states(SEEN.text)
    assert again.build(tapped, SEEN, 1) == load_rail(tmp_path, base(), shop()).build(
        tapped, SEEN, 1
    )
