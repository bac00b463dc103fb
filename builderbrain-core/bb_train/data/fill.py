"""Fill a template's plan with new values: typed leaves by their blank, free text word by word."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bb_core.canonical import Json
from bb_core.plan import Ref, Step, When
from bb_core.schema import PlanSchema
from bb_train.data.blanks import CLOSED
from bb_train.data.spelling import spellings
from bb_train.data.template import Template


@dataclass(frozen=True)
class Filling:
    """New values by blank, and how each old text now reads in free text."""

    values: Mapping[tuple[str, str], Json]
    texts: Mapping[str, str]

    @cached_property
    def pattern(self) -> "re.Pattern[str] | None":
        """Finds any old text that stands as a word of its own, longest first."""
        if not self.texts:
            return None
        longest = sorted(self.texts, key=len, reverse=True)
        return re.compile("|".join(map(_alone, longest)))


def _alone(text: str) -> str:
    """A pattern for a text that stands by itself; a figure is no part of a longer number."""
    if text.lstrip("-").isdecimal():
        return rf"(?<![\w.,-]){text}(?![\w]|[.,][0-9])"
    return rf"(?<!\w){re.escape(text)}(?!\w)"


def filling(template: Template, values: Mapping[int, Json], names: Mapping[str, str]) -> Filling:
    """The filling that gives the blanks with these numbers these values, and texts these names."""
    new, texts = {}, dict(names)
    for index, value in values.items():
        blank = template.blanks[index]
        new[blank.key] = value
        spelled = spellings(blank.schema, value)
        for number, old in enumerate(spellings(blank.schema, blank.value)):
            if spelled:
                texts[old] = spelled[min(number, len(spelled) - 1)]
    return Filling(new, texts)


def fill(schema: PlanSchema, step: Step, given: Filling) -> Step:
    """The step with the filling's values."""
    pattern = given.pattern
    args = {
        name: _fill(schema.arg(step.tool, name), value, given, pattern)
        for name, value in step.args.items()
    }
    return replace(step, args=args, when=_condition(step.when, given))


def _fill(
    schema: Mapping[str, Any], value: Any, given: Filling, pattern: "re.Pattern[str] | None"
) -> Any:
    if isinstance(value, Ref) or CLOSED & schema.keys():
        return value
    if isinstance(value, Mapping):
        inner = schema.get("properties", {})
        return {k: _fill(inner.get(k, {}), v, given, pattern) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(schema.get("items", {}), item, given, pattern) for item in value]
    key = (schema.get("x-type", type(value).__name__), str(value))
    if key in given.values:
        return given.values[key]
    if isinstance(value, str) and "x-type" not in schema and pattern:
        return pattern.sub(lambda match: given.texts[match[0]], value)
    return value


def _condition(when: When | None, given: Filling) -> When | None:
    if when is None or isinstance(when.value, bool | str) or when.value is None:
        return when
    for (_, old), new in given.values.items():
        if old == str(when.value) and isinstance(new, int):
            return replace(when, value=new)
    return when
