"""How far two builders are apart on a scene: exact KL, question by question.

    KL_j = sum_o p'(o | j) (log p'(o | j) - log p(o | j))        nats

over all allowed options o of each question j that the first builder's own best plan answers, each
builder given the same answers before it; of an edge, over waiting and not waiting; of a free text,
over where it begins and where it ends.

Builders of different spaces (one has a skill that the other has not) answer different questions.
They are compared by the plans that come of it, in one position: over the k best of the first, and
all others as one. A plan that the second does not have among its own k is given what it leaves, so
this can be off either way by what lies outside both lists.

Not covered: where the clauses are cut, and rounds after the first.
"""

from math import exp, inf, log

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from bb_core.actions import assemble
from bb_core.errors import PlanError
from bb_core.scene import Scene
from bb_nn.builder.batch import Batch
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.encoded import encode
from bb_nn.builder.network import Outcome
from bb_nn.builder.option_head import log_softmax
from bb_nn.builder.question import Tokens
from bb_nn.builder.script import script
from bb_nn.builder.still import still
from bb_nn.tapped import Tapped

FAR = (inf,)
BEST = 8
LEAST = 1e-6


@torch.no_grad()
def apart(
    ours: PlanBuilder, theirs: PlanBuilder, tapped: tuple[Tapped, Tapped], scene: Scene
) -> tuple[float, ...]:
    """The KL of ours to theirs at each question of our best plan; both without dropout.

    `tapped`: the base's states of the scene, at our layers and at theirs.
    """
    same = ours.space.digest == theirs.space.digest
    if not same or ours.described.texts != theirs.described.texts:
        found = (_plans(b, t, scene) for b, t in zip((ours, theirs), tapped, strict=True))
        return (coarse(*found),)
    built = ours.build(tapped[0], scene, 1)
    if not built:
        return FAR
    try:
        best, segmented = built[0], ours.config.segmented
        made = script(ours.asker(scene), best.decisions, best.starts, segmented=segmented)
        encoded = encode(made, Tokens(tapped[0].offsets))
    except PlanError:
        return FAR
    batches = [b.batch([t], [encoded]) for b, t in zip((ours, theirs), tapped, strict=True)]
    with still(ours), still(theirs):
        told, by_them = ours.network(batches[0]), theirs.network(batches[1])
    return tuple(_divergences(told, by_them, batches[0]))


def coarse(ours: dict[str, float], theirs: dict[str, float]) -> float:
    """KL over our plans and the rest; a plan theirs lacks has what theirs leaves."""
    left = max(LEAST, 1.0 - sum(theirs.values()))
    rows = [(p, theirs.get(plan, left)) for plan, p in ours.items()]
    missing = 1.0 - sum(q for plan, q in theirs.items() if plan in ours)
    rows.append((max(0.0, 1.0 - sum(ours.values())), max(LEAST, missing)))
    return max(0.0, sum(p * log(p / q) for p, q in rows if p > 0))


def _plans(builder: PlanBuilder, tapped: Tapped, scene: Scene) -> dict[str, float]:
    """The probability of each of the k most probable plans; equal plans are one."""
    found: dict[str, float] = {}
    for built in builder.likeliest(tapped, scene, BEST):
        try:
            plan = repr(assemble(builder.space, scene, built.decisions).steps)
        except PlanError:
            continue
        found[plan] = found.get(plan, 0.0) + exp(built.log_prob)
    return found


def _divergences(ours: Outcome, theirs: Outcome, batch: Batch) -> list[float]:
    asked, groups = batch.questions, len(batch.questions.action)
    p, q = (log_softmax(o.options, asked.group, groups, asked.allowed) for o in (ours, theirs))
    terms = torch.zeros(groups).index_add(0, asked.group, _terms(p, q))
    edges = [_terms(logsigmoid(s * ours.edges), logsigmoid(s * theirs.edges)) for s in (1, -1)]
    free = [_terms(a, b).sum(-1) for a, b in ((ours.first, theirs.first), (ours.last, theirs.last))]
    found = torch.cat([terms, edges[0] + edges[1], *free]).double().clamp_min(0.0)
    return [float(x) for x in found]


def _terms(p: Tensor, q: Tensor) -> Tensor:
    """p (log p - log q); 0 where p is."""
    return torch.where(torch.isneginf(p), 0.0, p.exp() * (p - q))
