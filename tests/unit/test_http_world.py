"""The HTTP adapter against a real socket: what is sent, under whose name, what faults mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from bb_adapters.errors import AdapterError
from bb_adapters.http_world import MOST_BYTES, http_adapters
from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import NoTwin, ToolError
from bb_core.openapi import read_openapi
from bb_infra.import_scaffold import Source, scaffold
from tests.imports.echo import Echo
from tests.imports.site import Site
from tests.imports.wire import TEXT, arrived, document

OK = {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}
FORM = {"properties": {"a": TEXT, "b": {"type": "array", "items": TEXT, "maxItems": 2}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Things"},
    "servers": [{"url": "/v1"}],
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
            "get": {
                "operationId": "look",
                "parameters": [
                    {"name": "q", "in": "query", "schema": TEXT},
                    {"name": "X-Kind", "in": "header", "schema": TEXT},
                    {"name": "sid", "in": "cookie", "schema": TEXT},
                ],
                "responses": OK,
            },
            "put": {
                "operationId": "keep",
                "servers": [{"url": "/v2"}],
                "parameters": [
                    {"name": "Idempotency-Key", "in": "header", "required": True, "schema": TEXT}
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/merge-patch+json": {"schema": FORM}},
                },
                "responses": OK,
                "security": [{"key": [], "sid": []}, {"login": []}],
            },
        },
        "/form": {
            "post": {
                "operationId": "form",
                "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": FORM}}},
                "responses": OK,
            }
        },
        "/parts": {
            "post": {
                "operationId": "parts",
                "requestBody": {"content": {"multipart/form-data": {"schema": FORM}}},
                "responses": OK,
            }
        },
        "/words": {
            "get": {
                "operationId": "words",
                "responses": {"200": {"description": "", "content": {"text/plain": {}}}},
            }
        },
    },
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "query", "name": "key"},
            "sid": {"type": "apiKey", "in": "cookie", "name": "sid"},
            "login": {"type": "http", "scheme": "basic"},
        }
    },
}


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("things")
    source = Source("openapi", "things.json", DOCUMENT, read_openapi(DOCUMENT))
    made = scaffold(source, home, "things")
    site = Site(made.folder, "things")
    site.ratify({"look": "read", "keep": "write", "words": "read"})
    return site.domain


def call(domain: Path, echo: Echo, tool: str, args: Any, **settings: str) -> Json:
    adapters = http_adapters(domain)
    world = adapters.connect({"url": f"{echo.url}/v1", **settings})
    try:
        return adapters.tools[tool](args, Call(world, "n1", "the-key", 2.0))
    finally:
        world.close()


def test_a_request_is_what_the_document_describes(domain: Path) -> None:
    with Echo(answer=b'{"x": 1}') as echo:
        args = {"id": "a/b", "q": "ü&", "x_kind": "k", "sid": "s;t"}
        assert call(domain, echo, "look", args) == {"x": 1}
    (seen,) = echo.seen
    assert (seen["method"], seen["path"]) == ("GET", "/v1/things/a%2Fb?q=%C3%BC%26")
    assert (seen["headers"]["X-Kind"], seen["headers"]["Cookie"]) == ("k", "sid=s%3Bt")


def test_key_body_own_server_and_credentials(domain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "k1")
    monkeypatch.setenv("THE_SID", "s1")
    settings = {"key": "env:THE_KEY", "sid": "env:THE_SID"}
    with Echo() as echo:
        call(domain, echo, "keep", {"id": "1", "a": "x", "b": ["y"]}, **settings)
    (seen,) = echo.seen
    assert seen["path"] == "/v2/things/1?key=k1"
    assert json.loads(seen["body"]) == {"a": "x", "b": ["y"]}
    headers = seen["headers"]
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert headers["Idempotency-Key"] == "the-key"
    assert headers["Cookie"] == "sid=s1"
    monkeypatch.setenv("LOGIN", "ada:pw")
    with Echo() as echo:
        call(domain, echo, "keep", {"id": "1"}, login="env:LOGIN")
    assert echo.seen[0]["headers"]["Authorization"] == "Basic YWRhOnB3"
    assert "key=" not in echo.seen[0]["path"]


def served(own: str, whole: str = "/v1", path: str = "/x") -> dict[str, Any]:
    """A document whose one operation has a server of its own."""
    told = document(**{path: {"post": {"operationId": "op", "servers": [{"url": own}]}}})
    return {**told, "servers": [{"url": whole}]}


@pytest.mark.parametrize(
    ("whole", "own", "behind", "path"),
    [
        ("/v1", "/v3", "/v1", "/v3/x"),
        ("/v1", "/v3", "/tenants/acme/v1", "/tenants/acme/v3/x"),
        ("/v1/", "/v3/", "/tenants/acme/v1/", "/tenants/acme/v3/x"),
        ("https://a.example/v1", "https://a.example/", "/tenants/acme/v1", "/tenants/acme/x"),
        ("https://a.example/v1", "https://a.example//b.example/v2", "/v1", "/b.example/v2/x"),
        ("/", "/v3", "/tenants/acme", "/tenants/acme/v3/x"),
        ("/v1", "/v3", "", "/v3/x"),
        ("/v1", "/v1", "/anywhere", "/anywhere/x"),
    ],
)
def test_an_operations_own_server_stays_behind_the_prefix_of_the_url(
    whole: str, own: str, behind: str, path: str
) -> None:
    (seen,) = arrived(served(own, whole), ("op", {}), behind=behind)
    assert seen["path"] == path


@pytest.mark.parametrize(
    ("told", "behind", "says"),
    [
        (served("/v3"), "/tenants/acme", "its own server /v3 has no place here"),
        (served("/v3"), "/xv1", "its own server /v3 has no place here"),
        (served("/v3", path="/../../x"), "/tenants/acme/v1", "it would go to"),
        (served("/v1", path="/../../x"), "/tenants/acme/v1", "it would go to"),
    ],
)
def test_what_would_leave_the_prefix_of_the_url_is_not_sent(
    told: dict[str, Any], behind: str, says: str
) -> None:
    with pytest.raises(ToolError, match=says) as caught:
        arrived(told, ("op", {}), behind=behind)
    assert caught.value.kind == "invalid"


def test_what_is_not_sent_is_said_without_its_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "s3cret")
    told = {**served("/v1", path="/../x"), "components": DOCUMENT["components"]}
    told["security"] = [{"key": []}]
    with pytest.raises(ToolError, match="it would go to") as caught:
        arrived(told, ("op", {}), behind="/tenants/v1", key="env:THE_KEY")
    assert "s3cret" not in str(caught.value)


def test_no_cookie_of_a_server_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION", "service")
    key = {"type": "apiKey", "in": "cookie", "name": "session"}
    asked = {"operationId": "asked", "security": [{"key": []}]}
    sid = [{"name": "sid", "in": "cookie", "schema": TEXT}]
    told = document(
        **{
            "/login": {"post": {"operationId": "login"}},
            "/me": {"get": {"operationId": "me", "parameters": sid}},
            "/asked": {"delete": asked},
        }
    )
    told["components"] = {"securitySchemes": {"key": key}}
    calls = (("login", {}), ("me", {}), ("me", {"sid": "s"}), ("asked", {}))
    seen = arrived(told, *calls, key="env:SESSION")
    cookies = [row["headers"].get("Cookie") for row in seen]
    assert cookies == [None, None, "sid=s", "session=service"]


def test_without_a_credential_nothing_is_sent(domain: Path) -> None:
    with Echo() as echo, pytest.raises(ToolError, match=r"needs key and sid or login") as caught:
        call(domain, echo, "keep", {"id": "1"})
    assert (caught.value.kind, echo.seen) == ("denied", [])


@pytest.mark.parametrize("tool", ["form", "parts"])
def test_forms_are_sent_in_their_own_encoding(domain: Path, tool: str) -> None:
    with Echo() as echo:
        call(domain, echo, tool, {"a": "x y", "b": ["1", "2"]})
    body = echo.seen[0]["body"]
    if tool == "form":
        assert body == "a=x%20y&b=1&b=2"
    else:
        assert body.count('name="b"') == 2
        assert "filename" not in body


def test_a_text_answer_is_text(domain: Path) -> None:
    with Echo(answer=b"hello", media="text/plain") as echo:
        assert call(domain, echo, "words", {}) == "hello"


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (204, None, None),
        (301, "unavailable", "timeout_unknown"),
        (400, "invalid", "invalid"),
        (401, "denied", "denied"),
        (404, "invalid", "invalid"),
        (408, "unavailable", "timeout_unknown"),
        (425, "unavailable", "timeout_unknown"),
        (499, "unavailable", "timeout_unknown"),
        (409, "conflict", "conflict"),
        (429, "limit", "limit"),
        (500, "unavailable", "timeout_unknown"),
        (503, "unavailable", "timeout_unknown"),
    ],
)
def test_what_a_status_says_of_whether_it_happened(
    domain: Path, monkeypatch: pytest.MonkeyPatch, status: int, read: Any, write: Any
) -> None:
    monkeypatch.setenv("LOGIN", "ada:pw")
    answer = b"" if status == 204 else b'{"detail": [{"msg": "no\\nway"}]}'
    elsewhere = {"Location": "/v1/elsewhere"}
    with Echo(status, answer, headers=elsewhere) as echo:
        for tool, kind in (("look", read), ("keep", write)):
            if kind is None:
                assert call(domain, echo, tool, {"id": "1"}, login="env:LOGIN") is None
                continue
            with pytest.raises(ToolError, match="no way") as caught:
                call(domain, echo, tool, {"id": "1"}, login="env:LOGIN")
            assert caught.value.kind == kind
    assert all("elsewhere" not in row["path"] for row in echo.seen)  # no redirect is followed


@pytest.mark.parametrize("answer", [b"<html>", b"[" * 100_000, b"x" * (MOST_BYTES + 1)])
def test_an_answer_that_cannot_be_read_leaves_it_open_whether_it_happened(
    domain: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setenv("LOGIN", "ada:pw")
    with Echo(answer=answer) as echo:
        for tool, kind in (("look", "unavailable"), ("keep", "timeout_unknown")):
            with pytest.raises(ToolError) as caught:
                call(domain, echo, tool, {"id": "1"}, login="env:LOGIN")
            assert caught.value.kind == kind


def test_a_service_that_is_not_there_was_sent_nothing(
    domain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGIN", "ada:pw")
    with Echo() as echo:
        pass
    with pytest.raises(ToolError) as caught:
        call(domain, echo, "keep", {"id": "1"}, login="env:LOGIN")
    assert caught.value.kind == "unavailable"


def test_what_no_request_can_say_is_invalid_and_not_sent(domain: Path) -> None:
    with Echo() as echo, pytest.raises(ToolError) as caught:
        call(domain, echo, "look", {"id": "1", "x_kind": "日本"})
    assert (caught.value.kind, echo.seen) == ("invalid", [])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, r"the server is '/v1'.*set url = 'https://HOST/v1'"),
        ({"url": "ftp://x"}, "no address"),
        ({"url": "http://a:b@x"}, "no address"),
        ({"url": "http://x", "token": "env:A"}, "unknown setting 'token'.*known: url, key, login"),
        ({"url": "http://x", "key": "s3cret"}, "a secret has no place in a file"),
        ({"url": "http://x", "key": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_settings_that_do_not_do_are_said_so(
    domain: Path, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(AdapterError, match=f"(?i){says}") as caught:
        http_adapters(domain).connect(settings)
    assert "s3cret" not in str(caught.value)


def test_there_is_no_twin_and_no_snapshot(domain: Path) -> None:
    adapters = http_adapters(domain)
    with pytest.raises(NoTwin):
        adapters.twin({})
    world = adapters.connect({"url": "http://127.0.0.1:9"})
    with pytest.raises(ToolError):
        world.snapshot()
    world.close()
