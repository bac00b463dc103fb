"""Weights that are numbers: one NaN among millions, and every answer is none."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from bb_nn.errors import RailError


def require_finite(tensors: Mapping[str, Tensor], where: Path | str, fix: str) -> None:
    """Raise RailError with the first tensor, by name, that holds a NaN or an infinity."""
    for name in sorted(tensors):
        if not bool(tensors[name].isfinite().all()):
            found = f"the weights {name!r} hold a number that is none or infinite"
            raise RailError(found, where=str(where), fix=fix)
