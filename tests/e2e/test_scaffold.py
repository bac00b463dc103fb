"""A domain out of the template: three questions, right untouched, and the same from wheels."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from bb_core.editor_schema import editor_schema
from bb_core.yaml_lines import read_yaml
from tests.e2e.wheels import CORE, REPO, Environment, empty, wheel

BB = str(Path(sys.executable).with_name("bb"))
TEMPLATES = "cookiecutter-domain"
TEMPLATE = REPO / TEMPLATES / "{{cookiecutter.__dist}}"
ANSWERS = b"night kitchen\nCooks what was ordered.\ny\n"


def test_three_questions_make_a_domain(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, ANSWERS)
    made = subprocess.run(
        [BB, "domains", "new", "--into", str(tmp_path)],
        stdin=theirs,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    for asked in ("Name, in plain words", "What its plans do", "free text"):
        assert asked in made.stdout
    home = tmp_path / "builderbrain-night-kitchen"
    assert 'mode="soft"' in (home / "bb_domains/night_kitchen/__init__.py").read_text()
    assert 'description = "Cooks what was ordered."' in (home / "pyproject.toml").read_text()
    flow = yaml.safe_load((home / ".github/workflows/ci.yml").read_text())
    assert flow["jobs"]["check"]["steps"][1]["with"]["python-version"] == "${{ matrix.python }}"
    ran = [step["run"] for step in flow["jobs"]["check"]["steps"] if "run" in step]
    assert ran[-1] == "bb battery replay night_kitchen"


def test_cookiecutter_itself_asks_the_same_three(tmp_path: Path) -> None:
    def baked(answers: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BB.removesuffix("bb") + "cookiecutter", str(REPO / TEMPLATES), "-o", str(tmp_path)],
            input=answers,
            capture_output=True,
            text=True,
        )

    made = baked("tea room\n\n2\n")
    assert made.returncode == 0, made.stderr
    assert "[3/3]" in made.stdout
    ours = ["domains", "new", "tea room", "--soft", "--into", str(tmp_path / "ours")]
    assert subprocess.run([BB, *ours], capture_output=True).returncode == 0
    assert _files(tmp_path / "builderbrain-tea-room") == _files(
        tmp_path / "ours/builderbrain-tea-room"
    )
    for answers, why in (("robots\n\n1\n", "installed already"), ("class\n\n1\n", "of Python")):
        refused = baked(answers)
        assert refused.returncode == 1 and why in refused.stderr


def _files(folder: Path) -> dict[str, bytes]:
    assert folder.is_dir()
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def test_without_a_terminal_a_name_is_needed() -> None:
    done = subprocess.run(
        [BB, "domains", "new"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bb: a domain needs a name. Run: bb domains new 'ware house'\n"


DRAWS = """
from collections import Counter
from bb_core.compiled import compile_domain
from bb_core.registry import discover
from bb_train.data.coverage import unshown, unvaried
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig

domain = compile_domain(discover().get("tea_room"))
for split in ("train", "dev"):
    generator = Generator(domain)
    made = list(generator.examples(GeneratorConfig(20, split=split)))
    used = Counter(step.tool for each in made for step in each.plan.steps)
    assert min(used.get(tool, 0) for tool in domain.schema.tools) >= 5, used
    assert not list(unshown(domain, made, ()))
    assert "inexpressible" not in generator.dropped
    steps = [step for each in made for step in each.plan.steps]
    counts = {step.args["count"] for step in steps if "count" in step.args}
    assert len(counts) > 1
    assert split == "dev" or not list(unvaried(domain, made))
