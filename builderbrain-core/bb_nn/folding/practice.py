"""Training of a fold: mean cross-entropy of its questions, each on its own.

Half of the time a question's view is cut short on the left, anywhere beyond what its step takes in,
so that what stands further off does not come to matter.
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
        asked = _cut(_some(lessons.asked, part), lessons.need[part], builder, how.cut, generator)
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
    return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (step - warm) / (steps - warm)))))


def _some(asked: Asked, rows: Tensor) -> Asked:
    return Asked(
        asked.query[rows], asked.kind[rows], asked.word[rows], asked.mark[rows], asked.open[rows]
    )


def _cut(
    asked: Asked, need: Tensor, builder: FoldBuilder, rate: float, generator: torch.Generator
) -> Asked:
    """Hide units beyond a random distance of at least `need` (and one), in some questions."""
    left = builder.asker.view.left
    chance = torch.rand(len(need), generator=generator)
    least = need.clamp_min(1)
    far = least + (torch.rand(len(need), generator=generator) * (left + 1 - least)).long()
    far = torch.where(chance < rate, far, left)
    distance = left - torch.arange(asked.kind.shape[1])
    gone = distance[None, :] > far[:, None]
    opened = asked.open.clone()
    opened[:, builder.asker.units_at :] &= ~gone[:, :left]
    return Asked(
        asked.query,
        asked.kind.masked_fill(gone, PAD),
        asked.word.masked_fill(gone, 0),
        asked.mark.masked_fill(gone, 0),
        opened,
    )
