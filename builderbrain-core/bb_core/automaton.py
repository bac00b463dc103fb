"""A language read byte by byte, with the exact shortest way to its end from any point.

States are made when they are first reached. A state is a set of continuations: what is still to
be read, as a linked list of languages. Languages are finite trees, so the shortest end of a
continuation is the sum of its parts' shortest texts; no search is needed, and a `{0,200}` costs
nothing until a text walks into it. Bytes, not characters: a token may stop inside a character,
and the completion then finishes that character first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bb_core.language import Alt, Chars, Language, Lit, Repeat, Seq

_PREFERRED = "a0 _-AZ"


@dataclass(frozen=True, slots=True)
class Exit:
    """A way a text may end: these last characters, and what is still owed after them elsewhere.

    `owed` is never read here; it only counts as part of the completion, so that a completion
    prefers the end that finishes the larger text sooner.
    """

    text: str = ""
    owed: bytes = b""
    name: str = ""


class _Term:
    """A language prepared for bytes: children are terms, and the shortest text is known."""

    __slots__ = ("item", "items", "kind", "least", "most", "set", "short", "suffix")

    def __init__(self, kind: str, short: bytes | None) -> None:
        self.kind, self.short = kind, short
        self.items: tuple[_Term, ...] = ()
        self.suffix: _Term | None = None
        self.set = 0
        self.item: _Term | None = None
        self.least = self.most = 0


class _Rest:
    """A continuation: this term, then the tail. Without a term it forks, or is an exit."""

    __slots__ = ("edges", "exit", "exits", "forks", "owed", "short", "tail", "term")

    def __init__(self, term: "_Term | None", tail: "_Rest | None", short: bytes) -> None:
        self.term, self.tail, self.short = term, tail, short
        self.owed: int = 0 if tail is None else tail.owed
        self.forks: tuple[_Rest, ...] = ()
        self.exit: str | None = None
        self.edges: tuple[tuple[int, _Rest], ...] | None = None
        self.exits: frozenset[str] = frozenset()


class State:
    """Where a reading stands. `completion` is a shortest text from here to an end.

    `exits` names the exits whose text is read to the end; it is empty inside the language. The last
    `owed` bytes of the completion lie beyond this language.
    """

    __slots__ = ("completion", "exits", "next", "owed", "rests")

    def __init__(self, rests: frozenset[_Rest], exits: frozenset[str], nearest: _Rest) -> None:
        self.rests, self.exits = rests, exits
        self.completion, self.owed = nearest.short, nearest.owed
        self.next: dict[int, State | None] = {}

    @property
    def accepts(self) -> bool:
        """Whether the text read so far is in the language."""
        return bool(self.exits)

    @property
    def distance(self) -> int:
        """Bytes to the nearest end; without debts 0 exactly where the text is in the language."""
        return len(self.completion)

    @property
    def final(self) -> bool:
        """Whether the text read so far is in the language and nothing may follow it."""
        return self.accepts and not any(rest.edges for rest in self.rests)


class Automaton:
    """Reads one language. States live as long as the automaton and are shared by all readings."""

    def __init__(self, lang: Language, exits: Sequence[Exit] = (Exit(),)) -> None:
        self._terms: dict[int, tuple[Language, _Term]] = {}
        self._literals: dict[str, _Term] = {}
        self._repeats: dict[tuple[int, int, int], _Term] = {}
        self._rests: dict[tuple[int, int], _Rest] = {}
        self._states: dict[frozenset[_Rest], State] = {}
        term = self._term(lang)
        if term.short is None or not exits:
            raise ValueError("the language is empty: nothing could ever be written")
        self.start: State = self._state(frozenset({self._rest(term, self._ends(exits))}))

    def step(self, state: State, data: bytes) -> State | None:
        """The state after these bytes; None when no text of the language goes on like that."""
        here: State | None = state
        for byte in data:
            assert here is not None
            here = here.next[byte] if byte in here.next else self._advance(here, byte)
            if here is None:
                return None
        return here

    def reads(self, data: bytes) -> bool:
        """Whether the bytes are a text of the language."""
        state = self.step(self.start, data)
        return state is not None and state.accepts

    def _advance(self, state: State, byte: int) -> State | None:
        reached = frozenset(
            after for rest in state.rests for mask, after in rest.edges or () if mask >> byte & 1
        )
        state.next[byte] = self._state(reached) if reached else None
        return state.next[byte]

    def _state(self, rests: frozenset[_Rest]) -> State:
        if rests not in self._states:
            for rest in rests:
                self._expand(rest)
            nearest = min(rests, key=lambda rest: (len(rest.short), rest.short))
            exits = frozenset[str]().union(*(rest.exits for rest in rests))
            self._states[rests] = State(rests, exits, nearest)
        return self._states[rests]

    def _ends(self, exits: Sequence[Exit]) -> _Rest:
        forks = []
        for way in exits:
            done = _Rest(None, None, way.owed)
            done.exit, done.owed = way.name, len(way.owed)
            forks.append(self._rest(_literal(way.text.encode()), done))
        nearest = min(forks, key=lambda rest: len(rest.short))
        fork = _Rest(None, None, nearest.short)
        fork.forks, fork.owed = tuple(forks), nearest.owed
        return fork

    def _rest(self, term: _Term, tail: _Rest) -> _Rest:
        key = (id(term), id(tail))
        if key not in self._rests:
            self._rests[key] = _Rest(term, tail, (term.short or b"") + tail.short)
        return self._rests[key]

    def _expand(self, rest: _Rest) -> None:
        """Follow everything that reads no byte, so that only byte edges and an end remain."""
        if rest.edges is not None:
            return
        edges: dict[tuple[int, int], tuple[int, _Rest]] = {}
        exits: set[str] = set()
        stack, seen = [rest], {id(rest)}
        while stack:
            here = stack.pop()
            if here.exit is not None:
                exits.add(here.exit)
            for mask, after in self._reads(here):
                edges[mask, id(after)] = (mask, after)
            for after in self._opens(here):
                if id(after) not in seen:
                    seen.add(id(after))
                    stack.append(after)
        rest.edges, rest.exits = tuple(edges.values()), frozenset(exits)

    def _reads(self, rest: _Rest) -> Iterator[tuple[int, _Rest]]:
        """The byte edges that start right here."""
        if rest.term is not None and rest.tail is not None and rest.term.kind == "byte":
            suffix = rest.term.suffix
            yield rest.term.set, rest.tail if suffix is None else self._rest(suffix, rest.tail)

    def _opens(self, rest: _Rest) -> Iterator[_Rest]:
        """What this continuation is without reading anything."""
        if rest.term is None or rest.tail is None:
            yield from rest.forks
        elif rest.term.kind != "byte":
            yield from self._open(rest.term, rest.tail)

    def _open(self, term: _Term, tail: _Rest) -> Iterator[_Rest]:
        if term.kind == "alt":
            for item in term.items:
                if item.short is not None:
                    yield self._rest(item, tail)
        elif term.kind == "seq":
            for item in reversed(term.items):
                tail = self._rest(item, tail)
            yield tail
        else:
            assert term.item is not None
            if term.least == 0:
                yield tail
            if term.most > 0 and term.item.short is not None:
                again = self._repeat(term.item, max(term.least - 1, 0), term.most - 1)
                yield self._rest(term.item, self._rest(again, tail) if term.most > 1 else tail)

    def _term(self, lang: Language) -> _Term:
        known = self._terms.get(id(lang))
        if known is None:
            known = self._terms[id(lang)] = (lang, self._make(lang))  # lang kept: its id is a key
        return known[1]

    def _make(self, lang: Language) -> _Term:
        match lang:
            case Lit(text):
                if text not in self._literals:
                    self._literals[text] = _literal(text.encode())
                return self._literals[text]
            case Chars(ranges):
                return _characters(ranges)
            case Seq(items):
                return _seq([self._term(item) for item in items])
            case Alt(items):
                return _alt([self._term(item) for item in items])
            case Repeat(item, least, most):
                return self._repeat(self._term(item), least, most)

    def _repeat(self, item: _Term, least: int, most: int) -> _Term:
        key = (id(item), least, most)
        if key not in self._repeats:
            short = b"" if least == 0 else None if item.short is None else item.short * least
            term = self._repeats[key] = _Term("repeat", short)
            term.item, term.least, term.most = item, least, most
        return self._repeats[key]


def _byte(mask: int, short: bytes) -> _Term:
    term = _Term("byte", short)
    term.set = mask
    return term


def _literal(data: bytes) -> _Term:
    """Bytes one after the other: a chain of byte terms, each knowing what is left of the text."""
    if not data:
        return _seq([])
    term: _Term | None = None
    for at in range(len(data) - 1, -1, -1):
        longer = _byte(1 << data[at], data[at:])
        longer.suffix = term
        term = longer
    assert term is not None
    return term


def _seq(items: list[_Term]) -> _Term:
    shorts = [item.short for item in items]
    known = [short for short in shorts if short is not None]
    term = _Term("seq", b"".join(known) if len(known) == len(shorts) else None)
    term.items = tuple(items)
    return term


def _alt(items: list[_Term]) -> _Term:
    shorts = [item.short for item in items if item.short is not None]
    term = _Term("alt", min(shorts, key=len) if shorts else None)
    term.items = tuple(items)
    return term


def _characters(ranges: tuple[tuple[int, int], ...]) -> _Term:
    """Characters as bytes: one set for ASCII, byte sequences for the rest."""
    ascii_set, wide = 0, []
    for low, high in ranges:
        for point in range(low, min(high, 0x7F) + 1):
            ascii_set |= 1 << point
        wide += [_seq([_span(a, b) for a, b in run]) for run in utf8_runs(max(low, 0x80), high)]
    plain = [_byte(ascii_set, bytes([_favourite(ascii_set)]))] if ascii_set else []
    return _alt(plain + wide)


def _favourite(mask: int) -> int:
    for char in _PREFERRED:
        if mask >> ord(char) & 1:
            return ord(char)
    return (mask & -mask).bit_length() - 1


def _span(low: int, high: int) -> _Term:
    return _byte((1 << high + 1) - (1 << low), bytes([low]))


def utf8_runs(low: int, high: int) -> Iterator[list[tuple[int, int]]]:
    """Byte range sequences that together are exactly the UTF-8 of these non-ASCII characters."""
    for limit in (0x7FF, 0xFFFF, 0x10FFFF):
        if low <= min(high, limit):
            yield from _same_length(chr(low).encode(), chr(min(high, limit)).encode())
            low = limit + 1


def _same_length(low: bytes, high: bytes) -> Iterator[list[tuple[int, int]]]:
    if len(low) == 1:
        yield [(low[0], high[0])]
        return
    first, last = low[0], high[0]
    floor, ceiling = b"\x80" * (len(low) - 1), b"\xbf" * (len(low) - 1)
    if first == last:
        for run in _same_length(low[1:], high[1:]):
            yield [(first, first), *run]
        return
    if low[1:] != floor:
        for run in _same_length(low[1:], ceiling):
            yield [(first, first), *run]
        first += 1
    if high[1:] != ceiling:
        last -= 1
    if first <= last:
        yield [(first, last), *((0x80, 0xBF) for _ in floor)]
    if high[1:] != ceiling:
        for run in _same_length(floor, high[1:]):
            yield [(high[0], high[0]), *run]
