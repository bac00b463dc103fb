"""The plan: one intermediate form for every domain.

A plan is a finite list of steps, each one tool call. A value inside a step's arguments is plain
JSON, or a reference to an earlier step's result. References are structured and typed; nothing is
ever spliced into text. JSON form:

    {"domain": "api_json", "schema": "sha256:…", "steps": [
      {"id": "n1", "tool": "get_order", "args": {"order_id": "W1001"}},
      {"id": "n2", "tool": "refund", "args": {"cents": {"$ref": "n1/total"}}, "after": ["n1"],
       "when": {"ref": "n1/status", "op": "==", "value": "delivered"}}]}
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from bb_core.canonical import Json, canonical, digest
from bb_core.errors import PlanError

Op = Literal["==", "!=", "<", "<=", ">", ">="]
OPS: tuple[Op, ...] = ("==", "!=", "<", "<=", ">", ">=")
PLAIN = frozenset({str, int, float, bool, type(None)})
POSITION = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,15}\Z")
MOST_STEPS, DEEPEST = 4096, 64
"""More than any domain may allow; to be read takes time, and a call for each level."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference: a step's id and a JSON Pointer (RFC 6901) into that step's result."""

    step: str
    pointer: str = ""

    def __str__(self) -> str:
        return self.step + self.pointer

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Read `n1` or `n1/items/0`; raises PlanError."""
        step, slash, rest = text.partition("/")
        if not STEP_ID.match(step):
            raise PlanError(f"reference {text!r} does not start with a step id")
        return cls(step, slash + rest)


Value = Any  # Json whose leaves may be Ref; mypy has no readable recursive spelling for it


@dataclass(frozen=True, slots=True)
class When:
    """A condition on an earlier result; a step whose condition is false is skipped."""

    ref: Ref
    op: Op
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call. It runs once every step it names (data, `after`, `when`) has succeeded."""

    id: str
    tool: str
    args: Mapping[str, Value] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan graph. `schema` is the digest of the compiled domain it was written for."""

    domain: str
    schema: str
    steps: tuple[Step, ...]

    @property
    def digest(self) -> str:
        """The plan's hash: sha256 over its canonical JSON."""
        return digest(canonical(to_json(self)))


