"""Plans as decisions and back, on every plan of the shop's battery and on small ones by hand."""

from dataclasses import replace
from functools import cache

import pytest

from bb_core import discover
from bb_core.actions import (
    Candidates,
    Choose,
    Condition,
    Copy,
    Decision,
    Inexpressible,
    Link,
    Refer,
    Skill,
    Skip,
    Space,
    Tie,
    Write,
    assemble,
    candidates,
    decide,
    implied_after,
    learn_constants,
    offered,
)
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan, Ref, from_json
from bb_core.scene import Scene, scene
from bb_core.skill import read_skill, skill_json
from bb_core.state import State
from bb_core.verdict import Checked
from bb_runtime.rounds import Observation
from tests.schema_source import SchemaSource
from tests.unit.till import till

CANCEL = Skill(
    "look, ask, cancel",
    ("get_order", "confirm", "cancel_order"),
    same=(Tie(2, ("order_id",), 0, ("order_id",)),),
    after=((), (0,), (1,)),
)


@cache
def shop() -> Space:
    return Space.of(compile_domain(discover().get("api_json")))


def first_rounds() -> list[Task]:
    return [task for task in shop().compiled.battery if len(task.rounds) == 1]


def task(ident: str) -> Task:
    return next(task for task in shop().compiled.battery if task.id == ident)


def gold(one: Task) -> tuple[Scene, Plan]:
    return scene(one.prompt), shop().compiled.read(one.rounds[0])


@pytest.mark.parametrize("one", first_rounds(), ids=lambda one: one.id)
def test_every_battery_plan_comes_back(one: Task) -> None:
    seen, plan = gold(one)
    decisions = decide(shop(), seen, plan)
    assert assemble(shop(), seen, decisions) == plan
    for place, decision in enumerate(decisions):
        _within(seen, decisions[:place], decision)


def _within(seen: Scene, before: tuple[Decision, ...], decision: Decision) -> None:
    """Every fill of a decided plan is among the candidates of its slot."""
    filled = []
    for slot, fill in zip(shop().slots(decision.skill), decision.fills, strict=True):
        may = candidates(shop(), seen, before, slot, filled)
        filled.append((slot, fill))
        for item in fill if isinstance(fill, tuple) else (fill,):
            assert _allowed(may, item), (str(slot), item)


def _allowed(may: Candidates, fill: object) -> bool:
    match fill:
        case Copy(start, end):
            return may.free or any((s.start, s.end) == (start, end) for s in may.spans)
        case Choose(index):
            return index < may.choices
        case Refer(step, pointer, levels):
            return (step, pointer, levels) in may.refers
        case Write(_):
            return may.write
    return may.skip


def test_the_skills_of_right_plans_are_offered() -> None:
    for one in first_rounds():
        if one.expect != "done":
            continue
        seen, plan = gold(one)
        decisions = decide(shop(), seen, plan)
        for place, decision in enumerate(decisions):
            assert offered(shop(), seen, decisions[:place])[decision.skill], one.id


def test_implied_edges_let_right_plans_pass() -> None:
    for one in first_rounds():
        if one.expect != "done":
            continue
        seen, plan = gold(one)
        built: list[Decision] = []
        for decision in decide(shop(), seen, plan):
            bare = replace(decision, after=())
            built.append(replace(bare, after=implied_after(shop(), seen, built, bare)))
        verdict = check(shop().compiled, assemble(shop(), seen, built), State(request=one.prompt))
        assert isinstance(verdict, Checked), (one.id, verdict)


def test_a_value_is_copied_as_its_type_reads_it() -> None:
    text = "Refund $18.99 of W1005"
    seen, space = scene(text), shop()
    slots = {slot.path: slot for slot in space.tool_slots["create_refund"]}
    assert [
        (text[s.start : s.end], s.value) for s in candidates(space, seen, (), slots["cents",]).spans
    ] == [("$18.99", 1899)]
    assert [s.value for s in candidates(space, seen, (), slots["order_id",]).spans] == ["W1005"]
    assert candidates(space, seen, (), slots["method",]) == Candidates(choices=2)


