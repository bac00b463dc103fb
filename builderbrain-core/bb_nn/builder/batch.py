"""Several encoded plans as one batch of tensors.

All vectors an index may mean stand in one table: nothing, the marks, the described texts, the
tokens of every example one after another, the steps. So an answer is two row numbers, whatever it
is, in training as in building.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bb_nn.builder.clause_decoder import MARKS
from bb_nn.builder.encoded import Encoded
from bb_nn.builder.option_head import Kind, Mark
from bb_nn.tapped import Tapped

NOTHING = 0
MARKS_AT = 1
WORDS_AT = MARKS_AT + len(Mark)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of the table begin, for one example: its tokens and its steps."""

    tokens: int
    steps: int

    def pair(self, kind: Any, a: Any, b: Any) -> tuple[Any, Any]:
        """The two table rows of options given by kind, a, b (arrays)."""
        first = np.select(
            [kind == Kind.SPAN, kind == Kind.REFER, kind == Kind.MARK],
            [a + self.tokens, a + self.steps, a + MARKS_AT],
            a + WORDS_AT,
        )
        second = np.select(
            [kind == Kind.SPAN, kind == Kind.REFER], [b + self.tokens, b + WORDS_AT], NOTHING
        )
        return first, second


@dataclass(frozen=True, slots=True)
class Texts:
    """B texts of at most T tokens. start: clauses start here, of the tokens where that is known."""

    states: Tensor  # [B, T, taps, d]
    lengths: Tensor  # [B]
    start: Tensor  # [B, T]
    known: Tensor  # [B, T]


@dataclass(frozen=True, slots=True)
class Clauses:
    """R clauses: the table rows of their tokens [R, T'] and of the steps built before [R, N].

    recency: [R, N], 1 for the last step built before the clause, 2 for the one before, ...
    """

    example: Tensor  # [R]
    text: Tensor
    text_open: Tensor
    steps: Tensor
    steps_open: Tensor
    recency: Tensor


@dataclass(frozen=True, slots=True)
class Actions:
    """R rows of at most A actions; counted as clause * A + place. `before`: the answer before."""

    query: Tensor  # [R, A]
    word: Tensor  # [R, A], table rows
    adapter: Tensor  # [R, A]
    before_kind: Tensor  # [R, A]
    before: Tensor  # [R, A, 2], table rows
    marks: Tensor  # [R, A, T', MARKS]


@dataclass(frozen=True, slots=True)
class Questions:
    """G questions, of which each is one action's, and their O options."""

    action: Tensor  # [G]
    query: Tensor  # [G]
    elsewhere: Tensor  # [G] of bool: asked in the second pass
    example: Tensor  # [G]
    group: Tensor  # [O], the question of an option
    kind: Tensor  # [O]
    pair: Tensor  # [O, 2], table rows
    features: Tensor  # [O, FEATURES]
    allowed: Tensor  # [O]
    gold: Tensor  # [O]
    free: Tensor  # [F, 3]: action, first and last place in the clause's tokens


