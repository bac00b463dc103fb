"""Do a domain's adapters keep what its schema says of them? Tried call by call on its twin.

read      a tool that only looks leaves the twin as it was
intent    the same call under the same key a second time changes nothing more
preview   what a preview says is what the call then changes
taxonomy  whatever arguments the schema allows, a call gives a result of its type or a ToolError
live      the twin and the real system answer the same calls alike: both do it, or the same fault

Not covered: calls that run side by side; a twin whose snapshot leaves out what changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any, Literal

from bb_core.adapters import Adapter, Adapters, Call, World
from bb_core.battery import Task
from bb_core.canonical import Json, canonical
from bb_core.compiled import Compiled
from bb_core.errors import ToolError
from bb_core.registry import reason
from bb_core.sample import draw_value
from bb_core.state_diff import state_diff
from bb_runtime.job import Settings
from bb_runtime.trial import Trial, attempt

Kind = Literal["read", "intent", "preview", "taxonomy", "live"]
CALLS = 16
"""The random calls one tool is tried with."""
PATIENCE_S = 2.0
TRIES = 3
"""How often a real system may be out of reach before that is its answer."""
ONE_BY_ONE = Settings(parallel=1)


@dataclass
class Watched:
    """Adapters under watch. `found` is the first thing wrong per tool and promise."""

    compiled: Compiled
    adapters: Adapters
    found: dict[tuple[str, Kind], str] = field(default_factory=dict)
    kept: set[tuple[str, Kind]] = field(default_factory=set)

    def watching(self) -> Adapters:
        """The same adapters; every call is compared with what its tool promises."""
        tools = {name: self._watched(name, one) for name, one in self.adapters.tools.items()}
        return replace(self.adapters, tools=tools)

    def _watched(self, name: str, adapter: Adapter) -> Adapter:
        def call(args: Mapping[str, Any], call: Call) -> Json:
            before = call.world.snapshot()
            result = adapter(args, call)
            self._judge(name, args, call, before, adapter)
            return result

        return call if name in self.compiled.schema.tools else adapter

    def _judge(
        self, name: str, args: Mapping[str, Any], call: Call, before: Json, adapter: Adapter
    ) -> None:
        spec, after = self.compiled.schema.tools[name], call.world.snapshot()
        changed = state_diff(before, after)
        if not spec.effect.acts:
            self.say(
                name, "read", f"it only looks, and changed {_some(changed)}" if changed else ""
            )
        elif name in self.adapters.previews:
            told = dict(self.adapters.previews[name](args, before))
            same = canonical(told) == canonical(changed)
            why = f"its preview says {_some(told)}, the call changed {_some(changed)}"
            self.say(name, "preview", "" if same else why)
        if spec.effect.acts and (spec.key is not None or spec.repeatable):
            self.say(name, "intent", _again(adapter, args, call, after))

    def say(self, tool: str, kind: Kind, why: str) -> None:
        """Note that a promise was kept, or the first time it was not."""
        self.kept.add((tool, kind))
        if why:
            self.found.setdefault((tool, kind), why)


def _again(adapter: Adapter, args: Mapping[str, Any], call: Call, after: Json) -> str:
    try:
        adapter(args, call)
    except ToolError as error:
        return f"the same call under the same key was answered once, then refused: {error}"
    more = state_diff(after, call.world.snapshot())
    return f"the same call under the same key changed {_some(more)} again" if more else ""


def covering(trials: Mapping[str, Trial], tasks: Sequence[Task]) -> list[Task]:
    """Few tasks whose right plans call every tool that any of them calls."""
    calls = {
        task.id: {
            out.tool for run in trials[task.id].runs for out in run.outcomes.values() if out.done
        }
        for task in tasks
    }
    chosen, left = list[Task](), set[str]().union(*calls.values())
    while left:
        best = max(tasks, key=lambda task: len(calls[task.id] & left))
        chosen.append(best)
        left -= calls[best.id]
    return chosen


def watch(compiled: Compiled, adapters: Adapters, tasks: Sequence[Task]) -> Watched:
    """Carry out the right plans of some tasks, one call at a time, and compare."""
    watched = Watched(compiled, adapters)
    for task in tasks:
        plans = [compiled.read(plan) for plan in task.rounds]
        attempt(compiled, watched.watching(), task, plans, settings=ONE_BY_ONE)
    return watched


def random_calls(
    compiled: Compiled, tool: str, pool: Mapping[str, Sequence[Json]]
) -> Iterator[dict[str, Json]]:
    """Arguments the schema allows, always the same: some that tasks use, some out of nowhere."""
    rng, spec = Random(tool), compiled.schema.tools[tool]
    for _ in range(CALLS):
        args = {}
        for name in spec.args:
            schema = compiled.schema.arg(tool, name)
            if name in spec.optional and rng.random() < 0.5:
                continue
            known = pool.get(str(schema.get("x-type")), ())
            args[name] = (
                rng.choice(known) if known and rng.random() < 0.7 else draw_value(rng, schema)
            )
        yield args


def tried_at_random(
    compiled: Compiled, adapters: Adapters, tool: str, pool: Mapping[str, Sequence[Json]]
) -> Watched:
    """Call a tool with random arguments on a fresh twin."""
    watched = Watched(compiled, adapters)
    adapter, world = watched.watching().tools[tool], adapters.twin({})
    try:
        for number, args in enumerate(random_calls(compiled, tool, pool)):
            why = _taxonomy(compiled, tool, partial(adapter, args, _call(world, tool, number)))
            watched.say(tool, "taxonomy", f"called with {args}, {why}" if why else "")
    finally:
        world.close()
    return watched


def _call(world: World, tool: str, number: int, patience: float = PATIENCE_S) -> Call:
    return Call(world, f"{tool}-{number}", f"{tool}-{number}", patience)


def _taxonomy(compiled: Compiled, tool: str, call: Callable[[], Json]) -> str:
    try:
        result = call()
    except ToolError:
        return ""
    except Exception as error:
        return f"it raised {reason(error)}, which is no ToolError"
    judge = compiled.result_validators[tool]
    wrong = next(judge.iter_errors(result), None)
    return (
        f"it gave {str(result)[:80]}, which is not what it returns: {wrong.message}"
        if wrong
        else ""
    )


def alike(
    compiled: Compiled, adapters: Adapters, tool: str, pool: Mapping[str, Sequence[Json]]
) -> str:
    """The first of some random calls that the twin and the real system answer differently.

    Raises ToolError where the real system cannot be had.
    """
    assert adapters.live is not None
    live, twin = adapters.live({}), adapters.twin({})
    patience = compiled.schema.tools[tool].timeout_s
    try:
        for number, args in enumerate(random_calls(compiled, tool, pool)):
            answers = [
                _class(adapters.tools[tool], args, _call(world, tool, number, patience))
                for world in (twin, live)
            ]
            if answers[0] != answers[1]:
                return (
                    f"called with {args}, the twin gave {answers[0]}, the real system {answers[1]}"
                )
    finally:
        live.close()
        twin.close()
    return ""


def _class(adapter: Adapter, args: Mapping[str, Any], call: Call) -> str:
    """How a call ends; one that never reached its system is made again, it says nothing."""
    for _ in range(TRIES):
        try:
            adapter(args, call)
        except ToolError as error:
            if error.kind != "unavailable":
                return error.kind
        except Exception as error:
            return type(error).__name__
        else:
            return "a result"
    return "unavailable"


def alike_task(compiled: Compiled, adapters: Adapters, task: Task, right: Trial) -> str:
    """How a task's right plans fared otherwise on the real system than on the twin."""
    assert adapters.live is not None
    plans = [compiled.read(plan) for plan in task.rounds]
    there = attempt(compiled, replace(adapters, twin=adapters.live), task, plans)
    for number, (ours, theirs) in enumerate(zip(right.runs, there.runs, strict=False)):
        for step, out in ours.outcomes.items():
            found = theirs.outcomes[step]
            if (found.status, found.fault) != (out.status, out.fault):
                return f"round {number} {step}: the real system {found.status}: {found.why}"
    return "" if there.caught == "nothing" else f"on the real system: {' '.join(there.why)[:200]}"


def _some(diff: Mapping[str, Json]) -> str:
    shown = ", ".join(f"{at} = {value!r}" for at, value in list(diff.items())[:3])
    return (shown + (" …" if len(diff) > 3 else "")) or "nothing"
