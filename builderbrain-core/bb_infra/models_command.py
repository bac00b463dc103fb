"""bb models: list and fetch."""

import json
from typing import Annotated

import typer

from bb_infra.options import AsJson
from bb_infra.table import columns

app = typer.Typer(help="Base models.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the base models bb can fetch, and which are here."""
    from bb_nn.fetch import listed

    found = listed()
    if as_json:
        rows = [
            {
                "name": one.entry.name,
                "title": one.entry.title,
                "licence": one.entry.licence,
                "bytes": one.entry.size,
                "sha256": one.entry.sha256,
                "folder": str(one.folder) if one.folder else None,
            }
            for one in found
        ]
        print(json.dumps({"models": rows}, indent=1))
        return
    head = ("model", "download", "state", "what it is")
    table = [
        (
            one.entry.name,
            f"{one.entry.size / 1e6:,.0f} MB",
            "here" if one.folder else "not fetched",
            f"{one.entry.title}; {one.entry.licence}",
        )
        for one in found
    ]
    print("\n".join(columns([head, *table])))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A model of `bb models list`.")] = "smollm2-135m",
) -> None:
    """Fetch a base model, check its sha256 and convert it once. Goes on where it stopped."""
    from bb_infra.model_here import progress
    from bb_nn.fetch import fetch as get

    print(f"{name}: ready in {get(name, progress())}")
