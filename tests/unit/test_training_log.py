"""A run's log: each step once, however often it was killed; and what of it lies beside a rail."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from bb_train.training_log import CURVES, TrainingLog, thinned


@pytest.mark.parametrize("kept", [0, 3])
def test_a_resumed_run_draws_each_step_once(tmp_path: Path, kept: int) -> None:
    """Killed after step 5; the last checkpoint is of step `kept`, 0 being none yet."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    size = 0
    for first, last, loss in ((1, 5, 1.0), (kept + 1, 6, 0.5)):
        log = TrainingLog(tmp_path, size, after=first - 1)
        for step in range(first, last + 1):
            log.row(step, {"loss": {"task": loss}})
            size = log.size if step == kept else size
        log.close()
        time.sleep(1.1)  # files are read by the second in their names
    rows = [json.loads(line) for line in log.path.read_bytes().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    read = events.EventAccumulator(str(tmp_path / CURVES)).Reload().Scalars("loss/task")
    found = [(event.step, event.value) for event in read]
    assert found == [(row["step"], row["loss"]["task"]) for row in rows]


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 60))
def test_it_has_so_many_steps_evenly_and_every_measurement(kinds: list[bool], most: int) -> None:
    rows = [{"step": n, ("loss" if loss else "dev"): {}} for n, loss in enumerate(kinds)]
    log = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    left = [json.loads(line) for line in thinned(log, most).splitlines()]
    assert [row for row in left if "dev" in row] == [row for row in rows if "dev" in row]
    before, after = ([row for row in some if "loss" in row] for some in (rows, left))
    assert len(after) <= most
    assert any(after == before[::every] for every in range(1, len(before) + 2))
    assert len(before) > most or after == before
    assert len(after) > most // 2 or after == before
