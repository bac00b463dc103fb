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
    return {**told, "seeds": [seed], "recipe": recipe, **rows} | more


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


def bare(seed: int, right: float, **more: Any) -> dict[str, Any]:
    """A line whose rows do not say whose seed they are of."""
    rows = {"splits": {"long": {"right": right}, "short": {"right": 1.0}}}
    return line(seed, right, **rows, cost={"won": seed, "lost": 1}, **more)


def test_rows_without_a_seed_get_it_where_another_seed_has_other_figures() -> None:
    page = evidence.section("sums", [bare(3, 0.93), bare(4, 0.95)])
    assert "| long, seed 3 | 0.93 |" in page
    assert "| long, seed 4 | 0.95 |" in page
    assert page.count("| short | 1 |") == 1
    assert "| cost, seed 3 | won 3, lost 1 |" in page
    assert "| cost, seed 4 | won 4, lost 1 |" in page
    assert "| texts | 100 |" in page


def test_a_run_of_several_seeds_is_told_from_one_of_another() -> None:
    page = evidence.section("sums", [bare(0, 0.93, seeds=[0, 1]), bare(2, 0.95)])
    assert "| long, seeds 0, 1 | 0.93 |" in page
    assert "| long, seed 2 | 0.95 |" in page


def test_a_row_that_names_its_seed_is_of_the_newest_run_that_has_it() -> None:
    again = {"splits": {"long, seed 0": {"right": 0.97}}}
    page = evidence.section("sums", [line(0, 0.5), line(1, 0.97, **again, seeds=[0, 1])])
    assert "| long, seed 0 | 0.97 |" in page
    assert "0.5" not in page


def test_curves_of_two_seeds_have_to_say_whose_they_are() -> None:
    def drawn(name: str, nats: float) -> dict[str, Any]:
        return {"Loss": {"x": "step", "y": "nats", "lines": {name: [[0, nats]]}}}

    apart = [line(n, 0.95, curves=drawn(f"seed {n}", n)) for n in (0, 1)]
    assert "img/sums-loss.png" in evidence.section("sums", apart)
    with pytest.raises(ValueError, match="two lines 'all'"):
        evidence.section("sums", [line(n, 0.95, curves=drawn("all", n)) for n in (0, 1)])


def test_another_rail_is_another_recipe() -> None:
    old, new = (f"sha256:{digit * 64}" for digit in "ab")
    page = evidence.section("sums", [line(0, 0.91, weights=old), line(1, 0.97, weights=new)])
    result, earlier = page.split("### Earlier: ")
    assert "Recipe: wide; weights sha256:bbbbbbbbbbbb\n" in result
    assert earlier.startswith("wide; weights sha256:aaaaaaaaaaaa: holds")
    pair = {"old": old, "new": new}
    both = evidence.section("sums", [line(0, 0.91, weights=new), line(1, 0.97, weights=pair)])
    assert "Recipe: wide; weights sha256:aaaaaaaaaaaa and sha256:bbbbbbbbbbbb\n" in both


def test_a_recipe_that_names_its_rail_is_not_told_it_again() -> None:
    kept = {"weights": f"sha256:{'a' * 64}", "recipe": "wide; weights sha256:aaaaaaaaaaaa"}
    page = evidence.section("sums", [line(0, 0.91, **kept)])
    assert "Recipe: wide; weights sha256:aaaaaaaaaaaa\n" in page


def test_remarks_of_every_run_stay_each_once() -> None:
    older, newer = ["One core.", "Twice."], ["Twice.", "Two cores."]
    page = evidence.section("sums", [line(0, 0.95, remarks=older), line(1, 0.93, remarks=newer)])
    told = [f"* Added later: {one}\n" for one in ("One core.", "Twice.", "Two cores.")]
    assert "".join(told) in page
    assert page.count("Added later") == 3


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
