"""skins.yaml -> skins: rewritings of a task that need no code.

    skins:
      - name: formal
        kind: invariant                     # invariant, equivariant or trap
        tags: [refund]                      # only tasks with one of these tags; none: every task
        before: "Dear team, "               # text put around the prompt
        after: " Kind regards."
        replace: {please: kindly}           # whole words, in the prompt
      - name: store-credit
        kind: equivariant
        replace: {refund: store credit}
        tools: {refund_order: issue_credit} # the plan changes with it
        values: {W1001: W1002}              # in the prompt and in the plan
      - name: other-currency
        kind: trap
        tasks: {refund-1: {prompt: …, expect: refuse, rule: F.cents}}   # spelled out per task

A skin that needs code goes into skins.py, as `SKINS: Sequence[Skin]`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from bb_core.battery import Task
from bb_core.battery_file import entries, mapping, rounds_of, typed
from bb_core.canonical import Json
from bb_core.errors import DomainError
from bb_core.skins import Kind, Skin
from bb_core.yaml_lines import Document, read_yaml

KEYS = frozenset({"name", "kind", "tags", "before", "after", "replace", "tools", "values", "tasks"})
TASK_KEYS = frozenset({"prompt", "rounds", "diff", "world", "expect", "rule"})


def read_skins(text: str, where: str) -> tuple[Skin, ...]:
    """The skins of a file, names unique; raises DomainError with file and line."""
    document = read_yaml(text, where)
    skins = [_skin(document, i, entry) for i, entry in enumerate(entries(document, "skins"))]
    names = [skin.name for skin in skins]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise DomainError(
                f"skin {name!r} is here twice",
                where=document.at(("skins", index)),
                fix="rename one",
            )
    return tuple(skins)


def _skin(document: Document, index: int, entry: Json) -> Skin:
    path = ("skins", index)
    data = mapping(document, path, entry, KEYS)
    name, kind = (typed(document, path, data, key, "") for key in ("name", "kind"))
    if not name:
        raise DomainError("skin has no 'name'", where=document.at(path))
    if kind not in get_args(Kind):
        raise DomainError(
            f"skin {name!r} is of kind {kind!r}",
            where=document.at(path),
            fix=f"use {', '.join(get_args(Kind))}",
        )
    for key, default in (("before", ""), ("after", ""), ("tags", [])):
        typed(document, path, data, key, default)
    for key in ("replace", "tools", "values", "tasks"):
        typed(document, path, data, key, {})
    for task, change in data.get("tasks", {}).items():
        mapping(document, (*path, "tasks", task), change, TASK_KEYS)
    if kind == "invariant" and data.get("tools"):
        raise DomainError(
            f"skin {name!r} is invariant and renames tools", where=document.at((*path, "tools"))
        )
    return Skin(name, kind, lambda task: _apply(data, task))


def _apply(data: Mapping[str, Any], task: Task) -> Task | None:
    tasks = data.get("tasks")
    if tasks:
        return _spelled_out(tasks[task.id], task) if task.id in tasks else None
    if data.get("tags") and not set(data["tags"]) & set(task.tags):
        return None
    values, tools = data.get("values", {}), data.get("tools", {})
    prompt = _words(task.prompt, {**data.get("replace", {}), **values})
    prompt = f"{data.get('before', '')}{prompt}{data.get('after', '')}"
    rounds = tuple(_rewrite(plan, tools, values) for plan in task.rounds)
    if prompt == task.prompt and rounds == task.rounds:
        return None
    return replace(task, prompt=prompt, rounds=rounds, diff=_renamed(task.diff, values))


def _spelled_out(change: Mapping[str, Any], task: Task) -> Task:
    fields = dict(change)
    if "rounds" in fields:
        fields["rounds"] = rounds_of(fields["rounds"])
    elif fields.get("expect") == "refuse":
        fields["rounds"] = ()
    if fields.get("expect") == "refuse":
        fields.setdefault("diff", {})
    return replace(task, **fields)


def _words(text: str, changes: Mapping[str, Any]) -> str:
    if not changes:
        return text
    longest_first = sorted(changes, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in longest_first)
    return re.sub(pattern, lambda match: str(changes[match[0]]), text)


def _rewrite(value: Json, tools: Mapping[str, str], values: Mapping[str, Any]) -> Json:
    if isinstance(value, dict):
        out = {key: _rewrite(item, tools, values) for key, item in value.items()}
        tool = out.get("tool")
        return {**out, "tool": tools[tool]} if isinstance(tool, str) and tool in tools else out
    if isinstance(value, list):
        return [_rewrite(item, tools, values) for item in value]
    return values.get(value, value) if isinstance(value, str) else value


def _renamed(diff: Mapping[str, Json], values: Mapping[str, Any]) -> dict[str, Json]:
    return {_words(path, values): _rewrite(value, {}, values) for path, value in diff.items()}