def refs(value: Value, path: str = "") -> Iterator[tuple[str, Ref]]:
    """Every reference inside a value, with the JSON Pointer of the place it stands at."""
    if type(value) in PLAIN:
        return
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from refs(item, f"{path}/{escape(str(key))}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from refs(item, f"{path}/{index}")


def needs(step: Step) -> frozenset[str]:
    """Ids of the steps this one waits for: data references, `after` and `when`."""
    found = {ref.step for _, ref in refs(step.args)} | set(step.after)
    if step.when:
        found.add(step.when.ref.step)
    return frozenset(found)


def escape(key: str) -> str:
    """One JSON Pointer token (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def tokens(pointer: str) -> list[str]:
    """The unescaped tokens of a JSON Pointer."""
    return [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]


def resolve_pointer(value: Json, pointer: str) -> Json:
    """The value a JSON Pointer names; raises PlanError where there is none."""
    for token in tokens(pointer):
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and POSITION.match(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            raise PlanError(f"no {pointer!r} in the result: {token!r} is missing")
    return value


def substitute(value: Value, results: Mapping[str, Json]) -> Json:
    """The value with every reference replaced by what it names in `results`."""
    if isinstance(value, Ref):
        if value.step not in results:
            raise PlanError(f"reference {value} names a step without a result")
        return resolve_pointer(results[value.step], value.pointer)
    if isinstance(value, Mapping):
        return {key: substitute(item, results) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(item, results) for item in value]
    return cast(Json, value)


def to_json(plan: Plan) -> dict[str, Json]:
    """The plan's JSON form; `from_json` reads it back to an equal plan."""
    steps: list[Json] = [_step_json(step) for step in plan.steps]
    return {"domain": plan.domain, "schema": plan.schema, "steps": steps}


def value_json(value: Value) -> Json:
    """A value with its references written as `{"$ref": "n1/path"}`."""
    if type(value) in PLAIN:
        return cast(Json, value)
    if isinstance(value, Ref):
        return {"$ref": str(value)}
    if isinstance(value, Mapping):
        return {key: value_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [value_json(item) for item in value]
    return cast(Json, value)


def _step_json(step: Step) -> dict[str, Json]:
    out: dict[str, Json] = {"id": step.id, "tool": step.tool, "args": value_json(step.args)}
    if step.after:
        out["after"] = list(step.after)
    if step.when:
        when = step.when
        out["when"] = {"ref": str(when.ref), "op": when.op, "value": when.value}
    return out


def from_json(data: Json, *, domain: str = "", schema: str = "") -> Plan:
    """Read a plan's JSON form; raises PlanError that names the place.

    `domain` and `schema` fill in for a document that leaves them out, as hand-written ones do.
    """
    if not isinstance(data, dict):
        raise PlanError(f"a plan is an object, found {_kind(data)}", where="/")
    _plain(data)
    _only(data, {"domain", "schema", "steps"}, "/")
    steps = data.get("steps")
    if not isinstance(steps, list):
        raise PlanError(f"'steps' must be a list, found {_kind(steps)}", where="/steps")
    if len(steps) > MOST_STEPS:
        found, fix = f"{len(steps)} steps", f"{MOST_STEPS} at most"
        raise PlanError(found, where="/steps", fix=fix)
    read = tuple(_read_step(step, f"/steps/{i}") for i, step in enumerate(steps))
    name, sha = data.get("domain", domain), data.get("schema", schema)
    if not isinstance(name, str) or not isinstance(sha, str):
        raise PlanError("'domain' and 'schema' must be strings", where="/")
    return Plan(name, sha, read)


def _plain(data: Json) -> None:
    """What has no canonical form has no digest: huge integers, NaN, half a character."""
    if deeper(data, DEEPEST):
        raise PlanError("a value is nested too deep", where="/", fix=f"{DEEPEST} levels at most")
    try:
        canonical(data)
    except (ValueError, RecursionError) as error:
        fix = "keep to text, integers below 2**53 and finite decimals"
        raise PlanError(f"not plain JSON ({error})", where="/", fix=fix) from error


def deeper(value: Value, levels: int) -> bool:
    """Whether values are nested in more levels; level by level, so that no depth is too much."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [item for outer in layer for item in _inside(outer)]
    return bool(layer)


def _inside(value: Value) -> Iterable[Value]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _read_step(data: Json, where: str) -> Step:
    if not isinstance(data, dict):
        raise PlanError(f"a step is an object, found {_kind(data)}", where=where)
    _only(data, {"id", "tool", "args", "after", "when"}, where)
    ident, tool, args = data.get("id"), data.get("tool"), data.get("args", {})
    if not isinstance(ident, str) or not STEP_ID.match(ident):
        raise PlanError(f"step id {ident!r} must be a lower-case name of 1 to 16", where=where)
    if not isinstance(tool, str):
        raise PlanError(f"'tool' must be a string, found {_kind(tool)}", where=where)
    if not isinstance(args, dict):
        raise PlanError(f"'args' must be an object, found {_kind(args)}", where=where)
    after = data.get("after", [])
    if not isinstance(after, list) or not all(isinstance(a, str) for a in after):
        raise PlanError("'after' must be a list of step ids", where=where)
    return Step(
        id=ident,
        tool=tool,
        args={key: read_value(item, f"{where}/args/{key}") for key, item in args.items()},
        after=tuple(cast(list[str], after)),
        when=_read_when(data["when"], f"{where}/when") if "when" in data else None,
    )


def _read_when(data: Json, where: str) -> When:
    if not isinstance(data, dict):
        raise PlanError(f"'when' is an object, found {_kind(data)}", where=where)
    _only(data, {"ref", "op", "value"}, where)
    ref, op, value = data.get("ref"), data.get("op", "=="), data.get("value")
    if not isinstance(ref, str) or op not in OPS or isinstance(value, list | dict):
        raise PlanError(
            "'when' is {ref: text, op: one of == != < <= > >=, value: scalar}", where=where
        )
    return When(Ref.parse(ref), op, value)


def read_value(data: Json, where: str = "") -> Value:
    """Plain JSON with every `{"$ref": …}` object turned into a Ref."""
    if isinstance(data, dict):
        if "$ref" not in data:
            return {key: read_value(item, f"{where}/{key}") for key, item in data.items()}
        text = data["$ref"]
        if len(data) != 1 or not isinstance(text, str):
            raise PlanError('a reference is {"$ref": "step/pointer"} and nothing else', where=where)
        return Ref.parse(text)
    if isinstance(data, list):
        return [read_value(item, f"{where}/{i}") for i, item in enumerate(data)]
    return data


def _only(data: dict[str, Json], known: set[str], where: str) -> None:
    extra = sorted(set(data) - known)
    if extra:
        raise PlanError(
            f"unknown key {extra[0]!r}", where=where, fix=f"known: {', '.join(sorted(known))}"
        )


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
