"""What is computed once, or on what is real alone, is what the plain way gives."""

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_nn.builder.attention import Attention, hidden
from bb_nn.builder.option_head import Kind, PairProjection
from bb_nn.builder.packed import unpacked

torch.set_num_threads(1)
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=4)


def real_of(counts: list[int]) -> torch.Tensor:
    """[B, T]: the first so many of each row."""
    return torch.arange(max(counts)) < torch.tensor(counts)[:, None]


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(lengths, st.integers(0, 99))
def test_rows_come_back_to_their_places(counts: list[int], seed: int) -> None:
    real = real_of(counts)
    x = drawn(*real.shape, 3, seed=seed)
    assert torch.equal(unpacked(x[real], real), x * real[..., None])


@settings(deadline=None)
@given(lengths, st.integers(0, 10), st.booleans(), st.integers(0, 99))
def test_near_attention_is_attention_behind_a_mask(
    counts: list[int], window: int, rotary: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    attention, real = Attention(8, 2, rotary=rotary), real_of(counts)
    x, places = drawn(*real.shape, 8, seed=seed), torch.arange(real.shape[1])
    near = (places[:, None] - places).abs() <= window
    seen = near & real[:, None, :] | torch.eye(len(places), dtype=torch.bool)
    plain = attention(x, attention.keyed(x), hidden(seen[:, None]))
    packed = attention.near(x[real], torch.nonzero(real)[:, 0], window)
    torch.testing.assert_close(packed, plain[real], atol=1e-5, rtol=1e-5)


@settings(deadline=None)
@given(lengths, st.integers(0, 99))
def test_keys_of_what_is_real_do_not_see_the_rest(counts: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    attention, real = Attention(8, 2), real_of(counts)
    x, asked = drawn(*real.shape, 8, seed=seed), drawn(len(counts), 1, 8, seed=seed + 1)
    bias = hidden(real)[:, None, None, :]
    plain = attention(asked, attention.keyed(x), bias)
    spoilt = x.masked_fill(~real[..., None], float("nan"))
    found = attention(asked, attention.keyed_where(spoilt, real), bias)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 99))
def test_a_pair_projected_once_is_the_pair_projected(count: int, seed: int) -> None:
    torch.manual_seed(seed)
    projection, table = PairProjection(4), drawn(5, 4, seed=seed)
    pair, kind = torch.randint(5, (count, 2)), torch.randint(len(Kind), (count,))
    plain = projection(table[pair].flatten(1), kind)
    torch.testing.assert_close(projection.of(table, pair, kind), plain)
