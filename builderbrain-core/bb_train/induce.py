"""Where a plan's clauses start in a request that nobody has cut: as explains the plan best.

    starts = argmax over c of   log p(c) + log p(plan | c)

c runs over the ways in which the builder itself might cut it (`bb_nn.builder.cuts`). Learning from
the starts that come of it is hard EM (Viterbi training).

Not covered: a builder that has learnt no cuts yet; its own ways are none to choose from.
"""

from dataclasses import replace

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from bb_core.errors import PlanError
from bb_nn.builder.batch import Batch
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.loss import answered, free_nats
from bb_nn.builder.network import Outcome
from bb_train.example import Example
from bb_train.learner import States


@torch.no_grad()
def induced(builder: PlanBuilder, example: Example, states: States) -> Example:
    """The example with its clauses' starts, if nobody knows where they are."""
    if example.clauses or not builder.config.segmented:
        return example
    tapped, found = states(example.scene.text), list[tuple[float, tuple[int, ...]]]()
    ways = builder.ways(tapped, example.scene)
    for starts, delta in ways:
        try:
            encoded = builder.encode(tapped, example.scene, example.plan, starts)
        except PlanError:
            continue
        batch = builder.batch([tapped], [encoded])
        found.append((delta - plan_nats(builder.network(batch), batch), starts))
    return replace(example, clauses=max(found)[1] if found else ways[0][0])


def plan_nats(found: Outcome, batch: Batch) -> float:
    """-log p of all answers of a batch's gold plans, edges and free texts included."""
    nats = answered(found, batch.questions)[1].sum()
    nats = nats + binary_cross_entropy_with_logits(found.edges, batch.steps.waits, reduction="sum")
    return float(nats + free_nats(found, batch.questions.free).sum())
