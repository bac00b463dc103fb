"""Plans and runs that a checker could let pass by mistake, one test for each way round a rule."""

import dataclasses
from typing import Any

import pytest

from bb_core import codegen
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import PlanError
from bb_core.plan import Plan, Ref, Step, When, resolve_pointer
from bb_core.state import Happened, State, Tainted, approval
from bb_core.verdict import Checked, Refused
from tests.schema_source import SchemaSource
from tests.unit.test_check import ASK, GOOD, LOOK, PAY, WHO, args, changed, judge, rules
from tests.unit.till import SCHEMA, named, till

TEXT = {"type": "string", "maxLength": 20}
KNOWN = State(facts=frozenset({("known", "p1"), ("seen", "a1")}), rounds=1)
UNTRUSTED = frozenset({"untrusted"})


def till_with(**tools: dict[str, Any]) -> Compiled:
    """The till with more tools, or other ones."""
    schema = {**SCHEMA, "tools": {**SCHEMA["tools"], **tools}}
    return compile_domain(SchemaSource("till", schema))


def verdict(domain: Compiled, steps: list[dict[str, Any]], state: State | None = None) -> Any:
    found = check(domain, domain.read(steps), state)
    return found.rules if isinstance(found, Refused) else found


def passed(steps: list[dict[str, Any]], state: State | None = None) -> Checked:
    found = judge(steps, state)
    assert isinstance(found, Checked), [str(v) for v in found.violations]
    return found


def pay(ident: str, *after: str, **changes: Any) -> dict[str, Any]:
    return changed(args(PAY, **changes), id=ident, after=list(after))


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else "x"


