"""Episodes that wait: on the disk once added, each taken once, whoever is killed meanwhile."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("torch")

from bb_train.continual.intake import Intake
from bb_train.continual.replay import Replay, seen_in
from bb_train.errors import DataError
from bb_train.example import Example, file_of
from tests.unit.tiny_rail import made

WRITER = """
import sys
from pathlib import Path
from bb_train.continual.intake import Intake
from bb_train.example import read_examples
from dataclasses import replace
one, intake = read_examples(Path(sys.argv[2]))[0], Intake(Path(sys.argv[1]))
for number in range(10_000):
    intake.add([replace(one, id=f"{sys.argv[3]}-{number}")])
    print(number, flush=True)
"""


def named(count: int) -> list[Example]:
    return [replace(made()[0], id=f"e{n}") for n in range(count)]


def ids(intake: Intake, taken: int = 0) -> list[str]:
    return [one.id for one in intake.after(taken)]


def test_what_was_added_is_read_back_equal_and_in_order(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "folder" / "pending.jsonl")
    assert intake.after(0) == () and intake.count(0) == 0
    intake.add(made()[:3])
    intake.add(made()[3:5])
    assert list(intake.after(0)) == list(made()[:5])
    assert list(intake.after(3)) == list(made()[3:5]) and intake.count(3) == 2


def test_adding_writes_what_is_new_and_no_more(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "pending.jsonl")
    intake.add(named(40))
    before = intake.path.read_bytes()
    inode = intake.path.stat().st_ino
    intake.add(named(1))
    after = intake.path.read_bytes()
    assert after.startswith(before) and intake.path.stat().st_ino == inode
    assert len(after) - len(before) < len(before) / 20


def test_what_was_taken_is_forgotten_and_numbers_go_on(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "pending.jsonl")
    intake.add(named(5))
    intake.forget(3)
    assert ids(intake, 3) == ["e3", "e4"]
    assert ids(intake, 2) == ["e3", "e4"]  # read before somebody took the third
    intake.forget(5)
    intake.add(named(1))
    assert ids(intake, 5) == ["e0"]
    with pytest.raises(DataError, match="ends with episode 6, and 7 were taken"):
        intake.after(7)


def test_a_torn_line_is_no_episode_and_is_cut_off(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "pending.jsonl")
    intake.add(named(2))
    whole = intake.path.read_bytes()
    for length in range(len(whole.splitlines(keepends=True)[0]) + 1, len(whole), 97):
        intake.path.write_bytes(whole[:length])
        found = ids(intake)
        assert found == ["e0", "e1"][: len(found)]
        intake.add([replace(made()[0], id="next")])
        assert ids(intake) == [*found, "next"]


def test_a_changed_episode_is_told(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "pending.jsonl")
    intake.add(named(2))
    data = intake.path.read_bytes()
    intake.path.write_bytes(data.replace(b'"id":"e0"', b'"id":"e9"'))
    with pytest.raises(DataError, match="e9 was changed"):
        intake.after(0)
    intake.path.write_bytes(b'{"made_from":{}}\n' + data)
    with pytest.raises(DataError, match="first line"):
        intake.after(0)


def test_a_process_killed_between_taking_and_forgetting_takes_nothing_twice(tmp_path: Path) -> None:
    intake, path = Intake(tmp_path / "pending.jsonl"), tmp_path / "replay.jsonl"
    intake.add(named(6))
    replay = Replay(4)
    replay.add(intake.after(seen_in(path)))
    replay.save(path)  # killed here: nothing was forgotten
    assert seen_in(path) == 6 and intake.after(seen_in(path)) == ()
    intake.add(named(1), seen_in(path))
    assert ids(intake, seen_in(path)) == ["e0"]
    assert Replay.load(path, 4) == replay


def test_writers_killed_at_any_time_lose_nothing_they_were_told_is_kept(tmp_path: Path) -> None:
    path, given = tmp_path / "pending.jsonl", tmp_path / "one.jsonl"
    given.write_bytes(file_of(made()[:1], {}))
    rng, told = Random(0), set[str]()
    for number in range(4):
        names = [f"{number}-{who}" for who in "ab"]
        running = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(given), name], stdout=subprocess.PIPE
            )
            for name in names
        ]
        for name, process in zip(names, running, strict=True):
            assert process.stdout is not None
            told.add(f"{name}-{int(process.stdout.readline())}")
        time.sleep(rng.uniform(0.0, 0.2))
        for name, process in zip(names, running, strict=True):
            process.send_signal(signal.SIGKILL)
            rest = process.communicate()[0].decode()
            told |= {f"{name}-{line}" for line in rest.split("\n")[:-1]}
    found = ids(Intake(path))
    assert told <= set(found) and len(found) == len(set(found))
    for name in {one.rpartition("-")[0] for one in found}:
        own = [int(one.rpartition("-")[2]) for one in found if one.startswith(name)]
        assert own == list(range(len(own)))
    assert json.loads(path.read_bytes().splitlines()[0]) == {"after": 0}
