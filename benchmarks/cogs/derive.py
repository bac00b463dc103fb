"""Plans for COGS's sentences out of their logical forms: a form is a tree, and names its words.

`x _ 3` is the fourth word, so noun, verb, role and preposition say where they stand; a name is
found by its spelling. Nothing here looks at the kind of generalisation a sentence tests.

Supplied by hand: the tools and how they spell a form, this reading of forms. Learnt: which words
are nouns, names and verbs, what belongs to what, and in which role. A verb's lemma is the one its
word has in the training file.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bb_nn.folding.tree import Node

TERM = re.compile(r"(\*)? ?(\w+)((?: \. \w+)*) \( ([^()]*) \)")
VARIABLE = re.compile(r"x _ (\d+)\Z")
ROLES = {
    "agent": "agent",
    "theme": "theme",
    "recipient": "recipient",
    "ccomp": "content",
    "xcomp": "aim",
}
PRIMITIVE = "LAMBDA"


class Form:
    """A logical form read into what is known of each word, by its index."""

    def __init__(self, words: Sequence[str], target: str) -> None:
        self.words = words
        self.lemma: dict[int, str] = {}
        self.verbs: set[int] = set()
        self.roles: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self.modifiers: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for _, lemma, path, inner in TERM.findall(target):
            self._term(lemma, path.split(" . ")[1:], inner.split(" , "))
        taken = {index for roles in self.roles.values() for _, a in roles if (index := _at(a)) >= 0}
        taken |= {place for rows in self.modifiers.values() for _, place in rows}
        whole = (set(self.lemma) | self.verbs) - taken
        self.root = min(whole, default=-1)
        self.single = len(whole) == 1

    def _term(self, lemma: str, path: list[str], arguments: list[str]) -> None:
        index = _at(arguments[0])
        self.lemma[index] = lemma
        if len(path) == 2:
            self.modifiers[index].append((path[1], _at(arguments[1])))
        elif path:
            self.verbs.add(index)
            self.roles[index].append((path[0], arguments[1]))


def plan(words: Sequence[str], target: str) -> Node | None:
    """The steps of a sentence; None where a name could stand in two places."""
    if target.startswith(PRIMITIVE):
        verb = "LAMBDA e" in target
        return written(Node("deed", {"verb": 0}) if verb else Node("noun", {"word": 0}), len(words))
    form = Form(words, target)
    if not form.lemma:
        return written(Node("name", {"word": 0}), len(words)) if len(words) == 1 else None
    names = _names(form)
    if names is None or not form.single:
        return None
    return written(_node(form, form.root, names), len(words))


def written(root: Node, count: int) -> Node:
    """The step that writes a form down, once all words have been read."""
    kind = {"event": "event", "deed": "deed"}.get(root.tool, "thing")
    return Node(f"write_{kind}", {}, {kind: root}, last=count)


def _node(form: Form, index: int, names: Mapping[tuple[int, str], int]) -> Node:
    if index in form.verbs:
        return _event(form, index, names)
    words = {"word": index}
    if index and form.words[index - 1].lower() in ("a", "the"):
        words["article"] = index - 1
    thing = Node("noun", words)
    for preposition, place in form.modifiers[index]:
        before = max(i for i in range(place) if form.words[i] == preposition)
        parts = {"thing": thing, "place": _node(form, place, names)}
        thing = Node("modified", {"preposition": before}, parts)
    return thing


def _event(form: Form, index: int, names: Mapping[tuple[int, str], int]) -> Node:
    parts = {}
    for role, argument in form.roles[index]:
        at = _at(argument)
        if role == "xcomp":
            parts["aim"] = Node("deed", {"verb": at})
        elif at >= 0:
            parts[ROLES[role]] = _node(form, at, names)
        else:
            parts[ROLES[role]] = Node("name", {"word": names[index, role]})
    return Node("event", {"verb": index}, parts)


def _names(form: Form) -> dict[tuple[int, str], int] | None:
    """Where each name of a role stands: in the order of mention among those spelled alike."""
    aims = {_at(a) for roles in form.roles.values() for role, a in roles if role == "xcomp"}
    found: dict[tuple[int, str], int] = {}
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(form.words):
        places[word].append(place)
    for index in sorted(form.verbs - aims):
        for role, argument in form.roles[index]:
            if _at(argument) < 0:
                if not places[argument]:
                    return None
                found[index, role] = places[argument].pop(0)
    return found


def _at(argument: str) -> int:
    """The index in `x _ 3`; -1 for a name."""
    match = VARIABLE.match(argument)
    return int(match[1]) if match else -1


def lemmas(sentences: Iterable[tuple[Sequence[str], str]]) -> dict[str, str]:
    """The lemma that each verb's word mostly has in these sentences and their forms."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for words, target in sentences:
        if target.startswith(PRIMITIVE):
            continue
        form = Form(words, target)
        for index in form.verbs:
            counts[words[index]][form.lemma[index]] += 1
    return {word: count.most_common(1)[0][0] for word, count in counts.items()}
