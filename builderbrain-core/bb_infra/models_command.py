"""bb models: list and fetch."""

import json
from typing import Annotated

import typer

from bb_infra.options import AsJson
from bb_infra.table import columns

app = typer.Typer(help="Base models.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the base models bb knows, and which are here."""
    from bb_runtime.models import known

    found = list(known())
    if as_json:
        print(json.dumps({"models": [model.__dict__ for model in found]}, indent=1))
        return
    rows = [(m.name, m.size, "here" if m.here else "not fetched", m.licence) for m in found]
    print("\n".join(columns([("model", "size", "state", "licence"), *rows])))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A model of `bb models list`.")] = "embedded",
) -> None:
    """Fetch a base model, check its sha256 and convert it once. Resumes where it stopped."""
    from bb_runtime.models import fetch as get

    print(f"{name}: ready in {get(name)}")
