"""A training started again: the best that it ships, the log it leaves, the folder it may have."""

import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from bb_infra.train_command import train
from bb_train import boot as booting
from bb_train import checkpoint as checkpoints
from bb_train.checkpoint import Checkpoint, Checkpoints
from bb_train.config import Held, read_train_config
from bb_train.errors import BusyError, ResumeError, StorageError
from bb_train.offline import Offline, _Offline, offline
from bb_train.run_lock import held
from bb_train.stages import run
from bb_train.training_log import Progress, TrainingLog
from tests.unit.tiny_rail import base, shop
from tests.unit.tiny_run import STEPS, TEXT, booted, scribe

DEV = {2: 0.1, 4: 0.5, 6: 0.2}
"""The share right at each measurement: the best is neither the first nor the last."""


class Killed(BaseException):
    """What a process that is killed would not have lived to see."""


@dataclass
class Run:
    """A run in a folder: its weights at the end, and what it said on the way."""

    folder: Path
    said: str = ""
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def go(self) -> Offline:
        torch.set_num_threads(1)
        one, out = booted(self.folder), io.StringIO()
        try:
            found = offline(one, Progress(STEPS, out), scribe(one))
        finally:
            self.said = out.getvalue()
        self.weights = one.builder.state_dict()
        return found

    @property
    def kept(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def log(self) -> Path:
        return self.folder / "training.jsonl"


@pytest.fixture(autouse=True)
def told_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(self: Any) -> bool:
        value = DEV[self.trainer.step]
        better = value >= self.best
        if better:
            self.best, self.best_step = value, self.trainer.step
        return better

    monkeypatch.setattr(_Offline, "_measure", measure)


@pytest.mark.parametrize("writes", [0, 1])
def test_killed_while_it_keeps_a_best_it_ships_that_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    whole, other = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    wanted = whole.go()
    assert wanted.best_step == 4
    left, write, saving = [writes], checkpoints.write_whole, Checkpoints.save

    def save(self: Any, one: Checkpoint, *, best: bool = False) -> None:
        with monkeypatch.context() as patch:
            if one.step == 4:
                patch.setattr(checkpoints, "write_whole", dying)
            saving(self, one, best=best)

    def dying(path: Path, data: bytes) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        write(path, data)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoints, "save", save)
        other.go()
    found = other.go()
    assert found.best_step == 4 and "goes on after step 3" in other.said
    assert all(torch.equal(other.weights[name], w) for name, w in whole.weights.items())


def test_what_is_composed_by_is_the_seeds_alone(tmp_path: Path) -> None:
    made = []
    for chance in (1, 2):
        one = booted(tmp_path / str(chance))
        one = replace(one, config=replace(one.config, constraints={"build": Held(limit=1.0)}))
        torch.manual_seed(chance)
        run = _Offline(one, Progress(STEPS, io.StringIO()), scribe(one))
        run.log.close()
        made.append(run.trainer.learner.module["composer"].state_dict())  # type: ignore[index]
    assert all(torch.equal(made[1][name], tensor) for name, tensor in made[0].items())


def test_other_threads_than_before_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Run(tmp_path)
    one.go()
    one.go()
    assert "threads" not in one.said
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    one.go()
    assert "with 7 threads, 1 before: losses may differ a little" in one.said


@pytest.mark.parametrize("name", ["damaged", "missing", "another step"])
def test_a_best_that_is_not_what_was_kept_stops_the_run(tmp_path: Path, name: str) -> None:
    one = Run(tmp_path)
    one.go()
    best = one.kept / "best.pt"
    if name == "another step":
        best.write_bytes((one.kept / "step-00000005.pt").read_bytes())
    elif name == "missing":
        best.unlink()
    else:
        best.write_bytes(best.read_bytes()[:-9])
    with pytest.raises(ResumeError, match=r"best\.pt: is .* delete the folder .*checkpoints to"):
        one.go()


def test_a_builder_of_another_shape_is_refused_in_words(tmp_path: Path) -> None:
    one = Run(tmp_path)
    one.go()
    kept = Checkpoints(one.kept)
    last = kept.last(booted(tmp_path).made_from)
    assert last is not None
    weights = dict(last.state["module"])
    name = next(name for name in weights if name.endswith("head.features.weight"))
    weights[name] = weights[name][:, :9].clone()
    kept.save(replace(last, state={**last.state, "module": weights}))
    with pytest.raises(ResumeError, match=r"another shape.*Delete .* to start anew"):
        one.go()


