"""Worlds in which a drawn request can be carried out: the twin's own, with values renamed.

A thing the battery names is copied under its new name, with every text in it that is one of the
request's old values exchanged for the new one; what belonged to a clause's own person belongs to
the speaker. The result is a merge patch on the twin's seed state. Whether it holds is not argued:
the right plan is carried out, and a request whose plan does not run is dropped.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.canonical import Json, canonical
from bb_core.compiled import Compiled
from bb_core.plan import to_json
from bb_core.schema import FactCall
from bb_core.state import Happened, look
from bb_runtime.trial import Trial, attempt, gold
from bb_train.data.clause import Clause
from bb_train.data.template import Template, speaks

World = Mapping[str, Any]


@dataclass
class Worlds:
    """A domain's twins, with what was seen of them kept: snapshots and the battery's own runs."""

    compiled: Compiled
    adapters: Adapters
    _snapshots: dict[bytes, World] = field(default_factory=dict)
    _trials: dict[bytes, Trial] = field(default_factory=dict)

    def snapshot(self, changes: World) -> World:
        """The twin's state with these changes to its seed."""
        key = canonical(dict(changes))
        if key not in self._snapshots:
            twin = self.adapters.twin(changes)
            try:
                self._snapshots[key] = cast(World, twin.snapshot())
            finally:
                twin.close()
        return self._snapshots[key]

    def trial(self, task: Task) -> Trial:
        """What a battery task's own plans do."""
        key = canonical([task.id, list(task.rounds), dict(task.world)])
        if key not in self._trials:
            self._trials[key] = gold(self.compiled, self.adapters, task)
        return self._trials[key]

    def holder(self, template: Template) -> str:
        """Whom a template's plan identifies, in its own world; empty for nobody."""
        results = self.trial(template.task).results
        for plan, seen in zip(template.plans, results, strict=False):
            for step in plan.steps:
                if speaks(self.compiled.schema, step) and step.id in seen:
                    told = self.compiled.schema.tools[step.tool].establishes[0]
                    happened = Happened(step.id, step.tool, step.args, seen[step.id])
                    return str(look(FactCall.parse(told).term, happened))
        return ""

    def world(self, clauses: Sequence[Clause], speaker: int) -> World:
        """The changes to the seed under which these clauses are one person's."""
        own = [dict(clause.template.task.world) for clause in clauses]
        patch: World = {}
        for changes in own:
            patch = merged(patch, changes)
        mine = self.holder(clauses[speaker].template)
        for number, clause in enumerate(clauses):
            theirs = self.holder(clause.template)
            state = self.snapshot(clause.template.task.world)
            names = renamings(clause)
            if theirs and theirs != mine:
                names = {**names, theirs: mine}
            patch = merged(patch, self._things(state, clause, names))
            if number != speaker and theirs and theirs != mine:
                patch = merged(patch, _moved(state, clause, theirs, mine))
            elif theirs:
                patch = merged(patch, _renamed_there(state, {theirs}, names))
        return patch

    def _things(self, state: World, clause: Clause, names: Mapping[Json, Json]) -> World:
        """Every thing the clause names, under its new name."""
        old = {str(b.value) for b in clause.template.blanks if isinstance(b.value, str)}
        return _renamed_there(state, old, names)

    def run(self, task: Task) -> Task | None:
        """The task with the diff its own plans make; None if they do not run to their end."""
        plans = [self.compiled.read(plan) for plan in task.rounds]
        trial = attempt(self.compiled, self.adapters, replace(task, diff={}), plans)
        if trial.caught not in ("nothing", "oracle"):
            return None
        return replace(task, diff=dict(trial.diff))

    def refused(self, task: Task) -> bool:
        """Whether its plans are stopped by the task's rule and change nothing at all."""
        plans = [self.compiled.read(plan) for plan in task.rounds]
        trial = attempt(self.compiled, self.adapters, replace(task, diff={}), plans)
        return not trial.diff and (
            task.rule in trial.rules if task.rule else trial.caught in ("static", "guards")
        )


def renamings(clause: Clause) -> dict[Json, Json]:
    """Old values and what stands for them now."""
    blanks = clause.template.blanks
    return {blanks[i].value: v for i, v in clause.values.items() if blanks[i].value != v}


def _renamed_there(state: World, keys: Iterable[str], names: Mapping[Json, Json]) -> World:
    """The entries of the state's collections with these keys, rewritten."""
    patch: dict[str, Any] = {}
    wanted = sorted(set(keys))
    for name, collection in state.items():
        if isinstance(collection, Mapping):
            for key in wanted:
                if key in collection:
                    new = str(names.get(key, key))
                    patch.setdefault(name, {})[new] = rewritten(collection[key], names)
    return patch


def _moved(state: World, clause: Clause, theirs: str, mine: str) -> World:
    """What a clause names of its own person's belongings, given to the speaker."""
    names = renamings(clause)
    old = {str(b.value) for b in clause.template.blanks if isinstance(b.value, str)}
    patch: dict[str, Any] = {}
    for name, collection in state.items():
        if isinstance(collection, Mapping) and isinstance(collection.get(theirs), Mapping):
            for field_name, held in collection[theirs].items():
                if isinstance(held, Mapping) and old & held.keys():
                    kept = {k: rewritten(held[k], names) for k in sorted(old & held.keys())}
                    given = {str(names.get(k, k)): item for k, item in kept.items()}
                    patch.setdefault(name, {}).setdefault(mine, {})[field_name] = given
    return patch


def rewritten(value: Any, names: Mapping[Json, Json]) -> Any:
    """A value with every key and leaf that is exactly an old name exchanged."""
    if isinstance(value, Mapping):
        return {str(names.get(k, k)): rewritten(item, names) for k, item in value.items()}
    if isinstance(value, list | tuple):
        return [rewritten(item, names) for item in value]
    return (
        names.get(value, value)
        if isinstance(value, str | int) and not isinstance(value, bool)
        else value
    )


def renamed_text(text: str, names: Mapping[str, str]) -> str:
    """A text with every old name that stands as a word of its own exchanged, longest first."""
    present = sorted((name for name in names if name and name in text), key=len, reverse=True)
    if not present:
        return text
    pattern = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in present)
    return re.sub(pattern, lambda match: names[match[0]], text)


def merged(one: Any, other: Any) -> Any:
    """A merge patch that does what both do; where both name the same leaf, the second."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other
    out = dict(one)
    for key, value in other.items():
        out[key] = merged(out[key], value) if key in out else value
    return out


def task_of(ident: str, text: str, plans: Sequence[Any], world: World, tags: Sequence[str]) -> Task:
    """A battery task made of these."""
    rounds = tuple(json.loads(canonical({"steps": to_json(plan)["steps"]})) for plan in plans)
    return Task(ident, text, rounds, world=world, tags=tuple(tags))
