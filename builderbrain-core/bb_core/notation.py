"""Lark notation, as much of it as the fence lets through, read into a tree with places.

Features that llguidance and Lark do not share are refused while reading, each with the reason and
what to write instead. What the tree means is left to fence.py, lint.py, fuzz.py and surface.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypeAlias

from bb_core.caret import pointed, position
from bb_core.errors import GrammarError
from bb_core.language import UNBOUNDED, Language
from bb_core.pattern import PatternError, read_pattern


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted literal."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, or a `"a".."f"` range."""

    language: Language
    at: int


@dataclass(frozen=True, slots=True)
class Use:
    """The name of a rule or a terminal."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after the other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of the alternatives."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Many:
    """A part, `least` to `most` times."""

    item: "Node"
    least: int
    most: int


Node: TypeAlias = Text | Pattern | Use | Row | Choice | Many


@dataclass
class Notation:
    """A grammar file as a tree; `places` holds the offset of each definition."""

    text: str
    source: str
    rules: dict[str, Node] = field(default_factory=dict)
    terminals: dict[str, Node] = field(default_factory=dict)
    ignored: list[tuple[int, Node]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def refuse(self, offset: int, found: str, fix: str) -> NoReturn:
        """Raise a GrammarError that points at the offset."""
        line, column = position(self.text, offset)
        where = f"{self.source}:{line}:{column}"
        raise GrammarError(found, where=where, fix=f"{fix}\n{pointed(self.text, offset)}")


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"""(?P<blank>[ \t\f]+|//[^\n]*)|(?P<newline>(?:\r?\n[ \t]*(?://[^\n]*)?)+)"""
    r"""|(?P<text>"(?:\\.|[^"\\\n])*")|(?P<pattern>/(?!/)(?:\\.|[^/\\\n])+/)(?P<flags>[a-z]*)"""
    r"""|(?P<terminal>_?[A-Z][A-Z0-9_]*)|(?P<rule>_?[a-z][a-z0-9_]*)|(?P<directive>%[a-z]*)"""
    r"""|(?P<count>~[ ]*\d+(?:[ ]*\.\.[ ]*\d+)?)|(?P<priority>\.-?\d+)"""
    r"""|(?P<sign>->|\.\.|[|:()\[\]?*+!{},&])|(?P<other>.)"""
)
_STRING = re.compile(r'\\(?:["\\nrt]|u[0-9A-Fa-f]{4})|[^\\]')
_DIRECTIVES = {
    "%import": ("%import: the imported terminals differ", "define the terminal in this file"),
    "%declare": ("%declare: llguidance cannot read it", "define the terminal"),
    "%override": ("%override: llguidance cannot read it", "change the rule itself"),
    "%extend": ("%extend: llguidance cannot read it", "write the alternative into the rule"),
}


def read_notation(text: str, source: str) -> Notation:
    """The tree of a grammar text; raises GrammarError with line, column and caret."""
    notation = Notation(text, source)
    _Reader(notation).read()
    return notation


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "flags":
            yield _Token("pattern", match["pattern"][1:-1], match.start())
            if match["flags"]:
                yield _Token("flags", match["flags"], match.start("flags"))
        elif match.lastgroup and match.lastgroup != "blank":
            yield _Token(match.lastgroup, match[0], match.start())
    yield _Token("newline", "", len(text))
    yield _Token("end", "", len(text))