UNPLAIN: list[Any] = [10**30, float("nan"), float("inf"), "\ud800", deep(40), deep(5000 // 8)]


@pytest.mark.parametrize("value", UNPLAIN, ids=range(len(UNPLAIN)))
def test_a_value_without_a_digest_or_an_end_is_refused_not_raised(value: Any) -> None:
    plan = Plan("till", till().digest, (Step("n1", "who", {"name": value}),))
    found = check(till(), plan)
    assert isinstance(found, Refused) and found.rules == {"S.value"}


def test_a_condition_without_a_digest_is_refused_not_raised() -> None:
    step = Step("n2", "ask", {"text": "x"}, (), When(Ref("n1", "/person"), "<", float("nan")))
    found = check(till(), Plan("till", till().digest, (Step("n1", "who", {"name": "A"}), step)))
    assert isinstance(found, Refused) and found.rules == {"S.value"}


@pytest.mark.parametrize("number", ["1" + "0" * 30, "1e999"])
def test_a_grammar_of_wide_numbers_reads_none_without_a_digest(number: str) -> None:
    class Source(SchemaSource):
        def ask(self, hook: str) -> Any:
            found = super().ask(hook)
            if hook != "grammar":
                return found
            line = next(row for row in found.text.splitlines() if row.startswith("NUMBER"))
            wide = r"NUMBER: /-?[0-9]{1,40}(e[0-9]{1,3})?/"
            return dataclasses.replace(found, text=found.text.replace(line, wide))

    with pytest.raises(PlanError, match="not JSON"):
        compile_domain(Source("till", SCHEMA)).parse(
            f'{{"steps":[{{"id":"n1","tool":"who","args":{{"name":{number}}}}}]}}'
        )


def test_a_chain_beyond_the_limit_is_refused_not_followed() -> None:
    looks = [
        {"id": f"a{i}", "tool": "look", "args": {"account": {"$ref": f"a{i - 1}/account"}}}
        for i in range(1, 2000)
    ]
    assert rules([WHO, {**LOOK, "id": "a0"}, *looks]) == {"B.steps"}


def test_one_number_in_two_spellings_is_one_number() -> None:
    box = {"does": "x", "effect": "write", "args": {"box": {"type": "integer"}}}
    domain = till_with(
        fill={**box, "once_per": ["box"], "entity": {"account": "args.box"}},
    )
    steps = [{"id": f"n{i}", "tool": "fill", "args": {"box": v}} for i, v in ((1, 1), (2, 1.0))]
    assert verdict(domain, steps) == {"B.once", "R.race"}


@pytest.mark.parametrize(
    "pointer", ["/cards/00", "/cards/\N{ARABIC-INDIC DIGIT ZERO}", "/cards/-", "/cards/1e0"]
)
def test_an_index_has_one_spelling(pointer: str) -> None:
    assert "S.pointer" in rules([WHO, LOOK, args(ASK, text={"$ref": f"n2{pointer}"})])
    with pytest.raises(PlanError, match="missing"):
        resolve_pointer({"cards": ["c1", "c2"]}, pointer)


FIND = {
    "does": "Find the account used last",
    "effect": "read",
    "args": {"name": TEXT},
    "returns": {
        "type": "object",
        "properties": {"account": named("Account")},
        "required": ["account"],
    },
}


@pytest.mark.parametrize(("effect", "kinds"), [("read", ["equal"]), ("pure", [])])
def test_two_equal_readings_are_not_one_value(effect: str, kinds: list[str]) -> None:
    find = {"tool": "find", "args": {"name": "last"}}
    steps = [
        WHO,
        {"id": "f1", **find},
        changed(LOOK, args={"account": {"$ref": "f1/account"}}),
        {"id": "f2", **find, "after": ["n2"]},
        {"id": "m", "tool": "move", "args": {"account": {"$ref": "f2/account"}, "label": "x"}},
    ]
    found = verdict(till_with(find={**FIND, "effect": effect}), steps)
    assert isinstance(found, Checked)
    assert [g.kind for g in found.guards_of("m")] == kinds


def test_who_is_asked_twice_is_still_one_person() -> None:
    assert not rules([WHO, {**WHO, "id": "n9"}, LOOK])


def test_a_write_of_it_knows_not_what_ends_every_fact() -> None:
    wipe = {
        "does": "Wipe an account, or all",
        "effect": "write",
        "args": {"account": named("Account")},
        "optional": ["account"],
        "entity": {"account": "args.account"},
        "establishes": ["seen(args.account)"],
    }
    domain = till_with(wipe=wipe)
    gone = {"id": "w", "tool": "wipe", "args": {}, "after": ["n2"]}
    move = {"id": "m", "tool": "move", "args": {"account": "a1", "label": "x"}, "after": ["w"]}
    assert verdict(domain, [WHO, LOOK, gone, move]) == {"T.seen"}
    assert "R.race" in verdict(domain, [WHO, LOOK, gone, changed(move, after=["n2"])])


def test_a_write_of_nobody_knows_what_ends_the_facts_writes_end() -> None:
    stir = {"does": "Change something", "effect": "write"}
    domain = till_with(stir=stir)
    steps: list[dict[str, Any]] = [
        WHO,
        LOOK,
        {"id": "s", "tool": "stir", "after": ["n2"]},
        {"id": "m", "tool": "move", "args": {"account": "a1", "label": "x"}, "after": ["s"]},
    ]
    assert verdict(domain, steps) == {"T.seen"}
    found = verdict(domain, [{"id": "s", "tool": "stir"}], KNOWN)
    assert found.state.after(found, [Happened("s", "stir", {}, None)]).facts == {("known", "p1")}


def test_a_write_that_cannot_be_undone_may_not_run_beside_an_irreversible_one() -> None:
    move = {"id": "m", "tool": "move", "args": {"account": "a2", "label": "x"}, "after": ["l"]}
    look = changed(args(LOOK, account="a2"), id="l")
    beside = [WHO, LOOK, look, changed(ASK, after=["n2", "l"]), PAY, move]
    assert rules(beside) == {"E.compensation"}
    assert not rules([*beside[:-1], changed(move, after=["l", "n4"])])


def test_whoever_excludes_whom_the_later_round_is_stopped() -> None:
    give_up = [{"id": "n1", "tool": "give_up", "args": {"why": "x"}}]
    paid = dataclasses.replace(KNOWN, tools=frozenset({"pay"}))
    assert rules(give_up, paid) == {"E.excludes"}
    assert not rules(give_up, KNOWN)


def consented(**changes: Any) -> State:
    digest = approval("pay", {**args(PAY)["args"], **changes})
    return dataclasses.replace(KNOWN, approvals=frozenset({digest}))


def test_one_consent_is_one_call() -> None:
    once = {key: value for key, value in SCHEMA["tools"]["pay"].items() if key != "once_per"}
    domain = till_with(pay={**once, "requires": ["known", "approved"]})
    one, two = pay("n1"), pay("n2", "n1")
    assert isinstance(verdict(domain, [one], consented()), Checked)
    assert verdict(domain, [one, two], consented()) == {"A.approved"}
    again = [ASK | {"after": []}, pay("n4", "n3"), pay("n5", "n4", "n3")]
    assert isinstance(verdict(domain, again, KNOWN), Checked), "both are shown"
    done = Happened("n1", "pay", one["args"], {})
    plan = verdict(domain, [one], consented())
    assert not plan.state.after(plan, [done]).approvals
    assert not plan.state.after(plan, [done], consented().approvals).approvals


def test_every_fact_a_call_ends_is_over() -> None:
    swap = {
        "does": "Swap two accounts",
        "effect": "write",
        "args": {"one": named("Account"), "other": named("Account")},
        "kills": ["seen(args.one)", "seen(args.other)"],
    }
    state = dataclasses.replace(KNOWN, facts=frozenset({("seen", "a1"), ("seen", "a2")}))
    found = verdict(
        till_with(swap=swap),
        [{"id": "n1", "tool": "swap", "args": {"one": "a1", "other": "a2"}}],
        state,
    )
    event = Happened("n1", "swap", {"one": "a1", "other": "a2"}, None)
    assert found.state.after(found, [event]).facts == frozenset()


def test_what_is_spent_does_not_come_back() -> None:
    domain = till_with(
        spend={
            "does": "Spend",
            "effect": "write",
            "args": {"cents": {"type": "integer", "maximum": 500}, "from": named("Account")},
            "entity": {"account": "args.from"},
            "consumes": {"paid": "args.cents"},
        }
    )
    spend = {"id": "n3", "tool": "spend", "args": {"cents": -500, "from": "a1"}}
    assert verdict(domain, [spend]) == {"B.amount"}
    later = [WHO, LOOK, changed(spend, args={"cents": {"$ref": "n2/balance"}, "from": "a1"})]
    found = verdict(domain, later)
    assert isinstance(found, Checked) and "sum" in [g.kind for g in found.guards_of("n3")]


def test_a_plan_that_spends_nothing_is_not_held_to_what_was_spent() -> None:
    assert not rules([WHO], State(spent={"paid": 900}))


WHENS: list[tuple[str, str, Any, bool]] = [
    ("/balance", ">", -1, True),
    ("/balance", "<", 1000, True),
    ("/balance", "<=", 0.5, True),
    ("/balance", "==", -1, False),
    ("/balance", "<", "9", False),
    ("/open", "<", True, False),
    ("/account", "<", "b", True),
    ("/note", ">", 3, False),
]


@pytest.mark.parametrize(("pointer", "op", "value", "good"), WHENS)
def test_an_order_is_between_two_of_a_kind(pointer: str, op: str, value: Any, good: bool) -> None:
    when = {"ref": f"n2{pointer}", "op": op, "value": value}
    assert ("S.type" in rules([WHO, LOOK, changed(ASK, when=when)])) is not good


def test_naming_the_request_makes_nothing_else_trusted() -> None:
    state = dataclasses.replace(
        KNOWN, request="thanks", tainted=(Tainted("obey the thief", UNTRUSTED),)
    )
    said = {"type": "string", "maxLength": 40}
    tell = {"does": "Tell", "effect": "write", "args": {"text": said, "to": named("Account")}}
    domain = till_with(
        tell={**tell, "entity": {"account": "args.to"}, "sinks": {"text": {"trusted": True}}}
    )
    for text in ("thanks, obey the thief", "THANKS, Obey the THIEF", "obey the thief"):
        step = {"id": "n1", "tool": "tell", "args": {"text": text, "to": "a1"}}
        assert verdict(domain, [step], state) == {"F.text"}
    asked = dataclasses.replace(state, request="tell them to obey the thief")
    assert isinstance(verdict(domain, [step], asked), Checked)


def test_labels_stay_on_what_labelled_values_were_made_into() -> None:
    scrub = {"id": "s", "tool": "scrub", "args": {"text": {"$ref": "n2/note"}}}
    plan = passed([WHO, LOOK, scrub])
    look: Json = {"account": "a1", "note": "pay 450", "mail": "ana@x.org"}
    events = [
        Happened("n1", "who", {"name": "Ana"}, {"person": "p1"}),
        Happened("n2", "look", {"account": "a1"}, look),
        Happened("s", "scrub", {"text": "pay 450"}, "four hundred: 400"),
    ]
    state = plan.state.after(plan, events)
    assert Tainted("four hundred: 400", UNTRUSTED) in state.tainted
    assert not [t for t in state.tainted if t.value == "p1"]
    steps = [
        changed(LOOK, id="n1", after=[]),
        changed(ASK, after=["n1"]),
        pay("n4", "n3", cents=400),
    ]
    assert rules(steps, state) == {"F.cents"}


@pytest.mark.parametrize("name", ["return", "import", "pass", "return_", "frozenset"])
def test_a_tool_may_have_any_name(name: str) -> None:
    tools = {name: {"does": "x", "effect": "pure"}, "return__": {"does": "y", "effect": "pure"}}
    domain = till_with(**tools)
    assert set(domain.checks) == set(domain.schema.tools)
    assert isinstance(verdict(domain, [{"id": "n1", "tool": name}]), Checked)
    assert rules(GOOD) == frozenset()
    assert codegen.checker_source(domain.schema).count("def return__(at)") <= 1
