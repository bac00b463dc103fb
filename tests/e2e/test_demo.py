"""The main job on the real embedded model, the real shop and the real ledger."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bb_nn.errors import ModelError
from bb_nn.fetch import fetch

MODEL = "smollm2-135m"


@pytest.fixture(scope="module")
def embedded() -> str:
    """The embedded model, fetched if this machine can."""
    try:
        fetch(MODEL)
    except ModelError as error:
        pytest.skip(f"the embedded model cannot be had here: {error}")
    return MODEL


def bb(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One `bb` command as a person runs it."""
    command = [str(Path(sys.executable).with_name("bb")), *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.fixture(scope="module")
def demo(embedded: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One run of the demo: where, and what it said."""
    home = tmp_path_factory.mktemp("demo")
    done = bb("demo", cwd=home)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    return home, done.stdout


def test_the_refund_that_was_asked_for_is_the_refund_that_happened(demo: tuple[Path, str]) -> None:
    _, said = demo
    assert "/refunds/R0001/cents = 11849" in said
    assert "/refunds/R0001/order_id = 'W1061'" in said
    assert "consent to:" in said
    assert "verified" in said


def test_its_ledger_verifies_and_its_verdict_can_be_come_to_again(demo: tuple[Path, str]) -> None:
    home, _ = demo
    assert bb("log", "verify", ".bb/ledger.jsonl", cwd=home).returncode == 0
    again = bb("plan", "replay", ".bb/ledger.jsonl", cwd=home)
    assert again.returncode == 0
    assert "1 of 1 verdicts are the same again." in again.stdout


def test_every_record_names_the_artifact_and_no_record_holds_the_address(
    demo: tuple[Path, str],
) -> None:
    home, _ = demo
    lines = (home / ".bb" / "ledger.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len({record["artifact"] for record in records}) == 1
    assert {"decoded", "verdict", "approved", "intent", "result", "done"} <= {
        record["type"] for record in records
    }
