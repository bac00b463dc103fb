"""A network without its dropout for a while: what it says then does not hang on chance."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; then each of its parts is in the mode that it was in."""
    was = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for part, training in was:
            part.training = training
