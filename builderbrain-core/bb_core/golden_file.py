"""golden/plans.yaml -> plans that must be accepted, and plans that must be refused, by a rule.

accept:
  - {name: read one order, plan: {steps: […]}}
refuse:
  - {name: refund unseen, plan: {steps: […]}, rule: T.observed}
  - {name: half a plan, text: '{"steps":[', rule: parse}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.battery_file import entries, mapping, typed
from bb_core.canonical import Json
from bb_core.errors import DomainError
from bb_core.yaml_lines import Document, read_yaml

PARSE = "parse"
"""The rule of a refused example that is not even a plan."""
KEYS = frozenset({"name", "plan", "text", "rule", "world", "request"})


@dataclass(frozen=True, slots=True)
class Case:
    """One golden plan, in JSON form or as surface text, and the line it stands on.

    `request` is what the person asked for; `world` changes the twin a guarded plan is tried on.
    """

    name: str
    plan: Json = None
    text: str = ""
    rule: str = ""
    world: Mapping[str, Any] = field(default_factory=dict)
    request: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Golden:
    """A domain's golden plans."""

    accept: tuple[Case, ...] = ()
    refuse: tuple[Case, ...] = ()


def read_golden(text: str, where: str) -> Golden:
    """The cases of a golden file, names unique; raises DomainError with file and line."""
    document = read_yaml(text, where)
    if document.value is None:
        return Golden()
    accept = _cases(document, "accept", "refuse")
    refuse = _cases(document, "refuse", "accept")
    seen: set[str] = set()
    for case in (*accept, *refuse):
        if case.name in seen:
            raise DomainError(
                f"case {case.name!r} is here twice", where=f"{where}:{case.line}", fix="rename one"
            )
        seen.add(case.name)
    return Golden(accept, refuse)


def _cases(document: Document, key: str, other: str) -> tuple[Case, ...]:
    return tuple(
        _case(document, key, index, entry)
        for index, entry in enumerate(entries(document, key, other))
    )


def _case(document: Document, section: str, index: int, entry: Json) -> Case:
    path = (section, index)
    data = mapping(document, path, entry, KEYS)
    name, text, rule = (typed(document, path, data, key, "") for key in ("name", "text", "rule"))
    where = document.at(path)
    if not name:
        raise DomainError("case has no 'name'", where=where)
    plan = data.get("plan")
    if (plan is None) == (not text):
        raise DomainError(f"case {name!r} needs either 'plan' or 'text'", where=where)
    if section == "refuse" and not rule:
        raise DomainError(
            f"case {name!r} does not say which rule refuses it",
            where=where,
            fix="add rule: T.observed",
        )
    return Case(
        name=name,
        plan={"steps": plan} if isinstance(plan, list) else plan,
        text=text,
        rule=rule,
        world=typed(document, path, data, "world", {}),
        request=typed(document, path, data, "request", ""),
        line=document.lines[path],
    )
