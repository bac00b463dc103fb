"""Plans for SLOG's sentences out of their variable-free forms: trees that name no words.

Which word a label belongs to is found by counting: a label's word is the one that most often stands
in a sentence whose form has the label. A sentence is left out where two words could be meant.
Nothing here looks at the kind of generalisation a sentence tests.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cogs.derive import ROLES, written

from bb_nn.folding.tree import Node

THINGS = ("agent", "theme", "recipient")
QUESTION = "?"
Senses = Mapping[tuple[str, str], float]
"""p(label | word): the share of a word's sentences whose form has the label."""


@dataclass(frozen=True)
class Tree:
    """A label with its parts; `star` marks a definite thing."""

    label: str
    star: bool = False
    parts: tuple[tuple[str, "Tree"], ...] = ()

    def labels(self) -> Iterable[str]:
        """Every label in it."""
        yield self.label
        for _, part in self.parts:
            yield from part.labels()


def tree(form: str) -> Tree:
    """A form read: `eat ( agent = * dog , theme = cake ( nmod . on = table ) )`."""
    found, rest = _tree(form.split())
    if rest:
        raise ValueError(f"{form!r} goes on with {rest}")
    return found


def _tree(tokens: list[str]) -> tuple[Tree, list[str]]:
    star = tokens[0] == "*"
    tokens = tokens[star:]
    label, rest = tokens[0], tokens[1:]
    parts = []
    if rest[:1] == ["("]:
        while rest[0] != ")":
            equals = rest.index("=")
            role, (part, rest) = " ".join(rest[1:equals]), _tree(rest[equals + 1 :])
            parts.append((role, part))
        rest = rest[1:]
    return Tree(label, star, tuple(parts)), rest


def senses(sentences: Iterable[tuple[Sequence[str], str]]) -> Senses:
    """How often a word's sentences have a label."""
    pairs, single = Counter[tuple[str, str]](), Counter[str]()
    for words, form in sentences:
        labels = set(tree(form).labels())
        for word in set(words):
            single[word] += 1
            pairs.update((word, label) for label in labels)
    return {pair: count / single[pair[0]] for pair, count in pairs.items()}


def lemmas(sense: Senses, verbs: Iterable[str]) -> dict[str, str]:
    """The verb each word stands for, where all of its sentences have that verb."""
    wanted = set(verbs)
    return {word: label for (word, label), p in sense.items() if label in wanted and p > SURE}


SURE = 0.95


class Finder:
    """Finds the words of one sentence's labels."""

    def __init__(self, words: Sequence[str], sense: Senses) -> None:
        self.words, self.sense, self.taken = words, sense, set[int]()
        self.unsure = False

    def find(self, label: str) -> int:
        """The index of a label's word; `unsure` if there is none, or more than one."""
        scores = {word: self._score(word, label) for word in set(self.words)}
        best = max(scores, key=lambda word: scores[word])
        places = [i for i, word in enumerate(self.words) if word == best and i not in self.taken]
        self.unsure |= scores[best] <= SURE or len(places) != 1
        self.taken.update(places[:1])
        return places[0] if places else 0

    def _score(self, word: str, label: str) -> float:
        if not word.isalpha():
            return 0.0
        return 1.0 if word.lower() == label.lower() else self.sense.get((word, label), 0.0)


def plan(words: Sequence[str], form: str, sense: Senses, verbs: frozenset[str]) -> Node | None:
    """The steps of a sentence; None where it is not clear which words its labels are."""
    finder, whole = Finder(words, sense), tree(form)
    root = _deed(finder, whole) if _bare(whole, verbs) else _node(finder, whole, verbs)
    return None if finder.unsure or root is None else written(root, len(words))


def _bare(whole: Tree, verbs: frozenset[str]) -> bool:
    return whole.label in verbs and not whole.parts


def _node(finder: Finder, whole: Tree, verbs: frozenset[str]) -> Node | None:
    if whole.label in verbs and whole.parts and not _modified(whole):
        return _event(finder, whole, verbs)
    return _thing(finder, whole, verbs)


def _modified(whole: Tree) -> bool:
    return any(role.startswith("nmod") for role, _ in whole.parts)


def _deed(finder: Finder, whole: Tree) -> Node:
    return Node("deed", {"verb": finder.find(whole.label)})


def _event(finder: Finder, whole: Tree, verbs: frozenset[str]) -> Node | None:
    parts: dict[str, Node] = {}
    for role, part in whole.parts:
        made = _deed(finder, part) if role == "xcomp" else _node(finder, part, verbs)
        if made is None or role not in ROLES:
            return None
        parts[ROLES[role]] = made
    first = next((role for role, _ in whole.parts if role in THINGS), "agent")
    return Node("event", {"verb": finder.find(whole.label)}, parts, {"first": first})


def _thing(finder: Finder, whole: Tree, verbs: frozenset[str]) -> Node | None:
    index = finder.find(whole.label)
    article = index > 0 and finder.words[index - 1].lower() in ("a", "the")
    if whole.label == QUESTION:
        thing = Node("asked", {"word": index})
    elif not article and whole.label[0].isupper():
        thing = Node("name", {"word": index})
    else:
        thing = Node("noun", {"word": index} | ({"article": index - 1} if article else {}))
    for role, part in whole.parts:
        found = _place(finder, thing, role, part, verbs)
        if role == "nmod":
            found = _relative(finder, thing, whole, part, verbs)
        if found is None:
            return None
        thing = found
    return thing


def _place(
    finder: Finder, thing: Node, role: str, part: Tree, verbs: frozenset[str]
) -> Node | None:
    preposition, place = role.rpartition(" ")[2], None
    if role != "nmod":
        place = _thing(finder, part, verbs)
    if place is None:
        return None
    start = min(word for node in place.nodes() for word in node.words.values())
    if not start or finder.words[start - 1] != preposition:
        return None
    return Node("modified", {"preposition": start - 1}, {"thing": thing, "place": place})


def _relative(
    finder: Finder, head: Node, whole: Tree, clause: Tree, verbs: frozenset[str]
) -> Node | None:
    """A relative clause: the one part of it that is the head's own label is the gap."""
    gaps = [
        role
        for role, part in clause.parts
        if (part.label, part.star, part.parts) == (whole.label, whole.star, ())
    ]
    if len(gaps) != 1:
        return None
    parts = {gaps[0]: head}
    for role, part in clause.parts:
        if role == gaps[0]:
            continue
        made = _deed(finder, part) if role == "xcomp" else _node(finder, part, verbs)
        if made is None or role not in ROLES:
            return None
        parts[ROLES[role]] = made
    things = [role for role, _ in clause.parts if role in THINGS]
    choices = {"head": gaps[0], "first": things[0], "last": things[-1]}
    return Node("relative", {"verb": finder.find(clause.label)}, parts, choices)


def verb_labels(forms: Iterable[str]) -> frozenset[str]:
    """The labels that have roles: verbs."""
    found: dict[str, int] = defaultdict(int)
    for form in forms:
        _verbs(tree(form), found)
    return frozenset(found)


def _verbs(whole: Tree, found: dict[str, int]) -> None:
    if any(role in ROLES for role, _ in whole.parts):
        found[whole.label] += 1
    for _, part in whole.parts:
        _verbs(part, found)
