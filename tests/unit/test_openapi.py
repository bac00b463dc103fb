"""What other importers lose, one row each: it is kept, or the one operation is refused with why."""

from typing import Any

import pytest

from bb_core.effects import Effect
from bb_core.errors import DomainError
from bb_core.http_call import HttpCall
from bb_core.imported import Catalogue, Imported
from bb_core.openapi import read_openapi

OK: dict[str, Any] = {"200": {"description": "fine"}}
TEXT = {"type": "string", "maxLength": 9}


def document(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "T"}, "paths": paths}


def read(
    operation: dict[str, Any], method: str = "post", path: str = "/x", **top: Any
) -> Catalogue:
    shared = operation.pop("shared", [])
    item = {"parameters": shared, method: {"operationId": "op", "responses": OK, **operation}}
    return read_openapi({**document(**{path: item}), **top})


def tool(*args: Any, **more: Any) -> Imported:
    found = read(*args, **more)
    assert not found.refused, found.refused
    (only,) = found.tools.values()
    return only


def refusal(*args: Any, **more: Any) -> str:
    found = read(*args, **more)
    assert not found.tools
    (only,) = found.refused
    return only.why


def param(name: str, place: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": TEXT, **more}


def json_body(schema: Any, required: bool = True, media: str = "application/json") -> Any:
    return {"required": required, "content": {media: {"schema": schema}}}


def answers(schema: Any, code: str = "200", media: str = "application/json") -> Any:
    return {code: {"description": "", "content": {media: {"schema": schema}}}}


def test_parameters_of_all_four_places_are_arguments_with_names_a_plan_can_write() -> None:
    made = tool(
        {
            "shared": [param("petId", "path"), param("limit", required=True)],
            "parameters": [
                param("limit", required=False, schema={"type": "integer", "maximum": 5}),
                param("X-Request-Kind", "header"),
                param("session", "cookie", required=True),
                param("Accept", "header"),
            ],
        },
        path="/pets/{petId}",
    )
    assert list(made.args) == ["pet_id", "limit", "x_request_kind", "session"]
    assert made.optional == {"limit", "x_request_kind"}
    assert made.args["limit"] == {"type": "integer", "maximum": 5}  # its own, not the path's
    places = {part.wire: part.place for part in made.call.parts}
    assert places == {
        "petId": "path",
        "limit": "query",
        "X-Request-Kind": "header",
        "session": "cookie",
    }


def test_an_idempotency_key_is_the_executors_and_no_argument() -> None:
    made = tool({"parameters": [param("Idempotency-Key", "header", required=True), param("a")]})
    assert (made.takes_key, made.call.key_header) == (True, "Idempotency-Key")
    assert list(made.args) == ["a"]


def test_names_are_found_shortened_and_told_apart() -> None:
    long = "getTheThingWithAnExtremelyLongOperationIdThatNoToolNameMayHaveAnywhere"
    paths = {
        "/a": {"get": {"operationId": long, "responses": OK}},
        "/b": {"get": {"operationId": "dup", "responses": OK}},
        "/c/{id}": {"get": {"responses": OK, "parameters": [param("id", "path")]}},
        "/d": {"post": {"operationId": "dup", "responses": OK}},
        "/e": {"post": {"operationId": "2 fast!", "responses": OK}},
        "/f": {"post": {"operationId": "日本", "responses": OK}},
    }
    found = read_openapi(document(**paths))
    names = list(found.tools)
    assert names[1:] == ["dup", "get_c_id", "dup_2", "x_2_fast", "x"]
    assert len(names[0]) <= 48
    assert names[0].startswith("get_the_thing_with_an_extremely_long_oper_")
    assert found.tools["dup_2"].notes == ("operationId 'dup' is also that of GET /b",)
    assert not found.refused


def test_references_are_followed_everywhere() -> None:
    parts = {
        "parameters": {"Id": param("id", "path")},
        "schemas": {"New": {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}},
        "requestBodies": {"B": json_body({"$ref": "#/components/schemas/New"})},
        "responses": {"R": answers({"$ref": "#/components/schemas/New"})["200"]},
    }
    made = tool(
        {
            "shared": [{"$ref": "#/components/parameters/Id"}],
            "requestBody": {"$ref": "#/components/requestBodies/B"},
            "responses": {"201": {"$ref": "#/components/responses/R"}},
        },
        path="/x/{id}",
        components=parts,
    )
    assert made.args == {"id": TEXT, "a": TEXT}
    assert made.returns["properties"] == {"a": TEXT}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": ["string", "null"], "maxLength": 9}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({**TEXT, "nullable": True}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"oneOf": [TEXT, {"type": "boolean"}]}, {"anyOf": [TEXT, {"type": "boolean"}]}),
        ({"allOf": [{"type": "string"}, {"maxLength": 9}]}, TEXT),
        ({"enum": ["a", "b"], "type": "string", "nullable": True}, {"enum": ["a", "b", None]}),
        ({"const": 1}, {"enum": [1]}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            {"type": "integer", "minimum": 1},
        ),
        (
            {"type": "integer", "maximum": 2**63 - 1},
            {"type": "integer", "maximum": 999_999_999_999_999},
        ),
        ({"type": "number", "minimum": 0.5}, {"type": "number", "minimum": 0}),
        (
            {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3},
            {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3},
        ),
        (
            {"type": "string", "pattern": "^[a-z]+\\d*$", "maxLength": 20},
            {"type": "string", "pattern": "^[a-z]{1,20}[0-9]{0,20}$"},
        ),
    ],
)
def test_types_a_plan_has_another_word_for(schema: Any, said: Any) -> None:
    assert tool({"requestBody": json_body({"properties": {"a": schema}})}).args == {"a": said}


