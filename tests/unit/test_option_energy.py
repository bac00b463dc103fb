"""The energy of decisions against the dense one, question by question."""

import pytest

torch = pytest.importorskip("torch")

from bb_train.losses.cfs_energy import cfs_energy  # noqa: E402
from bb_train.losses.option_energy import option_energy  # noqa: E402

torch.set_num_threads(1)
SIZES = (1, 3, 7, 2, 5)


def questions() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    group = torch.repeat_interleave(torch.arange(5), torch.tensor(SIZES))
    logits = torch.randn(18, generator=source) * 4
    allowed = torch.rand(18, generator=source) < 0.5
    first = torch.tensor([0, *SIZES[:-1]]).cumsum(0)
    allowed[first] = True
    return logits, group, allowed


def test_it_is_the_dense_energy_of_each_question() -> None:
    logits, group, allowed = questions()
    ragged = logits.clone().requires_grad_()
    found = option_energy(ragged, group, 5, allowed)
    found.sum().backward()
    for g in range(5):
        dense = logits[group == g].clone().requires_grad_()
        one = cfs_energy(dense.unsqueeze(0), allowed[group == g].unsqueeze(0))
        one.sum().backward()
        assert torch.allclose(found[g], one[0], atol=1e-6)
        assert torch.allclose(ragged.grad[group == g], dense.grad, atol=1e-6)


def test_questions_that_forbid_nothing_or_everything_are_silent() -> None:
    logits, group, allowed = questions()
    allowed[group == 2] = True
    allowed[group == 4] = False
    logits.requires_grad_()
    found = option_energy(logits, group, 5, allowed)
    found.sum().backward()
    assert found[2] == 0 and found[4] == 0 and found[0] == 0
    silent = (group == 2) | (group == 4)
    assert torch.equal(logits.grad[silent], torch.zeros(int(silent.sum())))
    assert torch.isfinite(logits.grad).all()
