"""What a parsing expression reads, as a regular language: exact for terminals, too large for rules.

    reads(e, K): the texts of which e reads a beginning and K the rest

    reads("x", K) = x K            reads(a b, K)   = reads(a, reads(b, K))
    reads(!e, K)  = K - reads(e, all)              reads(a / b, K) = reads(a, K) + reads(b, K)

That takes a choice as a set. Whether its order can matter is what peg_guard.py decides, with these
languages. Rules are opened `depth` deep; what is deeper counts as any text, so that a rule's
language is never too small.
"""

from collections.abc import Iterator

from bb_core.language import EMPTY, Lit
from bb_core.peg_notation import Ahead, Choice, Class, Many, Node, Peg, Row, Text, Use
from bb_core.regular import ANYTHING, Regular, both, either, repeat, then, without

START = "plan"


class Reads:
    """The languages of one grammar, with rules opened up to a depth."""

    def __init__(self, peg: Peg, depth: int) -> None:
        self.peg, self.depth = peg, depth
        self._uses = {name: list(follows(peg, name)) for name in peg.rules}
        self._terminals: dict[str, Regular] = {}
        self._follows: dict[tuple[str, int], Regular] = {}

    def __call__(self, node: Node, rest: Regular, depth: int | None = None) -> Regular:
        """The texts of which the node reads a beginning and `rest` what follows."""
        left = self.depth if depth is None else depth
        match node:
            case Text(text):
                return then(Lit(text), rest)
            case Class(chars):
                return then(chars, rest)
            case Row(items):
                for item in reversed(items):
                    rest = self(item, rest, left)
                return rest
            case Choice(items):
                return either(*(self(item, rest, left) for item in items))
            case Ahead(item, negated):
                seen = self(item, ANYTHING, left)
                return without(rest, seen) if negated else both(rest, seen)
            case Many(item, least, most):
                return then(repeat(self(item, EMPTY, left), least, most), rest)
            case Use(name) if name.isupper():
                return self(self.peg.rules[name], rest, left)
            case Use(name):
                return self(self.peg.rules[name], rest, left - 1) if left > 0 else ANYTHING

    def terminal(self, name: str) -> Regular:
        """All texts of a terminal that stands alone; nothing follows it that it could see."""
        if name not in self._terminals:
            self._terminals[name] = self(self.peg.rules[name], EMPTY)
        return self._terminals[name]

    def follow(self, name: str, depth: int | None = None) -> Regular:
        """What may come after a rule or a terminal, anywhere in the grammar."""
        left = self.depth if depth is None else depth
        if left < 0:
            return ANYTHING
        if (name, left) not in self._follows:
            found: list[Regular] = [EMPTY] if name == START else []
            for parent, after in self._uses[name]:
                found.append(self(Row(after), self.follow(parent, left - 1)))
            self._follows[name, left] = either(*found)
        return self._follows[name, left]


def follows(peg: Peg, name: str) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """Where a name is used: in which definition, and what comes after it there."""
    for parent, node in peg.rules.items():
        for after in _after(node, name):
            yield parent, after


def _after(node: Node, name: str) -> Iterator[tuple[Node, ...]]:
    match node:
        case Use(used) if used == name:
            yield ()
        case Row(items):
            for index, item in enumerate(items):
                yield from ((*after, *items[index + 1 :]) for after in _after(item, name))
        case Choice(items):
            for item in items:
                yield from _after(item, name)
        case Many(item, _, most, at):
            again = (Many(item, 0, most, at),) if most > 1 else ()
            yield from ((*after, *again) for after in _after(item, name))
