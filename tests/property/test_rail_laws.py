"""Laws of the stream rail's parts."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from bb_nn.clamp import clamp, enter, moved  # noqa: E402
from bb_nn.comp_block import CompBlock  # noqa: E402
from bb_nn.gates import project  # noqa: E402
from bb_nn.local_attention import absent_score, local_attention  # noqa: E402
from bb_nn.recurrence import scan, spread  # noqa: E402

torch.set_num_threads(1)
vectors = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=12)
caps = st.floats(0, 1)
seeds = st.integers(0, 2**31 - 1)
lengths = st.integers(1, 40)


@given(vectors, caps)
def test_a_projection_is_feasible_and_repeats(values: list[float], cap: float) -> None:
    once = project(torch.tensor(values), cap)
    assert once.min() >= 0
    assert once.max() <= 1
    assert float(once.double().mean()) <= cap + 1e-6
    assert torch.allclose(project(once, cap), once, atol=1e-6)


@given(vectors, caps)
def test_a_projection_keeps_order_and_moves_all_open_gates_alike(
    values: list[float], cap: float
) -> None:
    alpha = torch.tensor(values)
    found = project(alpha, cap)
    order = alpha.argsort()
    assert (found[order].diff() >= 0).all()
    inside = (found > 0) & (found < 1)
    shift = (alpha - found)[inside]
    assert shift.numel() == 0 or float(shift.max() - shift.min()) < 1e-5


@given(seeds, st.sampled_from([1e-6, 1.0, 1e6, 1e18, 1e30]), st.floats(0.01, 2))
def test_a_clamped_delta_never_exceeds_its_room(seed: int, scale: float, rho: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    state, delta = torch.randn(2, 5, 16, generator=generator).unbind()
    found = clamp(delta * scale, state, rho)
    assert (found.norm(dim=-1) <= rho * state.norm(dim=-1) * (1 + 1e-5)).all()
    direction = torch.nn.functional.cosine_similarity(found, delta, dim=-1)
    assert torch.allclose(direction, torch.ones(5), atol=1e-3)


@given(seeds, st.floats(0, 1))
def test_a_small_delta_enters_as_it_is(seed: int, alpha: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn(5, 16, generator=generator)
    delta = 0.1 * torch.randn(5, 16, generator=generator)
    gate = torch.tensor(alpha)
    assert torch.allclose(enter(state, delta * 0.1, gate, 1.0), state + gate * delta * 0.1)
    assert (moved(enter(state, delta * 1e6, gate, 1.0), state) <= alpha + 1e-5).all()


@given(seeds, st.floats(0.05, 1))
def test_half_precision_is_bounded_too(seed: int, alpha: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    state, long = (torch.randn(4, 64, generator=generator).half() * s for s in (0.01, 2e4))
    delta = long.clamp(-6e4, 6e4)
    assert (
        moved(enter(state, delta, torch.tensor(alpha).half(), 1.0), state) <= alpha * 1.01
    ).all()


@given(seeds, st.sampled_from([torch.float16, torch.bfloat16]))
def test_half_precision_stays_finite_where_the_state_is(seed: int, kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    state = torch.full((1, 4096), 2000.0).to(kind)  # of norm 128,000, more than fp16 can say
    delta = torch.zeros(1, 4096)
    delta[0, int(torch.randint(4096, (), generator=generator))] = 1e6
    found = enter(state, delta, torch.tensor(0.8), 1.0)
    assert found.dtype == kind
    assert found.isfinite().all()
    assert moved(found, state) <= 0.81
    assert torch.equal(enter(state, delta, torch.tensor(0.0), 1.0), state)


@pytest.mark.parametrize("given_in", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_a_block_in_fp16_reads_a_state_that_fp16_cannot_say(given_in: torch.dtype) -> None:
    torch.manual_seed(0)
    block, h = CompBlock(12, 8, heads=2), torch.randn(1, 5, 12)
    h[:, :, 3] = 9e4
    h = h.to(given_in)
    wanted = block(h)[0]
    assert torch.allclose(block.half()(h)[0].float(), wanted, atol=0.05)


def test_the_clamp_has_a_finite_gradient_at_zero() -> None:
    delta = torch.zeros(3, 8, requires_grad=True)
    clamp(delta, torch.ones(3, 8), 1.0).sum().backward()
    assert torch.equal(delta.grad, torch.ones(3, 8))


@given(seeds, lengths)
def test_the_scan_is_the_loop(seed: int, length: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(2, length, 3, generator=generator)
    new = torch.randn(2, length, 3, generator=generator)
    state = torch.randn(2, 3, generator=generator)
    found = scan(keep, new, state)
    for step in range(length):
        state = keep[:, step] * state + new[:, step]
        assert torch.allclose(found[:, step], state, atol=1e-5)


def test_time_scales_are_spread_from_two_to_the_longest() -> None:
    update = torch.sigmoid(spread(9, longest=64.0))
    assert (1 / update[[0, -1]]).tolist() == pytest.approx([2.0, 64.0], rel=1e-4)
    assert (update.diff() < 0).all()


@given(seeds, lengths, st.integers(1, 9))
def test_attention_in_blocks_is_dense_attention(seed: int, length: int, window: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, length, 8, generator=generator)
    pairs = torch.randn(2, window - 1 + length, 16, generator=generator)
    valid = torch.rand(2, window - 1 + length, generator=generator) > 0.3
    valid[:, window - 1 :] |= torch.ones(length, dtype=torch.bool)  # a query sees itself
    bias = torch.randn(2, window, generator=generator)
    absent = torch.zeros(valid.shape).masked_fill(~valid, absent_score(torch.float32))
    found = local_attention(query, pairs, absent, bias)
    assert torch.allclose(found, dense(query, pairs, valid, bias), atol=1e-5)


def dense(query, pairs, valid, bias):  # type: ignore[no-untyped-def]
    """The same, one query and one head at a time."""
    window, out = bias.shape[1], torch.zeros_like(query)
    for row in range(query.shape[0]):
        for at in range(query.shape[1]):
            for head in range(bias.shape[0]):
                part = slice(head * 4, head * 4 + 4)
                places = [j for j in range(at, at + window) if valid[row, j]]
                keys = torch.stack([pairs[row, j, :8][part] for j in places])
                values = torch.stack([pairs[row, j, 8:][part] for j in places])
                near = torch.stack([bias[head, at + window - 1 - j] for j in places])
                weights = (keys @ query[row, at, part] / 2 + near).softmax(0)
                out[row, at, part] = weights @ values
    return out


@settings(max_examples=30)
@given(seeds, st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_a_block_read_in_pieces_is_the_block_read_at_once(seed: int, pieces: list[int]) -> None:
    torch.manual_seed(seed)
    block = CompBlock(12, 8, heads=2, window=5)
    torch.nn.init.normal_(block.nearness)
    h, u = torch.randn(2, sum(pieces), 12), torch.randn(2, sum(pieces), 8)
    with torch.no_grad():
        whole, last = block(h, u)
        past, start, sizes = None, 0, set()
        for piece in pieces:
            part = slice(start, start + piece)
            out, past = block(h[:, part], u[:, part], past=past)
            assert torch.allclose(out, whole[:, part], atol=1e-5)
            sizes.add(sum(kept.nbytes for kept in past))
            start += piece
    assert len(sizes) == 1
    for kept, expected in zip(past, last, strict=True):
        assert torch.allclose(kept.float(), expected.float(), atol=1e-5)


@settings(max_examples=30)
@given(seeds, st.integers(0, 9))
def test_padding_on_the_left_leaves_no_trace(seed: int, pads: int) -> None:
    torch.manual_seed(seed)
    block = CompBlock(12, 8, heads=2, window=5)
    h = torch.randn(1, 7, 12)
    padded = torch.cat([torch.randn(1, pads, 12) * 100, h], dim=1)
    real = torch.arange(pads + 7)[None] >= pads
    with torch.no_grad():
        alone, memory = block(h)
        found, kept = block(padded, real=real)
    assert torch.allclose(found[:, pads:], alone, atol=1e-5)
    for one, other in zip(memory, kept, strict=True):
        where = kept[2] == 0 if one.dim() == 3 else slice(None)
        assert torch.allclose(one[where].float(), other[where].float(), atol=1e-5)
