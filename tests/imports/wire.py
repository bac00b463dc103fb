"""Operations of a document called on a real socket: what of them arrives."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from bb_adapters.http_world import HttpWorld
from bb_core.adapters import Call
from bb_core.http_call import request
from bb_core.openapi import read_openapi
from tests.imports.echo import Echo

OK: dict[str, Any] = {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}
TEXT = {"type": "string", "maxLength": 40}
TEXTS = {"type": "array", "items": TEXT}


def one(**operation: Any) -> dict[str, Any]:
    """A document with one operation, `POST /x` called `op`."""
    return document(**{"/x": {"post": {"operationId": "op", **operation}}})


def document(**paths: Any) -> dict[str, Any]:
    for item in paths.values():
        for operation in item.values():
            operation.setdefault("responses", OK)
    return {"openapi": "3.0.3", "info": {"title": "T"}, "paths": paths}


def body(media: str, properties: Any, required: Any = (), **encoding: Any) -> dict[str, Any]:
    """A required body of these fields; `encoding` is how each is written."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"required": True, "content": {media: {"schema": schema, "encoding": encoding}}}


def arrived(
    told: dict[str, Any], *calls: tuple[str, dict[str, Any]], behind: str = "", **settings: str
) -> list[dict[str, Any]]:
    """The requests that arrive when tools of the document are called, one connection for all."""
    tools = read_openapi(told).tools
    with Echo(headers={"Set-Cookie": "session=alice; Path=/"}) as echo:
        found: Any = SimpleNamespace(document=told)
        world = HttpWorld(found, {"url": echo.url + behind, **settings})
        try:
            for name, args in calls:
                http = tools[name].call
                world.send(http, request(http, args), Call(world, "n1", "", 5.0), acts=True)
        finally:
            world.close()
    return echo.seen


def query(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values of a request's query, as servers read it."""
    return parse_qsl(seen["path"].partition("?")[2], keep_blank_values=True)
