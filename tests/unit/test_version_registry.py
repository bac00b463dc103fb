"""Versions on disk: signed and whole; a pointer that survives death, races and a full disk."""

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("model_signing")

from bb_infra import persons
from bb_infra.config import load_config
from bb_infra.ledger import LedgerFile
from bb_infra.versions import recorded_moves, registry
from bb_safety import Divergence, Evidence, Golden, Metric, Pair, Policy, Registry, gate
from bb_safety import pointer as pointer_module
from bb_safety.decision import Decision
from bb_safety.errors import ArtifactError, Frozen, PointerError, StaleDecision
from bb_safety.pointer import Standing
from bb_safety.rollback import take_back

PAIRS = tuple(Pair(str(n), n, (0.0,), (0.0,), (0.0,)) for n in range(40))
POLICY = Policy(epsilon=0.3, anchor_epsilon=0.3, epsilon_total=9.0, kappa=0.5)


def rail(folder: Path, text: str) -> Path:
    (folder / "deep").mkdir(parents=True)
    (folder / "rail.safetensors").write_text(text)
    (folder / "deep" / "card.md").write_text("# card")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture
def versions(home: Registry, tmp_path: Path) -> list[str]:
    made = (home.add(rail(tmp_path / name, name), "shop", {"n": name}) for name in "ab")
    return [version.digest for version in made]


def decided(home: Registry, candidate: str, domain: str = "shop") -> Decision:
    now = home.pointer(domain).standing()
    kl = tuple(Divergence(name, ((0.0,),) * 40) for name in ("incumbent", "anchor"))
    told = Evidence(
        candidate,
        now.current,
        now.anchor,
        (Metric("harm", 1.0),),
        PAIRS,
        (Golden("plan", True),),
        kl,
        spent=now.spent,
    )
    return gate(told, POLICY, approved_by="ada")


def quiet(record: object) -> None:
    """A ledger that keeps nothing."""


def test_the_same_files_are_the_same_version(home: Registry, tmp_path: Path) -> None:
    first = home.add(rail(tmp_path / "a", "x"), "shop", {"alpha": 1.0})
    again = home.add(rail(tmp_path / "b", "x"), "shop", {"alpha": 1.0})
    other = home.add(rail(tmp_path / "c", "x"), "shop", {"alpha": 0.5})
    assert first == again and first.digest != other.digest
    assert home.get(first.digest[:20]) == first and len(home.all("shop")) == 2
    assert (first.content / "deep" / "card.md").read_text() == "# card"


def test_what_a_killed_writer_left_is_not_signed(home: Registry, tmp_path: Path) -> None:
    folder = rail(tmp_path / "a", "x")
    clean = home.add(folder, "shop", {"alpha": 1.0})
    (folder / ".rail.json.abcd_123").write_text("half")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "file").write_text("half")
    assert home.add(folder, "shop", {"alpha": 1.0}) == clean
    only = tmp_path / "only"
    only.mkdir()
    (only / ".rail.json.abcd_123").write_text("half")
    with pytest.raises(ArtifactError, match="holds no file"):
        home.add(only, "shop", {})


TAMPER: dict[str, Callable[[Path], Any]] = {
    "a byte": lambda f: (f / "files" / "rail.safetensors").write_text("A"),
    "a file more": lambda f: (f / "files" / "more").write_text(""),
    "a hidden file more": lambda f: (f / "files" / ".more").write_text(""),
    "a file less": lambda f: (f / "files" / "deep" / "card.md").unlink(),
    "the record": lambda f: (f / "artifact.json").write_text("{}"),
    "the signature": lambda f: (f / "artifact.sig").write_text("{}"),
    "no signature": lambda f: (f / "artifact.sig").unlink(),
}


@pytest.mark.parametrize("what", TAMPER)
def test_whatever_is_changed_is_found(what: str, home: Registry, versions: list[str]) -> None:
    TAMPER[what](home.get(versions[0]).folder)
    with pytest.raises(ArtifactError):
        home.verify(versions[0])
    assert home.verify(versions[1])
    with pytest.raises(ArtifactError):
        home.pointer("shop").move(decided(home, versions[0]), quiet)
    assert home.pointer("shop").standing() == Standing()


def test_a_version_signed_by_another_key_is_refused(
    home: Registry, versions: list[str], tmp_path: Path
) -> None:
    other = Registry(tmp_path / "other")
    theirs = other.add(rail(tmp_path / "t", "theirs"), "shop", {})
    shutil.copytree(theirs.folder, home.root / "artifacts" / theirs.folder.name)
    with pytest.raises(ArtifactError, match="signature does not hold"):
        home.verify(theirs.digest)


def test_a_link_a_fifo_and_nothing_are_no_version(home: Registry, tmp_path: Path) -> None:
    linked = rail(tmp_path / "l", "x")
    (linked / "passwd").symlink_to("/etc/passwd")
    piped = rail(tmp_path / "p", "x")
    os.mkfifo(piped / "pipe")
    (tmp_path / "e").mkdir()
    for folder in (linked, piped, tmp_path / "e", tmp_path / "absent"):
        with pytest.raises(ArtifactError):
            home.add(folder, "shop", {})
    assert not home.all()


def test_a_version_of_another_domain_does_not_serve(home: Registry, versions: list[str]) -> None:
    with pytest.raises(ArtifactError, match="a version for shop"):
        home.pointer("till").move(decided(home, versions[0]), quiet)


