"""battery.yaml -> tasks.

tasks:
  - id: refund-1
    prompt: Please refund my mug.
    rounds: [{steps: [{id: n1, tool: get_order, args: {order_id: W1}}]}]   # or a list of steps
    diff: {/orders/W1/status: refunded}
    world: {}            # changes to the twin's seed state
    expect: done         # or refuse, with the rule that refuses
    tags: [refund]
    also: [My mug is to be refunded, please.]   # other wordings of the same request
"""

from typing import Any

from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.errors import DomainError
from bb_core.yaml_lines import Document, Path, read_yaml

KEYS = frozenset({"id", "prompt", "rounds", "diff", "world", "expect", "rule", "tags", "also"})


def read_battery(text: str, where: str) -> tuple[Task, ...]:
    """The tasks of a battery file, in order, ids unique; raises DomainError with file and line."""
    document = read_yaml(text, where)
    tasks: list[Task] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries(document, "tasks")):
        task = _task(document, ("tasks", index), entry)
        if task.id in seen:
            raise DomainError(
                f"task id {task.id!r} is here twice",
                where=document.at(("tasks", index)),
                fix="rename one",
            )
        seen[task.id] = index
        tasks.append(task)
    return tuple(tasks)


def entries(document: Document, *keys: str) -> list[Json]:
    """The list under one of the file's known top keys; raises DomainError for any other shape."""
    top = document.value
    if not isinstance(top, dict):
        raise DomainError(
            f"must be a mapping with {', '.join(keys)}, found {kind(top)}", where=document.at(())
        )
    extra = sorted(set(top) - set(keys))
    if extra:
        raise DomainError(
            f"unknown key {extra[0]!r}",
            where=document.at((extra[0],)),
            fix=f"known: {', '.join(keys)}",
        )
    value = top.get(keys[0], [])
    if not isinstance(value, list):
        raise DomainError(
            f"{keys[0]!r} must be a list, found {kind(value)}", where=document.at((keys[0],))
        )
    return value


def mapping(document: Document, path: Path, value: Json, known: frozenset[str]) -> dict[str, Any]:
    """The value if it is a mapping with known keys only; raises DomainError otherwise."""
    if not isinstance(value, dict):
        raise DomainError(f"must be a mapping, found {kind(value)}", where=document.at(path))
    extra = sorted(set(value) - known)
    if extra:
        raise DomainError(
            f"unknown key {extra[0]!r}",
            where=document.at((*path, extra[0])),
            fix=f"known: {', '.join(sorted(known))}",
        )
    return value


def typed(document: Document, path: Path, data: dict[str, Any], key: str, default: Any) -> Any:
    """`data[key]` if it has the default's type; a missing key gives the default."""
    value = data.get(key, default)
    if type(value) is not type(default):
        raise DomainError(
            f"{key!r} must be {kind(default)}, found {kind(value)}", where=document.at((*path, key))
        )
    return value


def kind(value: object) -> str:
    """What a person calls the type of a JSON value."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true/false",
        type(None): "nothing",
    }
    return names.get(type(value), "a number")


def _task(document: Document, path: Path, entry: Json) -> Task:
    data = mapping(document, path, entry, KEYS)
    ident, prompt = (typed(document, path, data, key, "") for key in ("id", "prompt"))
    if not ident or not prompt:
        missing = "id" if not ident else "prompt"
        raise DomainError(f"task has no {missing!r}", where=document.at(path))
    expect = typed(document, path, data, "expect", "done")
    if expect not in ("done", "refuse"):
        raise DomainError(
            f"'expect' is {expect!r}",
            where=document.at((*path, "expect")),
            fix="use done or refuse",
        )
    return Task(
        id=ident,
        prompt=prompt,
        rounds=rounds_of(typed(document, path, data, "rounds", [])),
        diff=typed(document, path, data, "diff", {}),
        world=typed(document, path, data, "world", {}),
        expect=expect,
        rule=typed(document, path, data, "rule", ""),
        tags=tuple(str(tag) for tag in typed(document, path, data, "tags", [])),
        also=_also(document, path, data),
    )


def _also(document: Document, path: Path, data: dict[str, Any]) -> tuple[str, ...]:
    """Other wordings: texts, none of them twice, none the prompt itself."""
    wordings = typed(document, path, data, "also", [])
    seen = {data["prompt"]}
    for index, text in enumerate(wordings):
        place = document.at((*path, "also", index))
        if not isinstance(text, str) or not text:
            raise DomainError(f"a wording must be text, found {kind(text)}", where=place)
        if text in seen:
            raise DomainError(f"the wording {text!r} is here twice", where=place)
        seen.add(text)
    return tuple(wordings)


def rounds_of(rounds: list[Json]) -> tuple[Json, ...]:
    """Plans in JSON form, one per round; a bare list of steps is a plan too."""
    return tuple({"steps": plan} if isinstance(plan, list) else plan for plan in rounds)
