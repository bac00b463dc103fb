"""A text on which a PEG and the set of its alternatives really differ, for a refusal to show.

Texts are drawn from the set, so the set reads them; the PEG is then tried on each as Ford defines
it: the first alternative that fits is taken, a repeat gives nothing back. Half are drawn anywhere
and kept short; the others are led to the refused place, since the shortest plan of a real domain is
long already. Drawn, not decided: that none is found does not show that none is there.
"""

from collections.abc import Iterator
from random import Random

from bb_core.peg_notation import Ahead, Choice, Class, Many, Node, Peg, Row, Text, Use, parts

DRAWN, LONGEST, LED, DEEPEST = 400, 24, 200, 5
_NEVER = 1 << 20


def witness(peg: Peg, place: Node) -> str | None:
    """The shortest text drawn that the set of alternatives reads and the PEG does not.

    `place` is the alternative or the repeated part that is refused.
    """
    try:
        found = [text for text in _drawn(peg, place) if _apart(peg, text)]
    except RecursionError:  # a rule that begins with itself is refused for that
        return None
    return min(found, key=lambda text: (len(text), text), default=None)


def _apart(peg: Peg, text: str) -> bool:
    reading, start = Reading(peg, text), peg.rules["plan"]
    return reading.end(start, 0) != len(text) and len(text) in reading.ends(start, 0)


class Reading:
    """One text, read both ways; what a rule reads at a place is worked out once (packrat)."""

    def __init__(self, peg: Peg, text: str) -> None:
        self.peg, self.text = peg, text
        self._end: dict[tuple[str, int], int | None] = {}
        self._ends: dict[tuple[str, int], frozenset[int]] = {}

    def end(self, node: Node, at: int) -> int | None:
        """Where a parsing expression ends that begins here; None where it fails."""
        match node:
            case Text(word):
                return at + len(word) if self.text.startswith(word, at) else None
            case Class():
                return at + 1 if at < len(self.text) and _holds(node, self.text[at]) else None
            case Use(name):
                if (name, at) not in self._end:
                    self._end[name, at] = self.end(self.peg.rules[name], at)
                return self._end[name, at]
            case Row(items):
                end: int | None = at
                for item in items:
                    end = None if end is None else self.end(item, end)
                return end
            case Choice(items):
                tried = (self.end(item, at) for item in items)
                return next((end for end in tried if end is not None), None)
            case Ahead(item, negated):
                return at if (self.end(item, at) is None) is negated else None
            case Many(item, least, most):
                return self._repeated(item, least, most, at)

    def _repeated(self, item: Node, least: int, most: int, at: int) -> int | None:
        count = 0
        while count < most and (end := self.end(item, at)) is not None:
            count += 1
            if end == at:
                break
            at = end
        return at if count >= least else None

    def ends(self, node: Node, at: int) -> frozenset[int]:
        """Everywhere the set of alternatives may end that begins here; look-ahead is the PEG's."""
        match node:
            case Use(name):
                if (name, at) not in self._ends:
                    self._ends[name, at] = self.ends(self.peg.rules[name], at)
                return self._ends[name, at]
            case Row(items):
                found = frozenset({at})
                for item in items:
                    found = frozenset(e for start in found for e in self.ends(item, start))
                return found
            case Choice(items):
                return frozenset(end for item in items for end in self.ends(item, at))
            case Many(item, least, most):
                return self._any_number(item, least, most, at)
            case _:
                end = self.end(node, at)
                return frozenset() if end is None else frozenset({end})

    def _any_number(self, item: Node, least: int, most: int, at: int) -> frozenset[int]:
        found, now = set[int](), {at}
        for count in range(min(most, len(self.text) + least) + 1):
            found |= now if count >= least else set()
            now = {end for start in now for end in self.ends(item, start)}
            if count >= least and not now - found:
                break
        return frozenset(found)


def _holds(node: Class, char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in node.chars.ranges)


def _drawn(peg: Peg, place: Node) -> Iterator[str]:
    rng, height = Random(0), _heights(peg)
    for longest, goal in ((LONGEST, None), (LED, place)):
        for _ in range(DRAWN):
            text = _Draw(peg, rng, height, goal).text(peg.rules["plan"], 0)
            if len(text) <= longest:
                yield text


def _heights(peg: Peg) -> dict[str, int]:
    """How many rules deep the shallowest text of each is."""
    height = dict.fromkeys(peg.rules, _NEVER)
    for _ in peg.rules:
        height = {name: _height(node, height) + 1 for name, node in peg.rules.items()}
    return height


def _height(node: Node, height: dict[str, int]) -> int:
    match node:
        case Use(name):
            return height[name]
        case Row(items):
            return max((_height(item, height) for item in items), default=0)
        case Choice(items):
            return min(_height(item, height) for item in items)
        case Many(item, least):
            return _height(item, height) if least else 0
        case _:
            return 0


class _Draw:
    """One text of the set; with a goal, one that comes by it, and is short before and after."""

    def __init__(self, peg: Peg, rng: Random, height: dict[str, int], goal: Node | None) -> None:
        self.peg, self.rng, self.height, self.goal = peg, rng, height, goal
        self.led = goal is not None
        self.ahead = _leading(peg, goal) if goal is not None else frozenset[str]()

    def text(self, node: Node, depth: int) -> str:
        """A text that the node reads."""
        there = self.led and node is self.goal
        self.led = self.led and not there
        match node:
            case Text(word):
                return word
            case Class(chars):
                low, high = self.rng.choice(chars.ranges)
                return chr(self.rng.randint(low, min(high, low + 3)))
            case Use(name):
                return self.text(self.peg.rules[name], depth + 1)
            case Row(items):
                return "".join(self.text(item, depth) for item in items)
            case Choice(items):
                return self.text(self.rng.choice(self._ways(items, depth)), depth)
            case Many(item, least, most):
                count = min(most, least + self._more(item, least, depth))
                return "".join(self.text(item, depth) for _ in range(count))
            case _:
                return ""

    def _ways(self, items: tuple[Node, ...], depth: int) -> list[Node]:
        if self.led and (leading := [one for one in items if self._leads(one)]):
            return leading
        least = min(_height(one, self.height) for one in items)
        short = depth >= DEEPEST or (self.goal is not None and self.rng.random() < 0.7)
        return [one for one in items if not short or _height(one, self.height) == least]

    def _more(self, item: Node, least: int, depth: int) -> int:
        if self.led and self._leads(item):
            return self.rng.randint(0 if least else 1, 2)
        if depth >= DEEPEST or (self.goal is not None and self.rng.random() < 0.7):
            return 0
        return self.rng.randint(0, 2)

    def _leads(self, node: Node) -> bool:
        return _within(node, self.goal, self.ahead)


def _leading(peg: Peg, goal: Node) -> frozenset[str]:
    """The rules from which one comes by the goal."""
    found = frozenset[str]()
    for _ in peg.rules:
        found |= {name for name, node in peg.rules.items() if _within(node, goal, found)}
    return found


def _within(node: Node, goal: Node | None, rules: frozenset[str]) -> bool:
    return any(
        part is goal or (isinstance(part, Use) and part.name in rules) for part in parts(node)
    )