def test_a_text_without_an_end_gets_one_that_is_marked_for_review() -> None:
    body = {
        "type": "object",
        "properties": {
            "note": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 5000}},
            "day": {"type": "string", "format": "date"},
        },
    }
    made = tool({"requestBody": json_body(body)})
    assert made.bounds == {
        "/note": {"maxLength": 200},
        "/tags": {"maxItems": 16},
        "/tags/items": {"maxLength": 200},
        "/day": {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    }
    bounds = {"op": {"/note": {"maxLength": 40}, "/tags": {"maxItems": 2}}}
    operation = {"operationId": "op", "requestBody": json_body(body), "responses": OK}
    item = {"parameters": [], "post": operation}
    again = read_openapi(document(**{"/x": item}), bounds).tools["op"]
    assert again.args["note"] == {"type": "string", "maxLength": 40}
    assert again.args["tags"]["maxItems"] == 2
    assert again.digest == made.digest


def test_a_recursive_type_is_left_out_where_it_may_be_and_refused_where_it_must_be() -> None:
    node = {"type": "object", "properties": {"v": TEXT, "next": {"$ref": "#/components/schemas/N"}}}
    parts = {"schemas": {"N": node}}
    body = json_body({"$ref": "#/components/schemas/N"})
    made = tool({"requestBody": body, "responses": answers(node)}, components=parts)
    assert list(made.args) == ["v"]
    assert any("recursive" in note for note in made.notes)
    must = {"schemas": {"N": {**node, "required": ["next"]}}}
    assert "'next' is recursive" in refusal({"requestBody": body}, components=must)


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (
            {
                "requestBody": json_body(
                    {
                        "properties": {"f": {"type": "string", "format": "binary"}},
                        "required": ["f"],
                    },
                    media="multipart/form-data",
                )
            },
            "'f' takes a file",
        ),
        ({"requestBody": json_body({}, media="image/png")}, "its body is image/png"),
        ({"requestBody": json_body({"type": "object"})}, "takes any keys"),
        ({"requestBody": json_body({})}, "takes anything"),
        ({"parameters": [param("a", schema={"type": "wat"}, required=True)]}, "unknown type 'wat'"),
        ({"parameters": [{"$ref": "#/nowhere"}]}, "leads nowhere"),
        ({"responses": answers({}, media="application/pdf")}, "answers application/pdf"),
        ({"security": [{"tls": []}]}, "needs tls"),
        ({"servers": [{"url": "https://elsewhere.example"}]}, "is served elsewhere"),
        ({"parameters": 7}, "is described wrongly"),
    ],
)
def test_what_a_plan_cannot_say_is_refused_alone(operation: Any, why: str) -> None:
    assert why in refusal(operation)
    beside = document(
        **{
            "/x": {"post": {"operationId": "op", "responses": OK, **operation}},
            "/y": {"get": {"operationId": "fine", "responses": OK}},
        }
    )
    assert list(read_openapi(beside).tools) == ["fine"]


