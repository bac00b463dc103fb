"""What an OpenAPI `discriminator` demands of one alternative: the property that tells it apart.

Not covered: alternatives told apart by the names of their schemas alone, with no mapping; many
documents name them otherwise than their services do.
"""

from collections.abc import Mapping
from typing import Any


def told_apart_by(discriminator: Any) -> str:
    """The name of the property; empty without a discriminator."""
    name = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
    return name if isinstance(name, str) else ""


def mapped(discriminator: Mapping[str, Any], option: Any) -> list[str]:
    """The values that the mapping gives the alternative a `$ref` leads to.

    A mapping names a schema by its reference or by its bare name, in this file or in another.
    """
    ref = option.get("$ref") if isinstance(option, Mapping) else None
    mapping = discriminator.get("mapping")
    if not isinstance(ref, str) or not isinstance(mapping, Mapping):
        return []
    exact = [value for value, target in mapping.items() if target == ref]
    return exact or [value for value, target in mapping.items() if _name(target) == _name(ref)]


def _name(target: Any) -> str:
    return str(target).rpartition("/")[2]
