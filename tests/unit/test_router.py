"""Laws of the router: masks, labels, straight-through draws, load and dead skills."""

import math

import pytest

pytest.importorskip("torch")

import torch

from bb_nn.programs.bank import SkillBank
from bb_nn.programs.router import Router, label_loss, load_loss, straight, temperature
from bb_nn.programs.usage import Usage, restart

torch.set_num_threads(1)


def test_what_is_masked_is_never_drawn() -> None:
    torch.manual_seed(0)
    router, allowed = Router(8, 6), torch.rand(500, 6) > 0.6
    allowed[:, 0] |= ~allowed.any(-1)
    logits = router(torch.randn(500, 8), allowed)
    for tau in [0.5, 2.0]:
        drawn = straight(logits, tau)
        assert not drawn.isnan().any()
        assert allowed.gather(-1, drawn.argmax(-1, keepdim=True)).all()


def test_draws_follow_the_softmax() -> None:
    """argmax(rho + g) is distributed as softmax(rho), whatever tau (Gumbel-max)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.0, 1.0, 2.0])
    drawn = straight(logits.expand(20000, 3), 0.7, generator).mean(0)
    torch.testing.assert_close(drawn, torch.softmax(logits, -1), atol=0.012, rtol=0)


def test_a_draw_is_one_hot_and_still_has_a_gradient() -> None:
    logits = torch.randn(7, 5, requires_grad=True)
    drawn = straight(logits, 1.0, torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.sort(-1).values, torch.eye(5)[-1].expand(7, 5), atol=1e-6)
    (drawn * torch.randn(7, 5)).sum().backward()
    assert logits.grad is not None and (logits.grad != 0).all()


def test_temperature_falls_to_a_half() -> None:
    values = [temperature(step, 1e-2) for step in range(0, 1000, 50)]
    assert values[0] == 2.0 and values[-1] == 0.5
    assert values == sorted(values, reverse=True)


def test_labels() -> None:
    logits = torch.zeros(4, 8)
    assert label_loss(logits, torch.tensor([0, -1, 3, -1])) == pytest.approx(math.log(8))
    assert label_loss(logits, torch.full((4,), -1)) == 0
    sure = torch.full((1, 3), -1e4).index_fill(-1, torch.tensor([2]), 0.0)
    assert label_loss(sure, torch.tensor([2])) == 0


def test_load_is_zero_at_the_prior_only() -> None:
    prior = torch.tensor([0.5, 0.3, 0.2])
    assert load_loss(prior.expand(10, 3), prior) == pytest.approx(0.0, abs=1e-6)
    one = torch.nn.functional.one_hot(torch.zeros(10, dtype=torch.long), 3).float()
    assert load_loss(one, prior) == pytest.approx(math.log(2))


def test_a_dead_skill_is_restarted_where_the_data_is() -> None:
    torch.manual_seed(0)
    router, usage = Router(4, 3), Usage(3, decay=0.9)
    for _ in range(100):
        usage.update(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert usage.dead() == [2]
    kept = router.head.weight[:2].clone()
    states = torch.nn.functional.normalize(torch.randn(16, 4), dim=-1)
    assert restart(router, usage, states, torch.Generator().manual_seed(0)) == [2]
    assert torch.equal(router.head.weight[:2], kept)
    assert (torch.cosine_similarity(router.head.weight[2:], states) > 0.999).any()
    assert float(usage.share.sum()) == pytest.approx(1.0)
    assert restart(router, usage, states) == []


def test_unlabelled_spans_find_skills_by_themselves() -> None:
    """Four clusters of states, each asking for its own map of x; no label names a cluster. Router
    and bank together must explain most of what one map for all leaves over."""
    torch.manual_seed(0)
    clusters, width = 4, 8
    centres, maps = 3 * torch.randn(clusters, width), torch.randn(clusters, width, width)
    router, bank, usage = (
        Router(width, clusters),
        SkillBank(clusters, width, width),
        Usage(clusters),
    )
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam([*router.parameters(), *bank.parameters()], lr=1e-2)

    def batch(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        c = torch.randint(0, clusters, (size,), generator=generator)
        state = centres[c] + 0.3 * torch.randn(size, width, generator=generator)
        x = torch.randn(size, 3, width, generator=generator)
        return c, state, x, torch.einsum("boi,bti->bto", maps[c], x)

    prior = torch.full((clusters,), 1 / clusters)
    for step in range(700):
        _, state, x, target = batch(64)
        z = straight(router(state), temperature(step, 5e-3), generator)
        loss = (bank(x, z) - target).square().mean() + 2.0 * load_loss(z, prior)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        usage.update(z.detach())
        restart(router, usage, state, generator)
    c, state, x, target = batch(512)
    z = router(state).argmax(-1)
    left = float((bank(x, z) - target).square().mean().detach())
    one_map = float((maps.mean(0) - maps[c]).square().sum((1, 2)).mean()) / width
    assert len({(int(a), int(b)) for a, b in zip(c, z, strict=True)}) <= clusters + 1
    assert left < 0.2 * one_map
