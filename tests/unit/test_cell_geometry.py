"""The cell's geometry: distances against brute force, the arm against its own inverse."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_domains.robots.cell.arm import (
    FARTHEST,
    HIGHEST,
    LOWEST,
    NEAREST,
    between,
    farthest_moved,
    inside,
    joints_at,
    shapes,
    tip_of,
)
from bb_domains.robots.cell.geometry import Area, Capsule, apart, plan_to_area, plan_to_spot
from bb_domains.robots.cell.layout import PLACES, SPEEDS
from bb_domains.robots.cell.path import STEP, way
from bb_domains.robots.cell.people import area_of, person

NUMBER = st.floats(-900, 900)
POINT = st.tuples(NUMBER, NUMBER, NUMBER)
TIP = (
    st.tuples(
        st.floats(NEAREST + 1, FARTHEST - 1),
        st.floats(-2.7, 2.7),
        st.floats(LOWEST + 1, HIGHEST - 1),
    )
    .map(lambda t: (t[0] * math.cos(t[1]), t[0] * math.sin(t[1]), t[2]))
    .filter(inside)
)
MANY = settings(max_examples=60)


def on(shape: Capsule, t: float) -> tuple[float, float, float]:
    return tuple(a + (b - a) * t for a, b in zip(shape.a, shape.b, strict=True))  # type: ignore[return-value]


@MANY
@given(POINT, POINT, POINT, POINT)
def test_capsules_are_as_far_apart_as_their_nearest_points(a, b, c, d) -> None:  # type: ignore[no-untyped-def]
    one, two = Capsule(a, b, 10.0), Capsule(c, d, 5.0)
    tried = min(math.dist(on(one, i / 40), on(two, j / 40)) for i in range(41) for j in range(41))
    length = max(math.dist(a, b), math.dist(c, d))
    assert apart(one, two) - 1e-6 <= tried - 15 <= apart(one, two) + length / 20 + 1e-6
    assert apart(one, two) == pytest.approx(apart(two, one), abs=1e-6)


@MANY
@given(POINT, POINT, st.tuples(NUMBER, NUMBER))
def test_seen_from_above_a_capsule_is_its_segment(a, b, spot) -> None:  # type: ignore[no-untyped-def]
    shape = Capsule(a, b, 10.0)
    tried = min(math.dist(on(shape, i / 200)[:2], spot) for i in range(201))
    assert plan_to_spot(shape, spot) - 1e-6 <= tried
    assert tried <= plan_to_spot(shape, spot) + math.dist(a, b) / 200


@MANY
@given(POINT, POINT, NUMBER, NUMBER, st.floats(1, 500), st.floats(1, 500))
def test_an_area_is_as_far_as_its_nearest_spot(a, b, west, south, wide, deep) -> None:  # type: ignore[no-untyped-def]
    shape, area = Capsule(a, b, 10.0), Area(west, west + wide, south, south + deep)
    spots = [(west + wide * i / 12, south + deep * j / 12) for i in range(13) for j in range(13)]
    tried = min(plan_to_spot(shape, spot) for spot in spots)
    assert plan_to_area(shape, area) - 1e-6 <= tried
    assert tried <= plan_to_area(shape, area) + math.hypot(wide, deep) / 12 + 1e-6


@MANY
@given(TIP)
def test_the_joints_put_the_tip_where_it_is_wanted(tip) -> None:  # type: ignore[no-untyped-def]
    q = joints_at(tip)
    assert math.dist(tip_of(q), tip) < 1e-6
    assert math.dist(shapes(q)[2].b, tip) < 1e-6


@MANY
@given(TIP, TIP, st.floats(0, 1), st.floats(0, 1))
def test_no_point_of_the_arm_moves_farther_than_said(one, two, s, t) -> None:  # type: ignore[no-untyped-def]
    q, p = joints_at(one), joints_at(two)
    a, b = between(q, p, s), between(q, p, t)
    for mine, theirs in zip(shapes(a), shapes(b), strict=True):
        for u in (0, 0.3, 1):
            assert math.dist(on(mine, u), on(theirs, u)) <= farthest_moved(q, p) * abs(s - t) + 1e-6


@pytest.mark.parametrize("start", PLACES)
@pytest.mark.parametrize("goal", PLACES)
def test_a_way_begins_and_ends_where_it_should_in_small_steps(start: str, goal: str) -> None:
    path = way(joints_at(PLACES[start]), PLACES[goal])
    found = list(path.samples())
    assert math.dist(tip_of(path.at(path.length)), PLACES[goal]) < 1e-6
    assert found[0][1] == joints_at(PLACES[start]) and found[-1][0] == pytest.approx(path.length)
    for (one, q), (two, p) in pairwise(found):
        assert farthest_moved(q, p) <= STEP + 1e-6 and two - one <= STEP + 1e-6
        assert math.dist(path.at(two), p) < 1e-6
    assert path.length / SPEEDS["slow"] <= 30


@pytest.mark.parametrize("tip", [(800, 0, 100), (100, 0, 100), (400, 0, 600), (-500, 10, 100)])
def test_what_the_arm_cannot_reach_is_refused(tip: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="outside the workspace"):
        joints_at(tip)


def test_a_locked_gate_keeps_people_where_they_are() -> None:
    free, held = person([[0, 2100, 0], [1, 1000, 0]]), person([[0, 2100, 0], [1, 1000, 0]])
    for tick in range(1, 40):
        free.walk(tick / 20, 1 / 20)
        held.walk(tick / 20, 1 / 20, ("front",))
    assert area_of(free.spot) == "front" and free.spot == (1000, 0)
    assert area_of(held.spot) == "hall" and held.spot[0] > 2050


def test_nobody_walks_faster_than_people_do_or_through_the_table() -> None:
    runner = person([[0, 0, 1900], [0.1, 0, -1900]])
    before = runner.spot
    for tick in range(1, 60):
        runner.walk(tick / 20, 1 / 20)
        assert math.dist(before, runner.spot) <= 1600 / 20 + 1e-6
        before = runner.spot
    assert area_of(runner.spot) == "left"


@pytest.mark.parametrize("corners", [[], [[0, 0, 0]], [[5, 2100, 0], [1, 2100, 0]], [[0, 0, 9999]]])
def test_a_schedule_that_cannot_be_is_refused(corners: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"schedule|neither"):
        person(corners)


EDGES = [
    (r * x // 37, r * y // 37, z)
    for r in (NEAREST, FARTHEST)
    for x, y in ((37, 0), (35, 12), (12, 35), (-35, 12), (12, -35))
    for z in (LOWEST, 200, HIGHEST)
] + [(x, 0, HIGHEST) for x in range(230, 700, 5)]


@pytest.mark.parametrize("edge", [tip for tip in EDGES if inside(tip)])
def test_an_arm_that_may_go_somewhere_may_leave_again(edge: tuple[float, float, float]) -> None:
    there = way(joints_at(PLACES["home"]), edge)
    back = way(there.corners[-1], PLACES["home"])
    assert math.dist(tip_of(back.corners[-1]), PLACES["home"]) < 1e-6


def test_the_edge_is_where_it_is() -> None:
    assert sum(inside(tip) for tip in EDGES) > 100
    for tip in ((NEAREST - 0.01, 0, 200), (FARTHEST + 0.01, 0, 200), (400, 0, HIGHEST + 0.01)):
        assert not inside(tip)
