"""bb domains import: openapi, mcp and refresh."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bb_infra.errors import InfraError
from bb_infra.table import count

if TYPE_CHECKING:
    from bb_infra.import_refresh import Kept
    from bb_infra.import_scaffold import Source

app = typer.Typer(
    help="Domains from OpenAPI documents and MCP servers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Option("--name", help="The domain's name; else the document's title.")]
Into = Annotated[Path, typer.Option("--into", help="Where its folder goes.")]
Env = Annotated[
    list[str] | None, typer.Option("--env", help="A variable to hand on to the server; repeatable.")
]
Command = Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Starts the server.")]


@app.command()
def openapi(
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="OpenAPI 3.0 or 3.1.")],
    name: Name = "",
    into: Into = Path(),
) -> None:
    """Write a domain whose tools are an HTTP API's operations."""
    from bb_core.openapi import read_openapi
    from bb_core.registry import guarded
    from bb_infra.document import load_document
    from bb_infra.import_scaffold import Source

    document = load_document(source)
    with guarded(source), _of(source):
        found = read_openapi(document)
    _scaffold(Source("openapi", source, document, found), into, name)


@app.command()
def mcp(command: Command, name: Name = "", into: Into = Path(), env: Env = None) -> None:
    """Write a domain whose tools are a live MCP server's.

    The command is written down: hand secrets on with --env, not as arguments.
    """
    from bb_core.mcp_tools import read_tools
    from bb_infra.import_scaffold import Source

    document, place = _listed(command, env), shlex.join(command)
    with _of(place):
        found = read_tools(document)
    _scaffold(Source("mcp", place, document, found), into, name)


@app.command()
def refresh(
    folder: Annotated[Path, typer.Argument(help="The domain, or a folder that holds it.")],
    source: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE|URL] or -- COMMAND...")
    ] = None,
    env: Env = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare. Exits 1 if it differs.")
    ] = False,
) -> None:
    """Compare an imported domain with its source as it is now, and take what changed."""
    from bb_infra.import_refresh import compared, kept_in, refreshed, unpinned

    kept = kept_in(folder)
    document, place = _now(kept, source or [], env)
    changes = compared(kept, document, place)[1]
    differs = str(changes) or unpinned(kept, document)
    if check:
        print(f"{kept.folder}: {differs or 'as pinned'}")
        sys.exit(1 if differs else 0)
    taken = refreshed(kept, document, place)
    print(f"{kept.folder}: {differs or 'as pinned'}")
    for comment in taken.comments:
        print(f"  no longer in effects.review.yaml: {comment}")
    if changes.new or changes.changed:
        print("Next:  ratify what is new or changed in effects.review.yaml")


def _now(kept: "Kept", source: list[str], env: list[str] | None) -> tuple[Any, str]:
    """The source's document as it is now, and where it was read."""
    if kept.kind == "mcp":
        command = source or shlex.split(kept.review.source)
        return _listed(command, env), shlex.join(command)
    from bb_infra.document import load_document

    if len(source) > 1:
        raise InfraError("takes one document", where=" ".join(source))
    place = source[0] if source else kept.review.source
    return load_document(place), place


@contextmanager
def _of(place: str) -> Iterator[None]:
    """Say of a document that cannot be read which one it is."""
    from bb_core.errors import DomainError

    try:
        yield
    except DomainError as error:
        where = f"{place}: {error.where}" if error.where else place
        raise DomainError(error.found, where=where, fix=error.fix) from error


def _listed(command: list[str], env: list[str] | None) -> Any:
    from bb_adapters.mcp_session import McpSession, handed_on

    session = McpSession(command, env=handed_on(env or []))
    try:
        return session.manifest()
    finally:
        session.close()


def _scaffold(source: "Source", into: Path, name: str) -> None:
    from bb_infra.import_scaffold import scaffold

    made = scaffold(source, into, name)
    print(f"{made.folder}/  written: {count(made.tools, 'tool')}, none ratified yet")
    for one in source.catalogue.refused:
        print(f"  left out: {one.origin}: {one.why}")
    print(f"Next:  cd {made.folder} && pip install -e . && bb domains check {made.module}")
    print(f"       then ratify its tools in bb_domains/{made.module}/effects.review.yaml")
