"""What a later round may not take for the request's own words: the texts that carry labels.

Labelled leaves carry their labels, with the keys of an object that lists no properties. What a
result has beside all it is described to have, key and value, carries every label of its tool and
the domain's untrusted one: nobody vouched for it. So does what a tool says of a fault, which may
quote anything; where it quotes the call's own arguments, they are what they were.

Not covered: booleans and nulls; a domain without an untrusted label, which trusts all it reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bb_core.canonical import Json
from bb_core.described import standing
from bb_core.fit import INDEX
from bb_core.plan import tokens
from bb_core.schema import PlanSchema, Tool

Labels = frozenset[str]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tainted:
    """A text or number that others wrote, and its labels; it may quote `own` values, unchanged.

    A value is `own` as a whole only: what is put together of it and of others' words is theirs.
    """

    value: str
    labels: Labels
    own: frozenset[str] = frozenset()


def tainted(schema: PlanSchema, tool: str, result: Json) -> list[Tainted]:
    """The texts of a result that carry labels."""
    if not schema.labels:
        return []
    found = [(text, _labels(schema, tool, at)) for at, text in _texts(schema, tool, result)]
    return [Tainted(text, labels) for text, labels in found if labels]


def texts(schema: PlanSchema, tool: str, result: Json) -> list[str]:
    """Every text and number of a result, and every key that is not one of its described names."""
    return [text for _, text in _texts(schema, tool, result)]


def unvouched(schema: PlanSchema, tool: str) -> Labels:
    """The labels of what a tool gives beside all it is described to give."""
    own = Labels().union(*schema.tools[tool].labels.values())
    return own if any(not schema.labels[name].trusted for name in own) else own | _outside(schema)


def fault(schema: PlanSchema, tool: str, said: str, args: Json, made: Labels) -> list[Tainted]:
    """What was said of a call's fault, with its labels and those its arguments brought (`made`)."""
    own = frozenset(text for _, text, key in _walk(args, ()) if not key)
    labels = made | _fault_labels(schema, tool)
    return [Tainted(said, labels, own)] if labels else []


def _fault_labels(schema: PlanSchema, tool: str) -> Labels:
    """Of the tool, and of every tool that is called for it: any of them may have said it."""
    spec = schema.tools[tool]
    called = [schema.entities[name].read for name in spec.entity]
    called += [name for name in (spec.reconcile, spec.on_crash) if name]
    return Labels().union(*(unvouched(schema, name) for name in (tool, *called)))


def _outside(schema: PlanSchema) -> Labels:
    """The untrusted label that says least of who may read; none if the domain has none."""
    found = [name for name, label in schema.labels.items() if not label.trusted]
    found.sort(key=lambda name: (schema.labels[name].readers is not None, name))
    return Labels(found[:1])


def _labels(schema: PlanSchema, tool: str, at: Path) -> Labels:
    if standing(schema.result(tool), at) == "unlisted":
        return unvouched(schema, tool)
    return _declared(schema.tools[tool], at)


def _declared(spec: Tool, at: Path) -> Labels:
    around = [names for pointer, names in spec.labels.items() if _covers(tokens(pointer), at)]
    return Labels().union(*around)


def _covers(pointer: list[str], at: Path) -> bool:
    return len(pointer) <= len(at) and all(a == b for a, b in zip(pointer, at, strict=False))


def _texts(schema: PlanSchema, tool: str, result: Json) -> Iterator[tuple[Path, str]]:
    """Texts, numbers and keys, each with the place whose labels it carries."""
    whole = schema.result(tool)
    for at, value, key in _walk(result, ()):
        if not key:
            yield at, value
        elif (how := standing(whole, at)) != "listed":
            # A key is part of the object around it; the name of an unlisted place stands with it.
            yield (at if how == "unlisted" else at[:-1]), value


def _walk(value: Json, at: Path) -> Iterator[tuple[Path, str, bool]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*at, name), name, True
            yield from _walk(item, (*at, name))
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, (*at, INDEX))
    elif value is not None and not isinstance(value, bool):
        yield at, str(value), False
