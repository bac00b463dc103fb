"""What a JSON Schema says of a place inside its values, for whoever names one in a schema file.

Three answers: the place's schema, `{}` where nothing is said of it (anything may stand there), and
None where the schema describes what is there and this is not among it. An object that lists its
properties describes them all, unless it says `additionalProperties` or `patternProperties`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from bb_core.fit import INDEX
from bb_core.plan import POSITION

Schema = Mapping[str, Any]
Standing = Literal["listed", "open", "unlisted"]
SILENT: Schema = {}
_UNIONS = ("anyOf", "oneOf")
_ELSEWHERE = frozenset({"allOf", "$ref", "$dynamicRef", "if", "dependentSchemas", "type-name"})


def described(schema: Schema, tokens: Sequence[str]) -> Schema | None:
    """The schema of the place at the tokens of a pointer; `*` is any index of a list."""
    here = schema
    for token in tokens:
        below = _inside(here, token)
        if below is None:
            return None
        here = below
    return here


def standing(schema: Schema, tokens: Sequence[str]) -> Standing:
    """How a place is described: by name or index, as one of any, or not by what lists its like.

    An object that lists properties lists no others here, whatever else it lets pass.
    """
    here, how = [schema], "listed"
    for token in tokens:
        options = [option for one in here for option in _options(one)]
        listed = [one for option in options if (one := _listed(option, token)) is not None]
        any_of = [one for option in options if (one := _unnamed(option, token)) is not None]
        here, how = [*listed, *any_of], "listed" if listed else "open"
        if not here:
            return "unlisted"
    return cast(Standing, how)


def places(schema: Schema, depth: int = 4) -> Iterator[tuple[str, ...]]:
    """The places inside that have a name, `*` for an index."""
    for option in _options(schema) if depth else ():
        children = dict(option.get("properties", {}))
        if isinstance(option.get("items"), Mapping):
            children[INDEX] = option["items"]
        for token, child in children.items():
            yield (token,)
            if isinstance(child, Mapping):
                yield from ((token, *rest) for rest in places(child, depth - 1))


def _inside(schema: Schema, token: str) -> Schema | None:
    found = [one for option in _options(schema) if (one := _own(option, token)) is not None]
    if not found:
        return None
    if SILENT in found:
        return SILENT
    return found[0] if len(found) == 1 else {"anyOf": found}


def _options(schema: Schema) -> Iterator[Schema]:
    """The schema as one without alternatives each."""
    for key in _UNIONS:
        if isinstance(schema.get(key), list):
            rest = {k: v for k, v in schema.items() if k != key}
            for one in schema[key]:
                yield from _options({**rest, **one} if isinstance(one, Mapping) else SILENT)
            return
    yield schema


def _listed(schema: Schema, token: str) -> Schema | None:
    known = schema.get("properties") or {}
    if token in known:
        return known[token] if isinstance(known[token], Mapping) else SILENT
    index = "array" in _kinds(schema) and (token == INDEX or POSITION.match(token))
    return _own(schema, token) if index else None


def _unnamed(schema: Schema, token: str) -> Schema | None:
    """The schema of a place that no name describes and no list of names leaves out."""
    lists = schema.get("properties") and not _ELSEWHERE & schema.keys()
    return None if lists or _listed(schema, token) is not None else _own(schema, token)


def _own(schema: Schema, token: str) -> Schema | None:
    kinds = _kinds(schema)
    if _ELSEWHERE & schema.keys() or not kinds:
        return SILENT
    if "array" in kinds and (token == INDEX or POSITION.match(token)):
        item = SILENT if "prefixItems" in schema else schema.get("items", SILENT)
        return item if isinstance(item, Mapping) else SILENT
    return _member(schema, token) if "object" in kinds and token != INDEX else None


def _kinds(schema: Schema) -> set[str]:
    """The types of value described, by what is said of them where no type is."""
    kind = schema.get("type")
    if kind is not None:
        return set(kind) if isinstance(kind, list) else {str(kind)}
    return {name for name, key in (("object", "properties"), ("array", "items")) if key in schema}


def _member(schema: Schema, name: str) -> Schema | None:
    known = schema.get("properties")
    if known and name in known:
        return known[name] if isinstance(known[name], Mapping) else SILENT
    rest = schema.get("additionalProperties", not known)
    if "patternProperties" in schema or rest is True:
        return SILENT
    return rest if isinstance(rest, Mapping) else None
