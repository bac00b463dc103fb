"""The evidence page: made of its lines and of nothing else."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

evidence = importlib.import_module("evidence")


def line(seed: int, right: float, recipe: str = "wide", **more: Any) -> dict[str, Any]:
    told = {"name": "sums", "script": "sums.py", "bar": "at least .9", "passed": right >= 0.9}
    rows = {"splits": {f"long, seed {seed}": {"right": right}}, "texts": 100}
    return {**told, "seeds": [seed], "recipe": recipe, **rows, **more}


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(evidence, "DOCS", tmp_path)
    monkeypatch.setattr(evidence, "HERE", tmp_path)
    yield tmp_path


def test_the_page_in_the_repository_is_what_its_lines_make() -> None:
    made = evidence.page(evidence.kept())
    assert made == (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert all((ROOT / "docs" / path).exists() for path in pictures(made))


def pictures(page: str) -> list[str]:
    return [part.split(")")[0] for part in page.split("](") if part.startswith("img/")]


def test_runs_of_one_recipe_are_one_table_and_hold_only_together() -> None:
    page = evidence.section("sums", [line(0, 0.95), line(1, 0.93)])
    assert "holds" in page
    assert "seeds 0, 1" in page
    assert "| long, seed 0 | 0.95 |\n| long, seed 1 | 0.93 |" in page
    assert "**falls short**" in evidence.section("sums", [line(0, 0.5), line(1, 0.93)])


def test_a_run_again_takes_the_place_of_the_earlier_one() -> None:
    page = evidence.section("sums", [line(0, 0.5), line(1, 0.93), line(0, 0.97)])
    assert "holds" in page
    assert "0.5" not in page


def test_a_run_of_other_arms_hides_none_that_fell_short() -> None:
    ours, theirs = line(0, 0.5, arms={"ours": {"right": 0.5}}), line(0, 0.97, arms={"theirs": {}})
    del theirs["bar"]
    page = evidence.section("sums", [ours, theirs])
    assert "**falls short**" in page
    assert "| ours | 0.5 |" in page


def test_what_was_added_to_a_line_is_shown_as_added() -> None:
    page = evidence.section("sums", [line(0, 0.95, how=["By hand."], remarks=["Run twice."])])
    assert "* By hand.\n* Added later: Run twice.\n" in page
    assert "remarks" not in page


def test_an_earlier_recipe_stays_on_the_page_with_its_own_verdict() -> None:
    narrow = line(0, 0.4, "narrow", remarks=["Too narrow."])
    page = evidence.section("sums", [narrow, line(0, 0.97)])
    result, earlier = page.split("### Earlier: ")
    assert "holds" in result
    assert "0.4" not in result
    assert earlier.startswith("narrow: **falls short**")
    assert "* Added later: Too narrow.\n" in earlier
    assert "| long, seed 0 | 0.4 |" in earlier


def test_a_line_is_kept_and_its_curve_is_drawn(docs: Path) -> None:
    curves = {"Loss": {"x": "step", "y": "nats", "lines": {"seed 0": [[0, 2.0], [9, 0.1]]}}}
    printed = json.dumps({**line(0, 0.95), "curves": curves})
    (docs / "sums.py").write_text(f"print({printed!r})")
    assert evidence.main(["sums.py"]) == 0
    assert evidence.main(["sums.py"]) == 0
    assert len((docs / "evidence" / "sums.jsonl").read_text().splitlines()) == 2
    assert pictures((docs / "evidence.md").read_text()) == ["img/sums-loss.png"]
    assert (docs / "img" / "sums-loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_script_that_prints_nothing_leaves_no_line(docs: Path) -> None:
    (docs / "sums.py").write_text("raise SystemExit('out of disk')")
    assert evidence.main(["sums.py"]) == 1
    assert evidence.main(["none.py"]) == 2
    assert not (docs / "evidence").exists()