class _Reader:
    def __init__(self, notation: Notation) -> None:
        self.out, self.index = notation, 0
        self.tokens = list(_tokens(notation.text))

    @property
    def now(self) -> _Token:
        return self.tokens[self.index]

    def step(self) -> _Token:
        self.index += 1
        return self.tokens[self.index - 1]

    def sign(self, text: str) -> bool:
        """Step over a sign if it is next."""
        found = self.now.kind == "sign" and self.now.text == text
        self.index += found
        return found

    def read(self) -> None:
        while self.now.kind != "end":
            if self.now.kind == "newline":
                self.step()
            elif self.now.kind == "directive":
                self.directive()
            else:
                self.definition()

    def directive(self) -> None:
        token = self.step()
        if token.text != "%ignore":
            why, fix = _DIRECTIVES.get(token.text, (f"{token.text} is unknown", "remove the line"))
            self.out.refuse(token.at, why, fix)
        self.out.ignored.append((token.at, self.choice()))
        self.line_end()

    def definition(self) -> None:
        while self.sign("?") or self.sign("!"):
            pass
        token = self.step()
        if token.kind not in ("rule", "terminal"):
            self.unexpected(token, "a rule or terminal definition")
        if self.now.kind == "priority":
            why = "a priority: llguidance cannot read it"
            self.out.refuse(self.now.at, why, "make the two terminals differ")
        if self.now.text == "{":
            why = "a template: llguidance cannot read it"
            self.out.refuse(self.now.at, why, "write the rule out for each use")
        if not self.sign(":"):
            self.unexpected(self.now, "':' after the name")
        if token.text in self.out.places:
            self.out.refuse(token.at, f"{token.text} is defined twice", "keep one definition")
        into = self.out.terminals if token.kind == "terminal" else self.out.rules
        self.out.places[token.text] = token.at
        into[token.text] = self.choice()
        self.line_end()

    def line_end(self) -> None:
        if self.now.kind != "newline":
            self.unexpected(self.now, "the end of the line")

    def choice(self) -> Node:
        items = [self.row()]
        while True:
            if self.now.kind == "newline" and self.tokens[self.index + 1].text == "|":
                comment = self.now.text.find("//")
                if comment >= 0:
                    why = "a comment line inside a rule: llguidance ends the rule there"
                    self.out.refuse(self.now.at + comment, why, "move it above the rule")
                self.step()
            if not self.sign("|"):
                return items[0] if len(items) == 1 else Choice(tuple(items))
            items.append(self.row())

    def row(self) -> Node:
        start, items = self.now.at, []
        while self.now.kind != "newline" and self.now.text not in ("|", ")", "]", "->"):
            items.append(self.repeated())
        if not items:
            self.out.refuse(start, "an empty alternative", "make the part optional: (...)?")
        if self.sign("->"):
            alias = self.step()
            if alias.kind != "rule":
                self.unexpected(alias, "a lower-case alias")
        return items[0] if len(items) == 1 else Row(tuple(items))

    def repeated(self) -> Node:
        item = self.atom()
        token = self.now
        if token.kind == "count":
            self.step()
            least, _, most = token.text[1:].replace(" ", "").partition("..")
            return Many(item, int(least), int(most or least))
        for sign, bounds in (("?", (0, 1)), ("*", (0, UNBOUNDED)), ("+", (1, UNBOUNDED))):
            if self.sign(sign):
                return Many(item, *bounds)
        if token.text == "{":
            why = "{n,m} outside a pattern: Lark cannot read it"
            self.out.refuse(token.at, why, "write ~n..m")
        if token.text == "&":
            why = "& between terminals: Lark cannot read it"
            self.out.refuse(token.at, why, "write one pattern")
        return item

    def atom(self) -> Node:
        token = self.step()
        if token.kind == "text":
            return self.text(token)
        if token.kind == "pattern":
            return self.pattern(token)
        if token.kind in ("rule", "terminal"):
            if self.now.text == "{":
                why = "a template: llguidance cannot read it"
                self.out.refuse(self.now.at, why, "write the rule out for each use")
            return Use(token.text, token.at)
        if token.text in ("(", "["):
            inside = self.choice()
            if not self.sign({"(": ")", "[": "]"}[token.text]):
                self.unexpected(self.now, f"the bracket that closes {token.text!r}")
            return inside if token.text == "(" else Many(inside, 0, 1)
        return self.unexpected(token, "a literal, a pattern, a name or a bracket")

    def text(self, token: _Token) -> Node:
        first = self.unquote(token)
        if self.now.text == "i" and self.now.at == token.at + len(token.text):
            self.no_flags(self.now)
        if not self.sign(".."):
            return Text(first, token.at)
        last = self.unquote(self.step())
        if len(first) != 1 or len(last) != 1:
            self.out.refuse(token.at, "a range of more than one character", 'write "a".."f"')
        return Pattern(self.language(f"[{_hex(first)}-{_hex(last)}]", token.at), token.at)

    def unquote(self, token: _Token) -> str:
        if token.kind != "text":
            self.unexpected(token, "a literal")
        body = token.text[1:-1]
        if not body:
            self.out.refuse(token.at, "an empty literal: Lark cannot read it", "leave it out")
        offset = 0
        while offset < len(body):
            match = _STRING.match(body, offset)
            if not match:
                why = f"\\{body[offset + 1]} in a literal: the engines read it differently"
                fix = 'use \\" \\\\ \\n \\r \\t \\uNNNN only'
                self.out.refuse(token.at + 1 + offset, why, fix)
            offset = match.end()
        out: str = re.sub(r"\\(u....|.)", _unescape, body)
        return out

    def pattern(self, token: _Token) -> Node:
        if self.now.kind == "flags":
            self.no_flags(self.now)
        return Pattern(self.language(token.text, token.at + 1), token.at)

    def no_flags(self, token: _Token) -> NoReturn:
        why = f"the flag {token.text!r}: the engines fold and cut characters differently"
        self.out.refuse(token.at, why, "write both cases out, as in [Aa]")

    def language(self, text: str, at: int) -> Language:
        try:
            return read_pattern(text)
        except PatternError as error:
            self.out.refuse(at + error.offset, error.found, error.fix)

    def unexpected(self, token: _Token, wanted: str) -> NoReturn:
        found = {"newline": "the end of the line", "end": "the end of the file"}
        shown = found.get(token.kind, repr(token.text))
        self.out.refuse(token.at, f"{shown} where {wanted} belongs", f"write {wanted} there")


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "u":
        return chr(int(code[1:], 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(code, code)


def _hex(char: str) -> str:
    return f"\\U{ord(char):08x}"
