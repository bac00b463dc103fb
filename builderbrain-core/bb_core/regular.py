"""Regular languages with intersection and complement, read one character at a time.

A state is what is still to be read: Brzozowski's derivative ("Derivatives of Regular Expressions",
1964). `shortest` decides whether a language is empty and shows a shortest text of it; `plain` turns
a language with `Both` and `Not` inside into one without, for engines that know neither.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

from bb_core.language import (
    EMPTY,
    MAX_CODE_POINT,
    NOTHING,
    UNBOUNDED,
    Alt,
    Chars,
    Language,
    Lit,
    Repeat,
    Seq,
    alt,
    chars,
    seq,
)
from bb_core.lexeme import LIMIT, TooLarge


@dataclass(frozen=True, slots=True)
class Both:
    """Texts of both languages."""

    left: "Regular"
    right: "Regular"


@dataclass(frozen=True, slots=True)
class Not:
    """Every text that is not of this language."""

    item: "Regular"


Regular: TypeAlias = Language | Both | Not
ANYTHING: Regular = Repeat(chars([(0, MAX_CODE_POINT)]), 0, UNBOUNDED)


def both(left: Regular, right: Regular) -> Regular:
    """Texts of both languages."""
    if NOTHING in (left, right):
        return NOTHING
    if left in (ANYTHING, right):
        return right
    return left if right == ANYTHING else Both(left, right)


def without(language: Regular, other: Regular) -> Regular:
    """Texts of the first language that are not of the second."""
    if other == NOTHING:
        return language
    return NOTHING if other == ANYTHING else both(language, Not(other))


def then(first: Regular, second: Regular) -> Regular:
    """The first language, then the second."""
    return cast(Regular, seq(cast(Language, first), cast(Language, second)))


def repeat(language: Regular, least: int, most: int) -> Regular:
    """The same language `least` to `most` times."""
    return Repeat(cast(Language, language), least, most)


def either(*options: Regular) -> Regular:
    """Any one of these languages."""
    if ANYTHING in options:
        return ANYTHING
    return cast(Regular, alt(*cast(tuple[Language, ...], options))) if options else NOTHING


@lru_cache(maxsize=1 << 16)
def nullable(language: Regular) -> bool:
    """Whether the empty text is of the language."""
    match language:
        case Lit(text):
            return not text
        case Chars():
            return False
        case Seq(items):
            return all(map(nullable, items))
        case Alt(items):
            return any(map(nullable, items))
        case Repeat(item, least, _):
            return least == 0 or nullable(item)
        case Both(left, right):
            return nullable(left) and nullable(right)
        case Not(item):
            return not nullable(item)


@lru_cache(maxsize=1 << 17)
def after(language: Regular, point: int) -> Regular:
    """What is still to be read once this character was: the derivative."""
    match language:
        case Lit(text):
            return Lit(text[1:]) if text and ord(text[0]) == point else NOTHING
        case Chars(ranges):
            return EMPTY if any(low <= point <= high for low, high in ranges) else NOTHING
        case Seq():
            return either(*_row(language, point))
        case Alt(items):
            return either(*[d for item in items if (d := after(item, point)) != NOTHING])
        case Repeat(item, least, most):
            rest = Repeat(item, max(least - 1, 0), most if most >= UNBOUNDED else most - 1)
            return then(after(item, point), rest if rest.most else EMPTY)
        case Both(left, right):
            return both(after(left, point), after(right, point))
        case Not(item):
            return without(ANYTHING, after(item, point))


def _row(language: Seq, point: int) -> Iterator[Regular]:
    """The derivatives of a row: of its first part, and of the next where that may be empty."""
    for index, item in enumerate(language.items):
        first = after(item, point)
        if first != NOTHING:
            yield then(first, cast(Regular, seq(*language.items[index + 1 :])))
        if not nullable(item):
            return


def shortest(language: Regular) -> str | None:
    """A shortest text of the language, None when it has none; raises TooLarge."""
    return next((text for state, text in _reached(language) if nullable(state)), None)


def _reached(language: Regular) -> Iterator[tuple[Regular, str]]:
    """Every state with a shortest text that leads to it, breadth first."""
    points = [_typical(part) for part in alphabet(language)]
    queue = {language: ""}
    todo = [language]
    for state in todo:
        yield state, queue[state]
        for point in points:
            target = after(state, point)
            if target != NOTHING and target not in queue:
                if len(queue) >= LIMIT:
                    raise TooLarge
                queue[target] = queue[state] + chr(point)
                todo.append(target)


def alphabet(language: Regular) -> list[Chars]:
    """The characters in groups that no part of the language tells apart."""
    sets = list(dict.fromkeys(_sets(language)))
    edges = sorted({0} | {edge for s in sets for low, high in s for edge in (low, high + 1)})
    groups: dict[tuple[bool, ...], list[tuple[int, int]]] = {}
    for low, high in zip(edges, [*edges[1:], MAX_CODE_POINT + 1], strict=True):
        if low <= MAX_CODE_POINT:
            member = tuple(any(a <= low <= b for a, b in s) for s in sets)
            groups.setdefault(member, []).append((low, high - 1))
    return [found for found in map(chars, groups.values()) if found.ranges]


def _sets(language: Regular) -> Iterator[tuple[tuple[int, int], ...]]:
    match language:
        case Lit(text):
            yield from (((ord(char), ord(char)),) for char in text)
        case Chars(ranges):
            yield ranges
        case Seq(items) | Alt(items):
            for item in items:
                yield from _sets(item)
        case Repeat(item) | Not(item):
            yield from _sets(item)
        case Both(left, right):
            yield from _sets(left)
            yield from _sets(right)


def _typical(part: Chars) -> int:
    """A character of the group, a letter or a digit where there is a choice."""
    firsts = [low for low, _ in part.ranges]
    return min(firsts, key=lambda point: (not chr(point).isalnum(), point))


def plain(language: Regular) -> Language | None:
    """The same language without `Both` and `Not`; None where it winds back on itself.

    In every choice the alternatives begin with different characters, and ending comes last.
    """
    groups = alphabet(language)
    live = {state for state, _ in _reached(language) if shortest(state) is not None}
    made: dict[Regular, Language] = {}
    under_way: set[Regular] = set()

    def rest(state: Regular) -> Language | None:
        if state in made:
            return made[state]
        if state in under_way:
            return None
        under_way.add(state)
        ways: dict[Regular, list[Chars]] = {}
        for part in groups:
            target = after(state, _typical(part))
            if target in live:
                ways.setdefault(target, []).append(part)
        again = _joined(ways.pop(state, []))
        options = []
        for target, parts in ways.items():
            following = rest(target)
            if following is None:
                return None
            options.append(seq(_joined(parts), following))
        body = alt(*options) if options else EMPTY
        if options and nullable(state):
            body = _optional(body)
        loop = Repeat(again, 0, UNBOUNDED) if again.ranges else EMPTY
        made[state] = seq(loop, body)
        under_way.discard(state)
        return made[state]

    return rest(language)


def _joined(parts: Iterable[Chars]) -> Chars:
    return chars(pair for part in parts for pair in part.ranges)


def _optional(body: Language) -> Language:
    """`(a a{0,3})?` is `a{0,4}`: a chain of counted states stays one repeat."""
    match body:
        case Seq((first, Repeat(item, 0, most))) if first == item and most < UNBOUNDED:
            return Repeat(item, 0, most + 1)
        case Seq((first, Repeat(item, 0, _))) if first == item:
            return Repeat(item, 0, UNBOUNDED)
    return Repeat(body, 0, 1)
