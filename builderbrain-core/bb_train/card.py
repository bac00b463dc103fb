"""A rail's model card, made from its record: every figure in it is one that was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

_COLUMNS = ("right", "exact", "acted_wrongly")
_READ = (
    "Share of tasks with its 95 % Wilson interval. *right*: the run ended in exactly the state "
    "asked for; *exact*: the plan is the reference plan, free texts aside; *acted wrongly*: "
    "something else was changed. Choices were made on dev, so its figures flatter a little."
)


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
    yield f"- data: {trained['examples']:,} {_examples(trained)}, {trained['data']}"
    took = f"{trained['steps']:,} steps in {trained['seconds']:,} s"
    yield f"- training: {took}, seed {trained['seed']}"
    if begun := record["made_from"].get("warm_start"):
        yield f"- warm start: it began with the weights {begun} of an earlier rail"
    if unshown := trained.get("unshown"):
        strange = "; they are told as strangers" if record["config"].get("strangers") else ""
        yield f"- tools that nothing showed it: {', '.join(unshown)}{strange}"
    if "ranker" in trained:
        yield "- ranker: " + _ranked(trained["ranker"])
    yield "- " + _alpha(record)
    yield ""
    yield "## Figures"
    yield ""
    yield _READ if record["metrics"] else "No task was measured."
    for split, table in record["metrics"].items():
        yield ""
        yield f"### {split}"
        yield ""
        yield from _table(table)
    yield ""
    yield from _limits(record)


def _examples(trained: Mapping[str, Any]) -> str:
    return "examples of a file" if trained["config"]["data"]["train_file"] else "generated examples"


def _alpha(record: Mapping[str, Any]) -> str:
    """What alpha is, and which judgement made it so."""
    alpha, lifts = f"{record['alpha']:g}", record["lifts"]
    if not lifts:
        return f"alpha: {alpha}, which no test has judged"
    if lifts[-1]["passed"]:
        return f"alpha allowed by the paired test: {alpha}"
    tried = ", ".join(f"{one['tried']:g}" for one in lifts)
    return f"alpha: {alpha}, halved: the paired test allowed none that was tried ({tried})"


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
        f"It was trained on {_words(record)}. It "
        "proposes plans: the checker, the guards and the consent of a person decide, with it as "
        "without it. It is tied to the exact base and domain named above and refuses others."
    )
    for note in record.get("notes", ()):
        yield ""
        yield note


def _words(record: Mapping[str, Any]) -> str:
    """Whose words it was trained on, and what is known of how well it reads others."""
    data = record["trained"]["config"]["data"]
    if data["train_file"]:
        return (
            "the requests of a file that its configuration names; whose words those are, and how "
            "well it reads others, is not known here"
        )
    own = "requests composed from this domain's own battery and skins, not on people's own words"
    if record["metrics"] and data["dev_file"]:
        return f"{own}; how well it reads those is shown as far as its dev file holds them"
    if any("phrase" in table for table in record["metrics"].values()):
        return f"{own}; how well it reads those is shown by the family `phrase` alone"
    return f"{own}; how well it reads those was not measured"
