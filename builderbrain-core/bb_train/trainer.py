"""The training loop: priced losses, surgery where they meet, AdamW, checkpoints, a log.

    L = L_task + sum_k lambda_k (l_k - c_k)

Step t draws its examples and all its chance (dropout, the order of projections) from the run's
seed and t alone. So a run that is killed and resumed takes the very steps it would have taken, and
its losses are the same bit for bit on the same machine and library, with as many threads.

What is learnt from is anything with a `loss`; the loop knows no builder and no domain.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from bb_core import duals as multipliers
from bb_core.duals import Duals
from bb_train.audits.cosine_log import cosine_row
from bb_train.config import Optimiser
from bb_train.errors import DivergedError
from bb_train.lagrangian import priced
from bb_train.surgery.combine import Method
from bb_train.surgery.shared import Surgery, surgery_backward

Meeting = Tensor | Sequence[Tensor]


class Learner(Protocol):
    """What is trained, and what it loses on some examples."""

    @property
    def module(self) -> nn.Module:
        """All that is trained."""
        ...

    @property
    def count(self) -> int:
        """How many examples there are."""
        ...

    def loss(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], dict[str, float], Meeting]:
        """Raw losses with `task` among them; figures to log; the tensors where they meet."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What one step showed: raw losses, figures, the rate, the gradient's norm, the surgery."""

    step: int
    losses: Mapping[str, float]
    figures: Mapping[str, float]
    rate: float
    norm: float
    surgery: Surgery

    def row(self, state: Duals) -> dict[str, Any]:
        """The step as figures of the log."""
        return {
            "loss": dict(self.losses),
            "head": dict(self.figures),
            "dual": state.rows(),
            "warm": int(state.warm),
            "cosine": cosine_row(self.surgery),
            "conflicts": self.surgery.conflicts,
            "rate": self.rate,
            "gradient": self.norm,
        }


@dataclass
class Trainer:
    """A learner under way. `step` counts the steps taken; `duals` is where the multipliers are."""

    learner: Learner
    optimiser: Optimiser
    seed: int = 0
    method: Method = "pcgrad"
    duals: Duals = field(default_factory=Duals)
    step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.adam = torch.optim.AdamW(
            _groups(self.learner.module, self.optimiser.decay), lr=self.optimiser.rate
        )

    def advance(self) -> Taken:
        """Take one step; raises DivergedError, with nothing changed, where a loss is no number."""
        number = self.step
        torch.manual_seed(_chance(self.seed, number))
        rate = self.optimiser.rate * schedule(number, self.optimiser.warmup, self.optimiser.steps)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.learner.module.train()
        rows = batch_rows(self.learner.count, self.optimiser.batch, self.seed, number)
        raw, figures, shared = self.learner.loss(rows)
        losses = {name: float(loss.detach()) for name, loss in raw.items()}
        _require_finite(losses, number, rows)
        norm, surgery = self._backward(raw, shared, number)
        _require_finite({"gradient": norm}, number, rows)
        self.adam.step()
        self.duals = multipliers.step(self.duals, losses, losses["task"])
        self.step = number + 1
        return Taken(self.step, losses, figures, rate, norm, surgery)

    def _backward(
        self, raw: Mapping[str, Tensor], shared: Meeting, number: int
    ) -> tuple[float, Surgery]:
        self.adam.zero_grad(set_to_none=True)
        parts = {"task": raw["task"], **priced(raw, self.duals)}
        surgery = surgery_backward(parts, shared, method=self.method, seed=number)
        norm = nn.utils.clip_grad_norm_(self.learner.module.parameters(), self.optimiser.clip)
        return float(norm), surgery

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tensors and values that `restore` needs to go on exactly from here."""
        tensors = {"module": self.learner.module.state_dict(), "adam": self.adam.state_dict()}
        return tensors, {"duals": multipliers.dump(self.duals)}

    def restore(self, step: int, state: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Go on after `step` steps, from what `state` gave."""
        self.learner.module.load_state_dict(state["module"])
        self.adam.load_state_dict(state["adam"])
        self.duals, self.step = multipliers.load(values["duals"]), step


def schedule(step: int, warmup: int, steps: int) -> float:
    """The share of the rate at step t of T, the first w of which warm up; in [0, 1].

    t < w       (t + 1) / w
    w <= t < T  (1 + cos(pi (t - w) / (T - w))) / 2
    T <= t      0
    """
    if step < warmup:
        return (step + 1) / warmup
    if step < steps:
        return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
    return 0.0


def batch_rows(count: int, batch: int, seed: int, step: int) -> list[int]:
    """The examples of a step: each epoch is one shuffle of all, and a batch may span two."""
    rows: list[int] = []
    at = step * batch
    while len(rows) < batch:
        epoch, place = divmod(at + len(rows), count)
        rows += _shuffled(count, seed, epoch)[place : place + batch - len(rows)]
    return rows


_ORDERS: dict[tuple[int, int, int], list[int]] = {}


def _shuffled(count: int, seed: int, epoch: int) -> list[int]:
    key = (count, seed, epoch)
    if key not in _ORDERS:
        order = list(range(count))
        Random(f"{seed}/{epoch}").shuffle(order)
        if len(_ORDERS) > 4:
            _ORDERS.clear()
        _ORDERS[key] = order
    return _ORDERS[key]


def _chance(seed: int, step: int) -> int:
    return Random(f"{seed}/{step}").getrandbits(63)


def _groups(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Matrices decay; vectors (norms, biases) do not."""
    learnt = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _require_finite(values: Mapping[str, float], step: int, rows: Sequence[int]) -> None:
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise DivergedError(
            f"{', '.join(bad)} is not a number at step {step + 1} (examples {list(rows)})",
            where="training",
            fix="lower the rate, in [optimiser] or [learn]; nothing that was kept is lost",
        )


def method_of(name: str) -> Method:
    """A configuration's method of surgery."""
    return cast(Method, name)
