"""One direction from K gradients."""

from typing import Literal

from torch import Tensor

Method = Literal["sum", "pcgrad", "cagrad"]


def combine(grads: Tensor, method: Method = "pcgrad", seed: int = 0) -> Tensor:
    """[K, n] gradients to one [n] on the scale of their sum."""
    raise NotImplementedError
