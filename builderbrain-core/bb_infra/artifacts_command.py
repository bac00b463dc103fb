"""bb artifacts: list, show, diff, add and anchor."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bb_infra.options import AsJson, ConfigPath
from bb_infra.promote_command import By, Domain, Why

if TYPE_CHECKING:
    from bb_safety.registry import Artifact, Registry

app = typer.Typer(
    help="Versions of a planner: signed, compared, promoted.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Ident = Annotated[str, typer.Argument(metavar="DIGEST", help="A version, by its first digits.")]


@app.command("list")
def list_(
    domain: Annotated[str, typer.Argument(metavar="[DOMAIN]", help="All, if not given.")] = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """List versions, and every move of the pointer that says which one serves."""
    home = _home(config)
    found = home.all(domain)
    names = [domain] if domain else sorted({one.domain for one in found} | _pointed(home))
    moves = {name: home.pointer(name).history() for name in names}
    if as_json:
        told = {name: [asdict(move) for move in rows] for name, rows in moves.items()}
        print(json.dumps({"versions": [_row(one) for one in found], "moves": told}, indent=1))
        return
    _print_versions(found, {n: m[-1].current if m else "" for n, m in moves.items()})
    for name, rows in moves.items():
        for move in rows:
            by = f" by {move.person}" if move.person else ""
            share = f" for {move.share:.0%} of new runs" if move.share < 1 else ""
            to = move.current[:19] or "the base alone"
            print(f"  {name} {move.seq:>3}  {move.at[:19]}  {move.verdict} {to}{share}{by}")


def _print_versions(found: "tuple[Artifact, ...]", serves: dict[str, str]) -> None:
    from bb_infra.table import columns

    if not found:
        print("no versions yet. Add one: bb artifacts add FOLDER")
        return
    rows = [["domain", "version", "base", "parameters", "alpha", ""]]
    for one in found:
        state = "serves" if serves.get(one.domain) == one.digest else ""
        size = f"{one.facts.get('parameters', 0):,}"
        base = str(one.facts.get("base", {}).get("name", ""))
        rows += [[one.domain, one.digest[:19], base, size, f"{one.facts.get('alpha', 0):g}", state]]
    print("\n".join(columns(rows)))


@app.command()
def show(ident: Ident, as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Show a version: verified, what it was made for, its files."""
    home = _home(config)
    found = home.get(ident)
    home.verify(found.digest)
    if as_json:
        print(json.dumps(_row(found) | {"files": dict(found.files)}, indent=1))
        return
    print(f"{found.domain} {found.digest}   signature holds, {len(found.files)} files whole")
    for name, value in found.facts.items():
        print(f"  {name:<11} {_text(value)}")
    for name, sha in found.files.items():
        print(f"  file        {name}  {sha[:19]}")


@app.command()
def diff(ident: Ident, other: Ident, config: ConfigPath = None) -> None:
    """Show what is different between two versions."""
    from bb_infra.table import columns
    from bb_infra.version_diff import changes

    home = _home(config)
    rows = changes(home.get(ident), home.get(other))
    print("\n".join(columns([list(row) for row in rows])) if rows else "the same")


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="A rail folder that bb train left.")],
    config: ConfigPath = None,
) -> None:
    """Take a rail folder into the registry, signed. It serves nobody until it is promoted."""
    from bb_infra.versions import add as take

    found = take(_home(config), folder)
    print(f"{found.domain} {found.digest}   added, signed. Next: bb promote {found.digest[:19]}")


@app.command()
def anchor(domain: Domain, by: By, why: Why, config: ConfigPath = None) -> None:
    """Approve what serves: tolerance is counted anew from it, and a freeze ends."""
    from bb_infra.config import load_config
    from bb_infra.persons import anchor as approve

    decision = approve(domain, load_config(config), by=by, why=why)
    print(f"{domain}: {decision.target[:19] or 'the base alone'} is the anchor, by {by}")


def _home(config: Path | None) -> "Registry":
    from bb_infra.config import load_config
    from bb_infra.versions import registry

    return registry(load_config(config))


def _pointed(home: "Registry") -> set[str]:
    folder = home.root / "pointers"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _row(one: "Artifact") -> dict[str, Any]:
    return {"domain": one.domain, "digest": one.digest, "facts": dict(one.facts)}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    return str(value)
