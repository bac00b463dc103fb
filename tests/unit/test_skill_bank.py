"""Laws of the bank of skills and of its hypernetwork twin."""

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bb_nn.errors import RailError
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.hyper_bank import HyperBank, describe

torch.set_num_threads(1)
D_IN, D_OUT, N, RANK = 6, 4, 5, 2


def grown(seed: int) -> SkillBank:
    """A bank whose skills have learnt something."""
    torch.manual_seed(seed)
    bank = SkillBank(N, D_IN, D_OUT, RANK, scale=0.5)
    for up in bank.up:
        torch.nn.init.normal_(up)
    return bank


def by_loop(bank: SkillBank | HyperBank, x: Tensor, z: Tensor) -> Tensor:
    """One position at a time, with whole matrices."""
    rows = z if z.dim() == 2 else z[:, None].expand(x.shape[:2])
    zero = torch.zeros(D_OUT)
    return torch.stack(
        [
            torch.stack(
                [bank.delta(int(k)) @ v if k >= 0 else zero for k, v in zip(r, xs, strict=True)]
            )
            for r, xs in zip(rows, x, strict=True)
        ]
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 4), length=st.integers(1, 5))
def test_gather_is_the_loop(seed: int, batch: int, length: int) -> None:
    bank = grown(seed)
    x = torch.randn(batch, length, D_IN)
    for shape in [(batch,), (batch, length)]:
        z = torch.randint(-1, N, shape)
        torch.testing.assert_close(bank(x, z), by_loop(bank, x, z), atol=1e-5, rtol=1e-5)


def test_a_one_hot_weight_is_the_skill_it_names() -> None:
    bank, x, z = grown(0), torch.randn(3, 7, D_IN), torch.randint(0, N, (3, 7))
    weights = torch.nn.functional.one_hot(z, N).float()
    torch.testing.assert_close(bank(x, weights), bank(x, z))
    torch.testing.assert_close(bank(x, weights[:, 0]), bank(x, z[:, 0]))


def test_soft_weights_mix_linearly() -> None:
    bank, x = grown(0), torch.randn(3, 7, D_IN)
    w = torch.softmax(torch.randn(3, N), -1)
    parts = [w[:, k, None, None] * bank(x, torch.full((3,), k)) for k in range(N)]
    torch.testing.assert_close(bank(x, w), sum(parts[1:], parts[0]))


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_a_newborn_bank_adds_exactly_zero(kind: type) -> None:
    bank, x = kind(N, D_IN, D_OUT, RANK), torch.randn(3, 7, D_IN) * 1e6
    for z in [torch.randint(-1, N, (3,)), torch.randint(-1, N, (3, 7)), torch.rand(3, N)]:
        assert torch.equal(bank(x, z), torch.zeros(3, 7, D_OUT))


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
@pytest.mark.parametrize(
    "z",
    [
        torch.tensor([2.0, 1.0]),
        torch.ones(2, N + 1),
        torch.ones(N),
        torch.ones(1, 1, 1, N),
        torch.tensor([True, False]),
        torch.tensor(1),
    ],
)
def test_what_neither_names_a_skill_nor_weighs_all_is_refused(kind: type, z: Tensor) -> None:
    with pytest.raises(RailError, match=f"for a bank of {N}"):
        kind(N, D_IN, D_OUT, RANK)(torch.randn(2, 3, D_IN), z)


def test_a_step_on_one_skill_leaves_the_bits_of_the_others() -> None:
    """Also with weight decay and momentum left from steps before."""
    bank, x = grown(0), torch.randn(2, 3, D_IN)
    optimiser = torch.optim.AdamW(bank.parameters(), lr=0.1, weight_decay=0.1)
    for z in [torch.tensor([0, 1]), torch.tensor([2, 3])]:
        optimiser.zero_grad()
        bank(x, z).square().sum().backward()
        optimiser.step()
    before = [p.detach().clone() for p in bank.parameters()]
    optimiser.zero_grad()
    bank(x, torch.tensor([2, -1])).square().sum().backward()
    optimiser.step()
    moved = [not torch.equal(p, q) for p, q in zip(bank.parameters(), before, strict=True)]
    assert moved == ([k == 2 for k in range(N)]) * 2


def test_growing_and_dropping_keep_the_others() -> None:
    bank, x = grown(0), torch.randn(1, 3, D_IN)
    before = [bank(x, torch.tensor([k])) for k in range(N)]
    assert bank.grow() == N
    assert torch.equal(bank(x, torch.tensor([N])), torch.zeros(1, 3, D_OUT))
    bank.drop(1)
    after = [bank(x, torch.tensor([k])) for k in range(N - 1)]
    for old, new in zip(before[:1] + before[2:], after, strict=True):
        assert torch.equal(old, new)


def test_a_hyper_bank_is_its_loop_and_grows_by_one_code() -> None:
    torch.manual_seed(0)
    bank = HyperBank(N, D_IN, D_OUT, RANK)
    torch.nn.init.normal_(bank.to_up.weight)
    x, z = torch.randn(2, 3, D_IN), torch.tensor([[0, -1, 4], [2, 2, 1]])
    torch.testing.assert_close(bank(x, z), by_loop(bank, x, z))
    size = sum(p.numel() for p in bank.parameters())
    bank.grow({"code": describe(torch.randn(1, 32))[0]})
    assert sum(p.numel() for p in bank.parameters()) - size == 64


def test_descriptions_keep_their_neighbours() -> None:
    """Near descriptions have near codes, on every machine the same."""
    torch.manual_seed(0)
    base = torch.randn(1, 576)
    near, far = base + 0.1 * torch.randn(1, 576), torch.randn(1, 576)
    codes = describe(torch.cat([base, near, far]))
    assert torch.equal(codes, describe(torch.cat([base, near, far])))
    close = torch.cosine_similarity(codes[:1], codes[1:])
    assert close[0] > 0.9 > 0.5 > close[1].abs()


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_skills_specialise_on_tasks_no_shared_map_can_do(kind: type) -> None:
    """Five linear maps of the same inputs, one per skill: with z they are learnt, with a shuffled
    z they are not, and the best single map does no better than the mean."""
    torch.manual_seed(0)
    maps = torch.randn(N, D_OUT, D_IN)
    maps = maps - maps.mean(0)
    bank = kind(N, D_IN, D_OUT, D_OUT)
    optimiser = torch.optim.Adam(bank.parameters(), lr=1e-2)
    for _ in range(600):
        x, z = torch.randn(32, 4, D_IN), torch.randint(0, N, (32,))
        loss = (bank(x, z) - torch.einsum("boi,bti->bto", maps[z], x)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, z = torch.randn(256, 4, D_IN), torch.randint(0, N, (256,))
    target = torch.einsum("boi,bti->bto", maps[z], x)
    spread = float(target.square().mean())
    learnt = float((bank(x, z) - target).square().mean().detach())
    shuffled = float((bank(x, z.roll(1)) - target).square().mean().detach())
    assert learnt < 0.02 * spread
    assert shuffled > spread
