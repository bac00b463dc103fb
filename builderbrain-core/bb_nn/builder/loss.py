"""What a builder loses on a batch, head by head, and what the constraints need to see of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from bb_nn.builder.batch import Batch, Questions
from bb_nn.builder.network import Outcome
from bb_nn.builder.option_head import Query, log_softmax, log_total
from bb_nn.builder.segmenter import start_loss


@dataclass(frozen=True, slots=True)
class Losses:
    """heads: nats, a mean for each head that the batch asks anything of.

    memory: [B, T, width]. hidden: [R * A, width], what every decision is read from: gradient
    surgery there costs a twentieth of a step; below the decoder, at the memory, a whole one.
    N is the most steps of a plan, K the skills and the end. skill_logits: [B, N, K] before any
    mask, skill_allowed what may come next, gold_skills [B, N]; edge_logits, gold_edges: [B, N, N],
    j -> i at [b, i, j]; keep: [B, N].
    nodes, registers: [B, N, width], what each step is and the state that finished it.
    confidence, hit: [G], the highest probability of an answer to each question, and whether it was
    the right one. All options that mean the right answer are one; a wrong answer counts by its
    likeliest option.
    """

    heads: Mapping[str, Tensor]
    memory: Tensor
    hidden: Tensor
    skill_logits: Tensor
    skill_allowed: Tensor
    gold_skills: Tensor
    edge_logits: Tensor
    gold_edges: Tensor
    keep: Tensor
    nodes: Tensor
    registers: Tensor
    confidence: Tensor
    hit: Tensor

    @property
    def task(self) -> Tensor:
        """The sum of the heads' means."""
        return torch.stack(list(self.heads.values())).sum()


_HEADS = {
    "skill": (Query.SKILL,),
    "slot": (Query.SLOT,),
    "when": (Query.WHEN, Query.OP, Query.VALUE),
    "elsewhere": (Query.ELSEWHERE,),
}


def losses(found: Outcome, batch: Batch) -> Losses:
    """All losses of a batch.

    A question's loss is -log of the sum of the probabilities of the options that mean the gold
    answer: which of two equal texts is copied does not matter.
    """
    asked = batch.questions
    logp, nats = answered(found, asked)
    heads = {}
    for name, queries in _HEADS.items():
        rows = torch.isin(asked.query, torch.tensor(queries, device=nats.device))
        if rows.any():
            heads[name] = nats[rows].mean()
    heads["start"] = start_loss(found.start, batch.texts.start, batch.texts.known)
    if len(asked.free):
        heads["free"] = free_nats(found, asked.free).mean()
    if len(batch.steps.waits):
        heads["edge"] = binary_cross_entropy_with_logits(found.edges, batch.steps.waits)
    confidence, hit = _certainty(logp.masked_fill(asked.gold, float("-inf")), asked.group, nats)
    shared = (found.memory, found.hidden)
    return Losses(heads, *shared, *_skills(found, batch), *_graph(found, batch), confidence, hit)


def answered(found: Outcome, asked: Questions) -> tuple[Tensor, Tensor]:
    """log p of every option [O] under its mask, and -log p of the gold answer of each question."""
    groups = len(asked.action)
    logp = log_softmax(found.options, asked.group, groups, asked.allowed)
    right = asked.gold & asked.allowed
    return logp, -log_total(logp[right], asked.group[right], groups)


def free_nats(found: Outcome, free: Tensor) -> Tensor:
    """-log p of both ends of each free text [F]."""
    rows = torch.arange(len(free), device=free.device)
    return -(found.first[rows, free[:, 1]] + found.last[rows, free[:, 2]])


def _certainty(wrong: Tensor, group: Tensor, nats: Tensor) -> tuple[Tensor, Tensor]:
    top = torch.full_like(nats, float("-inf")).scatter_reduce(0, group, wrong, "amax")
    return torch.maximum(top, -nats).exp(), (-nats >= top).float()


def _skills(found: Outcome, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Each step's skill question as a row of logits, its mask, and the right place in it."""
    asked, steps = batch.questions, batch.steps
    sizes = torch.bincount(asked.group, minlength=len(asked.action))
    first = sizes.cumsum(0) - sizes
    width = _most(sizes[steps.chosen])
    places = torch.arange(width, device=first.device)
    there = places[None, :] < sizes[steps.chosen][:, None]
    option = (first[steps.chosen][:, None] + places).clamp_max(len(asked.group) - 1)
    gold = (asked.gold[option] & there).float().argmax(dim=1)
    # An absent option is not allowed, and as unlikely as a finite number can say.
    logits = found.options[option].masked_fill(~there, -1e4)
    return (
        _by_plan(logits, steps.example, steps.place, batch),
        _by_plan(asked.allowed[option] & there, steps.example, steps.place, batch),
        _by_plan(gold, steps.example, steps.place, batch),
    )


def _graph(found: Outcome, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Edge logits, gold edges, which steps are real, nodes and registers, by plan."""
    steps = batch.steps
    size = _most(steps.place + 1)
    shape = (len(batch.texts.lengths), size, size)
    at = (steps.example[steps.later], steps.place[steps.later], steps.place[steps.earlier])
    edges = found.edges.new_zeros(shape).index_put(at, found.edges)
    gold = torch.zeros(shape, dtype=torch.bool, device=edges.device)
    keep = torch.ones(len(steps.place), dtype=torch.bool, device=edges.device)
    each = (steps.example, steps.place, batch)
    return (
        edges,
        gold.index_put(at, steps.waits.bool()),
        _by_plan(keep, *each),
        _by_plan(found.nodes, *each),
        _by_plan(found.registers, *each),
    )


def _by_plan(values: Tensor, example: Tensor, place: Tensor, batch: Batch) -> Tensor:
    """[M, ...] to [B, N, ...], zeros where a plan has fewer steps."""
    shape = (len(batch.texts.lengths), _most(place + 1), *values.shape[1:])
    return values.new_zeros(shape).index_put((example, place), values)


def _most(counts: Tensor) -> int:
    """The highest of some counts; 1 if there are none, as where no plan of a batch has a step."""
    return int(counts.max()) if len(counts) else 1