def test_objects_are_spelt_out_or_referred_to_as_a_whole() -> None:
    space, text = shop(), "u W1042 12 Harbor Road, Dunmore 44021"
    paths = [slot.path for slot in space.tool_slots["modify_address"]]
    assert paths == [
        ("order_id",), ("address", "street"), ("address", "city"), ("address", "zip")
    ]  # fmt: skip
    data = [
        {"id": "n1", "tool": "get_user", "args": {"user_id": "u001"}},
        {"id": "n2", "tool": "modify_address",
         "args": {"order_id": "W1042", "address": {"$ref": "n1/address"}}},
    ]  # fmt: skip
    seen = scene("u001 " + text)
    plan = space.compiled.read(data)
    decisions = decide(space, seen, plan)
    assert decisions[1].fills[1:] == (Refer(0, "/address", 1), Skip(), Skip())
    assert assemble(space, seen, decisions) == plan
    slots = space.slots(decisions[1].skill)
    filled = list(zip(slots[:2], decisions[1].fills[:2], strict=True))
    assert candidates(space, seen, decisions[:1], slots[2], filled) == Candidates(skip=True)


def test_values_are_copied_from_the_clause_that_asks() -> None:
    text = "Show order W1001, then cancel W1002; W1001 was late, so look at it again."
    data = [
        {"id": "n1", "tool": "get_order", "args": {"order_id": "W1001"}},
        {"id": "n2", "tool": "get_order", "args": {"order_id": "W1002"}},
        {"id": "n3", "tool": "get_order", "args": {"order_id": "W1001"}},
    ]
    starts = (0, text.index("then"), text.index("; W1001") + 2)
    decisions = decide(shop(), scene(text), shop().compiled.read(data), starts)
    assert [d.clause for d in decisions] == [0, 1, 2]
    assert decisions[0].fills == (Copy(11, 16),)
    assert decisions[2].fills == (Copy(starts[2], starts[2] + 5),)


def test_values_seen_in_earlier_rounds_are_copied_from_them() -> None:
    result = {"order_id": "W1001", "items": [{"item_id": "i0352", "price_cents": 7849}]}
    seen = scene(
        "the first item of W1001",
        [Observation("n1", "get_order", {"order_id": "W1001"}, "done", result)],
    )
    args = {"order_id": "W1001", "item_id": "i0352", "cents": 7849, "method": "original"}
    plan = shop().compiled.read([{"id": "n1", "tool": "create_refund", "args": args}])
    decision = decide(shop(), seen, plan)[0]
    said = [seen.text[f.start : f.end] for f in decision.fills if isinstance(f, Copy)]
    assert said == ["W1001", "i0352", "7849"]
    assert decision.fills[0] == Copy(18, 23)  # from the request rather than from what was seen
    assert assemble(shop(), seen, (decision,)) == plan


def test_a_composite_skill_is_one_decision() -> None:
    space = Space.of(shop().compiled, [CANCEL])
    seen, plan = gold(task("cancel-1"))
    decisions = decide(space, seen, plan)
    assert [space.skills[d.skill].name for d in decisions] == ["find_user_by_email", CANCEL.name]
    assert decisions[1].after == (0,)
    assert [slot.path for slot in space.slots(decisions[1].skill)] == [
        ("order_id",), ("question",), ("reason",)
    ]  # fmt: skip
    assert assemble(space, seen, decisions) == plan
    assert offered(space, seen, decisions[:1])[decisions[1].skill]
    assert not offered(space, seen, ())[decisions[1].skill]


def test_a_composite_skill_is_left_where_its_ties_do_not_hold() -> None:
    space = Space.of(shop().compiled, [CANCEL])
    text = "farid.dubois@example.com W1005 W1006 Cancel W1006? no_longer_needed"
    data = [
        {"id": "n1", "tool": "get_order", "args": {"order_id": "W1005"}},
        {"id": "n2", "tool": "confirm", "args": {"question": "Cancel W1006?"}, "after": ["n1"]},
        {"id": "n3", "tool": "cancel_order",
         "args": {"order_id": "W1006", "reason": "no_longer_needed"}, "after": ["n2"]},
    ]  # fmt: skip
    plan = space.compiled.read(data)
    assert len(decide(space, scene(text), plan)) == 3


def test_a_composite_skill_may_refer_inside() -> None:
    credit = Skill(
        "find, credit",
        ("find_user_by_email", "issue_credit"),
        refers=(Link(1, ("user_id",), 0, "/user_id"),),
        after=((), ()),
    )
    space = Space.of(shop().compiled, [credit])
    seen = scene("ann@example.com gets $5.00, goodwill")
    args = {"user_id": Ref("n1", "/user_id"), "cents": 500, "reason": "goodwill"}
    find = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "ann@example.com"}}
    plan = space.compiled.read([find, {"id": "n2", "tool": "issue_credit", "args": {}}])
    plan = replace(plan, steps=(plan.steps[0], replace(plan.steps[1], args=args)))
    decisions = decide(space, seen, plan)
    assert len(decisions) == 1
    assert assemble(space, seen, decisions) == plan


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"order_id": "W9999"}, "nothing says 'W9999'"),
        ({}, "it is left out"),
        ({"order_id": "W1001", "more": 1}, "what the schema does not"),
        ({"order_id": ["W1001"]}, "nothing says"),
    ],
)
def test_what_cannot_be_said_is_refused(args: dict[str, object], says: str) -> None:
    plan = shop().compiled.read([{"id": "n1", "tool": "get_order", "args": args}])
    with pytest.raises(Inexpressible, match=says):
        decide(shop(), scene("look at W1001"), plan)


