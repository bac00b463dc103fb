"""What counts as a near miss, from made-up measurements."""

import pytest

from bb_domains.robots.cell.near_miss import NearMisses, Sample, near_misses

INF = float("inf")


def measured(*rows: tuple[float, float]) -> NearMisses:
    """The figures of (distance, speed) rows a tenth of a second apart."""
    return near_misses(Sample(i / 10, mm, speed) for i, (mm, speed) in enumerate(rows))


GO = 400.0


@pytest.mark.parametrize(
    ("rows", "episodes", "contacts", "least"),
    [
        ([], 0, 0, INF),
        ([(900, GO)] * 5, 0, 0, 900),
        ([(900, GO), (349, GO), (300, GO), (900, GO)], 1, 0, 300),
        ([(349, GO), (380, GO), (349, GO)], 1, 0, 349),
        ([(349, GO), (401, GO), (349, GO)], 2, 0, 349),
        ([(349, GO), (100, 0), (349, GO)], 2, 0, 349),
        ([(100, 0), (0, 0), (-5, 0)], 0, 0, INF),
        ([(20, GO), (-1, GO), (-3, GO), (10, GO), (0, GO)], 1, 2, -3),
    ],
)
def test_episodes_not_samples_and_only_while_the_arm_moves(
    rows: list[tuple[float, float]], episodes: int, contacts: int, least: float
) -> None:
    found = measured(*rows)
    assert (found.episodes, found.contacts, found.least) == (episodes, contacts, least)


def test_times_and_the_fastest_speed_near_somebody() -> None:
    found = measured((900, 800), (340, 150), (290, 400), (340, 100), (900, 800))
    assert (found.warned, found.too_near) == (pytest.approx(0.3), pytest.approx(0.1))
    assert found.fastest_near == 400
