"""The k best plans, clause by clause, with their exact probabilities under the masks.

Every question's allowed answers sum to one, so a plan's log probability is the sum over its
answers, edges and free texts. Answers that mean the same are added up. Within a clause every plan
under way has answered equally many questions, so all of them are one batch with one cache.

Not covered: the probability of the cuts between clauses; see `builder`.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bb_nn.builder.asker import Asker
from bb_nn.builder.attention import Keyed
from bb_nn.builder.batch import NOTHING, WORDS_AT, Actions, Clauses, Layout, Questions, Steps
from bb_nn.builder.clause_decoder import MARKS, Seen
from bb_nn.builder.edge_head import EDGE_FEATURES
from bb_nn.builder.encoded import option_row, padded
from bb_nn.builder.network import Network
from bb_nn.builder.option_head import Kind, Mark, Query, log_softmax
from bb_nn.builder.progress import Progress
from bb_nn.builder.question import Option, Question, Spot, Tokens
from bb_nn.builder.span_pointer import after
from bb_nn.builder.waits import likeliest

_LONGEST_CLAUSE = 256
_HOPELESS = -12.0
"""An answer this much less likely than the best one is not followed (nats)."""


@dataclass(frozen=True, slots=True)
class Under:
    """A plan under way: what it has answered, its log probability, its steps' rows in the pool."""

    progress: Progress
    log_prob: float
    steps: tuple[int, ...] = ()
    confidence: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    log_prob: float
    option: Option | None = None
    spot: Spot | None = None
    waits: tuple[int, ...] | None = None


