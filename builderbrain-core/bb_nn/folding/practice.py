"""Training of a fold: mean cross-entropy of its questions, each on its own.

Some of the time a question's view is cut short on the left, anywhere beyond what its step takes in;
and some of the time what stands there is taken from another text's question for the same slot. So
what stands further off does not come to matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bb_nn.folding.builder import FoldBuilder, ask, batches
from bb_nn.folding.lesson import Lesson
from bb_nn.folding.network import Asked
from bb_nn.folding.question import PAD
from bb_nn.folding.words import Words


@dataclass(frozen=True, slots=True)
class Practice:
    """How long and how: AdamW, warm-up over the first twentieth, then a cosine to zero."""

    steps: int = 1000
    batch: int = 512
    rate: float = 1e-3
    decay: float = 0.01
    cut: float = 0.5
    swap: float = 0.5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Taught:
    """Lessons as tensors."""

    asked: Asked
    gold: Tensor
    need: Tensor


def taught(lessons: Sequence[tuple[int, Lesson]], words: Words) -> Taught:
    """Lessons, each with the row of its text."""
    asked = ask([one.question for _, one in lessons], [words.first[row] for row, _ in lessons])
    gold = torch.tensor([one.gold for _, one in lessons])
    return Taught(asked, gold, torch.tensor([one.need for _, one in lessons]))


def practise(
    builder: FoldBuilder,
    lessons: Taught,
    table: Tensor,
    how: Practice,
    say: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a builder in place; the same seed on the same machine gives the same weights."""
    network = builder.network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, how.steps))
    generator = torch.Generator().manual_seed(how.seed)
    rows = batches(len(lessons.gold), how.batch, generator)
    for step in range(how.steps):
        part = next(rows)
        asked, need, left = _some(lessons.asked, part), lessons.need[part], builder.asker.view.left
        asked = swap(asked, beyond(need, left, how.swap, generator), left, generator)
        asked = cut(asked, beyond(need, left, how.cut, generator), left)
        loss = cross_entropy(network(asked, table), lessons.gold[part])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        say(step, loss.item())


def _rate(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    # The schedule asks for the rate after the last step too, which one step has warmed up to.
    done = (step - warm) / max(1, steps - warm)
    return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * done))))


def _some(asked: Asked, rows: Tensor) -> Asked:
    return Asked(
        asked.query[rows], asked.kind[rows], asked.word[rows], asked.mark[rows], asked.open[rows]
    )


def beyond(need: Tensor, left: int, rate: float, generator: torch.Generator) -> Tensor:
    """bool [Q, left]: units beyond a random distance of at least `need` (and one); some questions'
    alone, at that rate."""
    chance = torch.rand(len(need), generator=generator)
    least = need.clamp_min(1)
    far = least + (torch.rand(len(need), generator=generator) * (left + 1 - least)).long()
    far = torch.where(chance < rate, far, left)
    return left - torch.arange(left)[None, :] > far[:, None]


def cut(asked: Asked, gone: Tensor, left: int) -> Asked:
    """The questions with nothing in the place of these units."""
    return _replaced(asked, gone, left, None)


def swap(asked: Asked, gone: Tensor, left: int, generator: torch.Generator) -> Asked:
    """The questions with these units as they stand in another question for the same slot. Not for
    which tool: there a clause further off may be what forbids the step."""
    order = torch.randperm(len(asked.query), generator=generator)
    order = order[asked.query[order].argsort(stable=True)]
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    same = (asked.query == asked.query[other]) & (asked.query > 0)
    return _replaced(asked, gone & same[:, None], left, _some(asked, other))


def _replaced(asked: Asked, gone: Tensor, left: int, theirs: Asked | None) -> Asked:
    """Units of the view's left part from another's questions, or none at all."""
    kind, word, mark = asked.kind.clone(), asked.word.clone(), asked.mark.clone()
    opened = asked.open.clone()
    kind[:, :left][gone] = PAD if theirs is None else theirs.kind[:, :left][gone]
    word[:, :left][gone] = 0 if theirs is None else theirs.word[:, :left][gone]
    mark[:, :left][gone] = 0
    opened[:, -left:][gone] = False if theirs is None else theirs.open[:, -left:][gone]
    return Asked(asked.query, kind, word, mark, opened)
