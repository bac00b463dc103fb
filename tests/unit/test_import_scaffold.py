"""A scaffolded domain: whole or not at all, written safely, and a language a model can decode."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from bb_core.next_step import NextStep
from bb_core.openapi import read_openapi
from bb_core.plan import to_json
from bb_core.sample import draw_language
from bb_domains.api_json.shop.app import create_app
from bb_domains.api_json.shop.store import Store
from bb_infra.errors import InfraError
from bb_infra.import_scaffold import Source, scaffold
from bb_runtime.prompt import system
from tests.imports.site import Site

OK: dict[str, Any] = {"200": {"description": ""}}


def source(document: dict[str, Any]) -> Source:
    return Source("openapi", "x.json", document, read_openapi(document))


def api(title: str = "T", **operations: Any) -> dict[str, Any]:
    paths = {f"/{name}": {"post": {"operationId": name, **op}} for name, op in operations.items()}
    return {"openapi": "3.1.0", "info": {"title": title}, "paths": paths}


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    document = create_app(Store(":memory:", {})).openapi()
    return Site(scaffold(source(document), tmp_path, "shop").folder, "shop")


def test_what_nobody_ratified_is_neither_told_to_a_model_nor_offered(shop: Site) -> None:
    home = shop.compiled()
    assert "create_refund" not in system(home)
    shortest = NextStep(home.surface, home.schema).shortest.decode()
    assert '"tool":"confirm"' in shortest
    shop.ratify({"create_refund": "irreversible"})
    home = shop.compiled()
    assert "create_refund" in system(home)
    assert "get_order" not in system(home)


def test_every_imported_tool_can_be_decoded_and_read_back(shop: Site) -> None:
    names = [name for name in shop.compiled().schema.tools if name != "confirm"]
    shop.ratify(dict.fromkeys(names, "read"))
    home = shop.compiled()
    steps, seen = NextStep(home.surface, home.schema), set[str]()
    for seed in range(200):
        text = draw_language(Random(seed), steps.segment().language)
        if not text.endswith("]}"):
            continue  # a step that promises another
        plan = home.parse(text)
        assert to_json(home.parse(home.print(plan))) == to_json(plan)
        seen |= {step.tool for step in plan.steps}
    assert seen == {*names, "confirm"}


def test_a_title_can_break_out_of_nothing(tmp_path: Path) -> None:
    title = '"""\nimport os; """ \\" \u202e # {{ }} \'\'\'\n[tool]\nx = 1'
    made = scaffold(source(api(title, go={"responses": OK})), tmp_path, "odd")
    code = (made.folder / "bb_domains/odd/__init__.py").read_text()
    compile(code, "x", "exec")
    assert "import os" in code.splitlines()[0]  # inside the docstring's one line
    import tomllib

    project = tomllib.loads((made.folder / "pyproject.toml").read_text())
    assert set(project) == {"build-system", "project", "tool"}
    Site(made.folder, "odd").compiled()


def test_a_tool_named_like_ours_keeps_its_name_and_ours_takes_another(tmp_path: Path) -> None:
    made = scaffold(source(api(confirm={"responses": OK})), tmp_path, "own")
    tools = Site(made.folder, "own").compiled().schema.tools
    assert (tools["confirm"].approves, tools["confirm_2"].approves) == (False, True)


def test_nothing_is_left_where_nothing_can_be_imported(tmp_path: Path) -> None:
    nothing = api(up={"requestBody": {"required": True, "content": {"image/png": {}}}})
    with pytest.raises(InfraError, match=r"nothing can be imported \(POST /up its body is image"):
        scaffold(source(nothing), tmp_path, "none")
    with pytest.raises(InfraError, match="is no name for a domain"):
        scaffold(source(api(go={"responses": OK})), tmp_path, "../up")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    made = scaffold(source(api(go={"responses": OK})), tmp_path, "twice")
    (made.folder / "mine.txt").write_text("mine")
    with pytest.raises(InfraError, match="is there already"):
        scaffold(source(api(go={"responses": OK})), tmp_path, "twice")
    assert (made.folder / "mine.txt").read_text() == "mine"


def test_a_crash_while_writing_leaves_no_half_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path.write_text

    def full(self: Path, text: str, *rest: Any, **more: Any) -> int:
        if self.name == "grammar.lark":
            raise OSError(28, "No space left on device")
        return plain(self, text, *rest, **more)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InfraError, match="cannot be written: No space left on device"):
        scaffold(source(api(go={"responses": OK})), tmp_path, "half")
    assert list(tmp_path.iterdir()) == []
