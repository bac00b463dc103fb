"""What an OpenAPI operation promises to answer when it succeeds."""

from collections.abc import Mapping
from typing import Any

from bb_core.http_part import is_json
from bb_core.json_refs import Unsayable, followed
from bb_core.promised_types import promised
from bb_core.said_leaves import Margin

NOTHING: dict[str, Any] = {"type": "null"}


def answer(
    document: Any, responses: Mapping[str, Any], margin: Margin
) -> tuple[dict[str, Any], bool]:
    """The schema of every success together, and whether it is text.

    `default` speaks of success only where no 2xx is described. Raises Unsayable for an answer that
    is neither JSON nor text.
    """
    codes = sorted(code for code in responses if code.upper().startswith("2"))
    found: list[dict[str, Any]] = []
    text = False
    for code in codes or [code for code in responses if code == "default"]:
        schema, plain = _one(document, responses[code], margin)
        text = text or plain
        if schema not in found:
            found.append(schema)
    if len(found) > 1:
        return ({} if {} in found else {"anyOf": found}), text
    return (found[0] if found else {}), text


def _one(document: Any, node: Any, margin: Margin) -> tuple[dict[str, Any], bool]:
    content: Mapping[str, Any] = followed(document, node).get("content") or {}
    if not content:
        return NOTHING, False
    for media, described in content.items():
        if is_json(media) or media == "*/*":
            schema = described.get("schema")
            return ({} if schema is None else promised(document, schema, "answer", margin)), False
    if any(media.startswith("text/") for media in content):
        return {"type": "string"}, True
    raise Unsayable(f"answers {', '.join(content)}, which is neither JSON nor text")
