"""The grammar's energy: its gradient by finite differences, its zero, its chunks, its budget."""

import math

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from bb_train.losses.cfs_energy import budget, cfs_energy, cfs_loss, mask_rows, pack, unpack  # noqa: E402

torch.set_num_threads(1)


def rows(n: int = 7, width: int = 37, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, width, generator=source) * 3
    allowed = torch.rand(n, width, generator=source) < 0.3
    allowed[:, 0] = True
    return logits, allowed


def test_it_is_the_missing_probability() -> None:
    logits, allowed = rows()
    p = logits.softmax(-1).masked_fill(~allowed, 0.0).sum(-1)
    assert torch.allclose(cfs_energy(logits, allowed), -p.log(), atol=1e-5)


def test_gradient_is_that_of_finite_differences() -> None:
    logits, allowed = rows(3, 11)
    exact = logits.double().requires_grad_()
    cfs_energy(exact, allowed).sum().backward()
    assert exact.grad is not None
    for i in range(3):
        for v in range(11):
            shift = torch.zeros(3, 11, dtype=torch.double)
            shift[i, v] = 1e-2  # energies are float32
            up, down = (cfs_energy(logits.double() + s, allowed).sum() for s in (shift, -shift))
            assert float(exact.grad[i, v]) == pytest.approx(float(up - down) / 2e-2, abs=2e-4)


def test_gradient_is_the_closed_form_and_sums_to_zero() -> None:
    logits, allowed = rows()
    logits.requires_grad_()
    cfs_energy(logits, allowed).sum().backward()
    p = logits.detach().softmax(-1)
    z = p.masked_fill(~allowed, 0.0).sum(-1, keepdim=True)
    assert torch.allclose(logits.grad, p - allowed * p / z, atol=1e-6)
    assert torch.allclose(logits.grad.sum(-1), torch.zeros(7), atol=1e-6)


def test_zero_when_all_is_allowed_even_at_extreme_logits() -> None:
    logits = torch.tensor([[1e4, -1e4, 3.0], [0.0, 0.0, 0.0]], requires_grad=True)
    energy = cfs_energy(logits, torch.ones(2, 3, dtype=torch.bool))
    assert torch.equal(energy, torch.zeros(2))
    energy.sum().backward()
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_small_energies_are_not_lost_in_large_logits() -> None:
    logits = torch.tensor([[30.0, 10.0]])
    energy = float(cfs_energy(logits, torch.tensor([[True, False]])))
    assert energy == pytest.approx(math.exp(-20), rel=1e-3)


@pytest.mark.parametrize("gap", [0.0, 10.0, 88.0, 89.0, 95.0, 104.0, 200.0, 1e4])
def test_a_sure_violation_pulls_on_all_that_is_allowed(gap: float) -> None:
    """Two allowed tokens, as likely as each other, share the whole pull: -p_A(v) (1 - Z_A)."""
    logits = torch.tensor([[gap, 0.0, 0.0]], requires_grad=True)
    cfs_energy(logits, torch.tensor([[False, True, True]])).sum().backward()
    out = 1 / (1 + 2 * math.exp(-gap))
    assert logits.grad[0].tolist() == pytest.approx([out, -out / 2, -out / 2], rel=1e-5)


EXTREME = st.floats(-400, 400, width=32)


@given(st.lists(st.tuples(EXTREME, st.booleans()), min_size=2, max_size=9))
def test_energy_and_gradient_are_those_of_float64(row: list[tuple[float, bool]]) -> None:
    """By autograd of logsumexp(l) - logsumexp(l[A]), in float64, where nothing overflows."""
    mask = torch.tensor([[True, *(allowed for _, allowed in row[1:])]])
    logits = torch.tensor([[logit for logit, _ in row]], requires_grad=True)
    exact = logits.detach().double().requires_grad_()
    inside = exact.masked_fill(~mask, float("-inf")).logsumexp(-1)
    wanted = exact.logsumexp(-1) - inside
    wanted.sum().backward()
    found = cfs_energy(logits, mask)
    found.sum().backward()
    assert torch.allclose(found.double(), wanted, atol=2e-4)
    assert torch.allclose(logits.grad.double(), exact.grad, atol=2e-4)


def test_dead_prefixes_do_not_count() -> None:
    logits, allowed = rows()
    allowed[2] = False
    logits.requires_grad_()
    energy = cfs_energy(logits, allowed)
    assert energy[2] == 0
    live = [i for i in range(7) if i != 2]
    loss = cfs_loss(logits, allowed)
    assert torch.allclose(loss, energy[live].mean())
    loss.backward()
    assert torch.isfinite(logits.grad).all() and torch.equal(logits.grad[2], torch.zeros(37))
    keep = torch.tensor([True] + [False] * 6)
    assert torch.allclose(cfs_loss(logits, allowed, keep), energy[0])
    assert float(cfs_loss(logits, torch.zeros_like(allowed)).detach()) == 0.0


@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
def test_chunks_change_nothing(chunk: int) -> None:
    logits, allowed = rows()
    whole, part = (logits.clone().requires_grad_() for _ in range(2))
    a, b = cfs_energy(whole, allowed), cfs_energy(part, allowed, rows=chunk)
    assert torch.equal(a, b)
    (a * torch.arange(7)).sum().backward()
    (b * torch.arange(7)).sum().backward()
    assert torch.equal(whole.grad, part.grad)


def test_packed_masks_are_the_masks() -> None:
    logits, allowed = rows(4, 70)
    allowed[0, 31] = allowed[1, 63] = True
    packed = pack(allowed)
    assert packed.shape == (4, 3) and packed.dtype is torch.int32
    assert torch.equal(unpack(packed, 70), allowed)
    assert torch.equal(cfs_energy(logits, packed), cfs_energy(logits, allowed))
    assert torch.equal(cfs_loss(logits, packed), cfs_loss(logits, allowed))


def test_packing_is_that_of_the_decoder() -> None:
    masks = pytest.importorskip("bb_runtime.masks")
    _, allowed = rows(3, 70)
    packed = pack(allowed)
    for row, words in zip(allowed, packed, strict=True):
        tokens = masks.allowed(words.numpy().tobytes(), 70)
        assert tokens.tolist() == row.nonzero().flatten().tolist()
    assert torch.equal(mask_rows([w.numpy().tobytes()[:9] for w in packed], 70), packed)


def test_leading_shapes_and_half_precision() -> None:
    logits, allowed = rows(6, 37)
    shaped = cfs_energy(logits.view(2, 3, 37), allowed.view(2, 3, 37))
    assert torch.equal(shaped, cfs_energy(logits, allowed).view(2, 3))
    half = logits.bfloat16().requires_grad_()
    cfs_energy(half, allowed).sum().backward()
    assert half.grad is not None and half.grad.dtype is torch.bfloat16


def test_a_vocabulary_of_200k_is_held_a_chunk_at_a_time() -> None:
    logits = torch.zeros(3, 201_088, dtype=torch.bfloat16, requires_grad=True)
    allowed = torch.zeros(3, 201_088, dtype=torch.bool)
    allowed[:, :2] = True
    energy = cfs_energy(logits, pack(allowed), rows=1)
    assert energy.tolist() == pytest.approx([math.log(201_088 / 2)] * 3, rel=1e-4)
    energy.sum().backward()


def test_the_budget_keeps_a_rate() -> None:
    c = budget(0.05, tokens=8)
    assert 1 - math.exp(-8 * c) == pytest.approx(0.05)
