"""The pages name every key and every variable there is, with the default and range the code has."""

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bb_infra import config as serving
from bb_safety.errors import EvidenceError
from bb_safety.policy import Policy
from bb_train import config as training
from bb_train.example import FAMILIES

REPO = Path(__file__).parents[2]
TRAINING, SERVING = REPO / "docs/training.md", REPO / "docs/configuration.md"
ROW = re.compile(r"^\| `(\[[^`]*|[A-Z_]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
VARIABLE = re.compile(r"\bBB_[A-Z_]+\b")
POLICY = {
    "errors": "0 to below 1",
    "canary": "above 0, to 1",
    "freeze_after": "1 or more",
    "epsilon_total": "`epsilon` or more",
    "kappa": "above 0, below `kappa_clip`",
    "kappa_anchor": "above 0, below `kappa_clip`",
    "kappa_clip": "",
    "kappa_max": "",
}
Row = tuple[str, str, str]


def rows(page: Path) -> dict[str, Row]:
    """The page's rows by key: default, range, and what it says of it."""
    found = ROW.findall(page.read_text("utf-8"))
    assert len({key for key, *_ in found}) == len(found)
    return {key: (default, between, said) for key, default, between, said in found}


def shown(value: Any) -> str:
    """A default as TOML, in a table."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(item) for item in value)}]`".replace("'", '"')
    return f"`{value}`" if isinstance(value, int | float) else "`{}`"


def figure(bound: float) -> str:
    return f"{bound:.0f}" if bound == int(bound) and abs(bound) < 1e16 else f"{bound:g}"


def between(low: float, high: float) -> str:
    """A range; what no run can use up is no limit to name."""
    return (
        f"{figure(low)} or more" if high == training._MANY else f"{figure(low)} to {figure(high)}"
    )


def trained() -> Iterator[tuple[str, str, str]]:
    """Key, default and range of everything in a run's file."""
    sections = {**training._SECTIONS, "constraints": training.Held}
    for name, made in sections.items():
        for field in fields(made):
            path = (name, field.name)
            if name == "constraints":
                path = (name, training.CONSTRAINTS[0], field.name)
            said = training._CHOICES.get(path[:2], ())  # type: ignore[arg-type]
            said = FAMILIES if path == ("data", "families") else said
            limits = training._RANGES.get(path)
            told = between(*limits) if limits else ", ".join(f"`{one}`" for one in said)
            header = "constraints.NAME" if name == "constraints" else name
            yield f"[{header}] {field.name}", shown(getattr(made(), field.name)), told


def served() -> Iterator[tuple[str, str, str]]:
    """The same of `bb.toml`."""
    for name, made in {**serving.SECTIONS, "domains": serving.DomainPin}.items():
        for field in fields(made):
            limits = serving.RANGES.get((name, field.name))
            told = between(*limits) if limits else ""
            if name == "gate":
                told = POLICY.get(field.name, "above 0, below 1")
            header = "domains.NAME" if name == "domains" else name
            yield f"[{header}] {field.name}", shown(getattr(made(), field.name)), told


@pytest.mark.parametrize(("page", "code"), [(TRAINING, trained), (SERVING, served)])
def test_a_page_says_the_keys_of_the_code(page: Path, code: Any) -> None:
    wanted = list(code())
    told = {key: row for key, row in rows(page).items() if key.startswith("[")}
    table = "\n".join(f"| `{key}` | {default} | {limits} | |" for key, default, limits in wanted)
    assert {key: row[:2] for key, row in told.items()} == {
        key: (default, limits) for key, default, limits in wanted
    }, f"{page} has to say:\n{table}"
    assert list(told) == [key for key, *_ in wanted]
    assert all(said.strip() for _, _, said in told.values())


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: edge} for name in ("alpha", "epsilon", "anchor_epsilon") for edge in (0.0, 1.0)),
        *({"alpha_harm": 0.0}, {"alpha_harm": 1.0}, {"kappa": 0.0}, {"kappa_anchor": 0.0}),
        *({"kappa": 2.0, "kappa_clip": 2.0}, {"kappa_anchor": 2.0, "kappa_clip": 2.0}),
        *({"errors": -0.1}, {"errors": 1.0}, {"canary": 0.0}, {"canary": 1.1}),
        *({"freeze_after": 0}, {"epsilon": 0.1, "epsilon_total": 0.09}),
    ],
    ids=str,
)
def test_the_gate_refuses_what_lies_beyond_the_ranges_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        Policy(**wrong)


@pytest.mark.parametrize("name", training.CONSTRAINTS)
def test_every_constraint_has_the_same_keys_and_ranges(name: str) -> None:
    first = training.CONSTRAINTS[0]
    for field in fields(training.Held):
        mine = training._RANGES[("constraints", name, field.name)]
        assert mine == training._RANGES[("constraints", first, field.name)]
    assert f"`{name}`" in TRAINING.read_text("utf-8")


def test_the_page_says_every_variable_that_is_read() -> None:
    files = [
        path
        for folder in ("builderbrain-core", "builderbrain-plugins")
        for path in (REPO / folder).rglob("*.py")
        if os.sep + "build" + os.sep not in str(path)
    ]
    read = {name for path in files for name in VARIABLE.findall(path.read_text("utf-8"))}
    assert {key for key in rows(SERVING) if not key.startswith("[")} == read


@pytest.mark.parametrize("page", [TRAINING, SERVING])
def test_the_samples_are_read(page: Path) -> None:
    samples = re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    assert samples
    for text in samples:
        served_by = page is SERVING or "[rail]" in text
        read = serving.read_config if served_by else training.read_train_config
        read(text, str(page))


def test_a_first_run_of_ones_own_keeps_to_the_defaults_it_does_not_name() -> None:
    text = TRAINING.read_text("utf-8")
    assert "not the defaults" in text
    sample = next(s for s in re.findall(r"```toml\n(.*?)```", text, re.S) if "[run]" in s)
    made = training.read_train_config(sample, "sample")
    assert made.digest != training.TrainConfig(run=made.run).digest


PAGES = sorted((REPO / "docs").glob("*.md"))


def test_a_page_of_the_manual_is_linked_from_the_front() -> None:
    front = (REPO / "README.md").read_text("utf-8")
    assert [p.name for p in PAGES if f"docs/{p.name}" not in front] == []


@pytest.mark.parametrize("page", [*PAGES, REPO / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there and, in a page of Markdown, to a heading."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text("utf-8")):
        name, _, place = link.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), link
        if place:
            heads = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in heads}
