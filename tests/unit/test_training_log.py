"""The log that lies beside a rail's weights: evenly fewer steps, and all that was measured."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bb_train.training_log import thinned


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
