"""Does the order of a choice, or how far a repeat goes, change what a PEG grammar reads?

A parsing expression commits: the first alternative that fits is taken, and a repeat gives nothing
back. The parser and the masks read the same text as a set of alternatives. Where a text exists that
the set has and the PEG does not, the grammar is refused with the two alternatives, the beginning
that both read, and a whole plan on which they differ where one is found (peg_witness.py).

Terminals are decided exactly. Rules are opened a few levels deep and what is deeper counts as any
text: a grammar that needs more to be told apart is refused, never let pass.
"""

from collections.abc import Iterator
from typing import NoReturn

from bb_core.language import EMPTY, UNBOUNDED
from bb_core.lexeme import TooLarge
from bb_core.peg_language import Reads
from bb_core.peg_notation import Ahead, Choice, Class, Many, Node, Peg, Row, Text, Use, parts
from bb_core.peg_witness import witness
from bb_core.regular import ANYTHING, Regular, both, nullable, shortest, then, without

DEEPEST = 4


def guard(peg: Peg) -> None:
    """Refuse a grammar whose order could matter; raises GrammarError with the text it is about."""
    reads = [Reads(peg, depth) for depth in range(DEEPEST + 1)]
    for name, node in peg.rules.items():
        _no_left_recursion(peg, name)
        if name.isupper():
            _terminal(peg, name, reads[0])
        else:
            _rule(peg, name, node, reads)


def _no_left_recursion(peg: Peg, name: str) -> None:
    seen, todo = set[str](), [name]
    while todo:
        for first in _firsts(peg, peg.rules[todo.pop()]):
            if first == name:
                what = "refers to itself" if name.isupper() else "begins with itself"
                peg.refuse(peg.places[name], f"{name} {what}", "repeat a part with * or +")
            if first not in seen:
                seen.add(first)
                todo.append(first)
    if name.isupper():
        _no_recursion(peg, name, ())


def _no_recursion(peg: Peg, name: str, within: tuple[str, ...]) -> None:
    if name in within:
        peg.refuse(peg.places[name], f"the terminal {name} refers to itself", "make it a rule")
    for part in parts(peg.rules[name]):
        if isinstance(part, Use):
            _no_recursion(peg, part.name, (*within, name))


def _firsts(peg: Peg, node: Node) -> Iterator[str]:
    """The names a node may begin with."""
    match node:
        case Use(name):
            yield name
        case Row(items):
            for item in items:
                yield from _firsts(peg, item)
                if not maybe_empty(item):
                    return
        case Choice(items):
            for item in items:
                yield from _firsts(peg, item)
        case Many(item) | Ahead(item):
            yield from _firsts(peg, item)


def maybe_empty(node: Node) -> bool:
    """Whether a node can read nothing. A name that can is refused where it is defined."""
    match node:
        case Row(items):
            return all(map(maybe_empty, items))
        case Choice(items):
            return any(map(maybe_empty, items))
        case Many(item, least):
            return least == 0 or maybe_empty(item)
        case Ahead():
            return True
        case _:
            return False


def _terminal(peg: Peg, name: str, reads: Reads) -> None:
    decide(peg, peg.places[name], lambda: _inside(peg, peg.rules[name], EMPTY, reads))
    decide(peg, peg.places[name], lambda: _outside(peg, name, Reads(peg, DEEPEST)))
    if nullable(reads.terminal(name)):
        peg.refuse(peg.places[name], f"{name} may be empty", "require one character")


def decide(peg: Peg, at: int, question: object) -> None:
    try:
        question()  # type: ignore[operator]
    except TooLarge:
        peg.refuse(at, "this is too large to decide", "lower the bounds of its repeats")


def _inside(peg: Peg, node: Node, rest: Regular, reads: Reads) -> None:
    """Every choice and repeat of a terminal, each with what the terminal reads after it."""
    match node:
        case Row(items):
            for index, item in enumerate(items):
                _inside(peg, item, reads(Row(items[index + 1 :]), rest), reads)
        case Choice(items):
            for index, item in enumerate(items):
                _inside(peg, item, rest, reads)
                for later in items[index + 1 :]:
                    _committed(peg, item, later, rest, reads)
        case Many(item, least, most, at):
            _filled(peg, item, at)
            # With one repeat left to take, the most is lost: what was taken cannot be given back.
            again = rest if most < UNBOUNDED else reads(Many(item, 0, most, at), rest)
            _inside(peg, item, reads(Many(item, 0, most, at), rest), reads)
            taken = both(reads(item, ANYTHING), without(rest, reads(item, again)))
            if least < most and (text := shortest(taken)) is not None:
                _greedy(peg, at, item, text)


def _filled(peg: Peg, item: Node, at: int) -> None:
    if maybe_empty(item):
        peg.refuse(at, "a repeat of what may be empty", "repeat a required part")


