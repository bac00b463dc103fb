"""A builder's batch as raw losses: each is there, has a gradient, and is least at gold."""

import pytest

torch = pytest.importorskip("torch")

from bb_core.duals import Constraint, Warmup, duals, step  # noqa: E402
from bb_nn.builder.loss import Losses  # noqa: E402
from bb_train.lagrangian import priced  # noqa: E402
from bb_train.losses.build import Composer  # noqa: E402
from bb_train.losses.reuse import Usage  # noqa: E402
from bb_train.objective import Library, chosen_skills, raw_losses  # noqa: E402
from bb_train.surgery.shared import surgery_backward  # noqa: E402

torch.set_num_threads(1)
KEEP = torch.tensor([[True, True, True], [True, True, False]])
GOLD = torch.tensor([[0, 1, 2], [0, 3, 0]])
EDGES = torch.zeros(2, 3, 3, dtype=torch.bool)
EDGES[0, 1, 0] = EDGES[0, 2, 1] = EDGES[1, 1, 0] = True


def found(sharp: float, memory: torch.Tensor) -> Losses:
    """What a builder that is `sharp` times sure of the gold plan makes of it."""
    noise = memory.mean() * 0.0 + memory[0, 0, :5]
    logits = sharp * torch.nn.functional.one_hot(GOLD, 5).float() + 0.01 * noise
    allowed = torch.ones(2, 3, 5, dtype=torch.bool)
    allowed[..., 4] = False
    edges = torch.where(EDGES, sharp, -sharp) + 0.01 * noise[0]
    hidden = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0)) + noise.sum()
    p = logits.softmax(-1).max(-1).values[KEEP]
    task = torch.nn.functional.cross_entropy(logits[KEEP], GOLD[KEEP])
    return Losses(
        heads={"skill": task}, memory=memory, hidden=memory,
        skill_logits=logits, skill_allowed=allowed,
        gold_skills=GOLD, edge_logits=edges, gold_edges=EDGES, keep=KEEP, nodes=hidden,
        registers=hidden, confidence=p, hit=torch.ones(5),
    )  # fmt: skip


def library() -> Library:
    return Library(Usage(torch.zeros(5)), torch.zeros(5, requires_grad=True), [10] * 5, 100)


def test_all_losses_are_there_and_least_at_gold() -> None:
    memory = torch.zeros(2, 4, 8, requires_grad=True)
    blunt, sure = (raw_losses(found(s, memory), Composer(8), library()) for s in (0.1, 20.0))
    names = {"task", "cfs", "g2g", "build", "calibration", "information", "reuse"}
    assert set(sure) == names and all(loss.ndim == 0 for loss in sure.values())
    for name in ("task", "cfs", "g2g", "calibration", "information"):
        assert float(sure[name].detach()) < 0.01 < float(blunt[name].detach()), name
    assert set(raw_losses(found(1.0, memory))) == names - {"build", "reuse"}


def test_chosen_skills_keep_the_mask() -> None:
    memory = torch.zeros(2, 4, 8)
    chosen = chosen_skills(found(1.0, memory))
    assert chosen.shape == (5, 5) and torch.equal(chosen[:, 4], torch.zeros(5))
    assert torch.allclose(chosen.sum(-1), torch.ones(5))


def test_priced_losses_go_through_surgery_at_the_memory() -> None:
    trunk = torch.nn.Linear(3, 8)
    source = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
    memory = trunk(source)
    losses = raw_losses(found(0.3, memory), Composer(8), library())
    names = [name for name in losses if name != "task"]
    state = duals(
        *(Constraint(name, 1e-3) for name in names), warmup=Warmup(at_least=0, fraction=1.0)
    )
    raw = {name: float(losses[name].detach()) for name in names}
    state = step(state, raw, float(losses["task"].detach()))
    parts = {"task": losses["task"], **priced(losses, state)}
    assert len(parts) == 7
    report = surgery_backward(parts, memory)
    assert report.names == tuple(parts)
    assert trunk.weight.grad is not None and torch.isfinite(trunk.weight.grad).all()
    assert bool((trunk.weight.grad != 0).any())
