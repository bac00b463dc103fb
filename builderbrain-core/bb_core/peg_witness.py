"""A text on which a PEG and the set of its alternatives really differ, for a refusal to show.

Texts are drawn from the set, so the set reads them; the PEG is then tried on each as Ford defines
it: the first alternative that fits is taken, a repeat gives nothing back. Drawn, not decided: that
none is found does not show that none is there.
"""

from collections.abc import Iterator
from random import Random

from bb_core.peg_notation import Ahead, Choice, Class, Many, Node, Peg, Row, Text, Use

DRAWN, LONGEST, DEEPEST = 1500, 60, 8
_NEVER = 1 << 20


def witness(peg: Peg) -> str | None:
    """The shortest text drawn that the set of alternatives reads and the PEG does not."""
    try:
        found = [text for text in _drawn(peg) if _apart(peg, text)]
    except RecursionError:  # a rule that begins with itself is refused for that
        return None
    return min(found, key=lambda text: (len(text), text), default=None)


def _apart(peg: Peg, text: str) -> bool:
    start = peg.rules["plan"]
    return reads(peg, start, text, 0) != len(text) and len(text) in ends(peg, start, text, 0)


def reads(peg: Peg, node: Node, text: str, at: int) -> int | None:
    """Where a parsing expression ends that begins here; None where it fails."""
    match node:
        case Text(word):
            return at + len(word) if text.startswith(word, at) else None
        case Class():
            return at + 1 if at < len(text) and _holds(node, text[at]) else None
        case Use(name):
            return reads(peg, peg.rules[name], text, at)
        case Row(items):
            end: int | None = at
            for item in items:
                end = None if end is None else reads(peg, item, text, end)
            return end
        case Choice(items):
            tried = (reads(peg, item, text, at) for item in items)
            return next((end for end in tried if end is not None), None)
        case Ahead(item, negated):
            return at if (reads(peg, item, text, at) is None) is negated else None
        case Many(item, least, most):
            return _repeated(peg, item, least, most, text, at)


def _repeated(peg: Peg, item: Node, least: int, most: int, text: str, at: int) -> int | None:
    count = 0
    while count < most and (end := reads(peg, item, text, at)) is not None:
        count += 1
        if end == at:
            break
        at = end
    return at if count >= least else None


def ends(peg: Peg, node: Node, text: str, at: int) -> frozenset[int]:
    """Everywhere the set of alternatives may end that begins here; look-ahead is the PEG's."""
    match node:
        case Use(name):
            return ends(peg, peg.rules[name], text, at)
        case Row(items):
            found = frozenset({at})
            for item in items:
                found = frozenset(e for start in found for e in ends(peg, item, text, start))
            return found
        case Choice(items):
            return frozenset(end for item in items for end in ends(peg, item, text, at))
        case Many(item, least, most):
            return _any_number(peg, item, least, most, text, at)
        case _:
            end = reads(peg, node, text, at)
            return frozenset() if end is None else frozenset({end})


def _any_number(peg: Peg, item: Node, least: int, most: int, text: str, at: int) -> frozenset[int]:
    found, now = set[int](), {at}
    for count in range(min(most, len(text) + least) + 1):
        found |= now if count >= least else set()
        now = {end for start in now for end in ends(peg, item, text, start)}
        if not now - found:
            break
    return frozenset(found)


def _holds(node: Class, char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in node.chars.ranges)


def _drawn(peg: Peg) -> Iterator[str]:
    rng, height = Random(0), _heights(peg)
    for _ in range(DRAWN):
        text = _draw(peg, peg.rules["plan"], rng, height, 0)
        if len(text) <= LONGEST:
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


def _draw(peg: Peg, node: Node, rng: Random, height: dict[str, int], depth: int) -> str:
    match node:
        case Text(word):
            return word
        case Class(chars):
            low, high = rng.choice(chars.ranges)
            return chr(rng.randint(low, min(high, low + 3)))
        case Use(name):
            return _draw(peg, peg.rules[name], rng, height, depth + 1)
        case Row(items):
            return "".join(_draw(peg, item, rng, height, depth) for item in items)
        case Choice(items):
            least = min(_height(item, height) for item in items)
            near = [i for i in items if depth < DEEPEST or _height(i, height) == least]
            return _draw(peg, rng.choice(near), rng, height, depth)
        case Many(item, least, most):
            more = 0 if depth >= DEEPEST else rng.randint(0, 2)
            count = min(most, least + more)
            return "".join(_draw(peg, item, rng, height, depth) for _ in range(count))
        case _:
            return ""
