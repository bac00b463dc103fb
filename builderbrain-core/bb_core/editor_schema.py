"""plan_schema.yaml as a JSON Schema, for editors: what may stand where, and what it means.

Not covered: what only the whole file can say, such as a fact that no tool establishes. The reader
(schema_file.py) has the last word, and says it with line numbers.
"""

from typing import Any

from bb_core.schema import PlanSchema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TOOLS_FROM = {
    "type": "object",
    "description": "Takes tools from a pinned document beside this file.",
    "properties": {
        "kind": {"enum": ["openapi", "mcp"]},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "required": ["kind", "sha256"],
}


def editor_schema() -> dict[str, Any]:
    """The JSON Schema of a plan_schema.yaml as its author writes it."""
    made = _strict(PlanSchema.model_json_schema())
    tool = made["$defs"]["Tool"]["properties"]
    tool["effect"]["default"] = "irreversible"
    made["properties"]["tools_from"] = TOOLS_FROM
    made["required"] = ["plan_schema", "domain"]
    made["anyOf"] = [{"required": ["tools"]}, {"required": ["tools_from"]}]
    return {"$schema": DIALECT, **made, "title": "plan_schema.yaml"}


def _strict(value: Any) -> Any:
    """The same schema, in which a name that fits no pattern is a mistake."""
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if not isinstance(value, dict):
        return value
    closed = {"additionalProperties": False} if "patternProperties" in value else {}
    return {key: _strict(item) for key, item in value.items()} | closed
