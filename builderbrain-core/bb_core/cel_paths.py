"""The places that a CEL expression reads: `order.total`, and `order.items[*].cents` in a macro.

    order.items.exists(i, i.cents > args.cents)    order.items, order.items.*.cents, args.cents

The CEL library says no more of an expression than its names, so its text is read here, for the
choice of a field alone; whether it is CEL at all is said elsewhere. Not covered: what the choice
of a field hangs on at run time (`way.seconds[args.speed]`), and fields of what a function returns.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple

from bb_core.fit import INDEX

_TOKEN = re.compile(
    r"""(?P<gap>\s+|//[^\n]*)
    |(?P<text>(?:[bB]?[rR]|[rR][bB])(?:'[^'\n]*'|"[^"\n]*")(?!['"])|[rRbB]{0,2}(?:'{3}(?:\\.|[^\\])*?'{3}|"{3}(?:\\.|[^\\])*?"{3}
        |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<number>[0-9][\w.]*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>\S)""",
    re.X | re.S,
)
_WORDS = frozenset({"true", "false", "null", "in"})
_EACH = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
_PLAIN_TEXT = re.compile(r"""(['"])([^'"\\]*)\1\Z""")

Path = tuple[str, ...]
"""A name and the tokens below it; empty where nothing can be said."""
UNKNOWN: Path = ()
_Names = Mapping[str, Path]


class _Token(NamedTuple):
    kind: str
    text: str


def cel_paths(expr: str) -> tuple[Path, ...]:
    """Each place read, once, in the order of the text."""
    found = _Reader([_Token(str(m.lastgroup), m[0]) for m in _TOKEN.finditer(expr)])
    return tuple(dict.fromkeys(path for path in found.whole({}) if path))


class _Reader:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = [token for token in tokens if token.kind != "gap"]
        self.at = 0

    def whole(self, bound: _Names) -> Iterator[Path]:
        """The places read up to the closing bracket of where reading starts, or the end."""
        while self.at < len(self.tokens) and self.mark() not in (")", "]", "}"):
            token, before = self.tokens[self.at], self.tokens[self.at - 1].text if self.at else ""
            self.at += 1
            if token.text in ("(", "[", "{"):
                yield from self.whole(bound)
                self.at += 1
                yield from self.below(UNKNOWN, bound)
            elif token.kind == "text":
                yield from self.below(UNKNOWN, bound)
            elif token.kind == "name" and token.text not in _WORDS and before != ".":
                called = self.mark() == "("
                start = UNKNOWN if called else bound.get(token.text, (token.text,))
                yield from self.below(start, bound)

    def below(self, here: Path, bound: _Names) -> Iterator[Path]:
        """The fields, items and calls that follow a value."""
        while (mark := self.mark()) in (".", "[", "("):
            self.at += 1
            if mark != ".":
                yield here
                chosen = self.chosen() if mark == "[" else None
                yield from self.whole(bound)
                here = (*here, chosen) if here and chosen is not None else UNKNOWN
                self.at += 1
            elif self.mark() == "?":  # the choice of a field that may be missing
                self.tokens[self.at] = _Token("mark", ".")
            elif self.mark(1) == "(":
                yield here
                here = yield from self.call(here, bound)
            else:
                named = self.at < len(self.tokens) and self.tokens[self.at].kind == "name"
                here = (*here, self.mark()) if here and named else UNKNOWN
                self.at += 1
        yield here

    def chosen(self) -> str | None:
        """What stands alone in square brackets: a field's name as text, or a number."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else _Token("", "")
        if self.mark(1) != "]":
            return None
        quoted = _PLAIN_TEXT.match(token.text)
        return quoted[2] if quoted else INDEX if token.text.isdecimal() else None

    def call(self, here: Path, bound: _Names) -> Generator[Path, None, Path]:
        """A method's arguments; a macro's own names stand for the items of what it is called on."""
        name = self.mark()
        self.at += 2
        own: dict[str, Path] = {}
        while self.mark(1) == "," and self.tokens[self.at].kind == "name":
            own[self.mark()] = UNKNOWN
            self.at += 2
            if name in _EACH:
                break
        if name in _EACH and here:
            own = dict.fromkeys(own, (*here, INDEX))
        yield from self.whole({**bound, **own})
        self.at += 1
        return here if name == "filter" else UNKNOWN

    def mark(self, ahead: int = 0) -> str:
        """The text of a token, empty past the end."""
        place = self.at + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""
