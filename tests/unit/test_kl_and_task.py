"""Token and decision losses, and the distance from the base."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import cross_entropy, kl_div  # noqa: E402

from bb_train.losses.kl_budget import kl_budget  # noqa: E402
from bb_train.losses.task import decision_ce, token_ce  # noqa: E402

torch.set_num_threads(1)


def two(n: int = 5, width: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(1)
    return torch.randn(n, width, generator=source), torch.randn(n, width, generator=source)


def test_token_ce_is_the_mean_over_what_is_kept() -> None:
    logits, _ = two()
    targets = torch.arange(5)
    keep = torch.tensor([True, False, True, False, False])
    assert torch.allclose(token_ce(logits, targets), cross_entropy(logits, targets))
    kept = cross_entropy(logits[keep], targets[keep])
    assert torch.allclose(token_ce(logits, targets, keep), kept)
    assert float(token_ce(logits, targets, torch.zeros(5, dtype=torch.bool))) == 0.0


def test_decision_ce_counts_only_what_may_come() -> None:
    scores, _ = two()
    targets = torch.zeros(5, dtype=torch.long)
    allowed = torch.zeros(5, 9, dtype=torch.bool)
    allowed[:, :3] = True
    assert torch.allclose(
        decision_ce(scores, targets, allowed), cross_entropy(scores[:, :3], targets)
    )
    only = torch.zeros(5, 9, dtype=torch.bool)
    only[:, 0] = True
    assert float(decision_ce(scores, targets, only)) == 0.0


def test_a_decision_nobody_may_take_is_an_error_where_it_is_kept() -> None:
    scores, _ = two()
    scores.requires_grad_()
    targets = torch.zeros(5, dtype=torch.long)
    allowed = torch.ones(5, 9, dtype=torch.bool)
    allowed[2, 0] = False
    allowed[3] = False
    with pytest.raises(ValueError, match="2 targets"):
        decision_ce(scores, targets, allowed)
    keep = torch.tensor([True, True, False, False, True])
    loss = decision_ce(scores, targets, allowed, keep)
    assert torch.allclose(loss, cross_entropy(scores[keep], targets[keep]))
    loss.backward()
    assert torch.isfinite(scores.grad).all()


def test_kl_is_torchs_and_zero_at_the_base() -> None:
    fused, base = two()
    expected = kl_div(base.log_softmax(-1), fused.softmax(-1), reduction="batchmean")
    assert torch.allclose(kl_budget(fused, base), expected, atol=1e-6)
    assert float(kl_budget(base, base)) == 0.0
    assert float(kl_budget(fused, base)) > 0


def test_the_mask_does_not_eat_the_budget() -> None:
    """Two models that differ only outside the mask are equal on a strict channel."""
    _, base = two()
    allowed = torch.zeros(5, 9, dtype=torch.bool)
    allowed[:, :4] = True
    fused = base.clone()
    fused[:, 4:] -= 30.0
    assert float(kl_budget(fused, base)) > 0.1
    assert float(kl_budget(fused, base, allowed)) == pytest.approx(0.0, abs=1e-6)


def test_only_the_fused_side_learns_and_dead_rows_are_silent() -> None:
    fused, base = (x.requires_grad_() for x in two())
    allowed = torch.ones(5, 9, dtype=torch.bool)
    allowed[0] = False
    allowed[1, 5:] = False
    loss = kl_budget(fused, base, allowed)
    loss.backward()
    assert base.grad is None and torch.isfinite(fused.grad).all()
    assert torch.equal(fused.grad[0], torch.zeros(9))
    keep = torch.tensor([True, True, False, False, False])
    row = kl_budget(fused[1:2], base[1:2], allowed[1:2])
    assert torch.allclose(kl_budget(fused, base, allowed, keep), row)
