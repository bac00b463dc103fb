"""A cache keeps what was read last, and nothing is taken from who reads it."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from bb_core import cache, cache_limit, discover
from bb_core.cache_limit import IN_USE_S, keep_latest, read_or_make
from bb_core.compiled import compile_domain
from bb_core.errors import GrammarError
from bb_core.peg_cache import lowered
from bb_runtime.mask_gate import require_gated

LONG_AGO = time.time() - 10 * IN_USE_S


def entries(home: Path, *ages: float) -> list[Path]:
    """Whole entries, each used so many seconds after a time long past."""
    made = [home / f"e{number}" for number in range(len(ages))]
    for folder, age in zip(made, ages, strict=True):
        assert cache.write(folder, {"parser.txt": b"x"})
        os.utime(folder, (LONG_AGO + age, LONG_AGO + age))
    return made


def test_the_longest_unread_go_first(tmp_path: Path) -> None:
    made = entries(tmp_path, 3, 1, 4, 2)
    keep_latest(tmp_path, 2)
    assert {folder for folder in made if folder.exists()} == {made[0], made[2]}
    assert all(cache.read(folder) for folder in (made[0], made[2]))


def test_what_was_used_within_the_hour_stays_and_so_does_a_file(tmp_path: Path) -> None:
    made = entries(tmp_path, 1, 2, 3)
    (tmp_path / "README").write_text("")
    for folder in made:
        os.utime(folder)
    keep_latest(tmp_path, 0)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_cache_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    keep_latest(tmp_path / "none", 1)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of two entries."""
    monkeypatch.setattr(cache_limit, "keep_latest", partial(keep_latest, most=2))


@pytest.mark.usefixtures("two")
def test_compiling_keeps_what_it_reads_and_drops_the_rest(tmp_path: Path) -> None:
    shop = discover().get("api_json")
    old = entries(tmp_path / "domains", 1, 2, 3)
    own = tmp_path / "domains" / compile_domain(shop, tmp_path).digest.removeprefix("sha256:")
    assert [folder.exists() for folder in (*old, own)] == [False, False, True, True]
    os.utime(own, (LONG_AGO, LONG_AGO))
    compile_domain(shop, tmp_path)
    assert time.time() - own.stat().st_mtime < IN_USE_S


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("kind", ["peg", "gates"])
def test_every_cache_of_this_kind_is_held_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("BB_CACHE", str(tmp_path))
    shop = compile_domain(discover().get("api_json"), tmp_path)
    use = {"peg": lambda: lowered('plan <- "a"', "one"), "gates": lambda: require_gated(shop, 5)}
    old = entries(tmp_path / kind, 1, 2, 3)
    use[kind]()
    (own,) = {*(tmp_path / kind).iterdir()} - {*old}
    assert [folder.exists() for folder in old] == [False, False, True]
    os.utime(own, (LONG_AGO, LONG_AGO))
    use[kind]()
    assert time.time() - own.stat().st_mtime < IN_USE_S


def test_nothing_is_kept_of_what_could_not_be_made(tmp_path: Path) -> None:
    def refuse() -> dict[str, bytes]:
        raise GrammarError("no", where="here")

    with pytest.raises(GrammarError):
        read_or_make(tmp_path / "e", refuse)
    assert not (tmp_path / "e").exists()