"""


def test_every_tool_of_the_template_gets_examples_to_learn_from(tmp_path: Path) -> None:
    made = subprocess.run([BB, "domains", "new", "tea room", "--into", str(tmp_path)])
    assert made.returncode == 0
    folder = tmp_path / "builderbrain-tea-room"
    info = folder / "tea-0.1.0.dist-info"  # as pip install -e leaves it
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tea\nVersion: 0.1.0\n")
    point = "[builderbrain.domains]\ntea_room = bb_domains.tea_room:domain\n"
    (info / "entry_points.txt").write_text(point)
    drawn = subprocess.run(
        [sys.executable, "-c", DRAWS],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert drawn.returncode == 0, drawn.stderr


def test_the_template_brings_the_schema_editors_read() -> None:
    printed = subprocess.run([BB, "domains", "schema"], capture_output=True, text=True)
    assert printed.stdout == (TEMPLATE / "plan_schema.json").read_text()
    said = (TEMPLATE / "bb_domains/{{cookiecutter.__module}}/plan_schema.yaml").read_text()
    assert said.startswith("# yaml-language-server: $schema=../../plan_schema.json\n")


SCHEMAS = sorted(REPO.glob("builderbrain-plugins/*/bb_domains/*/plan_schema.yaml"))


@pytest.mark.parametrize("path", SCHEMAS, ids=[path.parent.name for path in SCHEMAS])
def test_the_editors_schema_takes_what_the_reader_takes(path: Path) -> None:
    judge = jsonschema_rs.validator_for(editor_schema())
    value = read_yaml(path.read_text(), path.name).value
    assert [str(error) for error in judge.iter_errors(value)] == []


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        ("effect", "wriet", "wriet"),
        ("efect", "write", "efect"),
        ("timeout_s", 0, "0"),
        ("guards", [{"expr": "true"}], "id"),
        ("args", {"Item": "ItemId"}, "Item"),
    ],
)
def test_the_editors_schema_marks_a_mistake(place: str, value: object, found: str) -> None:
    tool = {"does": "Take", "effect": "write", place: value}
    document = {"plan_schema": 1, "domain": "till", "tools": {"take": tool}}
    errors = [str(e) for e in jsonschema_rs.validator_for(editor_schema()).iter_errors(document)]
    assert errors and any(found in error for error in errors)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core's wheel, by way of its sdist, and the shop's."""
    folder = tmp_path_factory.mktemp("wheels")
    made = tmp_path_factory.mktemp("sdist")
    build = empty(made / "env", folder)
    build.install("hatchling>=1.26")
    build.ok("python", "-m", "hatchling", "build", "-t", "sdist", "-d", str(made), cwd=CORE)
    (sdist,) = made.glob("*.tar.gz")
    wheel(sdist, folder)
    wheel(REPO / "builderbrain-plugins/api_json", folder)
    return folder


@pytest.mark.slow
def test_a_rendered_calc_passes_from_wheels_in_an_empty_environment(
    wheels: Path, tmp_path: Path
) -> None:
    author = empty(tmp_path / "author", wheels)
    author.install("builderbrain-core[new]")
    author.ok("bb", "domains", "new", "calc", "--into", str(tmp_path))
    home = tmp_path / "builderbrain-calc"
    assert not list(home.rglob("__pycache__")), "what pip compiled in the template was rendered"
    author.install("-e", f"{home}[test]")
    assert " passed" in author.ok("pytest", "-q", cwd=home)
    author.ok("bb", "domains", "check", "calc")
    wheel(home, wheels)
    user = empty(tmp_path / "user", wheels)
    user.install("builderbrain-calc", "pytest")
    _holds(user, tmp_path)


def _holds(user: Environment, cwd: Path) -> None:
    """An installed calc is listed, checked and tested, and no model library came with it."""
    told = json.loads(user.ok("bb", "domains", "list", "--json", cwd=cwd))
    assert [(one["name"], one["error"]) for one in told["domains"]] == [("calc", "")]
    checked = user.ok("bb", "domains", "check", "calc", cwd=cwd)
    assert re.search(r"masks +skipped: no \[model\] extra", checked)
    assert " passed" in user.ok("pytest", "-q", "--pyargs", "bb_domains.calc", cwd=cwd)
    assert "0 effects" in user.ok("bb", "battery", "replay", "calc", cwd=cwd)
    assert "torch" not in user.ok("pip", "list")


@pytest.mark.slow
def test_a_battery_plays_in_inspect(wheels: Path, tmp_path: Path) -> None:
    theirs = empty(tmp_path / "inspect", wheels)
    theirs.install("builderbrain-core[inspect]", "builderbrain-api-json[shop]")
    rows = tmp_path / "battery.jsonl"
    theirs.ok("bb", "battery", "export", "api_json", "--out", str(rows), cwd=tmp_path)
    script = REPO / "tests/e2e/other_harness/inspect_oracle.py"
    said = theirs.ok("python", str(script), "api_json", str(rows), str(tmp_path), cwd=tmp_path)
    told = json.loads(said.splitlines()[-1])
    battery = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    to_do = {row["id"] for row in battery if row["metadata"]["expect"] == "done"}
    assert told["exported"] == len(battery) == told["oracle"]["samples"]
    assert (told["oracle"]["status"], told["oracle"]["accuracy"]) == ("success", 1.0)
    assert set(told["silent"]["wrong"]) == to_do
