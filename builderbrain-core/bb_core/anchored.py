"""The JSON Schema `pattern`s a mask can count to the end of: `^[A-Z]{2}-[0-9]{4}$` and the like.

The dialect is the one grammars are fenced to (`pattern.py`); a schema's pattern must also be
anchored, since JSON Schema would else search in it, and have an upper bound on every repeat.
"""

from bb_core.errors import SchemaError
from bb_core.language import UNBOUNDED, Alt, Language, Repeat, Seq
from bb_core.pattern import PatternError, read_pattern


def regex(pattern: str, where: str = "") -> Language:
    """The finite language of an anchored pattern; raises SchemaError with the place otherwise."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith("\\$"):
        raise SchemaError(
            f"pattern {pattern!r} is not anchored", where=where, fix="write it as ^...$"
        )
    if "|" in _outside_groups(pattern):
        raise SchemaError(
            f"pattern {pattern!r}: ^ and $ belong to one alternative only",
            where=where,
            fix="write ^(?:a|b)$",
        )
    try:
        lang = read_pattern(pattern[1:-1])
    except PatternError as error:
        place = f"pattern {pattern!r} at {error.offset + 2}: {error.found}"
        raise SchemaError(place, where=where, fix=error.fix) from error
    if _endless(lang):
        raise SchemaError(
            f"pattern {pattern!r} has no upper bound",
            where=where,
            fix="write {0,40} for * and {1,40} for +",
        )
    return lang


def _outside_groups(pattern: str) -> str:
    """The characters that stand in no group and no class, escapes left out."""
    out, depth, in_class, at = [], 0, False, 0
    while at < len(pattern):
        char = pattern[at]
        at += 2 if char == "\\" else 1
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif depth == 0 and char != "\\":
            out.append(char)
    return "".join(out)


def _endless(lang: Language) -> bool:
    match lang:
        case Seq(items) | Alt(items):
            return any(_endless(item) for item in items)
        case Repeat(item, _, most):
            return most >= UNBOUNDED or _endless(item)
    return False
