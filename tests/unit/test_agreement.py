"""Agreement with a reference: blind to ids and to the order of writing, to nothing else."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

from bb_core.plan import Plan, Ref, Step, When
from bb_train.agreement import agreement, f1, prints

GOLD = Plan(
    "till",
    "sha256:0",
    (
        Step("n1", "find", {"name": "ann"}),
        Step("n2", "show", {"id": Ref("n1", "/id")}, after=("n1",)),
        Step("n3", "tell", {"id": Ref("n1", "/id"), "text": "all is well"}, after=("n2",)),
    ),
)


def masked(tool: str, pointer: str) -> bool:
    return (tool, pointer) == ("tell", "/text")


def changed(place: int, **what: object) -> Plan:
    steps = list(GOLD.steps)
    steps[place] = replace(steps[place], **what)  # type: ignore[arg-type]
    return replace(GOLD, steps=tuple(steps))


def test_ids_and_order_do_not_count() -> None:
    a, b, c = GOLD.steps
    other = replace(
        GOLD,
        steps=(
            replace(c, id="x", args={"id": Ref("z", "/id"), "text": "all is well"}, after=("y",)),
            replace(b, id="y", args={"id": Ref("z", "/id")}, after=("z",)),
            replace(a, id="z"),
        ),
    )
    found = agreement(other, GOLD, masked)
    assert found.strict and found.exact and found.node_f1 == found.link_f1 == 1.0
    assert found.ged == 0.0


@pytest.mark.parametrize(
    "other",
    [
        changed(0, args={"name": "bob"}),
        changed(1, args={"id": Ref("n1", "/key")}),
        changed(2, after=()),
        changed(2, when=When(Ref("n2", "/ok"), "==", True)),
        changed(2, args={"id": Ref("n1", "/id")}),
        replace(GOLD, steps=GOLD.steps[:2]),
        replace(GOLD, steps=(*GOLD.steps, Step("n4", "find", {"name": "ann"}))),
    ],
)
def test_everything_else_counts(other: Plan) -> None:
    found = agreement(other, GOLD, masked)
    assert not found.exact and not found.strict


def test_a_free_text_may_be_worded_otherwise() -> None:
    other = changed(2, args={"id": Ref("n1", "/id"), "text": "everything is fine"})
    found = agreement(other, GOLD, masked)
    assert found.exact and not found.strict and found.ged == 0.0


def test_a_circle_has_a_print() -> None:
    circle = changed(0, after=("n3",))
    assert prints(circle).total() == 3
    assert not agreement(circle, GOLD, masked).exact


def test_half_of_a_plan_has_half_of_its_tools() -> None:
    half = replace(GOLD, steps=GOLD.steps[:1])
    found = agreement(half, GOLD, masked)
    assert found.node_f1 == pytest.approx(2 * 1 / 4) and found.link_f1 == 0.0
    assert 0 < found.ged < 1
    assert f1(*(type(prints(GOLD))() for _ in "ab")) == 1.0