def test_a_document_that_would_swell_costs_only_its_own_operation() -> None:
    levels = {
        f"A{n}": {"anyOf": [{"$ref": f"#/components/schemas/A{n + 1}"}] * 3} for n in range(40)
    }
    parts = {"schemas": {**levels, "A40": TEXT}}
    body = json_body({"$ref": "#/components/schemas/A0"})
    found = read({"requestBody": body, "responses": answers(body)}, components=parts)
    assert [one.why for one in found.refused] == ["its body is too large to write out"]


def test_a_path_that_leads_nowhere_or_holds_no_operation_is_said_so() -> None:
    found = read_openapi(document(**{"/a": {"$ref": "#/x"}, "/b": {"get": 7}, "x-c": {"get": {}}}))
    assert [(one.origin, one.why) for one in found.refused] == [
        ("ANY /a", "$ref '#/x' leads nowhere"),
        ("GET /b", "is described wrongly (no object)"),
    ]


def test_a_multipart_form_of_plain_fields_is_imported_without_its_optional_file() -> None:
    fields = {"name": TEXT, "photo": {"type": "string", "contentMediaType": "image/png"}}
    body = json_body({"properties": fields, "required": ["name"]}, media="multipart/form-data")
    made = tool({"requestBody": body})
    assert (list(made.args), made.call.body) == (["name"], "multipart")
    assert any("'photo' is left out: it takes a file" in note for note in made.notes)


def test_an_optional_body_stays_whole_so_that_its_own_demands_hold() -> None:
    made = tool({"requestBody": json_body({"properties": {"a": TEXT}, "required": ["a"]}, False)})
    assert (list(made.args), made.optional) == (["body"], {"body"})


def test_a_field_named_like_a_parameter_gets_a_name_of_its_own() -> None:
    made = tool(
        {"parameters": [param("id")], "requestBody": json_body({"properties": {"id": TEXT}})}
    )
    assert [(p.arg, p.wire, p.place) for p in made.call.parts] == [
        ("id", "id", "query"),
        ("id_2", "id", "field"),
    ]


def test_the_answers_schema_is_kept_with_its_unions() -> None:
    union = {"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]}
    assert tool({"responses": answers(union)}).returns == union
    odd = {
        "type": "object",
        "properties": {"a/b": TEXT, "$id": TEXT},
        "additionalProperties": False,
    }
    kept = tool({"responses": answers(odd)}).returns
    assert list(kept["properties"]) == ["$id"]  # what a reference can name
    assert kept["patternProperties"] == {"^a/b$": TEXT}


@pytest.mark.parametrize(
    ("responses", "returns"),
    [
        ({"204": {"description": ""}}, {"type": "null"}),
        (answers(TEXT, "default"), TEXT),
        ({**answers(TEXT, "2XX"), **answers({}, "default")}, TEXT),
        ({**answers(TEXT), **answers({"type": "integer"}, "201")}, None),
        (answers({}, media="text/csv"), {"type": "string"}),
        ({}, {}),
    ],
)
def test_every_success_is_promised_and_default_only_without_one(
    responses: Any, returns: Any
) -> None:
    wanted = {"anyOf": [TEXT, {"type": "integer"}]} if returns is None else returns
    assert tool({"responses": responses}).returns == wanted


@pytest.mark.parametrize(
    ("method", "extensions", "proposed", "least"),
    [
        ("get", {}, Effect.READ, Effect.PURE),
        ("put", {}, Effect.WRITE, Effect.PURE),
        ("post", {}, Effect.IRREVERSIBLE, Effect.PURE),
        ("delete", {}, Effect.IRREVERSIBLE, Effect.PURE),
        ("get", {"x-bb-effect": "irreversible"}, Effect.IRREVERSIBLE, Effect.IRREVERSIBLE),
        ("post", {"x-bb-effect": "read"}, Effect.READ, Effect.READ),
        ("get", {"x-bb-effect": "harmless"}, Effect.IRREVERSIBLE, Effect.IRREVERSIBLE),
    ],
)
def test_methods_propose_and_the_documents_own_word_binds(
    method: str, extensions: Any, proposed: Effect, least: Effect
) -> None:
    made = tool(dict(extensions), method)
    assert (made.claim.proposed, made.claim.least) == (proposed, least)
    assert made.extensions == extensions


def test_security_is_kept_as_alternatives_of_what_a_request_can_satisfy() -> None:
    parts = {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "login": {"type": "oauth2", "flows": {}},
            "tls": {"type": "mutualTLS"},
        }
    }
    call: HttpCall = tool(
        {"security": [{"tls": []}, {"key": [], "login": ["a"]}, {}]}, components=parts
    ).call
    assert call.security == (frozenset({"key", "login"}), frozenset())


