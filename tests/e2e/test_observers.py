"""Observers add metrics, importers and skins to a domain; a broken or hostile one costs itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BB = str(Path(sys.executable).with_name("bb"))
OBSERVER = """
from dataclasses import replace

from bb_core import hookimpl
from bb_core.battery import Task
from bb_core.skins import Skin


class Observer:
    api = 1
{body}

observer = Observer()
"""
GOOD = """
    @hookimpl
    def metrics(self, domain):
        return {"leaves": lambda episode: len(episode.diff), "named": lambda e: domain == "calm"}

    @hookimpl
    def importers(self, domain):
        def lines(path):
            return [Task(f"t{n}", text, ({"steps": [{"id": "n1", "tool": "look",
                         "args": {"item": "i1"}}]},))
                    for n, text in enumerate(path.read_text().splitlines())]
        return {"lines": lines}

    @hookimpl
    def skins(self):
        return [Skin("shout", "invariant", lambda t: replace(t, prompt=t.prompt.upper()))]
"""
BROKEN = {
    "raises": ("raise RuntimeError('boo')", "RuntimeError: boo"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3"),
    "hangs": ("while True: pass", "took longer than "),
    "old": (OBSERVER.format(body="    api = 0"), "written for API 0; this core speaks 1"),
    "odd": (
        OBSERVER.format(body="    @hookimpl\n    def skins(self):\n        return [1]"),
        "skins() holds a int",
    ),
    "wild": (
        OBSERVER.format(body="    @hookimpl\n    def dreams(self):\n        return []"),
        "unknown hook 'dreams'",
    ),
    "metrics": (
        OBSERVER.format(body="    @hookimpl\n    def metrics(self):\n        return 'all'"),
        "metrics() gave str",
    ),
}
HOSTILE = """
    @hookimpl
    def metrics(self):
        def wipe(episode):
            episode.diff.clear()
            episode.before.clear()
            return 1.0
        def fail(episode):
            raise KeyError("missing")
        return {"wipe": wipe, "fail": fail}

    @hookimpl
    def skins(self):
        def apply(task):
            task.diff.clear()
            raise SystemExit(4)
        return [Skin("exit", "trap", apply)]
"""


def install(site: Path, name: str, code: str, dist: str = "") -> None:
    """An observer as an installed distribution."""
    (site / f"seen_{name}.py").write_text(code)
    info = site / f"{dist or name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist or name}\nVersion: 1.0\n")
    points = f"[builderbrain.observers]\n{name} = seen_{name}:observer\n"
    (info / "entry_points.txt").write_text(points)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small domain out of the template, a good observer and every bad one."""
    home = tmp_path_factory.mktemp("observed")
    made = subprocess.run([BB, "domains", "new", "calm", "--into", str(home)], check=False)
    assert made.returncode == 0
    folder = home / "builderbrain-calm"
    info = folder / "calm-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: calm\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[builderbrain.domains]\ncalm = bb_domains.calm:domain\n"
    )
    install(folder, "good", OBSERVER.format(body=GOOD))
    install(folder, "hostile", OBSERVER.format(body=HOSTILE))
    for name, (code, _) in BROKEN.items():
        install(folder, name, code)
    install(folder, "twice", OBSERVER.format(body=GOOD))
    install(folder, "twice", OBSERVER.format(body=GOOD), "other")
    return folder


def bb(site: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `bb` with two of the observers, or those that are asked for."""
    own = {"PYTHONPATH": str(site), "BB_DOMAINS": "calm", "BB_OBSERVERS": "good,hostile"}
    return subprocess.run([BB, *words], env=os.environ | own | env, capture_output=True, text=True)


def test_the_domain_stays_right_and_each_observer_has_its_line(site: Path) -> None:
    every = ",".join(["good", "hostile", "twice", *BROKEN])
    done = bb(site, "domains", "check", "calm", BB_OBSERVERS=every, BB_LOAD_SECONDS="2")
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if "  observer  " in line]
    for name, (_, found) in BROKEN.items():
        assert any(f"{name}: left out: " in line and found in line for line in said), (name, said)
    assert any("twice: left out: claimed by other and twice" in line for line in said)
    assert any("good: ok   2 skinned tasks; 2 metrics, 1 importer" in line for line in said)
    assert any("hostile: 2 of 2 wrong" in line for line in said) and "SystemExit: 4" in done.stdout


def test_metrics_count_and_a_broken_one_is_left_out(site: Path) -> None:
    done = bb(site, "battery", "replay", "calm", "--oracle", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["oracle"]
    assert told["metrics"] == {"good:leaves": 1.0, "good:named": 2.0, "hostile:wipe": 2.0}
    assert "KeyError: 'missing'" in told["broken metrics"]["hostile:fail"]
    assert told["problems"] == []


def test_an_importer_gives_the_tasks_of_a_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text("How many of i1?\nCount i1.\n")
    source = f"good:lines={file}"
    done = bb(site, "battery", "run", "calm", "--oracle", "--from", source, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["tasks"], told["pass^1"]) == (2, 1.0)
    unknown = bb(site, "battery", "run", "calm", "--oracle", "--from", f"nobody:x={file}")
    assert unknown.returncode == 2 and "there are: good:lines" in unknown.stderr
    missing = bb(site, "battery", "run", "calm", "--oracle", "--from", "good:lines=/nowhere")
    assert missing.returncode == 2 and "FileNotFoundError" in missing.stderr


def test_a_skin_of_an_observer_dresses_a_run(site: Path) -> None:
    done = bb(site, "battery", "run", "calm", "--oracle", "--skin", "good:shout")
    assert done.returncode == 0, done.stderr
    assert "pass^1            1.000" in done.stdout
    no = bb(site, "battery", "run", "calm", "--oracle", "--skin", "none")
    assert no.returncode == 2 and "no skin 'none'" in no.stderr
