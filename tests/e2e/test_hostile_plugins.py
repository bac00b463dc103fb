"""Every broken or hostile plugin costs itself, leaves the others working, and gets one line.

Not covered, and not claimed: a plugin that ends the process itself (os._exit, a crash in C) or
patches the interpreter while it is imported. Installing a plugin runs its author's code.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hostile import PLUGINS, Plugin

BB = str(Path(sys.executable).with_name("bb"))
THIEF = 'raise RuntimeError("a rogue namespace file ran")\n'


def bb(site: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `bb` with a site folder in front of what is installed."""
    own = {"PYTHONPATH": str(site), "BB_CACHE": str(site.parent / "cache"), "BB_LOAD_SECONDS": "3"}
    return subprocess.run(
        [BB, *words], env=os.environ | own | env, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every plugin of the table, one name claimed twice, and a namespace thief."""
    folder = tmp_path_factory.mktemp("hostile") / "site"
    for plugin in PLUGINS:
        plugin.write(folder)
    Plugin("twice", dist="other-dist").write(folder)
    (folder / "bb_domains" / "__init__.py").write_text(THIEF)
    noise = folder / "noise-1.0.dist-info"
    noise.mkdir()
    (noise / "METADATA").write_bytes(b"\xff\xfe\x00")
    (noise / "entry_points.txt").write_bytes(b"[builderbrain.domains\n= = =\n\xff")
    return folder


@pytest.fixture(scope="module")
def listed(site: Path) -> dict[str, dict[str, Any]]:
    # What is made only once (a lowered PEG) must not run against the short patience of the rest.
    bb(site, "domains", "list", BB_DOMAINS="api_json,phone,robots,social", BB_LOAD_SECONDS="60")
    done = bb(site, "domains", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["domains"]}


@pytest.mark.parametrize("plugin", PLUGINS, ids=[ascii(p.name) for p in PLUGINS])
def test_each_is_explained_in_one_line(listed: dict[str, dict[str, Any]], plugin: Plugin) -> None:
    said = listed[ascii(plugin.name).strip("'")]["error"]
    assert plugin.says in said
    assert bool(plugin.says) == bool(said)
    assert said.isprintable()
    assert len(said) < 400


def test_the_thief_is_named_and_passed_over(listed: dict[str, dict[str, Any]]) -> None:
    assert "bb_domains/__init__.py would hide other domains" in listed["bb_domains"]["error"]
    assert listed["good"]["error"] == ""


def test_the_others_still_work(site: Path, listed: dict[str, dict[str, Any]]) -> None:
    assert listed["api_json"]["error"] == ""
    for name in ("good", "api_json"):
        done = bb(site, "domains", "show", name)
        assert done.returncode == 0, done.stderr
        assert "tools" in done.stdout


def test_the_table_has_one_line_each(site: Path, listed: dict[str, dict[str, Any]]) -> None:
    done = bb(site, "domains", "list")
    lines = done.stdout.splitlines()
    assert len(lines) == len(listed) + 3  # the head, a blank line, the count
    broken = sum(1 for one in listed.values() if one["error"])
    assert lines[-1] == f"{len(listed) - broken} domains ready, {broken} broken."
    assert "Traceback" not in done.stderr


def test_asking_for_a_broken_one_gives_its_line(site: Path) -> None:
    for words in (("domains", "show", "quits"), ("plan", "check", "-", "--domain", "badyaml")):
        done = bb(site, *words)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("bb: ")
        assert "Traceback" not in done.stderr


def test_a_pin_settles_a_clash(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "bb.toml"
    config.write_text('[domains.twice]\ndist = "other-dist"\n')
    done = bb(site, "domains", "list", "--config", str(config), BB_DOMAINS="twice")
    assert "1 domain ready" in done.stdout


def test_only_the_chosen_are_loaded(site: Path) -> None:
    done = bb(site, "domains", "list", "--json", BB_DOMAINS="good,sleeps_not")
    names = [one["name"] for one in json.loads(done.stdout)["domains"]]
    assert names == ["bb_domains", "good"]
    none = bb(site, "domains", "list", "--json", BB_DOMAINS="")
    assert [d["name"] for d in json.loads(none.stdout)["domains"]] == ["bb_domains"]


def test_trace_shows_hook_calls(site: Path) -> None:
    done = bb(site, "domains", "show", "good", BB_DOMAINS="good", BB_TRACE="1")
    assert "bb: hook grammar -> domain:good" in done.stderr
