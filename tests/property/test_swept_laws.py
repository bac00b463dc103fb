"""The swept bound: whoever walks wherever, nobody comes nearer than the checker said."""

import pytest

from bb_core.registry import discover
from bb_core.schema import PlanSchema
from bb_domains.robots.cell.episodes import Episode, episode
from bb_domains.robots.cell.motion import BodyMaker, Exact

LIMIT, FAR = 350, 4900


@pytest.fixture(scope="module")
def schema() -> PlanSchema:
    found = discover().get("robots").ask("plan_schema")
    assert isinstance(found, PlanSchema)
    return found


def keeps_the_law(done: list[Episode]) -> None:
    """No episode falls below its bound, no passed one below the limit; both kinds are there."""
    assert [e for e in done if e.figures.least < min(e.bound, FAR)] == []
    passed = [e for e in done if not e.refused_by]
    assert [e for e in passed if e.figures.least < LIMIT or e.figures.episodes] == []
    assert len(done) * 0.1 < len(passed) < len(done) * 0.9
    assert any(e.figures.least < LIMIT for e in done if e.refused_by)


def test_nobody_comes_nearer_than_the_bound(schema: PlanSchema) -> None:
    keeps_the_law([episode(seed, schema) for seed in range(10_000, 10_120)])


@pytest.mark.slow
def test_nobody_comes_nearer_than_the_bound_in_many_episodes(schema: PlanSchema) -> None:
    keeps_the_law([episode(seed, schema) for seed in range(20_000, 23_000)])


def test_nobody_comes_nearer_than_the_bound_in_the_simulator(schema: PlanSchema) -> None:
    pytest.importorskip("mujoco", reason="pip install 'builderbrain-robots[sim]'")
    keeps_the_law([episode(seed, schema, simulated()) for seed in range(30_000, 30_020)])


def test_an_episode_is_a_function_of_its_seed(schema: PlanSchema) -> None:
    bodies: list[BodyMaker] = [Exact]
    if pytest.importorskip("mujoco", reason="pip install 'builderbrain-robots[sim]'"):
        bodies.append(simulated())
    for body in bodies:
        assert episode(7, schema, body) == episode(7, schema, body)


def simulated() -> BodyMaker:
    from bb_domains.robots.sim.body import SimBody

    return lambda q, _, people: SimBody(q, {}, people)
