"""A document with one operation around a schema, read: what a test of a schema's reading asks."""

from typing import Any

from bb_core.imported import Catalogue, Imported
from bb_core.openapi import read_openapi


def catalogue(body: Any, answer: Any = None, version: str = "3.1.0", **schemas: Any) -> Catalogue:
    """The document with this body and answer, and these schemas to refer to, as tools."""
    told = {} if answer is None else {"content": {"application/json": {"schema": answer}}}
    asked = {"required": True, "content": {"application/json": {"schema": body}}}
    operation = {
        "operationId": "op",
        **({} if body is None else {"requestBody": asked}),
        "responses": {"200": {"description": "", **told}},
    }
    return read_openapi(
        {
            "openapi": version,
            "info": {"title": "T"},
            "paths": {"/x": {"post": operation}},
            "components": {"schemas": schemas},
        }
    )


def only(*args: Any, **more: Any) -> Imported:
    """The one tool of such a document."""
    found = catalogue(*args, **more)
    assert not found.refused, found.refused
    return found.tools["op"]


def refusal(*args: Any, **more: Any) -> str:
    """Why the one operation of such a document is refused."""
    found = catalogue(*args, **more)
    assert not found.tools
    return found.refused[0].why


def named(name: str) -> dict[str, str]:
    """A reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}