def test_a_server_may_be_relative_and_have_variables() -> None:
    servers = [{"url": "/{v}/api", "variables": {"v": {"default": "v2"}}}]
    found = read({"servers": [{"url": "/v3"}]}, servers=servers)
    assert found.tools["op"].call.server == "/v3"


def test_of_an_own_server_only_the_path_is_kept() -> None:
    servers = [{"url": "https://a.example/v1"}]
    found = read({"servers": [{"url": "https://a.example/v2"}]}, servers=servers)
    assert found.tools["op"].call.server == "/v2"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "no OpenAPI document"),
        ({"swagger": "2.0", "paths": {}}, "is Swagger 2.0, not OpenAPI .* Convert it first"),
        ({"openapi": "4.0.0", "paths": {}}, "is OpenAPI 4.0.0"),
        ({"openapi": "3.1.0"}, "no OpenAPI document"),
    ],
)
def test_what_is_no_openapi_3_is_said_so(value: Any, why: str) -> None:
    with pytest.raises(DomainError, match=why):
        read_openapi(value)


def test_arguments_and_properties_keep_what_they_are_described_as_in_one_line() -> None:
    size = {**TEXT, "description": "Of\n\n a   shirt"}
    either = {"anyOf": [{**TEXT, "description": "lost"}, {"type": "null", "description": "too"}]}
    made = tool(
        {
            "parameters": [
                param("a", description="The one  searched for."),
                param("b", schema={"$ref": "#/components/size"}),
                param("c", schema={"$ref": "#/components/size"}, description="Its own"),
                param("d", description=7, schema={**TEXT, "description": ["no", "text"]}),
            ],
            "requestBody": json_body(
                {
                    "properties": {
                        "deep": {"type": "object", "properties": {"size": size}},
                        "either": {**either, "description": "Or nothing"},
                        "long": {**TEXT, "description": "x" * 300},
                        "own": {"allOf": [size], "description": "Mine"},
                    }
                }
            ),
        },
        components={"size": size},
    )
    shirt = {**TEXT, "description": "Of a shirt"}
    assert made.args["a"] == {**TEXT, "description": "The one searched for."}
    assert made.args["b"] == shirt and made.args["c"] == {**TEXT, "description": "Its own"}
    assert made.args["d"] == TEXT
    assert made.args["deep"]["properties"] == {"size": shirt}
    assert made.args["either"]["description"] == "Or nothing"
    assert made.args["either"]["anyOf"] == [TEXT, {"type": "null"}]
    assert made.args["long"]["description"] == "x" * 199 + "…"
    assert made.args["own"] == {**TEXT, "description": "Mine"}
    whole = {"type": "object", "description": "All of it", "properties": {}, "required": ["a"]}
    body = tool({"requestBody": json_body({**whole, "properties": {"a": TEXT}}, required=False)})
    assert body.args["body"]["description"] == "All of it"


def test_alternatives_that_are_only_described_otherwise_are_one() -> None:
    def one(words: str) -> dict[str, Any]:
        inner = {"type": "array", "maxItems": 2, "items": {"properties": {"p": described(words)}}}
        return {"type": "object", "properties": {"description": inner}}

    def described(words: str) -> dict[str, Any]:
        return {**TEXT, "description": words}

    same = {"oneOf": [one("this"), one("that"), TEXT]}
    made = tool({"requestBody": json_body({"properties": {"a": same}})})
    assert [kind["type"] for kind in made.args["a"]["anyOf"]] == ["object", "string"]
    inner = made.args["a"]["anyOf"][0]["properties"]["description"]["items"]["properties"]
    assert inner == {"p": described("this")}
