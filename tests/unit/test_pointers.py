"""A result's properties may be named anything: places are spelt as JSON Pointers, escaped."""

from functools import cache
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from bb_core.actions import assemble, decide
from bb_core.compiled import compile_domain
from bb_core.plan import Plan, Ref, Step, When
from bb_core.scene import scene
from bb_core.space import Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.features import Referred, refer_features
from bb_nn.builder.words import pointer_text, words_of
from tests.schema_source import SchemaSource
from tests.unit.tiny_rail import base, builder, ending, states

torch.set_num_threads(1)
CODE = {"type-name": "Code"}
NAMES = ("a/b", "~x", "²", "x*y")
SEEN = scene("Look at C100, then send it unless it is lost.")


@cache
def odd() -> Space:
    """A domain whose one result has properties of such names."""
    places = dict.fromkeys(NAMES, CODE) | {"is/it": {"type": "string", "enum": ["lost", "ok"]}}
    tools: dict[str, Any] = {
        "look": {
            "does": "Look at a thing.",
            "effect": "read",
            "args": {"code": CODE},
            "returns": {"type": "object", "properties": places, "required": list(places)},
        },
        "send": {"does": "Send a thing.", "effect": "read", "args": {"code": CODE}},
    }
    types = {"Code": {"type": "string", "pattern": "^C[0-9]{3}$"}}
    schema = {"plan_schema": 1, "domain": "odd", "title": "Odd", "types": types, "tools": tools}
    return Space.of(compile_domain(SchemaSource("odd", schema)))


@cache
def built() -> PlanBuilder:
    return PlanBuilder.of(builder().config, odd(), base()).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "pointer, said", [("/a~1b", "a/b"), ("/~0x", "~x"), ("/²", "²"), ("/x*y", "x*y")]
)
def test_a_plan_may_refer_to_a_property_of_any_name(pointer: str, said: str) -> None:
    look = Step("n1", "look", {"code": "C100"})
    when = When(Ref("n1", "/is~1it"), "!=", "lost")
    send = Step("n2", "send", {"code": Ref("n1", pointer)}, ("n1",), when)
    plan = Plan("odd", odd().compiled.digest, (look, send))
    assert f"{said} in the result of look" in words_of(odd())
    encoded = built().encode(states(SEEN.text), SEEN, plan, (0,))
    assert built().loss(built().batch([states(SEEN.text)], [encoded])).heads
    assert assemble(odd(), SEEN, decide(odd(), SEEN, plan, (0,))).steps[1].when == when


def test_a_builder_of_such_names_builds() -> None:
    """A second step is asked what of the first one's result it takes."""
    torch.manual_seed(0)
    one = PlanBuilder(built().config, odd(), built().described).eval().requires_grad_(False)
    found = ending(one).build(states(SEEN.text), SEEN, 8)
    assert max(len(plan.decisions) for plan in found) > 1


def test_only_what_may_be_an_index_is_one() -> None:
    to = Referred(0.0, 0.0, 0.0, 0.0, 0.0)
    index = {p: refer_features(to, p, "", 1)[5:7] for p in ("", "/²", "/007", "/0", "/items/3/x")}
    none = (1.0, 0.0)
    assert index == {
        "": none,
        "/²": none,
        "/007": none,
        "/0": (0.0, 1.0),
        "/items/3/x": (0.0, 0.25),
    }
    assert refer_features(to, "/a~1b", "a/b", 1)[3] == 1.0
    assert pointer_text("look", "/items/*/x") == pointer_text("look", "/items/3/x")
