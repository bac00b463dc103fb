"""One document out of many: external references are taken in, and lead no further than they may."""

import json
from pathlib import Path
from typing import Any

import pytest

from bb_core.errors import BuilderbrainError
from bb_core.openapi import read_openapi
from bb_core.tool_names import plan_name
from bb_infra.document import load_document
from tests.imports.echo import Echo

MAIN = """
openapi: 3.0.0
info: {title: Pets}
paths:
  /pets/{id}:
    $ref: "paths/pets.yaml#/one"
"""
PETS = """
one:
  get:
    operationId: look
    parameters:
      - {$ref: "#/id"}
    responses:
      200: {$ref: "../shared.json#/answers/Pet"}
id: {name: id, in: path, required: true, schema: {type: string, maxLength: 9}}
"""
SHARED: dict[str, Any] = {
    "answers": {
        "Pet": {
            "description": "",
            "content": {"application/json": {"schema": {"$ref": "#/Pet"}}},
            "x-example": {"example": {"$ref": "data, not a reference"}},
        }
    },
    "Pet": {"type": "object", "properties": {"name": {"type": "string"}}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "paths").mkdir()
    (tmp_path / "main.yaml").write_text(MAIN)
    (tmp_path / "paths/pets.yaml").write_text(PETS)
    (tmp_path / "shared.json").write_text(json.dumps(SHARED))
    return tmp_path


def looks_right(document: dict[str, Any]) -> None:
    found = read_openapi(document)
    assert not found.refused
    assert found.tools["look"].args == {"id": {"type": "string", "maxLength": 9}}
    assert found.tools["look"].returns["properties"] == {"name": {"type": "string"}}


def test_files_that_refer_to_each_other_become_one_document(folder: Path) -> None:
    document = load_document(str(folder / "main.yaml"))
    looks_right(document)
    looks_right(json.loads(json.dumps(document)))  # it stands alone
    (folder / "shared.json").write_text(json.dumps({**SHARED, "Pet": {"type": "object"}}))
    other = load_document(str(folder / "main.yaml"))
    before, after = (read_openapi(d).tools["look"].digest for d in (document, other))
    assert before != after  # what is referred to is part of what is pinned


def test_urls_that_refer_to_each_other_become_one_document() -> None:
    main = {"openapi": "3.1.0", "info": {}, "paths": {"/pets/{id}": {"$ref": "p/pets.json#/one"}}}
    one = {
        "operationId": "look",
        "parameters": [{"$ref": "#/id"}],
        "responses": {"200": {"$ref": "../shared.json#/answers/Pet"}},
    }
    schema = {"type": "string", "maxLength": 9}
    number = {"name": "id", "in": "path", "required": True, "schema": schema}
    pets = {"one": {"get": one}, "id": number}
    files = {"/api/main.json": main, "/api/p/pets.json": pets, "/api/shared.json": SHARED}
    with Echo(files=files) as echo:
        looks_right(load_document(f"{echo.url}/api/main.json"))
    assert len(echo.seen) == 3


WORDS = ("default", "example", "examples", "enum", "const", "properties")


@pytest.mark.parametrize("word", WORDS)
def test_a_name_that_is_also_a_keyword_is_a_name(tmp_path: Path, word: str) -> None:
    text = {"type": "string", "maxLength": 9}
    mode = {"type": "string", "enum": ["test"]}
    main = {
        "openapi": "3.1.0",
        "paths": {"/o": {"$ref": "paths.json#/o"}},
        "components": {"schemas": {"Mode": {"enum": ["prod"]}}},
    }
    body = {"type": "object", "properties": {word: {"$ref": "#/components/schemas/Mode"}}}
    operation = {
        "operationId": "o",
        "parameters": [{"$ref": f"#/components/parameters/{word}"}],
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"default": {"$ref": f"#/components/responses/{word}"}},
    }
    answer = {"type": "object", "properties": {"m": {"$ref": f"table.json#/{word}"}}}
    paths = {
        "o": {"post": operation},
        "components": {
            "schemas": {"Mode": mode},
            "parameters": {word: {"name": "p", "in": "query", "schema": {"$ref": "#/$defs/far"}}},
            "responses": {word: {"content": {"application/json": {"schema": answer}}}},
        },
        "$defs": {"far": {"$ref": f"#/definitions/{word}"}},
        "definitions": {word: {"$ref": "table.json#/text"}},
    }
    table = {"text": text, word: {"$ref": "#/text"}, "components": {}}
    for name, value in (("main", main), ("paths", paths), ("table", table)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    found = read_openapi(load_document(str(tmp_path / "main.json")))
    assert not found.refused
    assert found.tools["o"].args == {"p": text, plan_name(word): {"enum": ["test"]}}
    assert found.tools["o"].returns["properties"] == {"m": text}


def test_what_a_keyword_holds_as_data_stays_as_it_is(tmp_path: Path) -> None:
    data = {"$ref": "no file of ours"}
    schema = {"type": "object", "default": data, "enum": [data], "const": data, "examples": [data]}
    media = {"schema": schema, "example": data}
    main = {"openapi": "3.1.0", "paths": {}, "x-far": {"$ref": "media.json"}}
    (tmp_path / "main.json").write_text(json.dumps({**main, "x-near": media}))
    (tmp_path / "media.json").write_text(json.dumps(media))
    document = load_document(str(tmp_path / "main.json"))
    assert document["x-near"] == document["x-bundled"]["d1"] == media


def test_documents_in_a_circle_end(folder: Path) -> None:
    pets = {"type": "object", "properties": {"next": {"$ref": "main.yaml#/x-pet"}}}
    (folder / "pet.json").write_text(json.dumps(pets))
    (folder / "main.yaml").write_text(MAIN + 'x-pet: {$ref: "pet.json"}\n')
    document = load_document(str(folder / "main.yaml"))
    assert document["x-pet"] == {"$ref": "#/x-bundled/d3"}
    assert document["x-bundled"]["d3"]["properties"]["next"] == {"$ref": "#/x-pet"}


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("../secret.json#/a", "leads elsewhere"),
        ("/etc/passwd", "leads elsewhere"),
        ("http://127.0.0.1:9/x.json", "leads elsewhere"),
        ("missing.json", "missing.json: cannot be read: No such file"),
    ],
)
def test_a_reference_cannot_lead_out_of_the_documents_folder(
    folder: Path, ref: str, says: str
) -> None:
    (folder.parent / "secret.json").write_text('{"a": 1}')
    (folder / "main.yaml").write_text(f"openapi: 3.0.0\npaths: {{/x: {{$ref: '{ref}'}}}}\n")
    with pytest.raises(BuilderbrainError, match=says):
        load_document(str(folder / "main.yaml"))


