"""What must hold between the parts of a plan schema: every name means something, every value ends.

Not covered: whether an annotation is true. A tool labelled `read` that writes is found by the
domain's twin, not here.
"""

from collections.abc import Container, Iterator
from typing import NamedTuple

from bb_core.effects import Effect
from bb_core.fit import at
from bb_core.nearest import listed
from bb_core.schema import FactCall, PlanSchema, Tool
from bb_core.schema_conditions import condition_findings
from bb_core.schema_places import place_findings
from bb_core.schema_types import argument_findings, type_findings
from bb_core.yaml_lines import Path

APPROVED = "approved"
ANY_WRITE = "*write"


class Finding(NamedTuple):
    """One thing that is wrong, at its place in the file, and what to do about it."""

    path: Path
    found: str
    fix: str = ""


def cross_check(schema: PlanSchema, written: Container[Path] | None = None) -> Iterator[Finding]:
    """Everything wrong between the parts of a schema that is well-formed by itself.

    `written`: the places its author wrote, where some of its tools are out of a document.
    """
    broken_types = [Finding(*finding) for finding in type_findings(schema, written)]
    yield from broken_types
    if broken_types:
        return
    yield from (Finding(*finding) for finding in argument_findings(schema))
    yield from _entities(schema)
    yield from _facts(schema)
    for name, tool in schema.tools.items():
        checks = (
            _names,
            _terms,
            place_findings,
            _flows,
            condition_findings,
            _undo,
            _repeats,
            _crash,
        )
        for check in checks:
            for path, found, fix in check(schema, name, tool):
                yield Finding(("tools", name, *path), found, fix)


def _entities(schema: PlanSchema) -> Iterator[Finding]:
    for name, entity in schema.entities.items():
        tool = schema.tools.get(entity.read)
        if tool is None:
            yield Finding(
                ("entities", name, "read"),
                f"entity {name!r} is read by unknown tool {entity.read!r}",
                listed(schema.tools),
            )
        elif entity.arg not in tool.args:
            yield Finding(
                ("entities", name, "arg"),
                f"entity {name!r} is keyed by {entity.arg!r}, which {entity.read} does not take",
                listed(tool.args),
            )
        elif tool.effect.acts:
            yield Finding(
                ("entities", name, "read"),
                f"entity {name!r} is read by {entity.read!r}, which is {tool.effect.name.lower()}",
                "name a tool whose effect is read",
            )


def _facts(schema: PlanSchema) -> Iterator[Finding]:
    for name, fact in schema.facts.items():
        if name == APPROVED:
            yield Finding(("facts", name), "'approved' is built in", "give the fact another name")
        if fact.entity not in schema.entities:
            yield Finding(
                ("facts", name, "entity"),
                f"fact {name!r} is about unknown entity {fact.entity!r}",
                listed(schema.entities),
            )


