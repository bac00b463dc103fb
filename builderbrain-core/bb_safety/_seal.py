"""Who may issue a decision: `promote` and `rollback`, and nobody else.

An import contract keeps every other module from importing this file; a decision made without it
raises, and one that was copied, unpickled or changed after it was issued has no seal here.

Not covered: Python code in this process that reaches into this module on purpose. What it moves is
still on the ledger with its evidence, where a rerun of the gate shows it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

D = TypeVar("D")
_open = threading.local()
_issued: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


@contextmanager
def _issuing() -> Iterator[None]:
    _open.now = True
    try:
        yield
    finally:
        _open.now = False


def is_open() -> bool:
    """Whether this thread is issuing a decision right now."""
    return bool(getattr(_open, "now", False))


def issue(make: Callable[[], D], digest: Callable[[D], str]) -> D:
    """Make a decision and remember what it said."""
    with _issuing():
        made = make()
    _issued[made] = digest(made)
    return made


def issued(decision: object) -> str | None:
    """The digest of what a decision said when it was issued; None if it never was."""
    try:
        return _issued.get(decision)
    except TypeError:
        return None
