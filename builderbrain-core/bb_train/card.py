"""A rail's model card, made from its record: every figure in it is one that was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

_COLUMNS = ("right", "exact", "acted_wrongly")


def card(record: Mapping[str, Any]) -> str:
    """The card of a shipped rail as Markdown. `record`: what lies beside it as rail.json."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    trained, base = record["trained"], record["base"]
    yield f"# Rail for {record['domain']['name']}"
    yield ""
    yield (
        f"A plan builder of {record['parameters'] / 1e6:.2f} million parameters beside the frozen "
        f"base `{base['name']}`. It reads the base's states after layers "
        f"{', '.join(map(str, record['config']['layers']))} and builds a plan by decisions; the "
        "base itself is not changed."
    )
    yield ""
    yield f"- base: `{base['name']}`, {base['digest']}"
    yield f"- domain: `{record['domain']['name']}`, {record['domain']['digest']}"
    yield f"- weights: {record['weights']} ({record['dtype']}, {record['bytes']:,} bytes)"
    yield f"- data: {trained['examples']:,} generated examples, {trained['data']}"
    took = f"{trained['steps']:,} steps in {trained['seconds']:,} s"
    yield f"- training: {took}, seed {trained['seed']}"
    if "ranker" in trained:
        yield "- ranker: " + _ranked(trained["ranker"])
    yield f"- alpha allowed by the paired test: {record['alpha']:g}"
    yield ""
    yield "## Figures"
    yield ""
    yield (
        "Share of tasks with its 95 % Wilson interval. *right*: the run ended in exactly the state "
        "asked for; *exact*: the plan is the reference plan, free texts aside; *acted wrongly*: "
        "something else was changed. Choices were made on dev, so its figures flatter a little."
    )
    for split, table in record["metrics"].items():
        yield ""
        yield f"### {split}"
        yield ""
        yield from _table(table)
    yield ""
    yield from _limits(record)


def _ranked(told: Mapping[str, Any]) -> str:
    return (
        f"fitted on {told['examples']} further examples; of these the right plan came first in "
        f"{told['before']} before that, {told['after']} after, and was found at all in "
        f"{told['among']}"
    )


def _table(table: Mapping[str, Any]) -> Iterator[str]:
    yield "| family | n | " + " | ".join(c.replace("_", " ") for c in _COLUMNS) + " | GED |"
    yield "|---|---|" + "---|" * (len(_COLUMNS) + 1)
    for family, row in table.items():
        shares = " | ".join(
            f"{a:.3f} [{low:.3f}, {high:.3f}]" for a, low, high in map(row.get, _COLUMNS)
        )
        yield f"| {family} | {row['n']} | {shares} | {row['ged']:.3f} |"


def _limits(record: Mapping[str, Any]) -> Iterator[str]:
    yield "## What it does not do"
    yield ""
    yield (
        "It was trained on requests composed from this domain's own battery and skins, not on "
        "people's own words; how well it reads those is shown by the family `phrase` alone. It "
        "proposes plans: the checker, the guards and the consent of a person decide, with it as "
        "without it. It is tied to the exact base and domain named above and refuses others."
    )
    for note in record.get("notes", ()):
        yield ""
        yield note