def _names(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    """Every key that must be one of the tool's own arguments, and every other name."""
    own = (
        [(("optional",), arg) for arg in sorted(tool.optional)]
        + [(("once_per", i), arg) for i, arg in enumerate(tool.once_per)]
        + [(("key", i), arg) for i, arg in enumerate(tool.key or ())]
        + [(("sinks", arg), arg) for arg in tool.sinks]
        + [(("echoes", pointer), arg) for pointer, arg in tool.echoes.items()]
    )
    for path, arg in own:
        if arg not in tool.args:
            yield Finding(path, f"tool {name!r} has no argument {arg!r}", listed(tool.args))
    for entity in tool.entity:
        if entity not in schema.entities:
            yield Finding(("entity", entity), f"unknown entity {entity!r}", listed(schema.entities))
    for other in sorted(tool.excludes - {ANY_WRITE} - set(schema.tools)):
        yield Finding(("excludes",), f"unknown tool {other!r}", listed([*schema.tools, ANY_WRITE]))
    for total in tool.consumes:
        if total not in schema.limits.sums:
            yield Finding(
                ("consumes", total),
                f"unknown sum {total!r}",
                f"add it to limits.sums; {listed(schema.limits.sums)}",
            )


def _terms(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    for key, results in (("requires", False), ("establishes", True), ("kills", True)):
        for index, text in enumerate(getattr(tool, key)):
            yield from _fact(schema, tool, (key, index), text, results)
    for entity, text in tool.entity.items():
        yield from _term(tool, ("entity", entity), text, results=False)


def _fact(
    schema: PlanSchema, tool: Tool, path: Path, text: str, results: bool
) -> Iterator[Finding]:
    try:
        call = FactCall.parse(text)
    except ValueError as error:
        yield Finding(path, str(error), "write it as observed(args.order_id)")
        return
    if call.name == APPROVED and path[0] == "requires" and not call.term:
        return
    if call.name not in schema.facts:
        yield Finding(path, f"unknown fact {call.name!r}", listed([*schema.facts, APPROVED]))
        return
    if call.term:
        yield from _term(tool, path, call.term, results)
    if call.given:
        yield from _given(schema, tool, path, call)


def _given(schema: PlanSchema, tool: Tool, path: Path, call: FactCall) -> Iterator[Finding]:
    """The truth value in the result that a fact hangs on."""
    if path[0] != "establishes":
        yield Finding(path, "only what a tool establishes can hang on its result", "leave `if` out")
        return
    found = at(schema.resolve(tool.returns), call.given.split("."))
    if (found or {}).get("type") != "boolean":
        why = f"result.{call.given} is {'no' if found is None else 'not a'} true or false"
        yield Finding(path, f"{why} in what the tool returns", "return a boolean there")


def _term(tool: Tool, path: Path, text: str, results: bool) -> Iterator[Finding]:
    """A path `args.x…` or, where allowed, `result.y…`; several with commas between."""
    if ", " in text:
        for one in text.split(", "):
            yield from _term(tool, path, one, results)
        return
    root, _, rest = text.partition(".")
    name = rest.partition(".")[0]
    if root == "args" and name in tool.args:
        return
    if root == "args" and name:
        yield Finding(path, f"{text!r} names an unknown argument", listed(tool.args))
    elif root != "result" or not results:
        allowed = "args.x or result.y" if results else "args.x"
        yield Finding(path, f"{text!r} is not a path here", f"write {allowed}")


def _flows(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    used: list[tuple[Path, str]]
    used = [(("labels", place), label) for place, ls in tool.labels.items() for label in sorted(ls)]
    used += [(("declassifies",), label) for label in sorted(tool.declassifies)]
    for path, label in used:
        if label not in schema.labels:
            yield Finding(path, f"unknown label {label!r}", listed(schema.labels))


def _undo(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    needs_yes = tool.effect is Effect.IRREVERSIBLE and "approval" not in tool.waives
    if needs_yes and APPROVED not in tool.requires:
        yield Finding(
            (),
            f"tool {name!r} is irreversible and runs without approval",
            "add approved to requires, or say why not in waives.approval",
        )
    undo = tool.compensate
    if undo is None:
        return
    if undo.tool not in schema.tools:
        yield Finding(("compensate", "tool"), f"unknown tool {undo.tool!r}", listed(schema.tools))
        return
    for arg, text in undo.args.items():
        if arg not in schema.tools[undo.tool].args:
            yield Finding(
                ("compensate", "args", arg),
                f"{undo.tool} has no argument {arg!r}",
                listed(schema.tools[undo.tool].args),
            )
        yield from _term(tool, ("compensate", "args", arg), text, results=True)


def _repeats(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    if tool.retries and not tool.repeatable:
        yield Finding(
            ("retries",),
            f"tool {name!r} is retried and a second call is a second effect",
            "say idempotent: true if it takes an idempotency key, or retries: 0",
        )
    if tool.reconcile is None:
        return
    other = schema.tools.get(tool.reconcile)
    if other is None:
        yield Finding(("reconcile",), f"unknown tool {tool.reconcile!r}", listed(schema.tools))
    elif other.effect.acts:
        yield Finding(
            ("reconcile",),
            f"{tool.reconcile!r} is {other.effect.name.lower()}",
            "reconcile with a tool whose effect is read",
        )


def _crash(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Finding]:
    """What brings the system to a halt can be called at any time, and twice."""
    if tool.on_crash is None:
        return
    stop, path = schema.tools.get(tool.on_crash), ("on_crash",)
    if stop is None:
        yield Finding(path, f"unknown tool {tool.on_crash!r}", listed(schema.tools))
    elif stop.requires or stop.guards or set(stop.args) - stop.optional:
        found = f"{tool.on_crash!r} needs something first, so it cannot always be called"
        yield Finding(path, found, "name a tool without required arguments, facts and guards")
    elif not stop.repeatable:
        fix = f"say idempotent: true of {tool.on_crash}"
        yield Finding(path, f"{tool.on_crash!r} may be called twice and is not idempotent", fix)
