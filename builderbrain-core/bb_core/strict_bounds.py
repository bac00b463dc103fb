"""OpenAPI 3.0's boolean `exclusiveMinimum` and `exclusiveMaximum` as the numbers of JSON Schema."""

from collections.abc import Mapping
from typing import Any


def modern(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with numbers for strict bounds, and everything else as it is."""
    out = dict(schema)
    for plain, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if out.get(strict) is True and plain in out:
            out[strict] = out.pop(plain)
        elif isinstance(out.get(strict), bool):
            del out[strict]
    return out