def test_a_url_may_refer_to_its_own_host_only_and_follows_no_redirect() -> None:
    main = {"openapi": "3.1.0", "paths": {"/x": {"$ref": "http://elsewhere.example/x.json"}}}
    with Echo(files={"/main.json": main}) as echo:
        with pytest.raises(BuilderbrainError, match="leads elsewhere"):
            load_document(f"{echo.url}/main.json")
        echo.status, echo.headers = 302, {"Location": "http://127.0.0.1:9/"}
        with pytest.raises(BuilderbrainError, match=r"answers 302 http://127\.0\.0\.1:9/"):
            load_document(f"{echo.url}/main.json")
    with pytest.raises(BuilderbrainError, match="cannot be fetched"):
        load_document(f"{echo.url}/main.json")
    with pytest.raises(BuilderbrainError, match="holds a password"):
        load_document("http://a:b@127.0.0.1/main.json")


@pytest.mark.parametrize("text", ["[]", "7", "a: [", "\x00", "a: 1\na: 2", "[" * 900 + "]" * 900])
def test_what_is_no_document_is_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BuilderbrainError, match=r"x\.yaml"):
        load_document(str(path))


def test_an_empty_file_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(" \n")
    with pytest.raises(BuilderbrainError, match=r"x\.yaml: is empty\. Give an OpenAPI document"):
        load_document(str(path))


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(BuilderbrainError, match="an address of the kind 'ftp' is not read"):
        load_document("ftp://x/y")
