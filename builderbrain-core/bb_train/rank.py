"""Fitting a builder's ranker, on examples that the builder has not learnt from.

    min over w   -(1/n) sum_i log sum_{c right} p_w(c | i)  +  l2 |w|^2

p_w as in `bb_nn.builder.ranker`; i runs over the examples of whose candidates some are right and
some are wrong, for the others say nothing of w. Convex in one right candidate; L-BFGS from w's
value before. A conditional logit (McFadden 1974).

Not covered: candidates that the beam does not find; `among` says how often the right one is there.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from bb_core.actions import assemble
from bb_core.canonical import Json
from bb_core.errors import PlanError
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.ranker import TRAITS, Contender, Ranker
from bb_train.agreement import free_text, prints
from bb_train.example import Example
from bb_train.learner import States

L2 = 0.01
SHOWN_EVERY = 100
Row = tuple[Tensor, Tensor]
"""The traits [C, 5] of an example's candidates, and which of them are right [C]."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What fitting came to. before, after: right plans that came first; among: that are there."""

    weights: dict[str, float]
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
    rows = list[Row]()
    for number, example in enumerate(examples, 1):
        rows += _row(builder, example, states)
        if number % SHOWN_EVERY == 0 or number == len(examples):
            tell(f"ranker: {number} of {len(examples)} examples")
    before = first(rows, ranker.weights)
    ranker.weights.copy_(fitted(rows, ranker.weights))
    return Ranked(
        weights=dict(zip(TRAITS, (round(w, 4) for w in ranker.weights.tolist()), strict=True)),
        examples=len(examples),
        before=before,
        after=first(rows, ranker.weights),
        among=sum(bool(right.any()) for _, right in rows),
    )


def fitted(rows: Sequence[Row], start: Tensor) -> Tensor:
    """The w that is best for the rows; `start` where none of them says anything."""
    telling = [(t, right) for t, right in rows if right.any() and not right.all()]
    w = start.clone().requires_grad_(True)
    if not telling:
        return w.detach()
    solver = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        nats = torch.stack([_nats(traits @ w, right) for traits, right in telling])
        loss = nats.mean() + L2 * w.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return w.detach()


def first(rows: Sequence[Row], w: Tensor) -> int:
    """How often a right candidate has the highest score."""
    return sum(bool(right[(traits @ w).argmax()]) for traits, right in rows)


def _nats(scores: Tensor, right: Tensor) -> Tensor:
    return scores.logsumexp(0) - scores[right].logsumexp(0)


def _row(builder: PlanBuilder, example: Example, states: States) -> list[Row]:
    found = builder.contenders(states(example.scene.text), example.scene)
    right = [_is(builder, example, one) for one in found]
    traits = torch.tensor([one.traits for one in found])
    return [(traits, torch.tensor(right))] if found else []


def _is(builder: PlanBuilder, example: Example, one: Contender) -> bool:
    masked = free_text(builder.space.compiled)
    try:
        plan = assemble(builder.space, example.scene, one.built.decisions)
    except PlanError:
        return False
    return prints(plan, masked) == prints(example.plan, masked)
