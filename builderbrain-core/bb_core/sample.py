"""Random texts of a grammar, as its rules allow them, without a lexer's say; random JSON values."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from bb_core.canonical import Json
from bb_core.fence import terminal_language
from bb_core.language import Alt, Chars, Language, Lit, Repeat, Seq
from bb_core.notation import Choice, Many, Node, Notation, Pattern, Row, Text, Use
from bb_core.typed import language

_NEVER = 1 << 30
_DEPTH = 12


class Sampler:
    """Draws texts of a grammar; past a depth it takes the shortest way out of each rule."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self.languages = {name: terminal_language(notation, name) for name in notation.terminals}
        self.height = dict.fromkeys(notation.rules, _NEVER)
        for _ in notation.rules:
            self.height = {name: self.least(node) + 1 for name, node in notation.rules.items()}

    def text(self, rng: Random, rule: str = "plan") -> str:
        """A text of the rule."""
        return self.draw(rng, self.notation.rules[rule], 0)

    def least(self, node: Node) -> int:
        """How many rules deep the shallowest text of a part is."""
        match node:
            case Use(name):
                return self.height.get(name, 0)
            case Row(items):
                return max(self.least(item) for item in items)
            case Choice(items):
                return min(self.least(item) for item in items)
            case Many(item, least, _):
                return self.least(item) if least else 0
        return 0

    def draw(self, rng: Random, node: Node, depth: int) -> str:
        match node:
            case Text(text):
                return text
            case Pattern(language):
                return draw_language(rng, language)
            case Use(name) if name in self.languages:
                return draw_language(rng, self.languages[name])
            case Use(name):
                return self.draw(rng, self.notation.rules[name], depth + 1)
            case Row(items):
                return "".join(self.draw(rng, item, depth) for item in items)
            case Choice(items):
                least = min(self.least(item) for item in items)
                open_ = [i for i in items if depth < _DEPTH or self.least(i) == least]
                return self.draw(rng, rng.choice(open_), depth)
            case Many(item, least, most):
                count = least if depth >= _DEPTH else _count(rng, least, most)
                return "".join(self.draw(rng, item, depth) for _ in range(count))


def draw_value(rng: Random, schema: Mapping[str, Any]) -> Json:
    """A random value of a JSON Schema whose texts are a language; raises SchemaError."""
    value: Json = json.loads(draw_language(rng, language(schema)))
    return value


def draw_language(rng: Random, language: Language) -> str:
    """A random text of a language; bounds are met now and then."""
    match language:
        case Lit(text):
            return text
        case Chars(ranges):
            low, high = rng.choice([r for r in ranges if r[0] < 0x80] or ranges)
            if rng.random() < 0.05:
                low, high = rng.choice(ranges)
                return chr(rng.choice((low, high)))
            return chr(rng.randint(low, min(high, max(low, 0x7E))))
        case Seq(items):
            return "".join(draw_language(rng, item) for item in items)
        case Alt(items):
            return draw_language(rng, rng.choice(items))
        case Repeat(item, least, most):
            return "".join(draw_language(rng, item) for _ in range(_count(rng, least, most)))


def _count(rng: Random, least: int, most: int) -> int:
    if most <= 300 and rng.random() < 0.03:
        return most
    return min(most, least + min(rng.randint(0, 3), rng.randint(0, 3)) + 8 * (rng.random() < 0.05))
