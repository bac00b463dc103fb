"""The fenced regular expressions: what Python's `re` and llguidance's Rust regex read alike.

`read_pattern` turns the text between the slashes into a Language, or raises PatternError with the
offset of the first thing that is outside the fence, why it is, and what to write instead.
`x+` and `x*` become repeats up to UNBOUNDED.
"""

import re

from bb_core.language import (
    UNBOUNDED,
    Alt,
    Chars,
    Language,
    Lit,
    Repeat,
    chars,
    complement,
    lengths,
    seq,
)

_PUNCTUATION = "!\"#$%&'()*+,-./:;=?@[\\]^_`{|}~"  # Rust gives \< and \> a meaning
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_HEX = {"x": 2, "u": 4, "U": 8}
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_PLAIN = re.compile(r"[^\\.^$|?*+()\[{]")
_LOOK = "it is only in Python: take the text apart in the rules instead"
_BANNED_ESCAPES = {
    "w": ("133,548 characters in Python, 144,667 in Rust", "write [A-Za-z0-9_]"),
    "d": ("660 characters in Python, 760 in Rust", "write [0-9]"),
    "s": ("29 characters in Python, 25 in Rust", "write [ \\t\\n\\r]"),
    "p": ("Python's re cannot read it", "write the ranges, as in [A-Za-z\\u00c0-\\u024f]"),
    "b": ("llguidance cannot read it", "end the pattern where the word ends"),
    "A": ("a terminal is matched where it stands", "leave it out"),
    "<": ("in Rust it is the start of a word", "write < without the backslash"),
    ">": ("in Rust it is the end of a word", "write > without the backslash"),
}
_GROUPS = (
    ("?=", "lookahead", _LOOK),
    ("?!", "lookahead", _LOOK),
    ("?<=", "lookbehind", _LOOK),
    ("?<!", "lookbehind", _LOOK),
    ("?>", "an atomic group", "write alternatives of which none begins another"),
    ("?P", "a named group", "write ( ) without a name"),
    ("?<", "a named group", "write ( ) without a name"),
    ("?", "an inline flag", "write both cases out, as in [Aa]"),
)


class PatternError(ValueError):
    """A place outside the fence: `offset` into the pattern, what was found, what to do."""

    def __init__(self, offset: int, found: str, fix: str) -> None:
        self.offset, self.found, self.fix = offset, found, fix
        super().__init__(f"{found}; {fix}")


def read_pattern(text: str, *, compiled: bool = False) -> Language:
    """The language of a fenced regular expression; alternatives keep their order.

    `compiled` reads what Lark made of a fenced terminal, which escapes blanks as `re.escape` does.
    """
    reader = _Reader(text, compiled)
    language = reader.alternatives()
    if reader.at < len(text):
        raise PatternError(reader.at, "')' closes nothing", "write \\)")
    if lengths(language)[0] == 0:
        raise PatternError(0, "the pattern matches nothing at all", "make one character required")
    return language


