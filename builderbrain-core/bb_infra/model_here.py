"""See that a catalogue model is on this machine, and show how far it has come."""

import sys
from collections.abc import Callable

BAR = 30


def here(name: str) -> None:
    """Fetch a catalogue model that is not here yet; any other name is left alone."""
    from bb_nn.catalogue import CATALOGUE
    from bb_nn.fetch import fetch, fetched

    if name in CATALOGUE and fetched(name) is None:
        fetch(name, progress())


def progress() -> Callable[[str, float], None]:
    """A progress bar on a terminal, a line a stage elsewhere."""
    return bar if sys.stderr.isatty() else Stages()


def bar(stage: str, done: float) -> None:
    """A progress bar on one line of a terminal."""
    full = round(BAR * done)
    end = "\n" if stage == "ready" else ""
    line = f"\r{'█' * full}{'░' * (BAR - full)} {done:4.0%}  {stage:<40}"
    print(line, end=end, file=sys.stderr, flush=True)


class Stages:
    """One line for each stage, for logs."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, stage: str, done: float) -> None:
        if stage != self.last:
            print(f"{'fetch':<9} {stage}", file=sys.stderr)
        self.last = stage
