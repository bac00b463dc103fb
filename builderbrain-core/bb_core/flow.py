"""F: labels flow with values, through steps and conditions, and stop at sinks.

Every value carries a set of labels, joined statically: a reference carries what its field is
labelled with and what flowed into the step that made it; a step that hangs on a condition carries
the condition's labels too (control dependence). A declassifier is a named tool that drops labels.
Literals are the request's, and clean, unless an earlier round's labelled result holds the same
text.

Not covered: text that talks the model into a different but permitted choice; values a model
rewrites (`1,234` for `1234`, split, translated) so that no copy of the labelled text is left, or
that are under three characters; what a step's success or failure gives away of labelled arguments.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bb_core.described import standing
from bb_core.graph import Graph
from bb_core.plan import Plan, Ref, Step, Value, refs, tokens, value_json
from bb_core.schema import PlanSchema
from bb_core.tainted import Tainted, unvouched

if TYPE_CHECKING:
    from bb_core.at import At
    from bb_core.state import State

Labels = frozenset[str]
NONE: Labels = frozenset()
SHORTEST = 3


class Flow:
    """The labels of a plan: per step, what control and data put into it."""

    def __init__(self, plan: Plan, graph: Graph, schema: PlanSchema, state: "State") -> None:
        self.schema, self.state = schema, state
        self.steps: Mapping[str, Step] = {s.id: s for s in plan.steps}
        self.control: dict[str, Labels] = {}
        self.made: dict[str, Labels] = {}
        for ident in graph.order:
            step, spec = self.steps[ident], schema.tools[self.steps[ident].tool]
            above = [self.control[p] for p in graph.parents[ident]]
            own = self.of_ref(step.when.ref) if step.when else NONE
            self.control[ident] = NONE.union(own, *above)
            data = NONE.union(
                *(self.of(v, schema.tools[step.tool].args.get(k, {})) for k, v in step.args.items())
            )
            self.made[ident] = (data | self.control[ident]) - spec.declassifies

    @cached_property
    def _sources(self) -> list[tuple[tuple[str, str], Tainted]]:
        return [(_folded(taint.value), taint) for taint in self.state.tainted]

    def of(self, value: Value, schema: Mapping[str, Any]) -> Labels:
        """The labels of an argument's value."""
        found = NONE.union(*(self.of_ref(ref) for _, ref in refs(value)))
        if not self.state.tainted or "enum" in self.schema.resolve(schema):
            return found
        return found.union(*(self._of_literal(text) for text in _literals(value)))

    def of_ref(self, ref: Ref) -> Labels:
        """What the field is labelled with, inside or around the place named, and what made it."""
        here, tool = tokens(ref.pointer), self.steps[ref.step].tool
        if standing(self.schema.result(tool), here) == "unlisted":
            return unvouched(self.schema, tool) | self.made[ref.step]
        spec = self.schema.tools[tool]
        declared = [
            names for pointer, names in spec.labels.items() if _touch(tokens(pointer), here)
        ]
        return NONE.union(*declared) | self.made[ref.step]

    def _of_literal(self, text: str) -> Labels:
        found, whole = NONE, _folded(text)
        for source, taint in self._sources:
            shared = _shared(whole, source)
            if not shared or text in taint.own:
                continue
            # What the person typed is trusted whoever repeats it; who may read it does not change.
            asked = _in(self.state.request.casefold(), shared.casefold())
            found |= {
                n for n in taint.labels if not (asked and self.schema.labels[n].readers is None)
            }
        return found


def label_all(plan: Plan, graph: Graph, schema: PlanSchema, state: "State") -> Flow:
    """The plan's labels, computed once per check."""
    return Flow(plan, graph, schema, state)


def _touch(labelled: list[str], here: list[str]) -> bool:
    return all(a in (b, "*") or b == "*" for a, b in zip(labelled, here, strict=False))


def _literals(value: Value) -> list[str]:
    if isinstance(value, Mapping):
        return [t for item in value.values() for t in _literals(item)]
    if isinstance(value, list | tuple):
        return [t for item in value for t in _literals(item)]
    if value is None or isinstance(value, bool | Ref):
        return []
    return [str(value_json(value))]


def _folded(text: str) -> tuple[str, str]:
    return text, text.casefold()


def _shared(text: tuple[str, str], source: tuple[str, str]) -> str:
    """Whichever of the two the other holds, if it is long enough to mean it; else nothing."""
    found = [a for (a, inner), (_, outer) in ((text, source), (source, text)) if _in(outer, inner)]
    return found[0] if found and len(found[0]) >= SHORTEST else ""


def _in(outer: str, inner: str) -> bool:
    """Whether a text holds another as whole words; both are casefolded."""
    at = outer.find(inner)  # no pattern: making one for each pair takes minutes
    while at >= 0:
        end = at + len(inner)
        if not any(map(_of_word, (outer[max(0, at - 1) : at], outer[end : end + 1]))):
            return True
        at = outer.find(inner, at + 1)
    return False


def _of_word(char: str) -> bool:
    """As `\\w`; nothing is no part of a word."""
    return char.isalnum() or char == "_"


def sink(at: "At", arg: str, readers: frozenset[str] | None, trusted: bool) -> None:
    """Nothing flows into the argument that its readers may not see, or that nobody vouches for."""
    if arg not in at.step.args:
        return
    flow: Flow = at.case.labels
    found = flow.of(at.step.args[arg], at.spec.args[arg]) | flow.control[at.step.id]
    for name in sorted(found):
        label = at.case.schema.labels[name]
        if trusted and not label.trusted:
            at.refuse(
                f"F.{arg}",
                f"{arg} is reached by {name} data",
                "take the value from the request or a trusted field",
            )
        if readers is not None and label.readers is not None and not readers <= label.readers:
            who = ", ".join(sorted(readers - label.readers))
            at.refuse(f"F.{arg}", f"{name} data may not be read by {who}", _ways_out(at, name))


def _ways_out(at: "At", name: str) -> str:
    tools = [n for n, t in at.case.schema.tools.items() if name in t.declassifies]
    return f"pass it through {' or '.join(tools)} first" if tools else "leave it out"


def control(at: "At") -> None:
    """An effect hangs on no condition that untrusted data decides."""
    bad = sorted(
        n for n in at.case.labels.control[at.step.id] if not at.case.schema.labels[n].trusted
    )
    if bad:
        at.refuse(
            "F.control",
            f"whether it runs hangs on {', '.join(bad)} data",
            "decide on a trusted field",
        )
