"""`bb log` on what a real run left: found, proved without the ledger, anchored, erased."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.desk import RUN, Desk, set_up

LOG, WHO = ".bb/ledger.jsonl", "bianca.xu@example.com"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = set_up(tmp_path, monkeypatch)
    made.ran()
    return made


def test_records_are_found_and_shown(desk: Desk) -> None:
    shown = desk.bb("log", "query", LOG, "--type", "result", "--field", "body.status")
    assert shown.stdout.splitlines()[-1] == "1 record" and "done" in shown.stdout
    found = json.loads(
        desk.bb("log", "query", LOG, "--where", "body.step == 'n1'", "--json").stdout
    )
    assert {row["body"]["tool"] for row in found} == {"find_user_by_email"}
    last = json.loads(desk.bb("log", "query", LOG, "--last", "1", "--json").stdout)
    assert [row["type"] for row in last] == ["done"]
    assert desk.says("log", "query", LOG, "--where", "nothing(").startswith("--where: ")
    assert desk.says("log", "query", LOG, "--since", "soon").startswith("'soon' is not a time")


def test_a_run_says_what_the_ledger_calls_its_plan(desk: Desk) -> None:
    done = desk.bb(*RUN)
    plan = re.search(
        r"^plan      sha256:[0-9a-f]{12}, in the ledger ([0-9a-f]{8})$", done.stdout, re.M
    )
    (row,) = json.loads(
        desk.bb("log", "query", LOG, "--type", "done", "--last", "1", "--json").stdout
    )
    shown = desk.bb("log", "query", LOG, "--run", row["run"], "--type", "verdict").stdout
    assert plan and f"  {plan[1]}  " in shown
    assert re.search(
        rf"^run       {row['run']}: done after 1 round, \d+ records$", done.stdout, re.M
    )


def test_a_twin_without_an_address_is_in_memory(desk: Desk) -> None:
    steps = [{"id": "n1", "tool": "none", "args": {}}]
    desk.write("odd.json", json.dumps({"domain": "phone", "steps": steps}))
    done = desk.bb("plan", "run", "odd.json", "--twin")
    assert done.returncode == 1 and "\nsystem    a twin in memory\n" in done.stdout


def test_a_proof_holds_without_the_ledger_until_it_is_changed(desk: Desk) -> None:
    made = desk.bb("log", "prove", LOG, "--record", "1")
    assert made.returncode == 0, made
    proof = made.stdout
    desk.write("proof.json", proof)
    shutil.copyfile(".bb/ledger.pub", "ledger.pub")
    shutil.move(".bb", "gone")
    held = desk.bb("log", "check", "proof.json", "--key", "ledger.pub")
    assert held.returncode == 0 and "record 1" in held.stdout, held
    desk.write("proof.json", proof.replace("find_user_by_email", "find_user_by_emali"))
    assert desk.bb("log", "check", "proof.json", "--key", "ledger.pub").returncode == 1


def test_growth_is_proved_between_checkpoints(desk: Desk) -> None:
    size = len(Path(LOG).read_text().splitlines())
    desk.ran()
    desk.write("proof.json", desk.bb("log", "prove", LOG, "--since", str(size)).stdout)
    done = desk.bb("log", "check", "proof.json", "--key", ".bb/ledger.pub")
    assert done.returncode == 0 and f"its first {size} records" in done.stdout


def test_an_anchored_run_refuses_a_ledger_that_was_cut(desk: Desk) -> None:
    desk.write("bb.toml", '[run]\nanchor = "elsewhere/notes"\n')
    desk.ran()
    assert desk.bb("log", "verify", LOG, "--anchor", "elsewhere/notes").returncode == 0
    for name in ("ledger.jsonl", "ledger.jsonl.checkpoints"):
        (desk.folder / ".bb" / name).unlink()
    assert "against the anchor elsewhere/notes" in desk.says(*RUN)
    done = desk.bb("log", "verify", LOG, "--anchor", "elsewhere/notes")
    assert done.returncode == 1


def test_a_person_is_erased_and_the_ledger_still_verifies(desk: Desk) -> None:
    text = Path(LOG).read_text()
    assert WHO not in text
    assert desk.bb("plan", "replay", LOG).stdout.endswith("1 of 1 verdicts are the same again.\n")
    done = desk.bb("log", "erase", LOG, "--containing", WHO)
    assert done.returncode == 0 and not done.stdout.endswith(" 0 sealed values erased\n"), done
    assert Path(LOG).read_text() == text
    assert desk.bb("log", "verify", LOG).returncode == 0
    again = desk.bb("plan", "replay", LOG)
    assert again.returncode == 0 and "erased" in again.stdout
    assert desk.bb("log", "erase", LOG, "--containing", WHO).stdout.endswith(
        "0 sealed values erased\n"
    )
