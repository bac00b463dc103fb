"""PEG notation (Ford, "Parsing Expression Grammars", 2004), read into a tree with places.

    plan  <- "[" step ("," step)* "]"        # sequence, repeat
    step  <- call / wait                     # ordered choice
    WORD  <- !KEYWORD [a-z]{1,12}            # upper case: a terminal; & and ! look ahead

Rules in lower case are the grammar, names in upper case its terminals. `{n,m}` counts repeats. What
the order of a choice means is left to peg_guard.py, what it becomes to peg.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from bb_core.caret import pointed, position
from bb_core.errors import GrammarError
from bb_core.language import UNBOUNDED, Chars
from bb_core.pattern import PatternError, read_pattern

if TYPE_CHECKING:
    from lark import Lark


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted literal."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Class:
    """One character of a class; `.` is any character."""

    chars: Chars
    at: int


@dataclass(frozen=True, slots=True)
class Use:
    """The name of a rule or a terminal."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after the other."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """The first alternative that fits; later ones are not tried then."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Many:
    """As many of a part as fit, `least` to `most`; none is given back."""

    item: "Node"
    least: int
    most: int
    at: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """What follows fits the part, or does not (`negated`); nothing is read."""

    item: "Node"
    negated: bool
    at: int


Node: TypeAlias = Text | Class | Use | Row | Choice | Many | Ahead


@dataclass(frozen=True)
class Peg:
    """A grammar file as a tree: definitions in their order, and where each stands."""

    text: str
    source: str
    rules: dict[str, Node]
    places: dict[str, int]

    def refuse(self, offset: int, found: str, fix: str) -> NoReturn:
        """Raise a GrammarError that points at the offset."""
        line, column = position(self.text, offset)
        where = f"{self.source}:{line}:{column}"
        raise GrammarError(found, where=where, fix=f"{fix}\n{pointed(self.text, offset)}")


_NOTATION = r"""
start: definition+
definition: HEAD _ARROW choice
choice: row ("/" row)*
row: prefixed+
prefixed: SIGN? suffixed
suffixed: atom (MANY | COUNT)?
?atom: text | letter | any | use | "(" choice ")"
text: STRING
letter: CLASS
any: "."
use: NAME
HEAD: /[A-Za-z_][A-Za-z0-9_]*(?=\s*(?:<-|←))/
NAME: /[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_]|\s*(?:<-|←))/
_ARROW: "<-" | "←"
SIGN: "&" | "!"
MANY: "?" | "*" | "+"
COUNT: /\{[0-9]+(,[0-9]*)?\}/
STRING: /"(\\.|[^"\\\n])+"|'(\\.|[^'\\\n])+'/
CLASS: /\[(\\.|[^\]\\\n])+\]/
%ignore /[ \t\r\n]+/
%ignore /#[^\n]*/
"""
# A name before an arrow begins a definition: as a token of its own, one of lookahead is enough.


@cache
def _parser() -> "Lark":
    from lark import Lark

    return Lark(_NOTATION, parser="lalr", propagate_positions=True)


def read_peg(text: str, source: str) -> Peg:
    """The tree of a PEG text; raises GrammarError with line, column and caret."""
    from lark.exceptions import UnexpectedInput

    peg = Peg(text, source, {}, {})
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        at = error.pos_in_stream if error.pos_in_stream is not None else len(text.rstrip())
        found = repr(text[at]) if at < len(text) else "the end of the file"
        peg.refuse(min(at, len(text)), f"{found} does not belong here", "write NAME <- expression")
    reader = _Reader(peg)
    for definition in tree.children:
        name, body = definition.children  # type: ignore[union-attr]
        if str(name) in peg.rules:
            peg.refuse(_at(name), f"{name} is defined twice", "keep one definition")
        peg.places[str(name)] = _at(name)
        peg.rules[str(name)] = reader.read(body)
    _check(peg)
    return peg


class _Reader:
    """Turns Lark's tree of the notation into ours; one method a rule."""

    def __init__(self, peg: Peg) -> None:
        self.peg = peg

    def read(self, tree: Any) -> Node:
        node: Node = getattr(self, tree.data)(*tree.children)
        return node

    def choice(self, *rows: Any) -> Node:
        items = tuple(map(self.read, rows))
        return items[0] if len(items) == 1 else Choice(items)

    def row(self, *parts: Any) -> Node:
        items = tuple(map(self.read, parts))
        return items[0] if len(items) == 1 else Row(items)

    def prefixed(self, *children: Any) -> Node:
        item = self.read(children[-1])
        return Ahead(item, children[0] == "!", _at(children[0])) if len(children) == 2 else item

    def suffixed(self, atom: Any, many: Any = None) -> Node:
        item = self.read(atom)
        if many is None:
            return item
        simple = {"?": (0, 1), "*": (0, UNBOUNDED), "+": (1, UNBOUNDED)}
        least, most = simple[many] if many in simple else self.count(many)
        return Many(item, least, most, _at(many))

    def count(self, token: Any) -> tuple[int, int]:
        least, comma, most = token[1:-1].partition(",")
        low = int(least)
        high = low if not comma else int(most) if most else UNBOUNDED
        if high < max(low, 1):
            self.peg.refuse(_at(token), f"the count {token} fits no text", "write {least,most}")
        return low, high

    def text(self, token: Any) -> Node:
        return Text(self.unquoted(token), _at(token))

    def unquoted(self, token: Any) -> str:
        out, at = "", 1
        while at < len(token) - 1:
            width = 1 if token[at] != "\\" else {"x": 4, "u": 6}.get(token[at + 1], 2)
            piece = token[at : at + width]
            out += token[at] if width == 1 else self.escaped(piece, _at(token) + at)
            at += width
        return out

    def escaped(self, piece: str, at: int) -> str:
        known = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
        if piece[1:] in known:
            return known[piece[1:]]
        try:
            return chr(int(piece[2:], 16)) if piece[1] in "xu" else known[piece[1:]]
        except (ValueError, KeyError):
            self.peg.refuse(
                at, f"{piece} is no escape", "use \\n \\r \\t \\\\ \\\" \\' \\xNN \\uNNNN"
            )

    def any(self) -> Node:
        return Class(Chars(((0, 0xD7FF), (0xE000, 0x10FFFF))), 0)

    def use(self, token: Any) -> Node:
        return Use(str(token), _at(token))

    def letter(self, token: Any) -> Node:
        try:
            language = read_pattern(str(token))
        except PatternError as error:
            self.peg.refuse(_at(token) + error.offset, error.found, error.fix)
        assert isinstance(language, Chars)
        return Class(language, _at(token))


def _at(token: Any) -> int:
    place: int = token.start_pos
    return place


def parts(node: Node) -> Iterator[Node]:
    """A node and every node inside it."""
    yield node
    if isinstance(node, Row | Choice):
        for item in node.items:
            yield from parts(item)
    elif isinstance(node, Many | Ahead):
        yield from parts(node.item)


def _check(peg: Peg) -> None:
    if "plan" not in peg.rules:
        peg.refuse(0, "no rule 'plan'", "name the first rule plan")
    for name, node in peg.rules.items():
        if not (name.isupper() or name.islower()):
            fix = "upper case makes it a terminal, lower case a rule"
            peg.refuse(peg.places[name], f"{name} is not all upper or all lower case", fix)
        for use in parts(node):
            if isinstance(use, Use) and use.name not in peg.rules:
                peg.refuse(use.at, f"{use.name} in {name} is not defined", "define it")
            if isinstance(use, Use) and name.isupper() and not use.name.isupper():
                why = f"the terminal {name} uses the rule {use.name}"
                peg.refuse(use.at, why, "write the part in upper case too")
