"""Telling a person how a run goes: one event when a step starts, one when it ends."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TextIO

from bb_runtime.outcome import Status


@dataclass(frozen=True, slots=True)
class Event:
    """A step that started or ended. Events may come from several threads at once."""

    run: str
    step: str
    tool: str
    status: Status | Literal["started", "waiting"]
    why: str = ""


Progress = Callable[[Event], None]

MARKS = {
    "started": "…",
    "waiting": "?",
    "done": "✓",
    "failed": "✗",
    "skipped": "-",
    "refused": "!",
    "parked": "‖",
    "not_run": "·",
}


def quiet(event: Event) -> None:
    """Show nothing."""


def never_in_the_way(progress: Progress) -> Progress:
    """The same telling; a fault in it, such as a closed pipe, ends no run."""

    def tell(event: Event) -> None:
        with suppress(Exception):
            progress(event)

    return tell


class Lines:
    """One line for each step that ends, with how long it took; several threads may call it."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out if out is not None else sys.stderr
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.status == "started":
                self._began[event.step] = time.monotonic()
                return
            print(self._line(event), file=self._out, flush=True)

    def _line(self, event: Event) -> str:
        began = self._began.get(event.step)
        took = f"{(time.monotonic() - began) * 1000:7.0f} ms" if began is not None else " " * 10
        why = f"  {event.why}" if event.why else ""
        mark = MARKS[event.status]
        try:
            mark.encode(self._out.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            mark = event.status[0]
        return f"  {mark} {event.step:<5} {event.tool:<24} {event.status:<8} {took}{why}"
