"""The library's code length, and the guard against one skill for everything."""

import math

import pytest

torch = pytest.importorskip("torch")

from bb_train.losses.reuse import (  # noqa: E402
    Usage,
    hard_concrete,
    open_probability,
    reuse_loss,
    seen,
)
from bb_train.losses.skill_information import (  # noqa: E402
    mutual_information,
    skill_information,
)

torch.set_num_threads(1)


def hot(*choices: int, count: int = 4) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(choices), count).float()


def test_usage_is_a_probability_and_forgets() -> None:
    usage = Usage(torch.zeros(4), decay=0.5, prior=1.0)
    assert torch.allclose(usage.log_p.exp(), torch.full((4,), 0.25))
    usage = seen(seen(usage, hot(0, 0)), hot(1))
    assert usage.counts.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert torch.allclose(usage.log_p.exp(), torch.tensor([2, 2, 1, 1]) / 6)


def test_a_used_skill_is_cheaper_to_name() -> None:
    usage, shut = Usage(torch.tensor([90.0, 5.0, 0.0, 0.0])), torch.full((4,), -50.0)
    often, never = (reuse_loss(hot(k), usage, shut, [10] * 4, 1) for k in (0, 3))
    assert float(often) == pytest.approx(-math.log(91 / 99), abs=1e-4)
    assert float(never) == pytest.approx(math.log(99), abs=1e-4)


def test_the_code_length_is_least_at_the_usage_it_was_made_of() -> None:
    """Gibbs: coding a stream with another usage costs more, by their divergence."""
    stream, shut = hot(0, 0, 0, 1, 1, 2, 3, 0), torch.full((4,), -50.0)
    own = Usage(stream.sum(0), prior=1e-6)
    other = Usage(torch.tensor([1.0, 1.0, 3.0, 3.0]))
    cost = [float(reuse_loss(stream, u, shut, [0] * 4, 1)) for u in (own, other)]
    share = stream.mean(0)
    entropy = -float((share * share.log()).sum())
    assert cost[0] == pytest.approx(entropy, abs=1e-4) and cost[1] > cost[0]


def test_keeping_a_skill_costs_its_parameters_once() -> None:
    gates = torch.tensor([50.0, -50.0, 50.0, -50.0])
    cost = reuse_loss(hot(0, count=4)[:0], Usage(torch.zeros(4)), gates, [100, 100, 50, 9], 1000)
    assert float(cost) == pytest.approx(150 * 16 * math.log(2) / 1000, rel=1e-4)
    more = reuse_loss(hot(0)[:0], Usage(torch.zeros(4)), gates, [100, 100, 50, 9], 2000)
    assert float(more) == pytest.approx(float(cost) / 2, rel=1e-5)


def test_gates_and_choices_learn_usage_does_not() -> None:
    gates = torch.zeros(4, requires_grad=True)
    z = hot(0, 1).requires_grad_()
    usage = seen(Usage(torch.zeros(4)), z)
    assert not usage.counts.requires_grad
    reuse_loss(z, usage, gates, [10] * 4, 10).backward()
    assert bool((gates.grad > 0).all()) and bool((z.grad > 0).all())


def test_hard_concrete_opens_as_often_as_it_says() -> None:
    source = torch.Generator().manual_seed(0)
    for log_alpha in (-2.0, 0.0, 1.5):
        gates = torch.full((100_000,), log_alpha)
        noise = torch.rand(100_000, generator=source).clamp(1e-6, 1 - 1e-6)
        drawn = hard_concrete(gates, noise)
        assert float(drawn.min()) >= 0.0 and float(drawn.max()) <= 1.0
        share = float((drawn > 0).float().mean())
        assert share == pytest.approx(float(open_probability(gates[:1])), abs=0.006)
    assert hard_concrete(torch.tensor([-50.0, 50.0])).tolist() == [0.0, 1.0]


def test_information_of_a_perfect_a_constant_and_a_blind_router() -> None:
    gold = torch.tensor([0, 1, 2, 3] * 5)
    perfect = hot(*[(g + 1) % 4 for g in gold.tolist()])  # any renaming of the skills will do
    assert float(mutual_information(perfect, gold, 4)) == pytest.approx(math.log(4), abs=1e-5)
    assert float(skill_information(perfect, gold, 4)) == pytest.approx(0.0, abs=1e-5)
    for blind in (hot(*[2] * 20), torch.full((20, 4), 0.25)):
        assert float(mutual_information(blind, gold, 4)) == pytest.approx(0.0, abs=1e-6)
        assert float(skill_information(blind, gold, 4)) == pytest.approx(math.log(4), abs=1e-5)


def test_the_guard_has_a_gradient_away_from_collapse() -> None:
    gold = torch.tensor([0, 1] * 20)
    torch.manual_seed(0)
    scores = (0.01 * torch.randn(40, 3)).requires_grad_()
    before = float(skill_information(scores.softmax(-1), gold, 2).detach())
    fit = torch.optim.Adam([scores], 0.1)
    for _ in range(100):
        fit.zero_grad()
        skill_information(scores.softmax(-1), gold, 2).backward()
        fit.step()
    after = float(skill_information(scores.detach().softmax(-1), gold, 2))
    assert before > 0.68 and after < 0.05