@pytest.mark.parametrize("name", ["", "../x", "Shop", "a/b"])
def test_a_pointer_has_a_domains_name(home: Registry, name: str) -> None:
    with pytest.raises(PointerError, match="no domain's name"):
        home.pointer(name)


def test_a_full_disk_moves_nothing_and_leaves_nothing(
    home: Registry, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pointer = home.pointer("shop")
    before = pointer.move(decided(home, versions[0]), quiet)
    decision = decided(home, versions[1])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pointer_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pointer.move(decision, quiet)
    monkeypatch.undo()
    assert pointer.standing() == before
    assert not list(home.root.rglob(".new-*"))
    assert pointer.move(decision, quiet).current == versions[1]


def test_a_ledger_that_takes_no_intent_stops_the_move(home: Registry, versions: list[str]) -> None:
    def full(record: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pointer = home.pointer("shop")
    with pytest.raises(OSError, match="No space"):
        pointer.move(decided(home, versions[0]), full)
    assert pointer.standing() == Standing()


def test_a_move_that_was_changed_or_put_in_is_found(home: Registry, versions: list[str]) -> None:
    pointer = home.pointer("shop")
    for version in versions:
        pointer.move(decided(home, version), quiet)
    path = pointer.folder / "moves" / "00000002.json"
    data = path.read_bytes()
    path.write_bytes(data.replace(versions[1].encode(), versions[0].encode(), 1))
    with pytest.raises(PointerError, match="changed"):
        pointer.standing()
    path.write_bytes(data)
    (pointer.folder / "moves" / "00000003.json").write_bytes(data)
    with pytest.raises(PointerError, match="does not follow"):
        pointer.history()


def test_the_ledger_is_told_what_a_dead_process_could_not(
    home: Registry, versions: list[str]
) -> None:
    told: list[Any] = []
    pointer = home.pointer("shop")

    def dying(record: Any) -> None:
        if record.type == "moved":
            raise KeyboardInterrupt
        told.append(record)

    with pytest.raises(KeyboardInterrupt):
        pointer.move(decided(home, versions[0]), dying)
    assert pointer.standing().current == versions[0]
    assert [move.seq for move in pointer.unledgered(frozenset())] == [1]
    pointer.recover(frozenset(), told.append)
    assert told[-1].type == "moved" and told[-1].body["recovered"] is True
    assert not pointer.recover(frozenset({1}), told.append)


def test_nothing_is_promoted_beside_a_canary(
    home: Registry, versions: list[str], tmp_path: Path
) -> None:
    third, pointer = home.add(rail(tmp_path / "c", "c"), "shop", {}).digest, home.pointer("shop")
    for version in versions:
        pointer.move(decided(home, version), quiet)
    assert pointer.standing().share < 1.0
    with pytest.raises(Frozen, match=r"serves 10% of new runs and is not settled. End it: bb art"):
        pointer.move(decided(home, third), quiet)
    pointer.move(
        take_back(
            replace(decided(home, third).evidence, candidate=versions[1], incumbent=versions[0]),
            POLICY,
            "ada",
            "no",
        ),
        quiet,
    )
    assert (pointer.standing().current, pointer.standing().share) == (versions[0], 1.0)
    assert pointer.move(decided(home, third), quiet).current == third


def test_a_version_is_taken_back_whoever_writes_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        LedgerFile.__init__,
        "__kwdefaults__",
        {**(LedgerFile.__init__.__kwdefaults__ or {}), "wait_s": 0.1},
    )
    config = load_config()
    home = registry(config)
    pointer = home.pointer("api_json")
    for name in "ab":
        version = home.add(rail(tmp_path / name, name), "api_json", {}).digest
        pointer.move(decided(home, version, "api_json"), quiet)
    before = pointer.standing().previous
    with LedgerFile(Path(config.run.state) / "ledger.jsonl"):
        persons.take_back("api_json", config, by="ada", why="it harms")
    assert pointer.standing().current == before
    assert "is told of the move at the next promotion or anchor" in capsys.readouterr().out
    persons.anchor("api_json", config, by="ada", why="looked")
    moves = recorded_moves(Path(config.run.state) / "ledger.jsonl", "api_json")
    assert moves == {1, 2, 3, 4}


def forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except StaleDecision:
            os._exit(3)
        except BaseException:
            os._exit(70)
    return pid


def test_of_two_processes_one_wins(home: Registry, versions: list[str]) -> None:
    pointer, decision = home.pointer("shop"), decided(home, versions[0])
    pids = [forked(lambda: pointer.move(decision, quiet)) for _ in range(4)]
    ended = sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids)
    assert ended == [0, 3, 3, 3]
    assert len(pointer.history()) == 1 and pointer.standing().current == versions[0]


def test_killed_at_any_instant_the_pointer_is_whole(home: Registry, versions: list[str]) -> None:
    """A few kills; benchmarks/promotion_kill.py has two hundred and a real ledger."""
    pointer = home.pointer("shop")

    def cycle() -> None:
        while True:
            now = pointer.standing().current
            pointer.move(decided(home, versions[now == versions[0]]), quiet)

    for place in range(6):
        pid = forked(cycle)
        time.sleep(0.03 * place)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        moves = pointer.history()
        assert pointer.standing() == (moves[-1] if moves else Standing())