class Beam:
    """One text's search. The pool holds the vectors of every step any plan has built."""

    def __init__(self, network: Network, asker: Asker, tokens: Tokens, memory: Tensor) -> None:
        self.network, self.asker, self.tokens, self.memory = network, asker, tokens, memory
        self.fixed = network.table(memory)
        self.layout = Layout(WORDS_AT + len(network.words), len(self.fixed))
        self.nodes: list[Tensor] = []
        self.registers: list[Tensor] = []
        self._kept = self.fixed

    def search(self, clauses: Sequence[Spot], k: int) -> list[Under]:
        """The k most probable plans, best first; none where each was left off in some clause."""
        plans = [Under(Progress(), 0.0)]
        for clause in clauses:
            plans = self._clause(plans, clause, k) if plans else []
        return plans

    def _clause(self, plans: list[Under], clause: Spot, k: int) -> list[Under]:
        """The plans that end the clause. One that has no answer left, or asks on, is no plan."""
        active = [replace(p, progress=p.progress.entered(clause)) for p in plans]
        first, last = self.tokens.span(clause)
        seen, past, ended = self._look(active, first, last), None, list[Under]()
        for _ in range(_LONGEST_CLAUSE):
            questions = [self.asker.ask(plan.progress) for plan in active]
            h, past = self._state(active, questions, seen, past, first, last)
            found = list(self._expanded(active, questions, h, (first, last), k))
            best = sorted([*found, *((p, None) for p in ended)], key=lambda f: -f[0].log_prob)[:k]
            ended = [p for p, row in best if row is None or p.progress.ended]
            going = [(p, row) for p, row in best if row is not None and not p.progress.ended]
            if not going:
                break
            rows = torch.tensor([row for _, row in going])
            active = [p for p, _ in going]
            seen, past = seen[rows], tuple(keyed[rows] for keyed in past)
        return ended

    def _table(self) -> Tensor:
        if len(self._kept) < len(self.fixed) + len(self.nodes):
            self._kept = torch.cat([self.fixed, *self.nodes])
        return self._kept

    def _look(self, active: list[Under], first: int, last: int) -> Seen:
        count = len(active)
        longest = max(1, *(len(plan.steps) for plan in active))
        steps, recency = torch.zeros(2, count, longest, dtype=torch.long)
        for i, plan in enumerate(active):
            for place, node in enumerate(plan.steps):
                steps[i, place] = self.layout.steps + node
                recency[i, place] = len(plan.steps) - place
        text = torch.arange(first, last + 1).expand(count, -1) + self.layout.tokens
        opened = torch.ones_like(text, dtype=torch.bool)
        example = torch.zeros(count, dtype=torch.long)
        seen = Clauses(example, text, opened, steps, recency > 0, recency)
        return self.network.look(self._table(), seen)

    def _state(
        self, active: list[Under], questions: list[Question], seen: Seen,
        past: tuple[Keyed, ...] | None, first: int, last: int,
    ) -> tuple[Tensor, tuple[Keyed, ...]]:  # fmt: skip
        """The states [H, width] in which the plans' questions are asked."""
        actions = self._actions(active, questions, first, last)
        x = self.network.inputs(self._table(), actions)
        h, kept = self.network.decoder(x, actions.adapter, actions.marks, seen, past)
        return h[:, 0], kept

    def _actions(
        self, active: list[Under], questions: list[Question], first: int, last: int
    ) -> Actions:
        before = [option_row(plan.progress.before, self.tokens) for plan in active]
        kind, *pair = self._pairs(active, before)
        width = last + 1 - first
        marks = np.zeros((len(active), 1, width, MARKS), dtype=np.float32)
        for i, plan in enumerate(active):
            spans = [self.tokens.span(spot) for spot in plan.progress.copied]
            for begin, end in spans:
                marks[i, 0, max(0, begin - first) : max(0, end + 1 - first), 0] = 1.0
            at = max(first, spans[-1][1]) if spans else first
            distance = np.arange(first, last + 1) - at
            marks[i, 0, :, 1], marks[i, 0, :, 2] = distance > 0, -np.log1p(np.abs(distance))
        word = [[WORDS_AT + q.word if q.word >= 0 else NOTHING] for q in questions]
        return Actions(
            torch.tensor([[int(q.query)] for q in questions]),
            torch.tensor(word),
            torch.tensor([[q.adapter] for q in questions]),
            torch.from_numpy(kind)[:, None],
            torch.from_numpy(np.stack(pair, axis=1))[:, None],
            torch.from_numpy(marks),
        )

    def _pairs(self, plans: Sequence[Under], rows: list[tuple[int, int, int]]) -> tuple[Any, ...]:
        """kind and the two table rows of answers, each of its own plan."""
        kind, a, b = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        first, second = self.layout.pair(kind, a, b)
        for row in np.flatnonzero(kind == Kind.REFER).tolist():
            first[row] = self.layout.steps + plans[row].steps[a[row]]
        return kind, first, second

    def _expanded(
        self, active: list[Under], questions: list[Question], h: Tensor, text: tuple[int, int],
        k: int,
    ) -> Iterator[tuple[Under, int]]:  # fmt: skip
        """Every plan with each of its k best answers, and the row it came from."""
        scored = self._scored(active, questions, h, elsewhere=False)
        for row, (plan, asked) in enumerate(zip(active, questions, strict=True)):
            if asked.query is Query.AFTER:
                answers = self._waits(plan, h[row], k)
            else:
                answers = self._answers(plan, asked, h[row], scored[row], text, k)
            for answer in answers:
                yield self._taken(plan, answer, h[row]), row

    def _scored(
        self, plans: Sequence[Under], questions: Sequence[Question], h: Tensor, *, elsewhere: bool
    ) -> list[list[float]]:
        """The log probability of every option of every question."""
        each = [q.elsewhere if elsewhere else q.options for q in questions]
        rows = [(i, option) for i, options in enumerate(each) for option in options]
        if not rows:
            return [[] for _ in questions]
        owners = [plans[i] for i, _ in rows]
        kind, first, second = self._pairs(owners, [option_row(o, self.tokens) for _, o in rows])
        group = torch.tensor([i for i, _ in rows])
        allowed = torch.tensor([option.allowed for _, option in rows])
        asked = Questions(
            action=group,
            query=torch.tensor([Query.ELSEWHERE if elsewhere else q.query for q in questions]),
            elsewhere=torch.full((len(questions),), elsewhere),
            example=torch.zeros_like(group),
            group=group,
            kind=torch.from_numpy(kind),
            pair=torch.from_numpy(np.stack([first, second], axis=1)),
            features=torch.tensor([padded(option.features) for _, option in rows]),
            allowed=allowed,
            gold=allowed,
            free=torch.zeros(0, 3, dtype=torch.long),
        )
        logits = self.network.score(self._table(), h, asked)
        flat = log_softmax(logits, group, len(questions), allowed).tolist()
        found: list[list[float]] = [[] for _ in questions]
        for (i, _), value in zip(rows, flat, strict=True):
            found[i].append(value)
        return found

    def _answers(
        self, plan: Under, asked: Question, h: Tensor, scores: list[float], text: tuple[int, int],
        k: int,
    ) -> list[_Answer]:  # fmt: skip
        """The k best answers; those that mean the same are one, spoken by the likeliest of them."""
        floor = max(scores, default=0.0) + _HOPELESS
        found: list[_Answer] = []
        for option, score in zip(asked.options, scores, strict=True):
            if score < floor:
                continue
            if option.kind is Kind.MARK and option.a == Mark.ELSEWHERE:
                found += self._second(plan, asked, h, score)
            elif option.kind is Kind.MARK and option.a == Mark.FREE:
                found += self._free(option, asked, h, score, text, k)
            else:
                found.append(_Answer(score, option))
        return sorted(_merged(found), key=lambda a: -a.log_prob)[:k]

    def _second(self, plan: Under, asked: Question, h: Tensor, base: float) -> list[_Answer]:
        real = torch.ones(1, self.memory.shape[1], dtype=torch.bool)
        state = self.network.elsewhere(h[None], self.memory, real)
        scores = self._scored([plan], [asked], state, elsewhere=True)[0]
        return [_Answer(base + s, o) for o, s in zip(asked.elsewhere, scores, strict=True)]

    def _free(
        self, option: Option, asked: Question, h: Tensor, base: float, text: tuple[int, int], k: int
    ) -> list[_Answer]:
        """The likeliest stretches of the clause's tokens."""
        memory = self.memory[:, text[0] : text[1] + 1]
        opened = torch.ones(memory.shape[:2], dtype=torch.bool)
        starts, places = self.network.pointer.start(h[None], memory, opened)[0].topk(
            min(k, memory.shape[1])
        )
        found = []
        for score, place in zip(starts.tolist(), places.tolist(), strict=True):
            within = after(torch.tensor([place]), self.network.config.span, opened)
            ends = self.network.pointer.end(h[None], memory[:, place], memory, within)[0]
            best = ends.topk(min(k, int(within.sum())))
            for more, end in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                spot = self.asker.bare(self._spot(text[0] + place, text[0] + end))
                if spot[0] < spot[1] <= spot[0] + asked.longest:
                    found.append(_Answer(base + score + more, option, spot))
        return found

    def _spot(self, first: int, last: int) -> Spot:
        return int(self.tokens.starts[first]), int(self.tokens.ends[last])

    def _waits(self, plan: Under, h: Tensor, k: int) -> list[_Answer]:
        """The likeliest sets of earlier steps to wait for."""
        known = self.asker.edges(plan.progress)
        if not known.features:
            return [_Answer(0.0, waits=())]
        logits = self._edges(plan, h, known.features).tolist()
        sets = likeliest(logits, known.waiting, known.asks, k)
        floor = sets[0][0] + _HOPELESS
        return [_Answer(score, waits=chosen) for score, chosen in sets if score > floor]

    def _edges(self, plan: Under, h: Tensor, features: Sequence[tuple[float, ...]]) -> Tensor:
        nodes = torch.cat([self.nodes[i] for i in plan.steps])
        registers = torch.cat([self.registers[i] for i in plan.steps])
        known = torch.tensor([padded(f, EDGE_FEATURES) for f in features])
        found: Tensor = self.network.edge(h.expand(len(nodes), -1), nodes, registers, known)
        return found

    def _taken(self, plan: Under, answer: _Answer, h: Tensor) -> Under:
        """The plan with the answer, and with the step that it finishes, if it does."""
        log_prob = plan.log_prob + answer.log_prob
        confidence = (*plan.confidence, answer.log_prob)
        if answer.waits is None:
            assert answer.option is not None
            progress = self.asker.take(plan.progress, answer.option, answer.spot)
            return Under(progress, log_prob, plan.steps, confidence)
        progress, made = self.asker.finish(plan.progress, answer.waits)
        own = []
        for word, spots in made:
            own.append(len(self.nodes))
            self.nodes.append(self._node(word, spots))
            self.registers.append(h[None])
        return Under(progress, log_prob, (*plan.steps, *own), confidence)

    def _node(self, word: int, spots: tuple[Spot, ...]) -> Tensor:
        spans = [[t + self.layout.tokens for t in self.tokens.span(spot)] for spot in spots]
        none = torch.zeros(0, dtype=torch.long)
        steps = Steps(
            word=torch.tensor([word + WORDS_AT]),
            action=none, example=none, place=none, chosen=none,
            span_step=torch.zeros(len(spans), dtype=torch.long),
            span=torch.tensor(spans, dtype=torch.long).reshape(-1, 2),
            edge_action=none, earlier=none, later=none, waits=none, features=none,
        )  # fmt: skip
        return self.network.nodes(self.fixed, steps)


def _merged(answers: list[_Answer]) -> list[_Answer]:
    found: dict[Hashable, _Answer] = {}
    for answer in sorted(answers, key=lambda a: -a.log_prob):
        assert answer.option is not None
        means = (answer.option.means, answer.spot)
        have = found.get(means)
        total = np.logaddexp(have.log_prob, answer.log_prob) if have else answer.log_prob
        found[means] = replace(have or answer, log_prob=float(total))
    return list(found.values())
