"""bb log: verify."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bb_infra.options import AsJson
from bb_infra.table import count

app = typer.Typer(help="The ledger.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def log() -> None:
    """Keep `verify` a word of its own while it is the only one."""


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A ledger file.")],
    key: Annotated[str, typer.Option("--key", help="Public key, or a file that holds it.")] = "",
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A checkpoint kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every line and every signed checkpoint of a ledger. Exits 1 when one does not hold."""
    from bb_infra.verify import verify as inspect

    found = inspect(path, checkpoints=checkpoint or (), public_key=_key(key, path))
    if as_json:
        print(json.dumps({"ok": found.ok, **asdict(found)}, indent=1))
    else:
        for problem in found.problems:
            print(f"  {problem}")
        state = "verified" if found.ok else f"{count(len(found.problems), 'problem')}"
        signed = f"{found.signed:,} under {count(found.checkpoints, 'signed checkpoint')}"
        print(
            f"{path}: {state}   {count(found.records, 'record')}, {signed}   root {found.root[:16]}"
        )
    if not found.ok:
        sys.exit(1)


def _key(given: str, path: Path) -> str | None:
    """The public key: given, in a file that was given, or beside the ledger."""
    from bb_infra.checkpoint import read_public

    if given:
        return read_public(Path(given)) if len(given) < 256 and Path(given).is_file() else given
    beside = path.with_name("ledger.pub")
    return read_public(beside) if beside.is_file() else None
