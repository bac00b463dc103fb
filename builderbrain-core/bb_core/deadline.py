"""A limit on how long somebody else's code may take to load.

What it computes is counted, not how long the machine lets it wait; code that sleeps is stopped
once `PATIENCE` times as much has passed.

Not covered: platforms without SIGALRM, threads other than the main one, and C code that never
returns to the interpreter. There the code runs as long as it likes.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 6
"""How many seconds may pass for each that may be computed."""

_SOONEST = 0.01
"""Seconds until the clock is read again; a timer of 0 would be no timer."""


class TooSlow(BaseException):
    """The time is up. Not an Exception: the code being timed must not catch it by accident."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Run the block; raise TooSlow inside it once it has computed for `seconds`, or slept long."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    computed, passed = time.thread_time(), time.monotonic()

    def ring(signum: int, frame: FrameType | None) -> None:
        left = seconds - (time.thread_time() - computed)
        patience = PATIENCE * seconds - (time.monotonic() - passed)
        if left <= 0:
            raise TooSlow(f"took longer than {seconds:g} s of computing")
        if patience <= 0:
            raise TooSlow(f"took longer than {PATIENCE * seconds:g} s")
        signal.setitimer(signal.ITIMER_REAL, max(_SOONEST, min(left, patience)))

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
