"""What a training step minimises: the task, and each constraint at its multiplier's price."""

from collections.abc import Mapping

from torch import Tensor

from bb_core.duals import Duals


def priced(losses: Mapping[str, Tensor], state: Duals) -> dict[str, Tensor]:
    """lambda_k (l_k - c_k) of every constraint whose multiplier is above 0.

    Constraints at rest are left out: they cost no backward.
    """
    limits = state.limits
    return {
        name: multiplier * (losses[name] - limits[name])
        for name, multiplier in state.multipliers.items()
        if multiplier > 0 and name in losses
    }


def lagrangian(task: Tensor, losses: Mapping[str, Tensor], state: Duals) -> Tensor:
    """L = L_task + sum_k lambda_k (l_k - c_k), not divided by 1 + sum lambda.

    Dividing turns the task off exactly when a multiplier is high.
    """
    return task + sum(priced(losses, state).values(), task.new_zeros(()))
