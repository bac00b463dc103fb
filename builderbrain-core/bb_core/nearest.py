"""What an author may have meant by a name that is not there, for an error's advice."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 12


def listed(names: Iterable[object]) -> str:
    """What could have been written instead."""
    known = sorted(str(name) for name in names)
    more = ", …" if len(known) > MOST else ""
    return f"known: {', '.join(known[:MOST]) or 'none'}{more}"


def nearest(word: str, names: Iterable[str]) -> str:
    """The name most like the word; empty when none is like it."""
    return next(iter(get_close_matches(word, list(names), n=1)), "")


def instead(word: str, names: Iterable[str]) -> str:
    """The name most like the word first, if one is like it; then what is known."""
    known = list(names)
    near = nearest(word, known)
    return f"write {near}; {listed(known)}" if near else listed(known)
