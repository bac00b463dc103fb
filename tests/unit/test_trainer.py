"""The loop takes the same steps whether or not it was stopped, and stops at a loss that is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from bb_core.duals import Constraint, Warmup, duals  # noqa: E402
from bb_train.checkpoint import Checkpoint, Checkpoints  # noqa: E402
from bb_train.config import Optimiser  # noqa: E402
from bb_train.errors import BusyError, DivergedError, ResumeError  # noqa: E402
from bb_train.run_lock import held  # noqa: E402
from bb_train.spread import spread  # noqa: E402
from bb_train.trainer import Trainer, batch_rows, schedule  # noqa: E402

torch.set_num_threads(1)
MADE_FROM = {"config": "sha256:1", "data": "sha256:2"}


class Two(nn.Module):
    """A trunk with dropout and two heads that disagree: classify, and stay small."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.trunk = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.2))
            self.head = nn.Linear(16, 3)


class Learner:
    """Forty points in three classes."""

    count = 40

    def __init__(self) -> None:
        self.module = Two()
        source = torch.Generator().manual_seed(5)
        self.x = torch.randn(self.count, 6, generator=source)
        self.y = (self.x[:, :3]).argmax(1)

    def loss(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], dict[str, float], Tensor]:
        shared = self.module.trunk(self.x[list(rows)])
        task = nn.functional.cross_entropy(self.module.head(shared), self.y[list(rows)])
        return {"task": task, "cfs": shared.pow(2).mean()}, {"ce": float(task.detach())}, shared


def trainer(steps: int = 60) -> Trainer:
    state = duals(Constraint("cfs", 0.05), warmup=Warmup(at_least=5, fraction=1.0))
    return Trainer(Learner(), Optimiser(steps=steps, warmup=5, rate=1e-2), seed=7, duals=state)


def test_it_learns_and_prices_the_constraint() -> None:
    run = trainer(300)
    taken = [run.advance() for _ in range(300)]
    assert taken[-1].losses["task"] < 0.5 * taken[0].losses["task"]
    assert max(t.row(run.duals)["gradient"] for t in taken) > 0
    assert run.duals.rows()["cfs"]["lambda"] > 0
    assert "task|cfs" in taken[-1].row(run.duals)["cosine"]


def test_a_resumed_run_takes_the_same_steps(tmp_path: Path) -> None:
    whole = trainer()
    wanted = [whole.advance() for _ in range(60)]
    first = trainer()
    for _ in range(23):
        first.advance()
    tensors, values = first.state()
    keeper = Checkpoints(tmp_path)
    keeper.save(Checkpoint(first.step, MADE_FROM, tensors, values))
    kept = keeper.last(MADE_FROM)
    assert kept is not None
    second = trainer()
    second.restore(kept.step, kept.state, kept.values)
    found = [second.advance() for _ in range(37)]
    assert found == wanted[23:]
    ours, theirs = second.learner.module.state_dict(), whole.learner.module.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert second.duals == whole.duals


def test_two_checkpoints_stay_and_a_damaged_one_gives_way(tmp_path: Path) -> None:
    heard: list[str] = []
    keeper = Checkpoints(tmp_path, heard.append)
    assert keeper.last(MADE_FROM) is None
    for step in (1, 2, 3):
        saved = Checkpoint(step, MADE_FROM, {"x": torch.ones(2) * step})
        keeper.save(saved, best=step == 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "best.pt", "step-00000002.pt", "step-00000003.pt",
    ]  # fmt: skip
    last = tmp_path / "step-00000003.pt"
    last.write_bytes(last.read_bytes()[:-5])
    kept, best = keeper.last(MADE_FROM), keeper.best(MADE_FROM, 2)
    assert kept is not None and kept.step == best.step == 2
    assert heard == [f"{last}: damaged, passed over for what was kept before it"]
    with pytest.raises(ResumeError, match="another data"):
        keeper.last({**MADE_FROM, "data": "sha256:3"})


def test_a_best_that_is_not_the_one_named_is_refused(tmp_path: Path) -> None:
    keeper, path = Checkpoints(tmp_path), tmp_path / "best.pt"
    with pytest.raises(ResumeError, match="is missing"):
        keeper.best(MADE_FROM, 4)
    keeper.save(Checkpoint(4, MADE_FROM), best=True)
    assert keeper.best(MADE_FROM, 4) == keeper.best(MADE_FROM, 2, reached=3)
    for step, reached in ((2, None), (5, None), (2, 4), (2, 6)):
        with pytest.raises(ResumeError, match="is of step 4, and the best was step"):
            keeper.best(MADE_FROM, step, reached)
    with pytest.raises(ResumeError, match=f"another data.* delete {tmp_path.parent} to"):
        keeper.best({**MADE_FROM, "data": "sha256:3"}, 4)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ResumeError, match="is damaged"):
        keeper.best(MADE_FROM, 4)


def test_a_loss_that_is_no_number_stops_the_run_unchanged() -> None:
    run = trainer()
    run.advance()
    before = {k: v.clone() for k, v in run.learner.module.state_dict().items()}
    run.learner.x.fill_(float("nan"))  # type: ignore[attr-defined]
    with pytest.raises(DivergedError, match="step 2"):
        run.advance()
    after = run.learner.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert run.step == 1


def test_every_epoch_shows_every_example_once() -> None:
    rows = [row for step in range(25) for row in batch_rows(40, 8, 1, step)]
    epochs = [rows[at : at + 40] for at in range(0, 200, 40)]
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert len(batch_rows(3, 8, 1, 0)) == 8


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [schedule(t, 10, 100) for t in range(120)]
    assert rates[9] == rates[10] == max(rates) == 1.0
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.5)
    assert set(rates[100:]) == {0.0}


@dataclass(frozen=True)
class OfFamily:
    """As much of an example as `spread` looks at."""

    family: str
    number: int


@pytest.mark.parametrize(("most", "each"), [(0, "000"), (2, "110"), (3, "111"), (8, "332")])
def test_tasks_to_measure_are_spread_over_all_families(most: int, each: str) -> None:
    dev = [OfFamily(family, number) for family in "abc" for number in range(5)]
    found = spread(dev, most)  # type: ignore[arg-type]
    assert found == [one for one in dev if one.number < int(each["abc".index(one.family)])]


def test_one_process_trains_into_a_folder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(BusyError), held(tmp_path):
        pass
    with held(tmp_path):
        pass
