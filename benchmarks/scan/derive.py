"""Plans for SCAN's commands out of their actions alone: no plan is given, and no word's meaning.

Short commands come first. Every way is tried in which a command's words could belong to steps (a
verb to `act`; one or two words behind a part to a modifier of it; a word between two parts to
`sequence`, in either order), and those are kept whose execution gives the actions. A command is
read with the senses known from shorter ones where that is possible; only otherwise may a word mean
something new. Where several ways are left, expectation maximisation over all commands weighs them.

Supplied by hand: the tools and what they do, that a modifier stands behind what it modifies, that a
direction is spelled as the value it has. Learnt: which words are verbs and what they do, which are
modifiers and of which kind, and which way round a word joins two parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from bb_nn.folding.tree import Node
from scan.tool_adapters import TURN

Actions = tuple[str, ...]
Sense = tuple[str, ...]
"""What words mean in a derivation: ("act", actions...), ("around",), ("repeat", "2"), ..."""
OWN = 2
"""At most so many words belong to one modifier."""
TIE = 0.01
LEAST = 0.5
"""A sense that is expected less often than this in all commands is forgotten."""


@dataclass(frozen=True)
class Derivation:
    """A way to read a span: its actions, its steps, and each step's words with their sense."""

    actions: Actions
    node: Node
    senses: tuple[tuple[Actions, Sense], ...]


Verbs = Mapping[str, list[str]]
Weights = Mapping[tuple[Actions, Sense], float]


def learn(commands: Iterable[tuple[Sequence[str], Sequence[str]]], rounds: int = 8) -> Weights:
    """p(words, sense) of a step in these commands (words and actions), shortest first."""
    by_length: dict[int, list[tuple[Sequence[str], Sequence[str]]]] = defaultdict(list)
    for words, actions in commands:
        by_length[len(words)].append((words, actions))
    known: Weights = {}
    found: list[list[Derivation]] = []
    for length in sorted(by_length):
        found += [derivations(words, actions, known) for words, actions in by_length[length]]
        known = weigh(found, rounds)
    return known


def derivations(words: Sequence[str], actions: Sequence[str], known: Weights) -> list[Derivation]:
    """Every reading of a command whose execution gives these actions, of known senses if any."""
    return _chart(words, tuple(actions), known) or _chart(words, tuple(actions), None)


def _chart(words: Sequence[str], target: Actions, known: Weights | None) -> list[Derivation]:
    chart: dict[tuple[int, int], list[Derivation]] = {}
    count = len(words)
    for length in range(1, count + 1):
        for begin in range(count - length + 1):
            found = _spans(words, begin, begin + length, chart, target)
            chart[begin, begin + length] = [
                d
                for d in found
                if (known is None or d.senses[-1] in known) and _within(d.actions, target)
            ]
    return [d for d in chart[0, count] if d.actions == target]


def _spans(
    words: Sequence[str],
    begin: int,
    end: int,
    chart: Mapping[tuple[int, int], list[Derivation]],
    target: Actions,
) -> Iterable[Derivation]:
    if end - begin == 1:
        yield from _verbs(words, begin, target)
    for middle in range(begin + 1, end):
        if end - middle <= OWN:
            for part in chart[begin, middle]:
                yield from _modified(words, part, middle, end)
        for one in chart.get((begin, middle), ()):
            for two in chart.get((middle + 1, end), ()):
                yield from _joined(words, one, two, middle)


def _verbs(words: Sequence[str], at: int, target: Actions) -> Iterable[Derivation]:
    for actions in [(), *((action,) for action in dict.fromkeys(target))]:
        sense = ((words[at],), ("act", *actions))
        yield Derivation(actions, Node("act", {"verb": at}), (sense,))


def _modified(words: Sequence[str], part: Derivation, begin: int, end: int) -> Iterable[Derivation]:
    own = tuple(words[begin:end])
    for times in (2, 3):
        node = Node("repeat", {}, {"what": part.node}, {"times": times}, last=end)
        sense = (own, ("repeat", str(times)))
        yield Derivation(part.actions * times, node, (*part.senses, sense))
    for place in range(begin, end):
        if words[place] not in TURN:
            continue
        turn = (TURN[words[place]],)
        open_own = tuple("*" if i == place else words[i] for i in range(begin, end))
        for tool, actions in (
            ("toward", turn + part.actions),
            ("opposite", turn * 2 + part.actions),
            ("around", (turn + part.actions) * 4),
        ):
            node = Node(tool, {"direction": place}, {"what": part.node}, last=end)
            yield Derivation(actions, node, (*part.senses, (open_own, (tool,))))


def _joined(
    words: Sequence[str], one: Derivation, two: Derivation, middle: int
) -> Iterable[Derivation]:
    own = (words[middle],)
    for sense, first, second in (("on", one, two), ("back", two, one)):
        node = Node("sequence", {}, {"first": first.node, "second": second.node})
        senses = (*one.senses, *two.senses, (own, ("sequence", sense)))
        yield Derivation(first.actions + second.actions, node, senses)


def weigh(found: Sequence[Sequence[Derivation]], rounds: int = 8) -> Weights:
    """p(words, sense) of a step, by expectation maximisation over all derivations."""
    counts = _expected(found, None)
    for _ in range(rounds):
        counts = _expected(found, counts)
    total = sum(counts.values())
    return {sense: count / total for sense, count in counts.items() if count > LEAST}


def _expected(
    found: Sequence[Sequence[Derivation]], weights: Weights | None
) -> dict[tuple[Actions, Sense], float]:
    """How often each sense is used, each command's derivations weighing one together."""
    total = sum(weights.values()) if weights else 1.0
    shares = {sense: weight / total for sense, weight in weights.items()} if weights else None
    counts: dict[tuple[Actions, Sense], float] = defaultdict(float)
    for options in found:
        scores = [1.0 if shares is None else _weight(d, shares) for d in options]
        whole = sum(scores) or 1.0
        for derivation, score in zip(options, scores, strict=True):
            for sense in derivation.senses:
                counts[sense] += score / whole
    return counts


def likeliest(options: Sequence[Derivation], weights: Weights) -> Derivation | None:
    """The derivation of the greatest weight; None where none has any, or two have the same."""
    scored = sorted(((_weight(d, weights), i) for i, d in enumerate(options)), reverse=True)
    if not scored or not scored[0][0]:
        return None
    tie = len(scored) > 1 and scored[1][0] > (1 - TIE) * scored[0][0]
    return None if tie else options[scored[0][1]]


def _weight(derivation: Derivation, weights: Weights) -> float:
    return prod(weights.get(sense, 0.0) for sense in derivation.senses)


def verbs(weights: Weights) -> dict[str, list[str]]:
    """What each verb does, as far as the weights say."""
    found: dict[str, tuple[float, list[str]]] = {}
    for (own, sense), weight in weights.items():
        if sense[0] == "act" and len(own) == 1 and weight > found.get(own[0], (0.0, []))[0]:
            found[own[0]] = (weight, list(sense[1:]))
    return {word: actions for word, (_, actions) in found.items()}


@lru_cache(maxsize=1 << 16)
def _within(part: Actions, whole: Actions) -> bool:
    size = len(part)
    return any(whole[i : i + size] == part for i in range(len(whole) - size + 1))
