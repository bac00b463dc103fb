"""How long a guard's verdict covers a call: not past its life, and not before it was given."""

import time

import pytest

from bb_runtime.intent import Intent
from bb_runtime.settle import young


@pytest.mark.parametrize(("age_s", "covered"), [(0.0, True), (9.0, True), (60.0, False)])
def test_a_verdict_covers_a_call_for_its_life(age_s: float, covered: bool) -> None:
    assert young(Intent("n1", "pay", {}, "k", time.time() - age_s, "p"), 10.0) is covered


def test_a_clock_that_was_set_back_makes_no_verdict_young() -> None:
    assert not young(Intent("n1", "pay", {}, "k", time.time() + 3600, "p"), 10.0)
