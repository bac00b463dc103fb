"""Frozen states are computed once, read back to the bit, and outlive kills and full disks."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from bb_nn.base import Base, load_base  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from bb_nn.tapped import Tapped, tap  # noqa: E402
from bb_train.errors import StorageError  # noqa: E402
from bb_train.state_cache import StateCache  # noqa: E402

torch.set_num_threads(1)
TEXTS = ["cancel order W1001", "refund $5.00", "where is my lamp?", "send it back, please"]


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("random:llama", torch.float32)


def same(a: object, b: object) -> bool:
    return all(torch.equal(getattr(a, n), getattr(b, n)) for n in ("ids", "offsets", "states"))


def test_what_is_kept_is_what_the_base_says(base: Base, tmp_path: Path) -> None:
    wanted = tap(base, TEXTS, (1, 2))
    found = StateCache(tmp_path, base, (1, 2)).tapped(TEXTS)
    assert all(map(same, found, wanted))
    again = StateCache(tmp_path, base, (1, 2))
    assert again.fill(TEXTS) == 0
    assert all(same(again.get(text), one) for text, one in zip(TEXTS, wanted, strict=True))


def test_a_text_that_is_too_long_is_told_by_its_start(base: Base) -> None:
    with pytest.raises(RailError, match=r"the text 'lamp lamp .*…' has \d+ tokens"):
        tap(base, [*TEXTS, "lamp " * 4000], (1,))


def test_other_layers_and_other_bases_keep_their_own(base: Base, tmp_path: Path) -> None:
    StateCache(tmp_path, base, (1, 2)).fill(TEXTS)
    other = load_base("random:llama", torch.float32, seed=1)
    assert StateCache(tmp_path, base, (2,)).fill(TEXTS) == len(TEXTS)
    assert StateCache(tmp_path, other, (1, 2)).fill(TEXTS) == len(TEXTS)


def test_a_damaged_shard_is_computed_again(base: Base, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, base, (1,))
    wanted = tap(base, TEXTS, (1,))
    cache.fill(TEXTS)
    shard = next(cache.folder.glob("*.safetensors"))
    data = bytearray(shard.read_bytes())
    for place in range(len(data) - 4000, len(data)):
        data[place] ^= 0x5A
    shard.write_bytes(bytes(data))
    found = StateCache(tmp_path, base, (1,)).tapped(TEXTS)
    assert all(map(close, found, wanted))
    shard = next(cache.folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:100])
    assert all(map(close, StateCache(tmp_path, base, (1,)).tapped(TEXTS), wanted))


def spoilt(shard: Path, **changed: object) -> None:
    """The shard with other tensors, or with other keys."""
    with safe_open(shard, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        keys = str(changed.pop("keys", file.metadata()["keys"]))
    save_file({**tensors, **changed}, shard, metadata={"keys": keys})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "changed",
    [
        {"ends": torch.tensor([3])},
        {"keys": "a b"},
        {"ends": torch.zeros(4, 2, dtype=torch.long)},
        {"ends": torch.arange(4.0)},
        {"ends": torch.tensor([-5, -3, -9, 2**62])},
        {"ends": torch.tensor(4)},
        {"digests": torch.full((4, 32), 300)},
        {"digests": torch.full((4,), 2**40)},
        {"states": torch.tensor(1.0)},
        {"ids": torch.zeros(3, dtype=torch.float64)},
    ],
    ids=str,
)
def test_a_shard_that_does_not_fit_together_is_computed_again(
    base: Base, tmp_path: Path, changed: dict[str, object]
) -> None:
    cache = StateCache(tmp_path, base, (1,))
    wanted = cache.tapped(TEXTS)
    spoilt(next(cache.folder.glob("*.safetensors")), **changed)
    found = StateCache(tmp_path, base, (1,)).tapped(TEXTS)
    assert all(map(close, found, wanted))
    assert StateCache(tmp_path, base, (1,)).fill(TEXTS) == 0


def test_a_cache_to_read_alone_serves_what_it_holds(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = StateCache(tmp_path, base, (1,)).tapped(TEXTS)

    def refused(*args: object, **rest: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    assert all(map(same, StateCache(tmp_path, base, (1,)).tapped(TEXTS), wanted))
    shard = next(tmp_path.rglob("*.safetensors"))
    spoilt(shard, digests=torch.full((4, 32), 7))
    assert all(map(close, StateCache(tmp_path, base, (1,)).tapped(TEXTS), wanted))
    assert shard.exists()


def test_a_folder_with_a_shards_name_is_passed_over(base: Base, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, base, (1,))
    (cache.folder / "x.safetensors").mkdir(parents=True)
    assert cache.fill(TEXTS) == len(TEXTS)
    assert StateCache(tmp_path, base, (1,)).fill(TEXTS) == 0


def test_what_a_killed_process_left_counts_for_a_day(base: Base, tmp_path: Path) -> None:
    left = StateCache(tmp_path, base, (1,)).folder / ".killed.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1_000_000))
    with pytest.raises(StorageError, match="are allowed"):
        StateCache(tmp_path, base, (1,), limit=1_000_000).fill(TEXTS)
    os.utime(left, (0, 0))
    StateCache(tmp_path, base, (1,), limit=1_000_000).fill(TEXTS)
    assert not left.exists()


def test_the_limit_drops_what_was_longest_unread(base: Base, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, base, (1,))
    cache.fill(TEXTS[:2])
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    small = StateCache(tmp_path, base, (1,), limit=size + 1000)
    small.fill(TEXTS[2:])
    left = StateCache(tmp_path, base, (1,), limit=size + 1000)
    assert left.fill(TEXTS[2:]) == 0
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors")) <= size + 3000


def test_a_run_that_needs_more_than_the_limit_is_told(base: Base, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="are allowed"):
        StateCache(tmp_path, base, (1,), limit=100).fill(TEXTS)
    assert not list(tmp_path.rglob("*.safetensors"))


def close(a: Tapped, b: Tapped) -> bool:
    """The same text's states, but for the last bits that depend on who shared its batch."""
    return torch.equal(a.ids, b.ids) and torch.allclose(a.states, b.states, atol=1e-5)


