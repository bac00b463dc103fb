"""Fitting a builder's ranker, on examples that the builder has not learnt from.

    min over w   -(1/n) sum_i log sum_{c right} p_w(c | i)  +  l2 |w|^2

p_w as in `bb_nn.builder.ranker`; i runs over the examples of whose candidates some are right and
some are wrong, for the others say nothing of w. Convex in one right candidate; L-BFGS from w's
value before. A conditional logit (McFadden 1974). l2 is what tenfold cross-validation finds best:
too much of it forgives plans that the checker would refuse.

Not covered: candidates that the beam does not find; `among` says how often the right one is there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from bb_core.canonical import Json
from bb_core.decision import Decision
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.ranker import TRAITS, Contender, Ranker
from bb_train.agreement import free_text
from bb_train.exact import exact
from bb_train.example import Example
from bb_train.learner import States

SHRINKAGES = (0.1, 0.01, 1e-3, 1e-4)
FOLDS = 10
SHOWN_EVERY = 100
Row = tuple[Tensor, Tensor]
"""The traits [C, 5] of an example's candidates, and which of them are right [C]."""


@dataclass(frozen=True, slots=True)
class Case:
    """An example's candidates, and the decisions of those that are right."""

    found: tuple[Contender, ...]
    right: tuple[tuple[Decision, ...], ...]

    @property
    def row(self) -> Row:
        """What fitting needs of it."""
        right = [one.built.decisions in self.right for one in self.found]
        return torch.tensor([one.traits for one in self.found]), torch.tensor(right)


@dataclass(frozen=True, slots=True)
class Ranked:
    """What fitting came to, on the very examples it was fitted on.

    before, after: how often the right plan came first, unfitted and fitted; among: was there.
    """

    weights: dict[str, float]
    l2: float
    examples: int
    before: int
    after: int
    among: int

    def to_json(self) -> dict[str, Json]:
        """As plain JSON."""
        return asdict(self)


def fit_ranker(
    builder: PlanBuilder,
    ranker: Ranker,
    examples: Sequence[Example],
    states: States,
    tell: Callable[[str], None] = lambda said: None,
) -> Ranked:
    """Fit the builder's ranker in place; `builder` itself stays as it is."""
    cases = list[Case]()
    for number, example in enumerate(examples, 1):
        cases += _case(builder, example, states)
        if number % SHOWN_EVERY == 0 or number == len(examples):
            tell(f"ranker: {number} of {len(examples)} examples")
    before, rows = first(cases, ranker), telling([case.row for case in cases])
    l2 = shrinkage(rows, ranker.weights)
    ranker.weights.copy_(fitted(rows, ranker.weights, l2))
    return Ranked(
        weights=dict(zip(TRAITS, (round(w, 4) for w in ranker.weights.tolist()), strict=True)),
        l2=l2,
        examples=len(examples),
        before=before,
        after=first(cases, ranker),
        among=sum(bool(case.right) for case in cases),
    )


def telling(rows: Sequence[Row]) -> list[Row]:
    """Those of whose candidates some are right and some are wrong."""
    return [(traits, right) for traits, right in rows if right.any() and not right.all()]


def shrinkage(rows: Sequence[Row], start: Tensor) -> float:
    """The l2 that loses least on rows left out, a tenth at a time; the most with too few rows."""
    if len(rows) < FOLDS:
        return max(SHRINKAGES)
    return min(SHRINKAGES, key=lambda l2: sum(_left_out(rows, start, l2)))


def fitted(rows: Sequence[Row], start: Tensor, l2: float) -> Tensor:
    """The w that is best for the rows, which must be telling; `start` where there are none."""
    w = start.clone().requires_grad_(True)
    if not rows:
        return w.detach()
    solver = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = _nats(rows, w).mean() + l2 * w.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return w.detach()


def first(cases: Sequence[Case], ranker: Ranker) -> int:
    """How often the ranker puts a right plan first."""
    return sum(ranker.best(case.found, 1)[0].decisions in case.right for case in cases)


def _left_out(rows: Sequence[Row], start: Tensor, l2: float) -> Iterator[float]:
    """Nats of each tenth, by the w of the other nine."""
    for fold in range(FOLDS):
        kept = [row for place, row in enumerate(rows) if place % FOLDS != fold]
        yield float(_nats(rows[fold::FOLDS], fitted(kept, start, l2)).sum())


def _nats(rows: Sequence[Row], w: Tensor) -> Tensor:
    """-log p(some right candidate) of each row."""
    scored = [(traits @ w, right) for traits, right in rows]
    return torch.stack([s.logsumexp(0) - s[right].logsumexp(0) for s, right in scored])


def _case(builder: PlanBuilder, example: Example, states: States) -> list[Case]:
    masked = free_text(builder.space.compiled)
    found = builder.contenders(states(example.scene.text), example.scene)
    decided = [one.built.decisions for one in found]
    right = [one for one in decided if exact(builder.space, example, one, masked)]
    return [Case(tuple(found), tuple(right))] if found else []
