"""A builder plans, the base writes and has its say, and at alpha 0 it is the base alone."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("llguidance")

import torch

from bb_core.actions import Copy, Decision, Space, Write
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan, to_json
from bb_core.record import Record
from bb_core.registry import discover
from bb_core.scene import Scene, scene
from bb_core.state import State
from bb_core.verdict import Checked
from bb_nn.base import Base, load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.built import Built
from bb_nn.builder.config import BuilderConfig
from bb_nn.errors import RailError
from bb_nn.tapped import Tapped, tap
from bb_runtime.approve import by_policy
from bb_runtime.base_score import base_score
from bb_runtime.builder_planner import BuilderPlanner
from bb_runtime.decode import decode
from bb_runtime.errors import PromptError, SteerError
from bb_runtime.execute import execute
from bb_runtime.free_text import LONGEST, write_texts
from bb_runtime.planner import ModelPlanner
from bb_runtime.rounds import Ask, Observation, Runner

torch.set_num_threads(1)
LEARNT = ("cancel-1", "credit-1", "notify-1")


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("random:llama", torch.float32)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def model(base: Base, compiled: Compiled) -> ModelPlanner:
    return ModelPlanner(base, compiled, budget=300, examples=1)


@pytest.fixture(scope="module")
def builder(base: Base, compiled: Compiled) -> PlanBuilder:
    """A builder that has learnt three plans by heart."""
    torch.manual_seed(0)
    depth = base.model.config.num_hidden_layers
    config = BuilderConfig(
        (1, depth), base.model.config.hidden_size, width=64, dropout=0.0, tap_dropout=0.0
    )
    made = PlanBuilder.of(config, Space.of(compiled), base)
    lessons = []
    for task in (one for one in compiled.battery if one.id in LEARNT):
        seen = scene(task.prompt)
        tapped = tap(base, [seen.text], config.layers)[0]
        lessons.append((tapped, made.encode(tapped, seen, compiled.read(task.rounds[0]), (0,))))
    batch = made.batch([t for t, _ in lessons], [e for _, e in lessons])
    optimiser = torch.optim.AdamW(made.parameters(), lr=3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        sum(made.loss(batch).heads.values()).backward()
        optimiser.step()
    return made.eval()


def task(compiled: Compiled, ident: str) -> Task:
    return next(one for one in compiled.battery if one.id == ident)


def asked(compiled: Compiled, ident: str) -> Ask:
    prompt = task(compiled, ident).prompt
    return Ask(prompt, state=State(request=prompt))


def without_texts(data: Any) -> Any:
    """Steps as JSON, the questions left out: the base writes them."""
    steps = data["steps"] if isinstance(data, dict) else data
    return [{**s, "args": {k: v for k, v in s["args"].items() if k != "question"}} for s in steps]


def unbound(plan: Plan) -> Plan:
    """The plan without its edges."""
    return replace(plan, steps=tuple(replace(step, after=()) for step in plan.steps))


@pytest.mark.parametrize("ident", LEARNT)
def test_what_was_learnt_is_planned_and_passes(
    compiled: Compiled, builder: PlanBuilder, model: ModelPlanner, ident: str
) -> None:
    draft = BuilderPlanner(builder, model)(asked(compiled, ident))
    plan = compiled.parse(draft.text)
    assert draft.planner == "builder" and draft.alpha == 1.0 and not draft.closed
    assert isinstance(check(compiled, plan, State(request=task(compiled, ident).prompt)), Checked)
    gold = compiled.read(task(compiled, ident).rounds[0])
    assert without_texts(to_json(plan)) == without_texts(to_json(gold))


def test_alpha_0_is_the_base_alone_to_the_bit(
    base: Base, compiled: Compiled, builder: PlanBuilder, model: ModelPlanner
) -> None:
    ask = asked(compiled, "cancel-1")
    alone = ModelPlanner(base, compiled, budget=300, examples=1)
    expected = alone(ask)
    assert BuilderPlanner(builder, model, alpha=0.0)(ask) == expected
    assert model.decoded is not None and alone.decoded is not None
    assert model.decoded.tokens == alone.decoded.tokens
    assert model.decoded.mean_logprob == alone.decoded.mean_logprob


def test_the_score_is_the_mean_of_both_log_probabilities(
    compiled: Compiled, builder: PlanBuilder, model: ModelPlanner
) -> None:
    ask = asked(compiled, "notify-1")
    first = BuilderPlanner(builder, model, k=1)
    alone = first(ask)
    mixed = BuilderPlanner(builder, model, alpha=0.25, k=1)(ask)
    base = base_score(model.forward, model.prompt(ask), model.unnarrowed, mixed.text)
    assert mixed.text == alone.text
    assert alone.score == first.built[0].log_prob
    assert mixed.score == pytest.approx(0.25 * alone.score + 0.75 * base, rel=1e-4)


@torch.inference_mode()
def test_the_base_score_is_what_decoding_says_of_its_own_plan(
    base: Base, compiled: Compiled, model: ModelPlanner
) -> None:
    prompt = base.tokenizer("Show W1001.")["input_ids"]
    done = decode(base.model, prompt, model.unnarrowed, 600, temperature=1.0, seed=3)
    if done.closed:
        pytest.fail("give it room, so that nothing is written that was not chosen")
    score = base_score(model.forward, prompt, model.unnarrowed, done.text)
    assert score == pytest.approx(done.mean_logprob * len(done.mask_us), rel=1e-3)


def test_a_text_that_is_no_plan_has_no_score(compiled: Compiled, model: ModelPlanner) -> None:
    with pytest.raises(SteerError):
        base_score(model.forward, [1, 2, 3], model.unnarrowed, '{"steps":[{"id":"n2"')


def test_written_texts_leave_the_plan_around_them_as_it_is(
    base: Base, compiled: Compiled, model: ModelPlanner
) -> None:
    plan = compiled.read(
        [
            {"id": "n1", "tool": "confirm", "args": {"question": "@"}},
            {"id": "n2", "tool": "handoff", "args": {"summary": "@"}, "after": ["n1"]},
        ]
    )
    pieces = compiled.print(plan).split("@")
    prompt = base.tokenizer("Ask.")["input_ids"]
    written = write_texts(model.forward, prompt, model.unnarrowed, pieces)
    made = compiled.parse(written.text)
    texts = [made.steps[0].args["question"], made.steps[1].args["summary"]]
    assert all(1 <= len(text) <= 200 for text in texts)
    back = replace(
        made,
        steps=(
            replace(made.steps[0], args={"question": "@"}),
            replace(made.steps[1], args={"summary": "@"}),
        ),
    )
    assert back == plan
    assert 2 <= written.tokens <= 8 * LONGEST and written.log_prob < 0


class Knowing:
    """A builder that builds one plan, whatever is asked."""

    def __init__(self, builder: PlanBuilder, *decisions: Decision) -> None:
        self.config, self.space, self.decisions = builder.config, builder.space, decisions

    def build(self, tapped: Tapped, scene: Scene, k: int = 4) -> list[Built]:
        return [Built(self.decisions, -1.0, (), (0,))]


@pytest.mark.parametrize("private", ["\ue000", "\ue001\ue002", "\uf8ff", "\U000f0000"])
def test_private_characters_are_copied_as_said_and_only_blanks_are_written(
    builder: PlanBuilder, model: ModelPlanner, private: str
) -> None:
    prompt = f"My name is Ann{private}, {private}get me a person"
    rows = {skill.name: row for row, skill in enumerate(builder.space.skills)}
    passed_on = Decision(rows["handoff"], (Copy(0, len(prompt)),))
    asked_first = Decision(rows["confirm"], (Write(),))
    for decisions in ((passed_on,), (asked_first, passed_on)):
        planner = BuilderPlanner(Knowing(builder, *decisions), model)
        draft = planner(Ask(prompt, state=State(request=prompt)))
        assert draft.planner == "builder"
        *before, last = builder.space.compiled.parse(draft.text).steps
        assert last.args == {"summary": prompt}
        assert len(before) == len(decisions) - 1
        assert all(len(step.args["question"]) > 1 for step in before)


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        (Ask("cancel \ud800 W1001"), "request: character 7"),
        (
            Ask("go on", (Observation("n1", "get_order", {}, "ok", {"a": "\udfff"}),)),
            "what get_order told: character",
        ),
        (Ask("go on", reasons=("no \ud800",), refused="x"), "refused plan: character 5"),
    ],
)
def test_half_a_character_is_refused_by_every_planner(
    builder: PlanBuilder, model: ModelPlanner, ask: Ask, where: str
) -> None:
    for read in (BuilderPlanner(builder, model), model, model.prompt, model.steering):
        if ask.reasons and isinstance(read, BuilderPlanner):
            continue  # it does not read what was refused
        with pytest.raises(RailError, match=f"^{where}.* is a lone surrogate .*Give whole"):
            read(ask)


def test_a_rail_that_does_not_fit_its_base_is_no_text_that_is_too_long(
    builder: PlanBuilder, model: ModelPlanner
) -> None:
    deeper = SimpleNamespace(config=replace(builder.config, layers=(1, 9)), space=builder.space)
    with pytest.raises(RailError, match="no layer 9"):
        BuilderPlanner(deeper, model)(Ask("cancel W1001"))


def test_a_request_longer_than_the_base_reads_is_refused_and_not_cut(
    builder: PlanBuilder, model: ModelPlanner
) -> None:
    ask = Ask("Only if it is late. " + "Cancel W1001. " * 2000)
    for planner in (BuilderPlanner(builder, model), model):
        with pytest.raises(PromptError, match=r"the request is 28,\d+ tokens, .* fit. Shorten it"):
            planner(ask)


def test_a_refused_plan_is_not_given_again(
    compiled: Compiled, builder: PlanBuilder, model: ModelPlanner
) -> None:
    planner, ask = BuilderPlanner(builder, model), asked(compiled, "credit-1")
    first = planner(ask)
    second = planner(replace(ask, reasons=("no",), refused=first.text))
    assert second.text != first.text
    assert planner(ask).text == first.text


def test_edges_a_builder_forgot_are_added(
    compiled: Compiled, builder: PlanBuilder, model: ModelPlanner
) -> None:
    planner, ask = BuilderPlanner(builder, model), asked(compiled, "cancel-1")
    planner(ask)
    best = planner.built[0]
    loose = tuple(replace(d, after=()) for d in best.decisions)
    assert not planner._passing([replace(best, plan=unbound(best.plan))], ask)
    planner._given.clear()
    found = planner._waiting([replace(best, decisions=loose)], scene(ask.request))
    assert planner._passing(found, ask)


def test_the_ledger_names_planner_alpha_and_score(
    compiled: Compiled, builder: PlanBuilder, model: ModelPlanner
) -> None:
    records: list[Record] = []
    adapters, one = compiled.adapters(), task(compiled, "cancel-1")
    world = adapters.twin(one.world)

    def carry(checked: Checked, run: str, note: Any) -> Any:
        yes = by_policy(lambda request: True, "test")
        return execute(checked, adapters, world, approve=yes, run=run)

    try:
        planners = (BuilderPlanner(builder, model), model)
        Runner(compiled, planners, carry, records.append, "a").run("r1", one.prompt)
    finally:
        world.close()
    body = next(r.body for r in records if r.type == "decoded")
    assert body["planner"] == "builder" and body["alpha"] == 1.0
    assert isinstance(body["score"], float) and body["score"] <= 0


@pytest.mark.parametrize(("alpha", "k"), [(-0.1, 4), (1.5, 4), (1.0, 0)])
def test_impossible_settings_are_refused(
    builder: PlanBuilder, model: ModelPlanner, alpha: float, k: int
) -> None:
    with pytest.raises(RailError):
        BuilderPlanner(builder, model, alpha, k)
