"""`bb plan run` killed with a step in flight, then `bb run --resume`: each effect happens once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bb_domains.api_json.world import ShopWorld

BB = str(Path(sys.executable).with_name("bb"))
PLAN = [
    {"id": "n1", "tool": "find_user_by_email", "args": {"email": "bianca.xu@example.com"}},
    {"id": "n2", "tool": "get_order", "args": {"order_id": "W1061"}, "after": ["n1"]},
    {"id": "n3", "tool": "confirm", "args": {"question": "Refund it?"}, "after": ["n2"]},
    {
        "id": "n4",
        "tool": "create_refund",
        "args": {"order_id": "W1061", "item_id": "i0021", "cents": 11849, "method": "original"},
        "after": ["n3"],
    },
]
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Site:
    """A folder with a configuration and a plan, and the shop in a process of its own it names."""

    folder: Path
    shop: ShopWorld

    @property
    def log(self) -> Path:
        return self.folder / ".bb" / "ledger.jsonl"

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [BB, *words],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whatever the tests were started by: a job in the background ignores interrupts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def bb(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(stdin, timeout=PATIENCE_S)
        return process.returncode, out, err

    def records(self, kind: str = "") -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        lines = self.log.read_bytes().split(b"\n")[:-1]
        return [r for r in map(json.loads, lines) if kind in ("", r["type"])]

    def killed(self, when: Callable[[], bool], *words: str) -> str:
        """Start a command, kill it once `when` holds; the id of the run that was under way."""
        process = self.start(*words)
        wait_for(lambda: process.poll() is not None or when())
        assert process.poll() is None, process.communicate()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        return str(self.records("verdict")[-1]["run"])

    def refunds(self) -> list[tuple[str, int]]:
        state: Any = self.shop.snapshot()
        return [(r["item_id"], r["cents"]) for r in state["refunds"].values()]

    def configure(self, more: str = "") -> None:
        text = f'[domains.api_json]\nsettings = {{url = "{self.shop.url}"}}\n{more}'
        (self.folder / "bb.toml").write_text(text)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    command = [sys.executable, "-m", "bb_domains.api_json.shop", "--port", "0", "--admin"]
    shop = subprocess.Popen(
        [*command, "--db", str(tmp_path / "shop.db")], stdout=subprocess.PIPE, text=True
    )
    assert shop.stdout
    url = re.search(r"http://[0-9.:]+", shop.stdout.readline())
    assert url
    made = Site(tmp_path, ShopWorld(url[0]))
    made.configure()
    (tmp_path / "plan.json").write_text(json.dumps({"domain": "api_json", "steps": PLAN}))
    yield made
    made.shop.close()
    shop.kill()
    shop.communicate()


def one_line(done: tuple[int, str, str]) -> str:
    """The only line of an expected error: on stderr, status 2, nothing on stdout."""
    status, out, err = done
    assert (status, out) == (2, ""), done
    (line,) = err.splitlines()
    return line


def test_a_plan_is_carried_out_or_refused(site: Site) -> None:
    refused = json.dumps({"domain": "api_json", "steps": [*PLAN[:2], PLAN[3] | {"after": ["n2"]}]})
    status, out, err = site.bb("plan", "run", "-", "--yes", stdin=refused)
    assert (status, err, site.refunds()) == (1, "", [])
    assert "A.approved: n4" in out
    run = site.records("verdict")[0]["run"]
    ended = one_line(site.bb("run", "api_json", "--resume", run))
    assert ended == f"bb: .bb: run '{run}' has ended. Unfinished: none"
    assert site.bb("plan", "run", "plan.json", stdin="no\n")[0] == 1
    assert site.refunds() == []
    status, out, err = site.bb("plan", "run", "plan.json", "--yes")
    assert (status, err, site.refunds()) == (0, "", [("i0021", 11849)])
    # A second run of the same plan: its guards look at the order as it is now.
    status, out, err = site.bb("plan", "run", "plan.json", "--yes")
    assert (status, site.refunds()) == (1, [("i0021", 11849)])
    assert "not been refunded before" in out
    assert site.bb("log", "verify", str(site.log))[0] == 0
    status, out, err = site.bb("plan", "replay", str(site.log))
    assert (status, out.splitlines()[-1]) == (0, "4 of 4 verdicts are the same again.")


@pytest.mark.parametrize("kind", ["slow", "lost"], ids=["before the effect", "after the effect"])
def test_a_killed_run_goes_on_and_acts_once(site: Site, kind: str) -> None:
    asleep = 4.0
    fault = {"operation": "create_refund", "kind": kind, "seconds": asleep, "times": 1}
    site.shop.trouble(fault)
    sent = site.refunds if kind == "lost" else lambda: site.records("intent")
    run = site.killed(lambda: bool(sent()), "plan", "run", "plan.json", "--yes")
    began = time.monotonic()
    # Nobody is asked again: consent was given before, to exactly this call.
    status, out, err = site.bb("run", "api_json", "--resume", run)
    assert (status, err) == (0, ""), out
    assert f"{run}: done" in out
    time.sleep(max(0.0, began + asleep + 0.5 - time.monotonic()))
    assert site.refunds() == [("i0021", 11849)]
    results = [r["body"] for r in site.records("result") if r["body"]["step"] == "n4"]
    assert [r["status"] for r in results] == ["done"]
    assert site.bb("log", "verify", str(site.log))[0] == 0
    assert site.bb("plan", "replay", str(site.log))[0] == 0
    ended = one_line(site.bb("run", "api_json", "--resume", run))
    assert ended == f"bb: .bb: run '{run}' has ended. Unfinished: none"


def test_a_run_killed_while_it_asked_asks_again_under_its_own_artifact(site: Site) -> None:
    asked: list[str] = []
    seen = (site.folder / ".bb" / "runs.db").exists

    def waiting() -> bool:
        asked.extend(r["body"]["step"] for r in site.records("result"))
        return "n2" in asked and seen()

    run = site.killed(waiting, "plan", "run", "plan.json")
    said = one_line(site.bb("run", "api_json", "--resume", "run-0"))
    assert said == f"bb: .bb: no run 'run-0'. Unfinished: {run}"
    site.configure("[run]\nrounds = 2\n")
    said = one_line(site.bb("run", "api_json", "--resume", run))
    assert f"{run}: begun under artifact sha256:" in said
    assert "the model, grammar, schema and configuration it was checked with" in said
    site.configure()
    before = len(site.records())
    status, _, err = site.bb("run", "api_json", "--resume", run, stdin="yes\n")
    assert (status, site.refunds()) == (0, [("i0021", 11849)]), err
    assert "asks for consent" in err
    kinds = [r["type"] for r in site.records()[before:]]
    assert kinds.count("intent") == kinds.count("approved") == 1


@pytest.fixture
def small_disk(site: Site) -> Iterator[Path]:
    """A file system of 550 KiB where the run's state goes."""
    folder = site.folder / ".bb"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=550k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_run_that_a_full_disk_stopped_goes_on_when_there_is_room(
    site: Site, small_disk: Path
) -> None:
    status, out, err = site.bb("plan", "run", "plan.json", "--yes")
    (line,) = err.splitlines()
    assert status == 2, out
    assert line.startswith("bb: ")
    assert "No space left on device" in line or "database or disk is full" in line
    assert len(site.records("intent")) >= len(site.refunds())
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    run = site.records("verdict")[-1]["run"]
    status, out, err = site.bb("run", "api_json", "--resume", run, "--yes")
    assert (status, err, site.refunds()) == (0, "", [("i0021", 11849)]), out
    assert site.bb("log", "verify", str(site.log))[0] == 0


