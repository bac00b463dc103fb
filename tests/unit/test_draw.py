"""Pictures of a plan: every step and edge is in each of them, and no text escapes its place."""

from xml.dom import minidom

from hypothesis import given
from hypothesis import strategies as st

from bb_core.plan import Plan, Ref, Step, When
from bb_core.schema import PlanSchema, Tool
from bb_infra import draw

SCHEMA = PlanSchema(
    plan_schema=1,
    domain="shop",
    tools={
        "look": Tool(does="Look", effect="read"),
        "pay": Tool(does="Pay", effect="irreversible", waives={"approval": "a test"}),
    },
)
PLAN = Plan(
    "shop",
    "",
    (
        Step("n1", "look", {"id": "W1"}),
        Step("n2", "look", {"id": "W2"}),
        Step(
            "n3", "pay", {"cents": Ref("n1", "/total")}, ("n2",), When(Ref("n1", "/s"), "==", "x")
        ),
    ),
)
TREE = """\
n1 look(id='W1')  [read]
└─ n3 pay(cents=n1/total)  [irreversible]  when n1/s == 'x'  after n2
n2 look(id='W2')  [read]"""
MERMAID = """\
flowchart TD
  s0["n1: look(id='W1')"]:::read
  s1["n2: look(id='W2')"]:::read
  s2["n3: pay(cents=n1/total)<br/>when n1/s == 'x'"]:::irreversible
  s0 -->|data + when| s2
  s1 -.->|after| s2
"""


def test_tree() -> None:
    assert draw.tree(PLAN, SCHEMA) == TREE


def test_a_coloured_tree_says_the_same() -> None:
    coloured = draw.tree(PLAN, SCHEMA, colour=True)
    assert "\x1b[31mn3 pay" in coloured
    for code in ("\x1b[34m", "\x1b[31m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == TREE


def test_mermaid() -> None:
    assert draw.mermaid(PLAN, SCHEMA).startswith(MERMAID)


def test_svg_is_xml_with_a_box_for_each_step_and_a_path_for_each_edge() -> None:
    picture = minidom.parseString(draw.svg(PLAN, SCHEMA))
    assert len(picture.getElementsByTagName("g")) == 3
    assert len(picture.getElementsByTagName("path")) == 1 + 2  # the arrow's tip, and two edges
    fills = [
        box.getElementsByTagName("rect")[0].getAttribute("fill")
        for box in picture.getElementsByTagName("g")
    ]
    assert fills == ["#e7f5ff", "#e7f5ff", "#ffe3e3"]


def test_what_no_schema_knows_is_drawn_as_irreversible() -> None:
    assert "#ffe3e3" in draw.svg(Plan("x", "", (Step("n1", "what"),)))


def test_a_circle_is_drawn_too() -> None:
    plan = Plan("x", "", (Step("n1", "a", {}, ("n2",)), Step("n2", "b", {}, ("n1",))))
    minidom.parseString(draw.svg(plan))
    assert "n2" in draw.mermaid(plan)


@given(st.text(max_size=60), st.text(min_size=1, max_size=10))
def test_no_text_escapes_its_place(value: str, tool: str) -> None:
    plan = Plan("x", "", (Step("n1", tool, {"a": value}),))
    assert draw.tree(plan).isprintable()
    minidom.parseString(draw.svg(plan))
    for line in draw.mermaid(plan).splitlines()[1:2]:
        assert line.count('"') == 2
        assert line.endswith('"]:::irreversible')


def test_a_small_picture_is_as_wide_as_its_legend() -> None:
    from bb_core.plan import Plan
    from bb_infra.draw import COLOURS, LEGEND, svg

    assert f'width="{LEGEND * len(COLOURS) + 48}"' in svg(Plan("d", "", ()))
