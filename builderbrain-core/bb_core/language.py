"""Finite languages as values: what may be written next, before it is a mask or an automaton.

    Lit("ab")            the text ab               Seq((a, b))        a, then b
    Chars(((97, 122),))  one character of a range  Alt((a, b))        a or b
    Repeat(a, 1, 9)      a, one to nine times

Every language here is finite: repeats are bounded and nothing refers to itself, so each text has
a longest and a shortest completion, and both are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

MAX_CODE_POINT = 0x10FFFF
UNBOUNDED = 1 << 20  # a repeat up to here has no end: `*`
_SURROGATES = (0xD800, 0xDFFF)


@dataclass(frozen=True, slots=True)
class Lit:
    """Exactly this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of these sorted, disjoint code point ranges."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Seq:
    """These languages one after the other."""

    items: tuple["Language", ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """Any one of these languages; none at all when empty."""

    items: tuple["Language", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same language `least` to `most` times."""

    item: "Language"
    least: int
    most: int


Language: TypeAlias = Lit | Chars | Seq | Alt | Repeat
EMPTY: "Language" = Lit("")
NOTHING: "Language" = Alt(())


def chars(ranges: Iterable[tuple[int, int]]) -> Chars:
    """One character of these ranges, whatever their order; surrogates are never characters."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(r for pair in ranges for r in _without_surrogates(*pair)):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Chars(tuple(merged))


def char_set(text: str) -> Chars:
    """One character out of this text."""
    return chars((ord(c), ord(c)) for c in text)


def complement(ranges: Iterable[tuple[int, int]]) -> Chars:
    """One character that is in none of these ranges."""
    gaps, start = [], 0
    for low, high in chars(ranges).ranges:
        gaps.append((start, low - 1))
        start = high + 1
    gaps.append((start, MAX_CODE_POINT))
    return chars((low, high) for low, high in gaps if low <= high)


def seq(*parts: Language | str) -> Language:
    """One after the other; neighbouring literals become one."""
    out: list[Language] = []
    for part in _flat(parts):
        if part == NOTHING:
            return NOTHING
        if isinstance(part, Lit) and out and isinstance(out[-1], Lit):
            out[-1] = Lit(out[-1].text + part.text)
        elif part != EMPTY:
            out.append(part)
    return out[0] if len(out) == 1 else Seq(tuple(out)) if out else EMPTY


def alt(*parts: Language | str) -> Language:
    """Any one of them, doubles left out."""
    seen: dict[Language, None] = {}
    for part in parts:
        lang = Lit(part) if isinstance(part, str) else part
        seen.update(dict.fromkeys(lang.items if isinstance(lang, Alt) else (lang,)))
    return next(iter(seen)) if len(seen) == 1 else Alt(tuple(seen))


def optional(*parts: Language | str) -> Language:
    """These in a row, or nothing."""
    return Repeat(seq(*parts), 0, 1)


def lengths(lang: Language) -> tuple[int, int]:
    """The fewest and the most characters a text of the language has."""
    match lang:
        case Lit(text):
            return len(text), len(text)
        case Chars():
            return 1, 1
        case Seq(items):
            pairs = [lengths(item) for item in items]
            return sum(low for low, _ in pairs), sum(high for _, high in pairs)
        case Alt(items):
            pairs = [lengths(item) for item in items]
            return min(low for low, _ in pairs), max(high for _, high in pairs)
        case Repeat(item, least, most):
            low, high = lengths(item)
            return low * least, high * most


def deepest(lang: Language) -> tuple[int, int]:
    """Bytes of the shortest text, and of the longest way that can be left from inside a text."""
    match lang:
        case Lit(text):
            return len(text.encode()), len(text.encode())
        case Chars(ranges):
            return len(chr(ranges[0][0]).encode()), 4
        case Seq(items):
            after = deep = 0
            for item in reversed(items):
                short, inside = deepest(item)
                after, deep = after + short, max(deep, inside + after)
            return after, deep
        case Alt(items):
            pairs = [deepest(item) for item in items]
            return min(short for short, _ in pairs), max(deep for _, deep in pairs)
        case Repeat(item, least, _):
            short, deep = deepest(item)
            return short * least, deep + short * max(least - 1, 0)


def to_regex(lang: Language) -> str:
    """The language as a regular expression that Python, Rust and llguidance read alike."""
    match lang:
        case Lit(text):
            return "".join(_char(ord(c)) for c in text)
        case Chars(ranges):
            return _class(ranges)
        case Seq(items):
            return "".join(_group(i) if isinstance(i, Alt) else to_regex(i) for i in items)
        case Alt(items):
            if not items:
                raise ValueError("the empty language has no regular expression")
            return "|".join(to_regex(item) for item in items)
        case Repeat(item, 0, 1):
            return _group(item) + "?"
        case Repeat(item, least, most) if most >= UNBOUNDED:
            return _group(item) + {0: "*", 1: "+"}.get(least, f"{{{least},}}")
        case Repeat(item, least, most):
            return _group(item) + (f"{{{least}}}" if least == most else f"{{{least},{most}}}")


def to_lark(lang: Language) -> str:
    """The language as one llguidance lark grammar.

    One terminal holds all of it: no lexer stands between two parts, so that llguidance accepts
    exactly the language, and its derivatives stay small because every repeat is counted lazily.
    """
    return f"start: WHOLE\nWHOLE: /{to_regex(lang)}/\n"


def _group(lang: Language) -> str:
    single = isinstance(lang, Chars) or (isinstance(lang, Lit) and len(lang.text) == 1)
    return to_regex(lang) if single else f"(?:{to_regex(lang)})"


def _class(ranges: tuple[tuple[int, int], ...]) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _char(ranges[0][0])
    return "[" + "".join(_char(a) if a == b else f"{_char(a)}-{_char(b)}" for a, b in ranges) + "]"


_SPECIAL = frozenset("\\[]^-.*+?(){}|$")


def _char(point: int) -> str:
    if chr(point).isascii() and chr(point).isalnum():
        return chr(point)
    if chr(point) in _SPECIAL:
        return "\\" + chr(point)  # Lark turns \x5b into a bare [ before Python reads the pattern
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def _flat(parts: Iterable[Language | str]) -> Iterable[Language]:
    for part in parts:
        if isinstance(part, str):
            yield Lit(part)
        elif isinstance(part, Seq):
            yield from part.items
        else:
            yield part


def _without_surrogates(low: int, high: int) -> Iterable[tuple[int, int]]:
    for a, b in ((low, min(high, _SURROGATES[0] - 1)), (max(low, _SURROGATES[1] + 1), high)):
        if a <= b:
            yield a, b
