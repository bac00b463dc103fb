"""What two lexers can make of a text: exact decisions over the languages of terminals.

`cuts_short` finds a text where the first alternative that fits, Python's rule, is not the longest.
`clash` finds a text that two terminals both match, or one that the first matches and the second
can carry on from. Both walk automata built on demand and give a shortest example, or None.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bb_core.language import UNBOUNDED, Alt, Chars, Language, Lit, Repeat, Seq

LIMIT = 30_000
_END = -1
_Ranges = tuple[tuple[int, int], ...]
_States = tuple[int, ...]
_Key = TypeVar("_Key")


class TooLarge(ValueError):
    """A language whose automaton passes LIMIT states."""


class Program:
    """A language as a list of states: read one character, or go on at any of several others."""

    def __init__(self, language: Language) -> None:
        self.sets: list[_Ranges] = []
        self.next: list[tuple[int, ...]] = []
        self.start = self.add(language, _END)

    def state(self, ranges: _Ranges, *following: int) -> int:
        if len(self.sets) >= LIMIT:
            raise TooLarge
        self.sets.append(ranges)
        self.next.append(following)
        return len(self.sets) - 1

    def add(self, language: Language, end: int) -> int:
        """The state that reads the language and goes on at `end`; earlier alternatives first."""
        match language:
            case Lit(text):
                for char in reversed(text):
                    end = self.state(((ord(char), ord(char)),), end)
                return end
            case Chars(ranges):
                return self.state(ranges, end)
            case Seq(items):
                for item in reversed(items):
                    end = self.add(item, end)
                return end
            case Alt(items):
                return self.state((), *[self.add(item, end) for item in items])
            case Repeat(item, least, most):
                return self.repeat(item, least, most, end)

    def repeat(self, item: Language, least: int, most: int, end: int) -> int:
        at = end
        if most >= UNBOUNDED:
            at = self.state((), end)
            self.next[at] = (self.add(item, at), end)
        else:
            for _ in range(most - least):
                at = self.state((), self.add(item, at), end)
        for _ in range(least):
            at = self.add(item, at)
        return at

    def closure(self, states: Iterable[int]) -> _States:
        """The states that read a character or end, in order of preference."""
        out: dict[int, None] = {}
        seen: set[int] = set()
        stack = [*states][::-1]
        while stack:
            state = stack.pop()
            if state in seen:
                continue
            seen.add(state)
            if state == _END or self.sets[state]:
                out[state] = None
            else:
                stack.extend(reversed(self.next[state]))
        return tuple(out)

    def after(self, states: _States, point: int) -> _States:
        """Where the states are after one character."""
        return self.closure(
            self.next[s][0]
            for s in states
            if s != _END and any(low <= point <= high for low, high in self.sets[s])
        )


def cuts_short(language: Language) -> str | None:
    """A shortest text the language has, of which the first fitting alternative takes less."""
    program = Program(language)

    def step(key: tuple[_States, _States], point: int) -> tuple[_States, _States] | None:
        first, longest = key
        after = program.after(longest, point)
        return (_preferred(program.after(first, point)), after) if after else None

    start = program.closure([program.start])
    for (first, longest), text in _walk((_preferred(start), start), step, _alphabet(program)):
        if _END in longest and _END not in first:
            return text
    return None


def _preferred(states: _States) -> _States:
    """What is left once a match was found: whatever would have been tried later is not tried."""
    return states[: states.index(_END) + 1] if _END in states else states


@dataclass(frozen=True, slots=True)
class Clash:
    """A text two terminals match, or a text of the first that the second goes on from."""

    kind: str
    text: str


def clash(first: Language, second: Language, *, prefixes: bool = False) -> Clash | None:
    """How the second terminal can be mistaken for the first, with a shortest example.

    With `prefixes`, a text of the first that begins a longer text of the second counts too.
    """
    one, two = Program(first), Program(second)

    def step(key: tuple[_States, _States], point: int) -> tuple[_States, _States] | None:
        left = one.after(key[0], point)
        right = two.after(key[1], point) if left else ()
        return (left, right) if left and right else None

    start = one.closure([one.start]), two.closure([two.start])
    for (left, right), text in _walk(start, step, _alphabet(one, two)):
        if _END in left and _END in right:
            return Clash("same", text)
        if prefixes and _END in left and text:
            return Clash("prefix", text)
    return None


def _walk(
    start: _Key, step: Callable[[_Key, int], _Key | None], alphabet: list[int]
) -> Iterator[tuple[_Key, str]]:
    """Every reachable key with a shortest text that leads to it, breadth first."""
    queue: dict[_Key, str] = {start: ""}
    todo = [start]
    for key in todo:
        yield key, queue[key]
        for point in alphabet:
            target = step(key, point)
            if target is not None and target not in queue:
                if len(queue) >= LIMIT:
                    raise TooLarge
                queue[target] = queue[key] + chr(point)
                todo.append(target)


def _alphabet(*programs: Program) -> list[int]:
    """One character for each way the programs' sets overlap, a letter where there is a choice."""
    sets = dict.fromkeys(ranges for program in programs for ranges in program.sets if ranges)
    edges = {0} | {low for ranges in sets for low, _ in ranges}
    edges |= {high + 1 for ranges in sets for _, high in ranges}
    found: dict[tuple[bool, ...], int] = {}
    for point in sorted(edges, key=lambda p: (not chr(min(p, 0x10FFFF)).isalnum(), p)):
        member = tuple(any(low <= point <= high for low, high in ranges) for ranges in sets)
        if any(member):
            found.setdefault(member, point)
    return list(found.values())
