"""How much an account says in an hour: what it has said, and what waits to go out, when it is due.

An hour is any 3600 seconds, wherever they begin. Not covered: what is said past the desk; a post
that waits and is taken back at its network, which still counts; one whose fate nobody knows.
"""

from collections.abc import Iterable

HOUR_S = 3600
LAST = 72
"""As many hours ahead as a post may wait."""


def fullest(times: Iterable[int], at: int) -> int:
    """How many of these times the fullest hour holds that `at` is in."""
    near = [time for time in times if abs(time - at) < HOUR_S]
    begins = [at, *(time for time in near if time <= at)]
    return max(sum(0 <= time - begin < HOUR_S for time in near) for begin in begins)


def full_hours(times: Iterable[int], now: int, most: int) -> list[int]:
    """In how many hours from now nothing more may be said, at so many in an hour."""
    coming = [time for time in times if time > now]
    return [h for h in range(1, LAST + 1) if fullest(coming, now + h * HOUR_S) >= most]
