"""Which keyed requests the shop is still working on, so that nobody takes late for never."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Arrivals:
    """The keys of the requests that have arrived and have not been answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: Counter[str] = Counter()

    @contextmanager
    def working_on(self, key: str) -> Iterator[None]:
        """Count a request as being worked on for as long as the block runs."""
        with self._lock:
            self._keys[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._keys[key] -= 1

    def pending(self, key: str) -> bool:
        """Whether a request with this key is still being worked on."""
        with self._lock:
            return self._keys[key] > 0

    @property
    def none(self) -> bool:
        """Whether no request at all is being worked on."""
        with self._lock:
            return not any(self._keys.values())
