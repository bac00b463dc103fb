"""The plan language of an imported domain: compact JSON, as deep as its arguments are.

The same surface as the shop's. References may hold every name an answer's properties may have.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bb_core.said_types import DEEPEST

LEAST_DEEP = 2
_HEAD = r"""// Plans as compact JSON, keys in a fixed order, one spelling for each plan.
// Numbers and escapes are canonical, so that printing a parsed plan gives the text back.

plan: "{\"steps\":[" step ("," step)* "]}"
step: "{\"id\":" ID ",\"tool\":" TOOL ",\"args\":" args after? when? "}"
args: "{" (arg ("," arg)*)? "}"
arg: KEY ":" value
after: ",\"after\":[" ID ("," ID)* "]"
when: ",\"when\":{\"ref\":" REF ",\"op\":" OP ",\"value\":" scalar "}"

// A value nests as deep as the rules below and no deeper. Keys never start with $, so `{"$ref":`
// is a reference.
value: scalar | ref | object | array
object: "{" (pair ("," pair)*)? "}"
array: "[" (inner1 ("," inner1)*)? "]"
pair: KEY ":" inner1
"""
_INNER = """inner{n}: scalar | ref | object{n} | array{n}
object{n}: "{{" (pair{n} ("," pair{n})*)? "}}" -> object
array{n}: "[" (inner{m} ("," inner{m})*)? "]" -> array
pair{n}: KEY ":" inner{m} -> pair
"""
_TAIL = r"""inner{n}: scalar | ref
ref: "{{" "\"$ref\":" REF "}}"
scalar: STRING | NUMBER | "true" | "false" | "null"

ID: /"n[1-9][0-9]?"/
TOOL: /"[a-z][a-z0-9_]{{0,47}}"/
KEY: /"[A-Za-z_][A-Za-z0-9_]{{0,31}}"/
REF: /"n[1-9][0-9]?(\/[A-Za-z0-9_.:@$-]{{1,64}}){{0,6}}"/
OP: /"(==|!=|<=|>=|<|>)"/
STRING: /"([^"\\\x00-\x1f\x7f]|\\["\\bfnrt]|\\u00(0[0-7be-f]|1[0-9a-f]|7f)){{0,200}}"/
NUMBER: /-?(0|[1-9][0-9]{{0,8}})\.[0-9]{{0,5}}[1-9]|0|-?[1-9][0-9]{{0,14}}/
"""


def grammar_text(args: Iterable[Mapping[str, Any]]) -> str:
    """grammar.lark for a domain whose tools take arguments of these types."""
    return _of(max([LEAST_DEEP, *map(_depth, args)]))


def is_ours(text: str) -> bool:
    """Whether a grammar is still as an import wrote it."""
    return any(text == _of(levels) for levels in range(LEAST_DEEP, DEEPEST + 1))


def _of(levels: int) -> str:
    inner = "".join(_INNER.format(n=n, m=n + 1) for n in range(1, levels))
    return _HEAD + inner + _TAIL.format(n=levels)


def _depth(schema: Mapping[str, Any]) -> int:
    """How many lists and objects stand one inside the other in a value of this type."""
    if "anyOf" in schema:
        return max(map(_depth, schema["anyOf"]))
    if "items" in schema:
        return 1 + _depth(schema["items"])
    if schema.get("type") == "object":
        return 1 + max(map(_depth, schema["properties"].values()), default=0)
    return 0