class _Reader:
    def __init__(self, text: str, compiled: bool) -> None:
        self.text, self.at, self.compiled = text, 0, compiled

    def ahead(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def alternatives(self) -> Language:
        options = [self.row()]
        while self.ahead("|"):
            self.at += 1
            options.append(self.row())
        return options[0] if len(options) == 1 else Alt(tuple(dict.fromkeys(options)))

    def row(self) -> Language:
        start, items = self.at, []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            items.append(self.repeated())
        if not items:
            raise PatternError(start, "an empty alternative", "make the group optional: (...)?")
        return seq(*items)

    def repeated(self) -> Language:
        start = self.at
        item = self.atom()
        bounds = self.bounds()
        if bounds is None:
            return item
        if self.at < len(self.text) and self.text[self.at] in "?+":
            lazy = "lazy" if self.ahead("?") else "possessive"
            fix = "leave it out, and leave the closing character out of the class before it"
            raise PatternError(self.at, f"a {lazy} repeat: the engines stop at different ends", fix)
        if self.bounds() is not None:
            raise PatternError(self.at - 1, "a repeat of a repeat", "put the inner one in ( )")
        if lengths(item)[0] == 0:
            raise PatternError(start, "a repeat of what may be empty", "repeat a required part")
        return Repeat(item, *bounds)

    def bounds(self) -> tuple[int, int] | None:
        simple = {"?": (0, 1), "*": (0, UNBOUNDED), "+": (1, UNBOUNDED)}
        sign = self.text[self.at : self.at + 1]
        if sign in simple:
            self.at += 1
            return simple[sign]
        if sign != "{":
            return None
        match = _COUNT.match(self.text, self.at)
        if not match:
            raise PatternError(self.at, "'{' starts no count", "write {2}, {2,5} or \\{")
        low = int(match[1])
        high = low if not match[2] else int(match[3]) if match[3] else UNBOUNDED
        if high < max(low, 1) or high > UNBOUNDED:
            raise PatternError(self.at, f"the count {match[0]} fits no text", "write {least,most}")
        self.at = match.end()
        return low, high

    def atom(self) -> Language:
        sign = self.text[self.at]
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.char_class()
        if sign == "\\":
            return Lit(self.escape())
        if sign == ".":
            self.at += 1
            return complement([(10, 10)])
        if sign in "^$":
            fix = "leave it out: a terminal is matched where it stands"
            raise PatternError(
                self.at, f"the anchor {sign!r}: Python holds it against the text", fix
            )
        if not _PLAIN.match(sign):
            raise PatternError(self.at, f"{sign!r} repeats nothing", f"write \\{sign}")
        self.at += 1
        return Lit(sign)

    def group(self) -> Language:
        start = self.at
        self.at += 1
        if self.ahead("?:"):
            self.at += 2
        for mark, name, fix in _GROUPS:
            if self.ahead(mark):
                raise PatternError(start, f"{name}: the engines do not share it", fix)
        inside = self.alternatives()
        if not self.ahead(")"):
            raise PatternError(start, "'(' is not closed", "write the missing )")
        self.at += 1
        return inside

    def escape(self) -> str:
        start, sign = self.at, self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if sign in _HEX:
            digits = self.text[self.at : self.at + _HEX[sign]]
            if not re.fullmatch(f"[0-9A-Fa-f]{{{_HEX[sign]}}}", digits):
                raise PatternError(start, f"\\{sign} needs {_HEX[sign]} hex digits", "write them")
            self.at += _HEX[sign]
            point = int(digits, 16)
            if 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
                raise PatternError(start, f"\\{sign}{digits} is no character", "name a character")
            return chr(point)
        if sign in _ESCAPES:
            return _ESCAPES[sign]
        if sign and sign in _PUNCTUATION:
            return sign
        if sign and self.compiled and not sign.isalnum():
            return sign
        raise self.bad_escape(start, sign)

    def bad_escape(self, start: int, sign: str) -> PatternError:
        if banned := _BANNED_ESCAPES.get(sign) or _BANNED_ESCAPES.get(sign.lower()):
            return PatternError(start, f"\\{sign}: {banned[0]}", banned[1])
        if sign.isdecimal():
            return PatternError(start, f"\\{sign}: llguidance has no back-references", _LOOK)
        return PatternError(start, f"\\{sign} is not an escape both engines know", "write \\xNN")

    def char_class(self) -> Chars:
        start = self.at
        self.at += 1
        negated = self.ahead("^")
        self.at += negated
        ranges: list[tuple[int, int]] = []
        while not self.ahead("]") or not ranges:
            if self.ahead("]"):
                raise PatternError(start, "a class of nothing", "write \\[\\] for the two brackets")
            low = self.member()
            if self.ahead("-") and not self.ahead("-]"):
                self.at += 1
                high = self.member()
                if high < low:
                    raise PatternError(
                        start, f"the range {low}-{high} runs backwards", "swap its ends"
                    )
                ranges.append((ord(low), ord(high)))
            else:
                ranges.append((ord(low), ord(low)))
        self.at += 1
        return complement(ranges) if negated else chars(ranges)

    def member(self) -> str:
        for mark in ("&&", "--", "~~", "||"):
            if self.ahead(mark):
                why = f"{mark} in a class: characters in Python, a set operation in Rust"
                raise PatternError(self.at, why, f"write \\{mark[0]} once, or list the ranges")
        if self.ahead("["):
            name = "a POSIX class" if self.ahead("[:") else "'[' in a class"
            raise PatternError(
                self.at, f"{name}: Rust reads a class there", "write \\[ or the ranges"
            )
        if self.ahead("\\"):
            return self.escape()
        if self.at >= len(self.text):
            raise PatternError(self.at - 1, "'[' is not closed", "write the missing ] or \\[")
        self.at += 1
        return self.text[self.at - 1]
