"""Digests that are on disk already: the same tensors give the same ones for ever."""

import pytest

torch = pytest.importorskip("torch")

from bb_nn.programs.pack import digest_of  # noqa: E402
from bb_nn.rail_file import weights_digest as of_a_base  # noqa: E402
from bb_train.scribe import weights_digest as of_a_network  # noqa: E402

BASE = "5f010dfb169ce95101050b3c58a37e64b0d5ee95dcebacbea9e3901c9b1c554c"
NETWORK = "sha256:5e5f7e9dbcfd665a1f9e103f3581748380e718aae2f9db1823d13e3177d03d8f"
PACK = "sha256:48ccf1a0291f776d4a9335cabce6db8df4a6d00ff71ff4a96ce8290deb2f4226"


class Net(torch.nn.Module):
    """A matrix, a vector of half numbers, a scalar and nothing, in no order of their names."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w", torch.arange(6.0).view(2, 3).T)  # not contiguous
        self.register_buffer("b", torch.tensor([0.5, -1.0]).half())
        self.register_buffer("a", torch.tensor([], dtype=torch.float32))
        self.register_buffer("n", torch.tensor([7, -8]))


def test_golden_digests() -> None:
    state = Net().state_dict()
    assert of_a_base(Net()) == BASE
    assert of_a_network(Net()) == NETWORK
    assert digest_of(state) == PACK


def test_a_number_alone_and_a_narrow_type_have_a_digest() -> None:
    for tensor in (torch.tensor(3.0), torch.ones(2).bfloat16()):
        assert digest_of({"x": tensor}) == digest_of({"x": tensor.clone()}) != digest_of({})
