"""What a new domain is told about itself stands in its files as it was given."""

import ast
import tomllib
from pathlib import Path

from bb_infra.new_domain import Wanted, create

ABOUT = 'Takes {{ 7 * 6 }} "boxes" from C:\\new\\{% endraw %}, it\'s 5 ° ☕'


def test_a_sentence_is_taken_literally(tmp_path: Path) -> None:
    made = create(Wanted("odd shelf", ABOUT, False), tmp_path)
    code = (made.folder / "bb_domains" / made.module / "__init__.py").read_text("utf-8")
    assert ast.get_docstring(ast.parse(code)) == ABOUT
    project = tomllib.loads((made.folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["description"] == ABOUT
    assert ABOUT in (made.folder / "README.md").read_text("utf-8")
