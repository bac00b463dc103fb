"""How far two builders are apart on a scene: exact KL, question by question.

    KL_j = sum_o p'(o | j) (log p'(o | j) - log p(o | j))        nats

over all allowed options o of each question j that the first builder's own best plan answers, each
builder given the same answers before it; of an edge, over waiting and not waiting; of a free text,
over where it begins and where it ends. Both builders see the same frozen states.

Not covered: where the clauses are cut, and rounds after the first. Builders of different spaces
have no question in common: infinitely far apart.
"""

from math import inf

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from bb_core.errors import PlanError
from bb_core.scene import Scene
from bb_nn.builder.batch import Batch
from bb_nn.builder.builder import PlanBuilder, first_char
from bb_nn.builder.encoded import encode
from bb_nn.builder.network import Outcome
from bb_nn.builder.option_head import log_softmax
from bb_nn.builder.question import Tokens
from bb_nn.builder.script import script
from bb_nn.builder.segmenter import cut
from bb_nn.tapped import Tapped

FAR = (inf,)


@torch.no_grad()
def apart(
    ours: PlanBuilder, theirs: PlanBuilder, tapped: Tapped, scene: Scene
) -> tuple[float, ...]:
    """The KL of ours to theirs at each question of our best plan."""
    same = ours.space.digest == theirs.space.digest
    if not same or ours.described.texts != theirs.described.texts:
        return FAR
    built = ours.build(tapped, scene, 1)
    if not built:
        return FAR
    try:
        starts = _starts(ours, tapped, scene)
        made = script(
            ours.asker(scene), built[0].decisions, starts, segmented=ours.config.segmented
        )
        batch = ours.batch([tapped], [encode(made, Tokens(tapped.offsets))])
    except PlanError:
        return FAR
    return tuple(_divergences(ours.network(batch), theirs.network(batch), batch))


def _starts(builder: PlanBuilder, tapped: Tapped, scene: Scene) -> list[int]:
    """The characters at which the builder's own cuts start the clauses."""
    if not builder.config.segmented:
        return []
    memory = builder.network.memory(tapped.states[None], torch.tensor([len(tapped.ids)]))
    request = tapped.offsets[:, 0] < scene.request_end
    found = cut(builder.network.segmenter(memory)[0], request)
    tokens = Tokens(tapped.offsets)
    return [first_char(scene, tokens, token) for token in found]


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
