"""What the request makes known narrows the masks, and never shuts a right plan out."""

from functools import cache

import pytest

from bb_core import discover
from bb_core.compiled import Compiled, compile_domain
from bb_core.known import Known, offered
from bb_core.next_step import NextStep
from bb_core.plan import from_json
from bb_core.state import Happened, State, step_after
from bb_core.surface import print_plan
from tests.unit.test_typed import read

SCHEMA = {"type": "string", "pattern": "^W[0-9]{4}$", "x-type": "OrderId"}


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@cache
def steps() -> NextStep:
    return NextStep(shop().surface, shop().schema)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cancel W1005, please", ("W1005",)),
        ('("W1005"); W1007? W1005!', ("W1005", "W1007")),
        ("order 1005", ()),
        ("XW1005 W10051 w1005", ()),
        ('{"order_id":"W1005"}', ("W1005",)),
    ],
)
def test_ids_are_the_words_their_pattern_names(text: str, found: tuple[str, ...]) -> None:
    assert Known((text,)).values(SCHEMA) == found


def test_only_named_one_word_types_are_copied() -> None:
    known = Known(("12 Elm Street W1005",))
    assert known.values({"type": "string", "pattern": "^W[0-9]{4}$"}) == ()
    assert (
        known.values({"type": "string", "pattern": "^[0-9]+ [A-Za-z ]{2,9}$", "x-type": "S"}) == ()
    )
    assert known.values({"type": "integer", "x-type": "Cents"}) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("refund $118.49, please", (11849,)),
        ("$57.00 and then $8.", (5700, 800)),
        ("exactly 1250 cents", (1250,)),
        ("$999999.00 is out of range; half of it", ()),
        ("the full price", ()),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, found: tuple[int, ...]) -> None:
    assert Known((text,)).values(shop().schema.arg("create_refund", "cents")) == found


def test_an_id_nobody_named_cannot_be_written() -> None:
    plan = '{{"steps":[{{"id":"n1","tool":"find_user_by_email","args":{{"email":"{}"}}}}]}}'
    given = steps().given(Known(("I am ana@example.com.",)))
    assert read(given, plan.format("ana@example.com")) == ("find_user_by_email",)
    assert read(given, plan.format("bo@example.com")) is None
    assert read(steps().given(Known(("no address here",))), plan.format("bo@example.com"))


def test_tools_wait_for_the_facts_they_require() -> None:
    schema = shop().schema
    first = offered(schema, Known(), ())
    assert "find_user_by_email" in first and "get_order" not in first
    later = offered(schema, Known(), ("find_user_by_email", "get_order"))
    assert "get_order" in later and "cancel_order" not in later
    assert "cancel_order" in offered(
        schema, Known(), ("find_user_by_email", "get_order", "confirm")
    )
    identified = offered(schema, Known(facts=frozenset({"authenticated"})), ())
    assert "get_order" in identified and "find_user_by_email" not in identified


def test_a_step_that_needs_consent_waits_for_the_step_that_asks() -> None:
    start = (
        '{"steps":[{"id":"n1","tool":"find_user_by_email","args":{"email":"a@example.com"}},'
        '{"id":"n2","tool":"get_order","args":{"order_id":"W1005"},"after":["n1"]},'
        '{"id":"n3","tool":"confirm","args":{"question":"Cancel?"},"after":["n2"]},'
    )
    cancel = (
        '{"id":"n4","tool":"cancel_order","args":{"order_id":"W1005","reason":"no_longer_needed"}'
    )
    given = steps().given(Known())
    assert read(given, start + cancel + ',"after":["n3"]}]}')
    assert read(given, start + cancel + ',"after":["n2","n3"]}]}')
    assert read(given, start + cancel + ',"after":["n2"]}]}') is None
    assert read(given, start + cancel + "}]}") is None


def test_every_reference_plan_can_still_be_written() -> None:
    for task in shop().battery:
        if task.expect != "done":
            continue
        plan = from_json(task.rounds[0], domain="api_json", schema=shop().digest)
        given = steps().given(Known((task.prompt,)))
        assert read(given, print_plan(shop().surface, plan)), task.id


def test_facts_of_earlier_rounds_are_facts() -> None:
    event = Happened("n1", "find_user_by_email", {"email": "a@example.com"}, {"user_id": "u001"})
    state = step_after(State(), shop().schema, event)
    known = Known(facts=frozenset(name for name, _ in state.facts))
    assert known.facts == {"authenticated"}
