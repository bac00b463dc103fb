"""Pointing at a place in a text: line, column, and the line with a caret under the character."""

_MARGIN = 38


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both counted from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def pointed(text: str, offset: int) -> str:
    """The line around an offset and a caret under it; long lines are cut on both sides."""
    line, column = position(text, offset)
    full = text.split("\n")[line - 1].replace("\t", " ")
    start = max(0, column - 1 - _MARGIN)
    shown = full[start : start + 2 * _MARGIN]
    left = "…" if start else ""
    right = "…" if start + 2 * _MARGIN < len(full) else ""
    return f"  {left}{shown}{right}\n  {' ' * (len(left) + column - 1 - start)}^"
