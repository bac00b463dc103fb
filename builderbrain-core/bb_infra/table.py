"""Rows of text in columns of a steady width."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """The rows, each column as wide as its widest cell and two spaces from the next."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return [(indent + line).rstrip() for line in lines]


def count(number: int, word: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