def test_a_damaged_checkpoint_is_passed_over_by_its_name(tmp_path: Path) -> None:
    one = Run(tmp_path)
    one.go()
    weights, last = one.weights, one.kept / "step-00000006.pt"
    last.write_bytes(b"nothing")
    one.go()
    assert f"{last}: damaged, passed over" in one.said and "goes on after step 5" in one.said
    assert all(torch.equal(one.weights[name], w) for name, w in weights.items())


def test_a_torn_log_goes_on_after_its_last_whole_line_and_says_so(tmp_path: Path) -> None:
    one = Run(tmp_path)
    one.go()
    one.log.write_bytes(one.log.read_bytes()[:-5])
    one.go()
    assert f"{one.log}: the last " in one.said
    rows = [json.loads(line) for line in one.log.read_bytes().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, STEPS))
    one.log.unlink()
    one.go()
    assert "it goes on after its last whole line" in one.said and one.log.read_bytes() == b""


def test_a_log_that_a_checkpoint_names_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("bb_train.training_log.os.fsync", synced.append)
        log = TrainingLog(tmp_path, curves=False)
        log.row(1, {"loss": {}})
        assert not synced and log.sync() == log.size > 0 and len(synced) == 1
        log.close()


def test_a_full_disk_is_said_though_the_log_cannot_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = TrainingLog.__post_init__

    def full(self: TrainingLog) -> None:
        beginning(self)
        self._file.close()
        self._file = open("/dev/full", "ab")  # noqa: SIM115

    monkeypatch.setattr(TrainingLog, "__post_init__", full)
    with pytest.raises(StorageError, match=r"training\.jsonl: the disk is full\. Free some space"):
        Run(tmp_path).go()


def manifest(folder: Path, **other: str) -> Any:
    """A folder whose run was made from what it would be made from now, but for `other`."""
    config = read_train_config(TEXT.replace("FOLDER", str(folder)), "tiny.toml")
    made = {"config": config.digest, "domain": shop().digest, "torch": torch.__version__,
            "base": base().digest, "dtype": "float32", "space": "sha256:s",
            "data": "sha256:d"}  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"made_from": made | other}))
    return config


@pytest.mark.parametrize("name", ["config", "domain", "torch", "base", "dtype"])
def test_a_folder_of_another_run_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def never(*asked: Any) -> Any:
        raise AssertionError("examples are made")

    monkeypatch.setattr(booting, "corpus", never)
    config = manifest(tmp_path, **{name: "sha256:other"})
    before = (tmp_path / "manifest.json").read_bytes()
    found = rf"{tmp_path}: .* another {name}\. Name another folder as \[run\] folder, or delete"
    for boot_only in (True, False):
        with pytest.raises(ResumeError, match=found):
            run(config, boot_only=boot_only)
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert not (tmp_path / "examples").exists()
    with pytest.raises(AssertionError):
        run(manifest(tmp_path))


def test_a_folder_whose_manifest_is_lost_is_told_by_its_checkpoints(tmp_path: Path) -> None:
    config = read_train_config(TEXT.replace("FOLDER", str(tmp_path)), "tiny.toml")
    Checkpoints(tmp_path / "checkpoints").save(Checkpoint(1, {"config": "sha256:other"}))
    with pytest.raises(ResumeError, match="another config"):
        run(config, boot_only=True)


def test_what_a_killed_writer_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = manifest(tmp_path, config="sha256:other")
    left = (".manifest.json.abcd_123", ".ledger.key.0123abcd",
            "checkpoints/.step-00000002.pt.abcd_123", "rail/.rail.json.abcd_123",
            "rail/.rail.safetensors.abcd_123")  # fmt: skip
    stays = (".notes", "checkpoints/best.pt", "rail/rail.json", "rail/.mine.settings")
    for name in (*left, *stays):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ResumeError):
        run(config)
    assert not [name for name in left if (tmp_path / name).exists()]
    assert all((tmp_path / name).exists() for name in stays)


def test_a_second_process_hears_that_the_folder_is_in_use(tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TEXT.replace("FOLDER", str(tmp_path / "run")))
    with held(tmp_path / "run"), pytest.raises(BusyError):
        train(config)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    config = tmp_path / "tiny.toml"
    for folder in ("run", "run/deeper"):
        config.write_text(TEXT.replace("FOLDER", str(tmp_path / folder)))
        with pytest.raises(StorageError, match=rf"{folder}: a file is in its place\. Choose"):
            train(config)
