"""What the end of a run has found out: found out once, whole, and the same after any stop."""

import json
from pathlib import Path
from typing import Any

import pytest

from bb_core.canonical import Json
from bb_train.agreement import NONE
from bb_train.errors import ResumeError, StorageError
from bb_train.evaluate import Score
from bb_train.kept import FILE, Kept


def test_it_is_found_out_once_and_known_at_the_next_start(tmp_path: Path) -> None:
    asked: list[str] = []

    def find(name: str, found: Json) -> Json:
        asked.append(name)
        return found

    first = Kept(tmp_path)
    for _ in range(2):
        assert first.once({"task": 1}, lambda: find("one", {"x": 0.1})) == {"x": 0.1}
    again = Kept(tmp_path)
    assert again.once({"task": 1}, lambda: find("again", None)) == {"x": 0.1}
    assert again.once({"task": 2}, lambda: find("two", [1])) == [1]
    assert asked == ["one", "two"]


@pytest.mark.parametrize("left", [1, 10, 40])
def test_a_line_that_was_not_written_whole_is_nothing(tmp_path: Path, left: int) -> None:
    kept = Kept(tmp_path)
    for number in range(3):
        kept.once({"task": number}, lambda number=number: number)  # type: ignore[misc]
    path = tmp_path / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-left])
    again = Kept(tmp_path)
    assert again.once({"task": 1}, lambda: "anew") == 1
    assert again.once({"task": 2}, lambda: 2) == 2
    assert path.read_bytes() == whole


def test_an_edited_line_is_noticed_and_one_without_a_digest_is_not_there(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for number in range(2):
        kept.once({"task": number}, lambda: {"right": False})
    path = tmp_path / FILE
    first, second = map(json.loads, path.read_text().splitlines())
    for found in (None, {}, {"right": True}, {"right": "yes"}, 10**20):
        path.write_text(f"{json.dumps(first)}\n{json.dumps({**second, 'found': found})}\n")
        with pytest.raises(ResumeError, match=rf"{FILE}:2: not whole .*\. Delete it"):
            Kept(tmp_path)
    del second["digest"]
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    again = Kept(tmp_path)
    assert again.once({"task": 0}, lambda: "anew") == {"right": False}
    assert again.once({"task": 1}, lambda: "anew") == "anew"
    assert Kept(tmp_path).once({"task": 1}, lambda: "once more") == "anew"


SCORE = Score("one", "indist", True, False, True, NONE, 0.5, "done", "")


@pytest.mark.parametrize(
    "found",
    [None, {}, [], "x", {"right": True}]
    + [{**SCORE.to_json(), **one} for one in ({"right": "yes"}, {"ged": None}, {"more": 1})],
)
def test_what_is_no_score_is_to_be_deleted(found: Any) -> None:
    assert Score.from_json(SCORE.to_json()) == SCORE
    with pytest.raises(ResumeError, match=r"no score .*\. Delete found\.jsonl"):
        Score.from_json(found)


def test_a_damaged_file_is_named_and_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.once({"task": 1}, lambda: 1)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()  # nothing can be written there any more
    with pytest.raises(StorageError, match="it goes on from here"):
        kept.once({"task": 2}, lambda: 2)
    assert kept.once({"task": 1}, lambda: 5) == 1
    (tmp_path / FILE).rmdir()
    (tmp_path / FILE).write_bytes(b"[]\n")
    with pytest.raises(ResumeError, match="Delete it"):
        Kept(tmp_path)
