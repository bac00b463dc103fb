"""Print a plan in a domain's language: one spelling for each plan.

Not covered: how deep the grammar lets values nest. A plan that prints but nests deeper does not
parse, and `parse_plan` says so.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from bb_core.errors import PlanError
from bb_core.language import Language, to_regex
from bb_core.plan import Plan, Ref, Step, Value, When
from bb_core.surface_shape import Listing, Piece, Slot, Surface

_ESCAPED = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f]')


def print_plan(surface: Surface, plan: Plan) -> str:
    """The plan's text; raises PlanError for a word or value the language cannot write."""
    return _list(surface.plan, [_step(surface, step) for step in plan.steps], "a plan")


def _step(surface: Surface, step: Step) -> str:
    ids = [_word(surface, "ID", name) for name in step.after]
    parts = {
        "ID": _word(surface, "ID", step.id),
        "TOOL": _word(surface, "TOOL", step.tool),
        "args": _list(surface.args, [_arg(surface, *pair) for pair in step.args.items()], "args"),
        "after": _list(surface.after, ids, "after") if ids else "",
        "when": _when(surface, step.when) if step.when else "",
    }
    return _fill(surface.step, parts)


def _arg(surface: Surface, key: str, value: Value) -> str:
    return _fill(surface.arg, {"KEY": _word(surface, "KEY", key)}, print_value(surface, value))


def _when(surface: Surface, when: When) -> str:
    words = {"REF": _word(surface, "REF", str(when.ref)), "OP": _word(surface, "OP", when.op)}
    return _fill(surface.when, words, _scalar(surface, when.value))


def _fill(pieces: tuple[Piece, ...], parts: Mapping[str, str], other: str = "") -> str:
    return "".join(
        parts.get(piece.name, other) if isinstance(piece, Slot) else piece for piece in pieces
    )


def _list(form: Listing, items: list[str], what: str) -> str:
    if not items and not form.empty:
        raise PlanError(f"{what} is empty, and the language has no way to write that")
    return form.open + form.sep.join(items) + form.close


def print_value(surface: Surface, value: Value) -> str:
    """One argument value as the language writes it; raises PlanError if it cannot."""
    if isinstance(value, Ref):
        return _fill(surface.ref, {}, _word(surface, "REF", str(value)))
    if isinstance(value, Mapping):
        if surface.object is None:
            raise PlanError("the language has no objects", fix="pass the fields one by one")
        items = [
            _fill(surface.pair, {"KEY": _word(surface, "KEY", key)}, print_value(surface, item))
            for key, item in value.items()
        ]
        return _list(surface.object, items, "an object")
    if isinstance(value, list | tuple):
        if surface.array is None:
            raise PlanError("the language has no lists", fix="pass the items one by one")
        return _list(surface.array, [print_value(surface, item) for item in value], "a list")
    return _scalar(surface, value)


def _scalar(surface: Surface, value: Value) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _checked(surface, "STRING", quote(value))
    return _checked(surface, "NUMBER", _number(value))


def _word(surface: Surface, name: str, text: str) -> str:
    return _checked(surface, name, quote(text) if name in surface.quoted else text)


def _checked(surface: Surface, name: str, text: str) -> str:
    if name not in surface.terminals or not _compiled(surface.terminals[name]).fullmatch(text):
        raise PlanError(f"{text[:80]} is not a {name} of this language")
    return text


@lru_cache(maxsize=256)
def _compiled(language: Language) -> re.Pattern[str]:
    return re.compile(to_regex(language))


def quote(text: str) -> str:
    """A JSON string in its one spelling: only what has to be escaped is."""
    return '"' + _TO_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return f"\\{char}" if char in '"\\' else _ESCAPED.get(char, f"\\u{ord(char):04x}")


def _number(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
