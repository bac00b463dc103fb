"""Train some skills of a model and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bb_nn.programs.bank import SkillBank
from bb_nn.programs.pack import banks


def parameters_of(model: nn.Module, rows: Sequence[int]) -> list[nn.Parameter]:
    """The tensors of these rows in every bank."""
    found: list[nn.Parameter] = []
    for bank in banks(model).values():
        lists = (bank.down, bank.up) if isinstance(bank, SkillBank) else (bank.codes,)
        found += [tensors[row] for tensors in lists for row in rows]
    return found


@contextmanager
def only(model: nn.Module, kept: Sequence[nn.Parameter]) -> Iterator[None]:
    """Within it, these parameters alone get gradients; what others had asked for comes back."""
    before = {parameter: parameter.requires_grad for parameter in model.parameters()}
    chosen = {id(parameter) for parameter in kept}
    try:
        for parameter in before:
            parameter.requires_grad_(id(parameter) in chosen)
        yield
    finally:
        for parameter, wanted in before.items():
            parameter.requires_grad_(wanted)


def train_rows(
    model: nn.Module,
    rows: Sequence[int],
    loss: Callable[[int], Tensor],
    steps: int,
    rate: float = 3e-3,
    extra: Sequence[nn.Parameter] = (),
) -> list[float]:
    """Lower `loss(step)` by AdamW on these rows, and `extra` parameters; gives each step's loss.

    No other tensor of the model changes by a bit. Train on a copy (`live.beside`), never on a
    version that is served.
    """
    trained = [*(parameters_of(model, rows) if rows else ()), *extra]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0)
    history = []
    with only(model, trained):
        for step in range(steps):
            optimiser.zero_grad()
            value = loss(step)
            torch.autograd.backward(value)
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            history.append(float(value.detach()))
    return history
