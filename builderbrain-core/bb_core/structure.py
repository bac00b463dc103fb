"""S: the plan is a finite acyclic graph of known tools with rightly typed arguments."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from bb_core.fit import at as schema_at
from bb_core.fit import fit
from bb_core.plan import Plan, Ref, Step, Value, When, deeper, needs, refs, tokens, value_json
from bb_core.schema import PlanSchema
from bb_core.verdict import Violation

if TYPE_CHECKING:
    from bb_core.at import At


DEEPEST = 32


def plain(plan: Plan) -> Iterator[Violation]:
    """Every value is JSON that has a digest, and nests no deeper than it can be judged."""
    deep = [step.id for step in plan.steps if deeper(step.args, DEEPEST)]
    for ident in deep:
        yield Violation("S.value", ident, f"a value nests more than {DEEPEST} deep", "flatten it")
    if not deep:
        try:
            _ = plan.digest
        except ValueError as error:
            fix = "keep to text, integers below 2**53 and finite decimals"
            yield Violation("S.value", "", f"a value is not plain JSON ({error})", fix)


def skeleton(plan: Plan, schema: PlanSchema) -> Iterator[Violation]:
    """What must hold before there is a graph to speak of: tools, ids and references are known."""
    if not plan.steps:
        yield Violation("S.empty", "", "the plan has no steps")
    for ident, times in Counter(step.id for step in plan.steps).items():
        if times > 1:
            yield Violation(
                "S.duplicate", ident, f"{times} steps have this id", "number them apart"
            )
    known = {step.id for step in plan.steps}
    for step in plan.steps:
        if step.tool not in schema.tools:
            yield Violation(
                "S.unknown-tool", step.id, f"no tool {step.tool!r}", f"tools: {_some(schema.tools)}"
            )
        for missing in sorted(needs(step) - known):
            yield Violation(
                "S.dangling", step.id, f"names {missing!r}, which is no step of this plan"
            )


def types(at: "At") -> None:
    """Every argument is expected, present and of its type."""
    spec, step = at.spec, at.step
    for name in step.args.keys() - spec.args.keys():
        at.refuse(
            "S.args", f"{step.tool} has no argument {name!r}", f"it takes: {_some(spec.args)}"
        )
    for name in spec.args.keys() - spec.optional - step.args.keys():
        at.refuse("S.args", f"{step.tool} needs {name!r}", "add it")
    for name in spec.args.keys() & step.args.keys():
        value = step.args[name]
        if isinstance(value, Ref) or any(refs(value)):
            _typed(at, value, at.case.schema.arg(step.tool, name), f"args.{name}")
        else:
            _literal(at, value, at.case.compiled.arg_validators[step.tool, name], f"args.{name}")
    if step.when:
        _condition(at, step)


def _condition(at: "At", step: Step) -> None:
    assert step.when is not None
    sub = _promised(at, step.when.ref)
    if sub is None:
        at.refuse("S.pointer", f"{step.when.ref} is not in that step's result")
    elif not _comparable(step.when, sub):
        at.refuse(
            "S.type",
            f"when compares {step.when.ref} with {step.when.value!r}, which it can never be",
        )


def _comparable(when: When, sub: Mapping[str, Any]) -> bool:
    """Equal to it is possible; for an order, both are numbers or both are texts."""
    if when.op in ("==", "!="):
        return fit({"const": when.value}, sub) != "no"
    kind = "string" if isinstance(when.value, str) else "number"
    ordered = isinstance(when.value, str | int | float) and not isinstance(when.value, bool)
    return ordered and fit({"type": kind}, _unnamed(sub)) != "no"


def _unnamed(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "x-type"}


def _typed(at: "At", value: Value, schema: Mapping[str, Any], path: str) -> None:
    if isinstance(value, Ref):
        _reference(at, value, schema, path)
    elif not any(refs(value)):
        _literal(at, value, validator(json.dumps(schema, sort_keys=True)), path)
    elif isinstance(value, Mapping) and schema.get("type") == "object":
        _object(at, value, schema, path)
    elif isinstance(value, list | tuple) and schema.get("type") == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            at.refuse("S.type", f"{path} has {len(value)} items")
        for i, item in enumerate(value):
            _typed(at, item, schema.get("items", {}), f"{path}/{i}")
    else:
        at.refuse("S.type", f"{path} must be of type {schema.get('type')}")


def _literal(at: "At", value: Value, judge: jsonschema_rs.Draft202012Validator, path: str) -> None:
    plain = value_json(value)
    if not judge.is_valid(plain):
        error = next(judge.iter_errors(plain))
        at.refuse(
            "S.type", f"{path}{''.join(f'/{p}' for p in error.instance_path)}: {error.message}"
        )


def _object(at: "At", value: Mapping[str, Value], schema: Mapping[str, Any], path: str) -> None:
    known = schema.get("properties", {})
    for name in sorted(set(schema.get("required", ())) - value.keys()):
        at.refuse("S.type", f"{path} lacks {name!r}")
    for name, item in value.items():
        if name not in known:
            at.refuse("S.type", f"{path} has no {name!r}")
        else:
            _typed(at, item, known[name], f"{path}/{name}")


def _reference(at: "At", ref: Ref, schema: Mapping[str, Any], path: str) -> None:
    sub = _promised(at, ref)
    if sub is None:
        at.refuse(
            "S.pointer", f"{path}: {ref} is not in that step's result", "see the tool's returns"
        )
        return
    match fit(sub, schema):
        case "no":
            at.refuse("S.type", f"{path}: {ref} is {_named(sub)}, wanted {_named(schema)}")
        case "guard":
            at.residue("S.type", "type", path, f"{ref} is {_named(sub)}, wanted {_named(schema)}")


def _promised(at: "At", ref: Ref) -> dict[str, Any] | None:
    tool = at.case.steps[ref.step].tool
    return schema_at(at.case.schema.result(tool), tokens(ref.pointer))


@lru_cache(maxsize=4096)
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """The compiled validator of one argument schema, given as JSON text."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema))


def _named(schema: Mapping[str, Any]) -> str:
    return str(schema.get("x-type") or schema.get("type") or "anything")


def _some(names: Mapping[str, object], most: int = 20) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")