def script(body: str, folder: Path) -> list[str]:
    head = f"""
        import sys, torch
        torch.set_num_threads(1)
        from pathlib import Path
        from bb_nn.base import load_base
        from bb_train.state_cache import StateCache
        base = load_base("random:llama", torch.float32)
        cache = StateCache(Path({str(folder)!r}), base, (1, 2))
    """
    return [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(body)]


def test_a_disk_that_does_not_take_it_loses_nothing(base: Base, tmp_path: Path) -> None:
    cache = StateCache(tmp_path, base, (1, 2))
    wanted = cache.tapped(TEXTS[:1])
    body = """
        import resource
        from bb_train.errors import StorageError
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            cache.fill(["a text " * 40])
        except StorageError as error:
            print(error)
    """
    told = subprocess.run(script(body, tmp_path), capture_output=True, text=True, check=True)
    assert "nothing is lost" in told.stdout.lower(), told.stdout + told.stderr
    assert sorted(path.suffix for path in cache.folder.iterdir()) == [".safetensors"]
    again = StateCache(tmp_path, base, (1, 2))
    assert again.fill(TEXTS[:1]) == 0 and same(again.get(TEXTS[0]), wanted[0])


def test_two_processes_fill_one_cache_and_one_is_killed(base: Base, tmp_path: Path) -> None:
    body = """
        print("on", flush=True)
        for i in range(100000):
            cache.fill([f"text {i} of many"])
    """
    mine = [f"text {i} of many" for i in range(60)]
    wanted = tap(base, mine, (1, 2))
    with subprocess.Popen(script(body, tmp_path), stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "on\n"
            cache = StateCache(tmp_path, base, (1, 2))
            found = [cache.tapped([text])[0] for text in mine]
        finally:
            os.kill(other.pid, signal.SIGKILL)
    assert all(map(close, found, wanted))
    again = StateCache(tmp_path, base, (1, 2))
    assert again.fill(mine) == 0
    assert all(close(again.get(t), one) for t, one in zip(mine, wanted, strict=True))