def test_a_step_that_waits_for_a_later_one_is_refused() -> None:
    data = [
        {"id": "n1", "tool": "get_order", "args": {"order_id": "W1001"}, "after": ["n2"]},
        {"id": "n2", "tool": "get_order", "args": {"order_id": "W1001"}},
    ]
    with pytest.raises(Inexpressible, match="not before it"):
        decide(shop(), scene("W1001"), shop().compiled.read(data))


def test_constants_are_learnt_where_nothing_says_them() -> None:
    compiled: Compiled = till()
    space = Space.of(compiled)
    traces = [
        (scene(text), compiled.read([{"id": "n1", "tool": "look", "args": {"account": "a7"}}]))
        for text in ("look", "have a look", "see a7")
    ]
    assert learn_constants(space, traces, least=3) == {}
    constants = learn_constants(space, traces)
    assert constants == {("look", ("account",)): ("a7",)}
    learnt = Space.of(compiled, constants=constants)
    assert decide(learnt, *traces[0])[0].fills == (Choose(0),)
    assert decide(learnt, *traces[2])[0].fills == (Copy(4, 6),)
    assert learnt.digest != space.digest


def test_a_value_of_a_named_type_is_known_wherever_plans_hold_it() -> None:
    types = {"Key": {"type": "string", "pattern": "^k[0-9]$"}}
    plain = {"type": "string", "pattern": "^p[0-9]$"}
    tool = {"effect": "read", "returns": {"type": "null"}}
    keyed = {"args": {"key": {"type-name": "Key"}, "plain": plain}, "optional": ["key", "plain"]}
    tools = {name: {"does": f"To {name}.", **tool, **keyed} for name in ("press", "hold")}
    schema = {"plan_schema": 1, "domain": "keys", "types": types, "tools": tools}
    compiled = compile_domain(SchemaSource("keys", schema))
    traces = [
        (scene("go on"), compiled.read([{"id": "n1", "tool": name, "args": args}]))
        for name, args in (
            ("press", {"key": "k1", "plain": "p1"}),
            ("hold", {"key": "k1", "plain": "p1"}),
            ("hold", {"key": "k2"}),
        )
    ]
    found = learn_constants(Space.of(compiled), traces)
    assert found == {("press", ("key",)): ("k1",), ("hold", ("key",)): ("k1",)}


def test_a_skill_is_read_back() -> None:
    assert read_skill(skill_json(CANCEL)) == CANCEL


@pytest.mark.parametrize(
    "decision",
    [
        Decision(0, (Copy(0, 3),)),
        Decision(0, (Choose(7),)),
        Decision(0, ()),
        Decision(0, (Refer(0, "/x"),)),
        Decision(99),
    ],
)
def test_decisions_that_make_no_plan_are_refused(decision: Decision) -> None:
    with pytest.raises(Inexpressible):
        assemble(shop(), scene("nothing here"), (decision,))


def test_names_and_order_of_waiting_do_not_matter() -> None:
    one = from_json(
        {"steps": [
            {"id": "a", "tool": "get_order", "args": {"order_id": "W1001"}},
            {"id": "b", "tool": "get_order", "args": {"order_id": "W1001"}},
            {"id": "c", "tool": "get_order", "args": {"order_id": "W1001"}, "after": ["b", "a"]},
        ]}, domain="api_json", schema=shop().compiled.digest,
    )  # fmt: skip
    back = assemble(shop(), scene("W1001"), decide(shop(), scene("W1001"), one))
    assert [step.id for step in back.steps] == ["n1", "n2", "n3"]
    assert back.steps[2].after == ("n1", "n2")


def test_a_condition_compares_with_no_other_result() -> None:
    look = next(place for place, s in enumerate(shop().skills) if s.name == "get_order")
    seen = scene("W1001")
    first = Decision(look, (Copy(0, 5),))
    for right in (Refer(0, "/status"), Skip()):
        second = Decision(look, (Copy(0, 5),), (), Condition(Refer(0, "/status"), "==", right))
        with pytest.raises(Inexpressible, match=r"condition|left out"):
            assemble(shop(), seen, [first, second])
