"""Does a terminal's choice or repeat take some of what follows the terminal?

    WORD <- ("a" ",")? "a"      in `a,b` a PEG takes "a,", finds no "a" and gives nothing back;
                                a lexer reads "a" and leaves the rest

peg_guard.py judges the texts of a terminal alone. Here each is followed by whatever may come next,
of which the first character is known and the rest counts as any text: a grammar that needs more to
be told apart is refused, never let pass. A part of one character is never half of a longer one.
"""

from collections.abc import Iterator
from functools import partial

from bb_core.language import EMPTY, UNBOUNDED, chars
from bb_core.peg_guard import decide, differ, maybe_empty, place, shown
from bb_core.peg_language import START, Reads, follows
from bb_core.peg_notation import Ahead, Choice, Class, Many, Node, Peg, Row, Text, Use
from bb_core.regular import ANYTHING, Regular, both, either, shortest, then, without


def beyond(peg: Peg) -> None:
    """Refuse a grammar with such a terminal; raises GrammarError with the text it is about."""
    reads = Reads(peg, 0)
    for name in filter(str.isupper, peg.rules):
        ends = _next(peg, name)
        decide(peg, peg.places[name], partial(_apart, peg, peg.rules[name], ends, ANYTHING, reads))


def _apart(peg: Peg, node: Node, ends: Regular, begun: Regular, reads: Reads) -> None:
    """`ends`: what the terminal reads after the node, then what follows; `begun`: then any text."""
    match node:
        case Row(items):
            for index, item in enumerate(items):
                rest = Row(items[index + 1 :])
                _apart(peg, item, reads(rest, ends), reads(rest, begun), reads)
        case Choice(items):
            for index, item in enumerate(items):
                _apart(peg, item, ends, begun, reads)
                for later in items[index + 1 :] if _long(peg, item) else ():
                    _keeps(peg, item, reads(later, ends), reads(item, begun), reads)
        case Many(item, least, most, at):
            again = Many(item, 0, most, at)
            _apart(peg, item, reads(again, ends), reads(again, begun), reads)
            if least < most and _long(peg, item):
                more = begun if most < UNBOUNDED else reads(again, begun)
                _keeps(peg, item, ends, reads(item, more), reads)


def _keeps(peg: Peg, item: Node, without_it: Regular, with_it: Regular, reads: Reads) -> None:
    """Refuse an item that a text begins with which can only be read without it."""
    text = shortest(both(reads(item, ANYTHING), without(without_it, with_it)))
    if text is not None:
        why = f"{shown(peg, item)} takes a beginning of {text!r} that is not the terminal's alone"
        differ(peg, item, place(peg, item), why, "let what follows begin differently")


def _long(peg: Peg, node: Node) -> bool:
    match node:
        case Text(text):
            return len(text) > 1
        case Class() | Ahead():
            return False
        case Use(name):
            return _long(peg, peg.rules[name])
        case Choice(items):
            return any(_long(peg, item) for item in items)
        case _:
            return True


def _next(peg: Peg, name: str) -> Regular:
    """What may come after a terminal: its first character, then any text; nothing at the end."""
    seen, todo, found = {name}, [name], list[tuple[int, int]]()
    while todo:
        for parent, after in follows(peg, todo.pop()):
            found += _begins(peg, Row(after))
            if maybe_empty(Row(after)) and parent not in seen:
                seen.add(parent)
                todo.append(parent)
    ways = [then(chars(found), ANYTHING)] if found else []
    return either(*ways, *([EMPTY] if START in seen else []))


def _begins(peg: Peg, node: Node) -> Iterator[tuple[int, int]]:
    """The ranges of the characters that a node may begin with."""
    match node:
        case Text(text):
            yield ord(text[0]), ord(text[0])
        case Class(found):
            yield from found.ranges
        case Use(name):
            yield from _begins(peg, peg.rules[name])
        case Row(items):
            for item in items:
                yield from _begins(peg, item)
                if not maybe_empty(item):
                    return
        case Choice(items):
            for item in items:
                yield from _begins(peg, item)
        case Many(item):
            yield from _begins(peg, item)
