"""Each README shows a picture that is there, and a drawn plan is the one told beside it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "builderbrain-plugins"
BB = str(Path(sys.executable).with_name("bb"))
DRAWN = {"api_json": r"```json\n(.*?)```", "social": r"```\n(n1 = .*?)```"}


@pytest.mark.parametrize("name", ["api_json", "phone", "robots", "social"])
def test_it_has_a_picture(name: str) -> None:
    told = (PLUGINS / name / "README.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", told)
    assert pictures
    assert all((PLUGINS / name / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawn_plan_is_the_one_that_is_told(name: str) -> None:
    told = (PLUGINS / name / "README.md").read_text("utf-8")
    plan = re.findall(DRAWN[name], told, re.S)[0]
    drawn = subprocess.run(
        [BB, "plan", "show", "--domain", name, "--as", "svg", "-"],
        input=plan,
        capture_output=True,
        text=True,
    )
    assert drawn.stdout == (PLUGINS / name / "plan.svg").read_text("utf-8"), drawn.stderr
