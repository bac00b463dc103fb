"""grammar.peg: a deterministic PEG, lowered to the Lark notation both engines read.

    call <- NAME ("(" ARG ")")?          call: NAME ("(" ARG ")")?
    kind <- "read" / "write"             kind: "read" | "write"
    NAME <- !KEYWORD [a-z]{1,12}         NAME: /…/     the names that are no keyword, written out

A `/` becomes a `|` only where peg_guard.py has shown that the order cannot matter. Same text, same
bytes. What the fence and the lints ask of a grammar holds for the lowered text as for any other.
"""

from dataclasses import replace

from bb_core.grammar import Grammar, build_parser
from bb_core.language import UNBOUNDED, Chars, chars, complement, to_regex
from bb_core.lint import together
from bb_core.peg_beyond import beyond
from bb_core.peg_guard import guard
from bb_core.peg_language import Reads
from bb_core.peg_notation import (
    Ahead,
    Choice,
    Class,
    Many,
    Node,
    Peg,
    Row,
    Text,
    Use,
    parts,
    read_peg,
)
from bb_core.regular import plain

HEAD = "// Made from {source}. Change that file, not this text.\n"


def lower(text: str, source: str = "grammar.peg") -> str:
    """The Lark text of a PEG; raises GrammarError where it is refused, with line and caret."""
    peg = read_peg(text, source)
    peg = replace(peg, rules={name: _subtracted(node) for name, node in peg.rules.items()})
    _no_look_in_repeats(peg)
    guard(peg)
    beyond(peg)
    rules = [name for name in peg.rules if not name.isupper()]
    used = _used(peg, rules)
    lines = [f"{name}: {_lark(peg.rules[name])}" for name in rules]
    lines += [f"{name}: {_terminal(peg, name)}" for name in peg.rules if name in used]
    lowered = HEAD.format(source=source) + "\n".join(lines) + "\n"
    _no_literal_begins_another(peg, Grammar(lowered, source=source))
    return lowered


def _no_literal_begins_another(peg: Peg, grammar: Grammar) -> None:
    """Two literals at one place, one the beginning of the other: a lexer takes the longer."""
    lark = build_parser(grammar)
    for one, two in together(lark):
        short, long = (lark.get_terminal(name).pattern for name in (one, two))
        if short.type == long.type == "str" and long.value.startswith(short.value):
            why = f'"{short.value}" and "{long.value}" can stand at the same place'
            places = (p for node in peg.rules.values() for p in parts(node) if isinstance(p, Text))
            at = next((p.at for p in places if p.text == short.value), 0)
            peg.refuse(at, why, "make them one terminal, the longer first")


def _subtracted(node: Node) -> Node:
    """`!C D` over single characters is one class: D without C."""
    match node:
        case Row(items):
            out: list[Node] = []
            for item in map(_subtracted, items):
                last = out[-1] if out else None
                taken = _one(last.item) if isinstance(last, Ahead) and last.negated else None
                if taken and isinstance(item, Class):
                    out[-1] = Class(_minus(item.chars, taken), item.at)
                else:
                    out.append(item)
            return out[0] if len(out) == 1 else Row(tuple(out))
        case Choice(items):
            return Choice(tuple(map(_subtracted, items)))
        case Many(item) | Ahead(item):
            return replace(node, item=_subtracted(item))
        case _:
            return node


def _one(node: Node) -> Chars | None:
    """The characters of a part that always reads exactly one."""
    if isinstance(node, Class):
        return node.chars
    if isinstance(node, Text) and len(node.text) == 1:
        return chars([(ord(node.text), ord(node.text))])
    return None


def _minus(found: Chars, taken: Chars) -> Chars:
    rest = complement(found.ranges).ranges
    return complement([*rest, *taken.ranges])


def _no_look_in_repeats(peg: Peg) -> None:
    for node in peg.rules.values():
        for part in parts(node):
            inner = next(
                (p for p in parts(part.item) if isinstance(p, Ahead))
                if isinstance(part, Many)
                else iter(()),
                None,
            )
            if isinstance(inner, Ahead):
                why = "look-ahead inside a repeat, over more than one character"
                peg.refuse(inner.at, why, "leave a character out, as in (![*] .)*")


def _used(peg: Peg, rules: list[str]) -> set[str]:
    """The terminals that the rules name, and those their definitions are printed with."""
    todo = [p.name for name in rules for p in parts(peg.rules[name]) if isinstance(p, Use)]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name.isupper() and name not in found:
            found.add(name)
            if not _looks(peg, name):
                todo += [p.name for p in parts(peg.rules[name]) if isinstance(p, Use)]
    return found


def _looks(peg: Peg, name: str) -> bool:
    """Whether look-ahead has a part in a terminal."""
    for part in parts(peg.rules[name]):
        if isinstance(part, Ahead) or (isinstance(part, Use) and _looks(peg, part.name)):
            return True
    return False


def _terminal(peg: Peg, name: str) -> str:
    if not _looks(peg, name):
        return _lark(peg.rules[name])
    language = plain(Reads(peg, 0).terminal(name))
    if language is None:
        fix = "bound the repeat, as in {0,40}"
        peg.refuse(peg.places[name], f"{name} without what it looks for is no pattern", fix)
    return f"/{to_regex(language)}/"


def _lark(node: Node, *, inside: bool = False) -> str:
    match node:
        case Text(text):
            return '"' + "".join(map(_quoted, text)) + '"'
        case Class(found):
            return f"/{to_regex(found)}/"
        case Use(name):
            return name
        case Row(items):
            text = " ".join(_lark(item, inside=True) for item in items)
            return f"({text})" if inside else text
        case Choice(items):
            text = " | ".join(_lark(item, inside=isinstance(item, Choice)) for item in items)
            return f"({text})" if inside else text
        case Many(item, least, most):
            return _lark(item, inside=True) + _times(least, most)
        case Ahead():
            raise AssertionError("look-ahead was taken out before")


def _times(least: int, most: int) -> str:
    simple = {(0, 1): "?", (0, UNBOUNDED): "*", (1, UNBOUNDED): "+"}
    return simple.get((least, most)) or f"~{least}..{most}"


def _quoted(char: str) -> str:
    known = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if char in known:
        return known[char]
    return char if char.isprintable() else f"\\u{ord(char):04x}"
