"""Two processes that share the weights train and write what one process does."""

import json
import os
import socket
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.conformance.families import COUPLINGS


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gpt_oss", "llama"])
@pytest.mark.parametrize("coupling", sorted(COUPLINGS))
def test_two_ranks_train_as_one(family: str, coupling: str) -> None:
    alone, both = run(family, coupling, 1), run(family, coupling, 2)
    assert both["losses"] == pytest.approx(alone["losses"], abs=1e-5)
    assert both["norms"] == pytest.approx(alone["norms"], rel=1e-4)
    assert both["gates"] == pytest.approx(alone["gates"], abs=1e-4)
    assert both["text"] == alone["text"]


def run(family: str, coupling: str, world: int) -> dict:
    """What rank 0 of so many printed."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    given = [sys.executable, "-m", "tests.conformance.sharded_run", family, coupling, str(port)]
    ranks = [
        subprocess.Popen(
            [*given, str(world), str(rank)],
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for rank in range(world)
    ]
    printed = [rank.communicate(timeout=300)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * world
    return json.loads(printed[0].decode().splitlines()[-1])