def test_a_twin_ends_with_its_run(site: Site) -> None:
    run = site.killed(lambda: bool(site.records("result")), "plan", "run", "plan.json", "--twin")
    said = one_line(site.bb("run", "api_json", "--resume", run))
    assert said == f"bb: {run}: was on a twin, which ended with it. Start a new run"
    assert site.refunds() == []


def test_without_runs_there_is_nothing_to_go_on_with(site: Site) -> None:
    said = one_line(site.bb("run", "api_json", "--resume", "run-0"))
    assert said == "bb: .bb: no runs are kept here, so none 'run-0'. Start a new run"
    assert not (site.folder / ".bb").exists()
    status, _, err = site.bb("run", "api_json")
    assert status == 2
    assert "give a TASK, or --resume RUN" in err


def test_an_interrupt_at_the_question_is_no_answer_and_the_run_stays_open(site: Site) -> None:
    process = site.start("plan", "run", "plan.json")
    wait_for(lambda: len(site.records("result")) >= 2)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    run = site.records("verdict")[-1]["run"]
    # Its input stays open until it is gone: an end of input is an answer, and that is no.
    assert process.wait(timeout=PATIENCE_S) == 130
    _, told = process.communicate()
    assert told.splitlines()[-1] == f"bb: stopped. To go on: bb run api_json --resume {run}"
    assert site.bb("run", "api_json", "--resume", run, stdin="yes\n")[0] == 0