@dataclass(frozen=True, slots=True)
class Steps:
    """M steps of B plans, what they copied [S], and E pairs (earlier, later) of one plan each."""

    word: Tensor  # [M], table row of the tool's text
    action: Tensor  # [M], the last one that built it
    example: Tensor  # [M]
    place: Tensor  # [M]
    chosen: Tensor  # [M], the question that chose it
    span_step: Tensor  # [S]
    span: Tensor  # [S, 2], table rows
    edge_action: Tensor  # [E]
    earlier: Tensor  # [E]
    later: Tensor  # [E]
    waits: Tensor  # [E]
    features: Tensor  # [E, EDGE_FEATURES]


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded plans, ready for `PlanBuilder.loss`."""

    texts: Texts
    clauses: Clauses
    actions: Actions
    questions: Questions
    steps: Steps

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(*(_moved(getattr(self, part.name), device) for part in fields(self)))


def _moved(part: Any, device: torch.device | str) -> Any:
    return type(part)(*(getattr(part, one.name).to(device) for one in fields(part)))


def collate(tapped: Sequence[Tapped], encoded: Sequence[Encoded], words: int) -> Batch:
    """One batch. `words`: how many described texts the builder has."""
    whole = _Whole(tapped, encoded, words)
    return Batch(whole.texts(), whole.clauses(), whole.actions(), whole.questions(), whole.steps())


class _Whole:
    """The arrays of all examples, each counted on from the ones before it."""

    def __init__(self, tapped: Sequence[Tapped], encoded: Sequence[Encoded], words: int) -> None:
        self.tapped, self.encoded = tapped, encoded
        self.width = max(len(t.ids) for t in tapped)
        steps_at = WORDS_AT + words + len(tapped) * self.width
        counts = np.cumsum([0, *(len(e["node"]) for e in encoded)])
        self.layouts = [
            Layout(WORDS_AT + words + i * self.width, int(steps_at + counts[i]))
            for i in range(len(tapped))
        ]
        self.first_step, self.steps_at = counts, steps_at
        self.first_clause = np.cumsum([0, *(len(e["clause"]) for e in encoded)])
        self.first_group = np.cumsum([0, *(len(e["group"]) for e in encoded)])
        self.clause = np.concatenate([e["clause"] for e in encoded])
        self.example = np.repeat(np.arange(len(encoded)), [len(e["clause"]) for e in encoded])
        self.sizes = np.concatenate([_sizes(e) for e in encoded])
        self.longest = int(self.sizes.max())
        self.tokens = int((self.clause[:, 1] - self.clause[:, 0]).max()) + 1

    def texts(self) -> Texts:
        first = self.tapped[0].states
        states = first.new_zeros(len(self.tapped), self.width, *first.shape[1:])
        start, known = torch.zeros(states.shape[:2]), torch.zeros(states.shape[:2])
        for i, (text, arrays) in enumerate(zip(self.tapped, self.encoded, strict=True)):
            states[i, : len(text.ids)] = text.states
            start[i, : len(text.ids)] = torch.from_numpy(arrays["start"])
            known[i, : len(text.ids)] = torch.from_numpy(arrays["known"])
        lengths = torch.tensor([len(text.ids) for text in self.tapped])
        return Texts(states, lengths, start, known)

    def clauses(self) -> Clauses:
        places = np.arange(self.tokens)[None, :] + self.clause[:, :1]
        opened = places <= self.clause[:, 1:2]
        begins = np.array([layout.tokens for layout in self.layouts])[self.example][:, None]
        before = self.clause[:, 3:4]
        count = np.arange(max(1, int(before.max())))[None, :]
        steps = np.array([layout.steps for layout in self.layouts])[self.example][:, None] + count
        there = count < before
        return Clauses(
            _long(self.example),
            _long(np.where(opened, begins + places, begins)),
            torch.from_numpy(opened),
            _long(np.where(there, steps, NOTHING)),
            torch.from_numpy(there),
            _long(np.where(there, before - count, 0)),
        )

    def actions(self) -> Actions:
        shape = (len(self.clause), self.longest)
        rows = np.zeros((*shape, 8), dtype=np.int64)
        rows[..., 2] = -1
        pairs = np.zeros((*shape, 2), dtype=np.int64)
        marks = np.zeros((*shape, self.tokens, MARKS), dtype=np.float32)
        for i, arrays in enumerate(self.encoded):
            clause, place = self._where(i, np.arange(len(arrays["action"])))
            rows[clause, place] = arrays["action"]
            kind, a, b = arrays["action"][:, 3:6].T
            pairs[clause, place] = np.stack(self.layouts[i].pair(kind, a, b), axis=1)
            for action, first, last in arrays["copied"]:
                row, at = self._where(i, action)
                begin = self.clause[row, 0]
                marks[row, at, max(0, first - begin) : max(0, last + 1 - begin), 0] = 1.0
        distance = np.arange(self.tokens) + self.clause[:, None, :1] - rows[..., 6:7]
        marks[..., 1], marks[..., 2] = distance > 0, -np.log1p(np.abs(distance))
        word = np.where(rows[..., 1] >= 0, rows[..., 1] + WORDS_AT, NOTHING)
        return Actions(
            _long(rows[..., 0]), _long(word), _long(rows[..., 2]), _long(rows[..., 3]),
            _long(pairs), torch.from_numpy(marks),
        )  # fmt: skip

    def questions(self) -> Questions:
        action, example, group, pair, free = [], [], [], [], []
        for i, arrays in enumerate(self.encoded):
            action.append(self._action(i, arrays["group"][:, 0]))
            example.append(np.full(len(arrays["group"]), i))
            group.append(arrays["option"][:, 0] + self.first_group[i])
            _, kind, a, b = arrays["option"].T
            pair.append(np.stack(self.layouts[i].pair(kind, a, b), axis=1))
            free.append(self._free(i, arrays["free"]))
        return Questions(
            _long(np.concatenate(action)),
            _long(self._all("group")[:, 2]),
            torch.from_numpy(self._all("group")[:, 1] == 1),
            _long(np.concatenate(example)),
            _long(np.concatenate(group)),
            _long(self._all("option")[:, 1]),
            _long(np.concatenate(pair)),
            torch.from_numpy(self._all("features")).float(),
            torch.from_numpy(self._all("allowed")),
            torch.from_numpy(self._all("gold")),
            _long(np.concatenate(free)),
        )

    def steps(self) -> Steps:
        action, chosen, spans, edge = [], [], [], []
        for i, arrays in enumerate(self.encoded):
            action.append(self._action(i, arrays["node"][:, 2]))
            chosen.append(arrays["node"][:, 3] + self.first_group[i])
            spans.append(arrays["node_span"] + [self.first_step[i], *[self.layouts[i].tokens] * 2])
            step = arrays["edge"] + [0, self.first_step[i], 0]
            edge.append(np.column_stack([self._action(i, step[:, 0]), step, self._later(i)]))
        sizes = [len(arrays["node"]) for arrays in self.encoded]
        span, edges = np.concatenate(spans), np.concatenate(edge)
        return Steps(
            _long(self._all("node")[:, 0] + WORDS_AT),
            _long(np.concatenate(action)),
            _long(np.repeat(np.arange(len(sizes)), sizes)),
            _long(np.concatenate([np.arange(n) for n in sizes])),
            _long(np.concatenate(chosen)),
            _long(span[:, 0]),
            _long(span[:, 1:]),
            _long(edges[:, 0]),
            _long(edges[:, 2]),
            _long(edges[:, 4]),
            _long(edges[:, 3]).float(),
            torch.from_numpy(self._all("edge_features")).float(),
        )

    def _all(self, name: str) -> Any:
        return np.concatenate([arrays[name] for arrays in self.encoded])

    def _where(self, example: int, action: Any) -> tuple[Any, Any]:
        """Clause and place of an example's actions."""
        clause = self.encoded[example]["action"][action, 7]
        place = action - self.encoded[example]["clause"][clause, 2]
        return clause + self.first_clause[example], place

    def _action(self, example: int, action: Any) -> Any:
        clause, place = self._where(example, action)
        return clause * self.longest + place

    def _free(self, example: int, free: Any) -> Any:
        clause, place = self._where(example, free[:, 0])
        begin = self.clause[clause, 0]
        flat = clause * self.longest + place
        return np.column_stack([flat, free[:, 1] - begin, free[:, 2] - begin])

    def _later(self, example: int) -> Any:
        """The step each pair is about: the one whose last action asked."""
        arrays = self.encoded[example]
        owner = {int(action): n for n, (_, _, action, _) in enumerate(arrays["node"])}
        own = [owner[int(action)] for action in arrays["edge"][:, 0]]
        return np.array(own, dtype=np.int64) + self.first_step[example]


def _sizes(encoded: Encoded) -> Any:
    return np.diff([*encoded["clause"][:, 2], len(encoded["action"])])


def _long(values: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))
