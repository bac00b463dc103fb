"""Figures as Markdown: what the pages of benchmarks and of evidence are written with."""

from typing import Any


def tabular(value: Any) -> bool:
    """Whether a figure is a table: rows of named figures."""
    return isinstance(value, dict) and all(isinstance(row, dict) for row in value.values())


def table(title: str, rows: dict[str, dict[str, Any]]) -> str:
    """A Markdown table with a row each and every column any row has."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| {' | '.join([title, *columns])} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {' | '.join([name, *(text(row.get(column, '')) for column in columns)])} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def tables(figures: dict[str, Any]) -> list[str]:
    """Plain figures in one table, tables of figures each in its own; empty ones left out."""
    plain = {key: {"value": value} for key, value in figures.items() if not tabular(value)}
    parts = [table("figure", plain)] if plain else []
    return parts + [table(key, value) for key, value in figures.items() if value and tabular(value)]


def text(value: Any) -> str:
    """A figure as a table cell."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(map(text, value))
    return (
        f"{value:.4g}"
        if isinstance(value, float)
        else str(value).replace("|", "\\|").replace("\n", " ")
    )
