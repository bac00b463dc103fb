"""A limit on how long somebody else's code may take to load.

Not covered: platforms without SIGALRM, threads other than the main one, and C code that never
returns to the interpreter. There the code runs as long as it likes.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooSlow(BaseException):
    """The time is up. Not an Exception: the code being timed must not catch it by accident."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Run the block; raise TooSlow inside it once `seconds` have passed."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TooSlow(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
