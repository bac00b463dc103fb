"""The page of benchmarks: what was measured stays until it is measured again."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

benchmarks = importlib.import_module("all")
report = importlib.import_module("report")

LINE = '{"name": "one", "passed": true, "right": 3}'


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(benchmarks, "HERE", tmp_path)
    monkeypatch.setattr(benchmarks, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(benchmarks, "KEPT", tmp_path / "kept.jsonl")
    monkeypatch.setattr(benchmarks, "SCRIPTS", {"one": "one.py"})
    (tmp_path / "one.py").write_text(f"print({LINE!r})")
    return tmp_path / "one.py"


def test_the_page_in_the_repository_is_what_its_lines_make() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert benchmarks.page(benchmarks.kept()) == page


def test_a_benchmark_that_is_killed_loses_no_row(script: Path) -> None:
    assert benchmarks.main(["one"]) == 0
    before = benchmarks.PAGE.read_bytes(), benchmarks.KEPT.read_bytes()
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert benchmarks.main(["one"]) == 1
    assert (benchmarks.PAGE.read_bytes(), benchmarks.KEPT.read_bytes()) == before


def test_a_benchmark_that_breaks_falls_short(script: Path) -> None:
    assert benchmarks.main(["one"]) == 0
    script.write_text("raise RuntimeError")
    assert benchmarks.main(["one"]) == 1
    assert "printed no line" in benchmarks.PAGE.read_text("utf-8")


def test_a_line_is_json_whatever_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    report.emit("one", True, rows={"a": {"kl": float("inf"), "some": [1.0, float("nan")]}})
    refused = {"parse_constant": pytest.fail}
    line = json.loads(capsys.readouterr().out, **refused)
    assert line["rows"] == {"a": {"kl": "inf", "some": [1.0, "nan"]}}
