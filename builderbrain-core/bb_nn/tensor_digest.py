"""One sha256 over many tensors: what is hashed of each, whatever the line that introduces it.

The line differs by what keeps the digest: each is recorded in files that are out, and must not
change.
"""

import hashlib
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

Head = Callable[[str, Tensor], str]


def spaced(name: str, tensor: Tensor) -> str:
    """The line of a base without a name, in rail.json."""
    return f"{name} {tensor.dtype} {tuple(tensor.shape)}"


def coloned(name: str, tensor: Tensor) -> str:
    """The line of a network and of a trunk, in ledgers."""
    return f"{name}:{tensor.dtype}:{tuple(tensor.shape)}"


def tensor_digest(named: Iterable[tuple[str, Tensor]], head: Head) -> str:
    """64 hex digits over a line and the bytes of each tensor, in the order given."""
    found = hashlib.sha256()
    for name, tensor in named:
        flat = tensor.detach().cpu().contiguous()
        found.update(f"{head(name, flat)}\n".encode())
        found.update(flat.view(-1).view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return found.hexdigest()