def _committed(peg: Peg, first: Node, later: Node, rest: Regular, reads: Reads) -> None:
    """The text of `later` that is lost because `first` reads a beginning of it."""
    lost = both(reads(first, ANYTHING), without(reads(later, rest), reads(first, rest)))
    if (text := shortest(lost)) is not None:
        one, two = shown(peg, first), shown(peg, later)
        why = f"{one} / {two}: {text!r} needs {two}, but {one} reads a beginning of it and is taken"
        fix = f"write {two} first, or let the two begin differently"
        differ(peg, later, place(peg, later), why, fix)


def _greedy(peg: Peg, at: int, item: Node, text: str) -> None:
    why = f"the repeat of {shown(peg, item)} takes all of {text!r}, and nothing is left to follow"
    differ(peg, item, at, why, "leave the character that follows out of what is repeated")


def differ(peg: Peg, part: Node, at: int, why: str, fix: str) -> NoReturn:
    """Refuse, with a plan that shows the difference; said where none was found."""
    text = witness(peg, part)
    shown = f"the plan {text!r} is read by one and not by the other" if text is not None else _NONE
    peg.refuse(at, f"{why}; {shown}", fix)


_NONE = "no plan that shows it was found, and none can be ruled out"


def _outside(peg: Peg, name: str, reads: Reads) -> None:
    """Look-ahead at a terminal's end that what follows it could change."""
    if not any(isinstance(part, Ahead) for part in _opened(peg, name)):
        return
    follow = reads.follow(name)
    apart = without(then(reads.terminal(name), follow), reads(peg.rules[name], follow))
    if (text := shortest(apart)) is not None:
        why = f"{name} looks at what follows it: in {text!r} that decides whether it is read"
        peg.refuse(peg.places[name], why, "let what follows begin with another character")


def _opened(peg: Peg, name: str) -> Iterator[Node]:
    for part in parts(peg.rules[name]):
        yield part
        if isinstance(part, Use):
            yield from _opened(peg, part.name)


def _rule(peg: Peg, name: str, node: Node, reads: list[Reads]) -> None:
    for part in parts(node):
        if isinstance(part, Ahead):
            peg.refuse(part.at, "look-ahead outside a terminal", "move it into a terminal")
    decide(peg, peg.places[name], lambda: _apart(peg, node, (), name, reads))


def _apart(peg: Peg, node: Node, after: tuple[Node, ...], name: str, reads: list[Reads]) -> None:
    """Every choice and repeat of a rule: one beginning must be enough to know the way."""
    match node:
        case Row(items):
            for index, item in enumerate(items):
                _apart(peg, item, (*items[index + 1 :], *after), name, reads)
        case Choice(items):
            for index, item in enumerate(items):
                _apart(peg, item, after, name, reads)
                for later in items[index + 1 :]:
                    text = _common(item, Row((later, *after)), name, reads)
                    if text is not None:
                        _ambiguous(peg, item, later, text)
        case Many(item, least, most, at):
            _filled(peg, item, at)
            again = Many(item, 0, most, at)
            _apart(peg, item, (again, *after) if most > 1 else after, name, reads)
            if least < most and (text := _common(item, Row(after), name, reads)) is not None:
                why = f"{shown(peg, item)} and what follows its repeat can both begin with {text!r}"
                differ(peg, item, at, why, "let them begin differently")


def _common(first: Node, other: Node, name: str, reads: list[Reads]) -> str | None:
    """A text that begins with the first and could be read by the other; None if there is none."""
    text: str | None = None
    for read in reads:
        text = shortest(both(read(first, ANYTHING), read(other, read.follow(name))))
        if text is None:
            return None
    return text


def _ambiguous(peg: Peg, first: Node, later: Node, text: str) -> None:
    one, two = shown(peg, first), shown(peg, later)
    why = f"{one} / {two}: both can begin with {text!r}, so their order could matter"
    fix = "let the two begin differently, or join what they share"
    differ(peg, later, place(peg, later), why, fix)


def place(peg: Peg, node: Node) -> int:
    places = [p.at for p in parts(node) if not isinstance(p, Row | Choice)]
    return next((at for at in places if at), 0)


def shown(peg: Peg, node: Node) -> str:
    """A part as it stands in the file, for an error."""
    match node:
        case Text(text):
            return f'"{text}"'
        case Use(name):
            return name
        case Class(_, at) if at:
            return peg.text[at : peg.text.index("]", at + 2) + 1]
        case Class():
            return "."
        case Row(items):
            return " ".join(shown(peg, item) for item in items)
        case Choice(items):
            return "(" + " / ".join(shown(peg, item) for item in items) + ")"
        case Many(item, least, most):
            mark = {(0, 1): "?"}.get((least, most), {0: "*", 1: "+"}.get(least, f"{{{least},}}"))
            inner = shown(peg, item)
            return (f"({inner})" if " " in inner else inner) + mark
        case Ahead(item, negated):
            return ("!" if negated else "&") + shown(peg, item)
