"""The end of a run: its rail is in place once it is judged, and what was there stays until then."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from bb_core.duals import Warmup, duals
from bb_train.errors import StorageError
from bb_train.offline import Offline
from bb_train.ship import Judge, put_in_place, ship
from tests.unit.tiny_run import booted, quiet, scribe


class Killed(BaseException):
    """What a process that is killed would not have lived to see."""


def ended(folder: Path) -> Path:
    run = booted(folder)
    (folder / "training.jsonl").touch()
    found = Offline(6, 1.0, 6, 0.0, duals(warmup=Warmup()))
    return ship(run, found, quiet, scribe(run))


def killed(*asked: Any) -> Any:
    raise Killed


def test_an_end_killed_while_it_measures_leaves_no_rail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Judge, "scores", killed)
        ended(tmp_path)
    assert not (tmp_path / "rail").exists()
    rail = ended(tmp_path)
    assert rail == tmp_path / "rail"
    assert json.loads((rail / "rail.json").read_bytes())["alpha"] == 0.05
    assert json.loads((rail / "rail.json").read_bytes())["base"]["dtype"] == "float32"
    names = {"rail.safetensors", "rail.json", "training.jsonl", "card.md"}
    assert {path.name for path in rail.iterdir()} == names
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("rail.")]


def test_a_judged_rail_stays_while_its_end_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rail = ended(tmp_path)
    (rail / "of before").touch()
    before = (rail / "rail.json").read_bytes()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Judge, "scores", killed)
        ended(tmp_path)
    assert (rail / "rail.json").read_bytes() == before and (rail / "of before").exists()
    assert json.loads((ended(tmp_path) / "rail.json").read_bytes())["alpha"] == 0.05
    assert not (rail / "of before").exists()


def test_killed_between_its_renames_the_next_end_puts_a_rail_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("made", "rail"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        real = __import__("os").rename
        patch.setattr("os.rename", lambda a, b: killed() if b.name == "rail" else real(a, b))
        put_in_place(tmp_path / "made", tmp_path / "rail")
    assert (tmp_path / "rail.replaced" / "file").read_text() == "rail"
    put_in_place(tmp_path / "made", tmp_path / "rail")
    assert (tmp_path / "rail" / "file").read_text() == "made"
    assert [path.name for path in tmp_path.iterdir()] == ["rail"]


@pytest.mark.parametrize("name", ["rail.safetensors", "card.md"])
def test_a_full_disk_at_the_end_is_said_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from bb_core import cache

    def full(path: Path, data: bytes) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        cache_write(path, data)

    cache_write = cache.write_whole
    for where in ("bb_train.ship", "bb_nn.builder.rail_folder"):
        monkeypatch.setattr(f"{where}.write_whole", full)
    with pytest.raises(StorageError, match=r"rail\.partial: the disk is full\. Free some space"):
        ended(tmp_path)
    assert not (tmp_path / "rail").exists()
