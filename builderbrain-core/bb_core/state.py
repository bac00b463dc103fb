"""What a run has behind it: facts, spendings and taint carried from round to round.

A run may plan, execute and plan again. The policy holds over the whole run because every plan is
checked against the state the earlier rounds left. Values here are concrete: they have happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bb_core.canonical import Json, digest_json
from bb_core.errors import BuilderbrainError
from bb_core.flow import label_all
from bb_core.guards import number
from bb_core.plan import resolve_pointer
from bb_core.schema import FactCall, PlanSchema, Tool
from bb_core.tainted import Tainted, fault, tainted, texts

if TYPE_CHECKING:
    from bb_core.verdict import Checked


Key = str | int | tuple[str | int, ...]
"""What a fact holds of: one thing, or several together."""

ABOUT_NOTHING: Key = ""
"""What a fact without a term, such as `free`, holds of."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A step that was carried out: its arguments with every reference resolved, and its result."""

    step: str
    tool: str
    args: Mapping[str, Any]
    result: Json
    undoes: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was said of a call that gave no result: its arguments, and the words."""

    step: str
    tool: str
    args: Json
    said: str


@dataclass(frozen=True, slots=True)
class State:
    """The run so far. `request` is the one text that is trusted: what the person asked for."""

    request: str = ""
    facts: frozenset[tuple[str, Key]] = frozenset()
    spent: Mapping[str, int] = field(default_factory=dict)
    once: frozenset[str] = frozenset()
    approvals: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    tainted: tuple[Tainted, ...] = ()
    undone: frozenset[str] = frozenset()
    steps: int = 0
    writes: int = 0
    rounds: int = 0

    def holders(self, fact: str) -> frozenset[Key]:
        """The keys an established fact is true of."""
        return frozenset(value for name, value in self.facts if name == fact)

    def after(
        self,
        checked: "Checked",
        happened: Sequence[Happened],
        consents: frozenset[str] = frozenset(),
        faults: Sequence[Fault] = (),
    ) -> "State":
        """The state a round leaves, given what was carried out, in order, and consented to.

        `faults`: what was said of the steps that came to nothing or that nobody knows of.
        """
        schema = checked.compiled.schema
        flow = label_all(checked.plan, checked.graph, schema, self)
        state = replace(self, rounds=self.rounds + 1, approvals=self.approvals | consents)
        for event in happened:
            state = step_after(state, schema, event)
            if made := flow.made.get(event.step):
                found = texts(schema, event.tool, event.result)
                told = tuple(Tainted(text, made) for text in found)
                state = replace(state, tainted=(*state.tainted, *told))
        said = [
            one
            for told in faults
            for one in fault(schema, told.tool, told.said, told.args, flow.made[told.step])
        ]
        return replace(state, tainted=(*state.tainted, *said))


def approval(tool: str, args: Mapping[str, Any]) -> str:
    """The digest an approval is bound to: this tool with exactly these arguments."""
    return digest_json({"tool": tool, "args": dict(args)})


def once_key(tool: str, spec: Tool, args: Mapping[str, Any]) -> str:
    """The digest that makes a call unique in a run, by the arguments `once_per` names."""
    return digest_json([tool, [args.get(name) for name in spec.once_per]])


def step_after(state: State, schema: PlanSchema, event: Happened) -> State:
    """The state after one step, whether it came from this run or is read back from a log."""
    spec = schema.tools[event.tool]
    spent = dict(state.spent)
    for name, expr in spec.consumes.items():
        spent[name] = spent.get(name, 0) + int(number(expr, {"args": dict(event.args)}))
    once = {once_key(event.tool, spec, event.args)} if spec.once_per else set()
    return replace(
        state,
        facts=_facts(state, schema, spec, event),
        spent=spent,
        once=state.once | once,
        # One consent, one call: what was carried out, or may have been, has used it up.
        approvals=state.approvals - {approval(event.tool, event.args)},
        tools=state.tools | {event.tool},
        tainted=(*state.tainted, *tainted(schema, event.tool, event.result)),
        undone=state.undone | ({event.undoes} if event.undoes else set()),
        steps=state.steps + 1,
        writes=state.writes + int(spec.effect.acts),
    )


def _facts(
    state: State, schema: PlanSchema, spec: Tool, event: Happened
) -> frozenset[tuple[str, Key]]:
    gone = [(fact, look(path, event)) for fact, path in schema.ends(event.tool)]
    kept = {(n, v) for n, v in state.facts if not any(n == m and w in (None, v) for m, w in gone)}
    calls = [c for c in map(FactCall.parse, spec.establishes) if given(c, event)]
    new = {(call.name, look(call.term, event) if call.term else ABOUT_NOTHING) for call in calls}
    return frozenset(kept | {(n, v) for n, v in new if is_key(v)})


def is_key(value: Any) -> bool:
    """Whether a fact can hold of the value."""
    parts = value if isinstance(value, tuple) else (value,)
    return all(isinstance(part, str | int) for part in parts)


def given(call: FactCall, event: Happened) -> bool:
    """Whether a fact that may hang on a result is there after what happened."""
    return not call.given or look(f"result.{call.given}", event) is call.wanted


def look(path: str, event: Happened) -> Any:
    """The value a schema path (`args.x`, `result.y`) names in something that happened.

    Several paths, `args.x, args.y`, name the tuple of their values.
    """
    if ", " in path:
        return tuple(look(one, event) for one in path.split(", "))
    root, _, rest = path.partition(".")
    source: Any = {"args": dict(event.args), "result": event.result}.get(root)
    try:
        return resolve_pointer(source, "/" + rest.replace(".", "/") if rest else "")
    except Exception:
        return None


def state_json(state: State) -> dict[str, Json]:
    """The state as JSON, for whoever resumes the run; `read_state` reads it back."""
    facts: list[Json] = [
        [name, list(value) if isinstance(value, tuple) else value]
        for name, value in sorted(state.facts, key=str)
    ]
    tainted: list[Json] = [
        [t.value, *(list[Json](sorted(part)) for part in (t.labels, t.own) if part)]
        for t in state.tainted
    ]
    return {
        "request": state.request,
        "facts": facts,
        "spent": dict(state.spent),
        "once": list[Json](sorted(state.once)),
        "approvals": list[Json](sorted(state.approvals)),
        "tools": list[Json](sorted(state.tools)),
        "tainted": tainted,
        "undone": list[Json](sorted(state.undone)),
        "steps": state.steps,
        "writes": state.writes,
        "rounds": state.rounds,
    }


def read_state(data: Any) -> State:
    """The state `state_json` wrote; raises BuilderbrainError for what is not one."""
    try:
        return _read_state(data)
    except (KeyError, TypeError, ValueError) as error:
        found = f"this is no state of a run ({type(error).__name__}: {error})"
        raise BuilderbrainError(found) from error


def _read_state(data: Any) -> State:
    return State(
        request=data["request"],
        facts=frozenset(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in data["facts"]
        ),
        spent=dict(data["spent"]),
        once=frozenset(data["once"]),
        approvals=frozenset(data["approvals"]),
        tools=frozenset(data["tools"]),
        tainted=tuple(Tainted(value, *map(frozenset, parts)) for value, *parts in data["tainted"]),
        undone=frozenset(data["undone"]),
        steps=data["steps"],
        writes=data["writes"],
        rounds=data["rounds"],
    )
