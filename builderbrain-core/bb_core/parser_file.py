"""A parser as bytes: a Python literal, never a pickle, so reading one runs no code.

Equal grammars give equal bytes in any process: Lark numbers its parse states by string hashes,
so they are numbered again here, breadth first.
"""

import ast
from typing import TYPE_CHECKING, Any, cast

from bb_core.errors import CacheError

if TYPE_CHECKING:
    from lark import Lark

_HEADER = b"# builderbrain parser 1\n"


def save_parser(lark: "Lark") -> bytes:
    """The parser as bytes; `load_parser` reads them back to a parser that behaves the same."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    data, memo = lark.memo_serialize([TerminalDef, Rule])
    return _HEADER + _literal({"data": data, "memo": memo}).encode("ascii") + b"\n"


def load_parser(blob: bytes) -> "Lark":
    """The parser `save_parser` wrote; raises CacheError for anything else."""
    from lark import Lark

    try:
        if not blob.startswith(_HEADER):
            raise ValueError("the first line is not the parser header")
        saved = ast.literal_eval(blob[len(_HEADER) :].decode("ascii"))
        lark = Lark._load_from_dict(saved["data"], saved["memo"])  # type: ignore[no-untyped-call]
    except (ValueError, SyntaxError, LookupError, TypeError, AttributeError) as error:
        raise CacheError(
            f"this is not a saved parser ({error})",
            fix="delete it; the next compile writes it anew",
        ) from error
    return cast("Lark", lark)


def numbered(lark: "Lark") -> "Lark":
    """The same parser with its states numbered by breadth-first order."""
    table = cast(Any, lark.parser).parser._parse_table
    _number_states(table)
    # The contextual lexer keeps a table by state number, so it is built again from the saved form.
    return load_parser(save_parser(lark))


def _number_states(table: Any) -> None:
    from lark.parsers.lalr_analysis import Shift

    order = dict.fromkeys(table.start_states.values())
    queue = list(order)
    for state in queue:
        actions = table.states[state]
        found = [actions[name][1] for name in sorted(actions) if actions[name][0] is Shift]
        fresh = dict.fromkeys(target for target in found if target not in order)
        order.update(fresh)
        queue.extend(fresh)
    number = {state: index for index, state in enumerate(order)}
    table.states = {
        number[state]: {
            name: (act, number[to]) if act is Shift else (act, to)
            for name, (act, to) in sorted(table.states[state].items())
        }
        for state in order
    }
    table.start_states = {name: number[state] for name, state in table.start_states.items()}
    table.end_states = {name: number[state] for name, state in table.end_states.items()}


def _literal(value: Any) -> str:
    """`ascii()` with dictionaries in key order, since Lark's order follows string hashes."""
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: (type(item[0]).__name__, item[0]))
        return "{" + ",".join(f"{k!a}:{_literal(v)}" for k, v in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(_literal(item) + "," for item in value) + ")"
    if isinstance(value, set | frozenset):
        return "[" + ",".join(sorted(map(_literal, value))) + "]"
    return ascii(value)
