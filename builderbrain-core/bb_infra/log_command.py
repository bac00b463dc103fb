"""bb log: verify, query, prove, check, anchor, erase."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bb_infra.options import AsJson
from bb_infra.table import count

app = typer.Typer(help="The ledger.", no_args_is_help=True, rich_markup_mode=None)

Log = Annotated[Path, typer.Argument(help="A ledger file.")]
Key = Annotated[str, typer.Option("--key", help="Public key, or a file that holds it.")]
Held = Annotated[
    list[Path] | None, typer.Option("--checkpoint", help="A checkpoint kept elsewhere.")
]


@app.command()
def verify(
    path: Log,
    key: Key = "",
    checkpoint: Held = None,
    anchored: Annotated[
        list[str] | None, typer.Option("--anchor", help="Where it was anchored: FILE or git:FOLDER")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every line and every signed checkpoint of a ledger. Exits 1 when one does not hold."""
    from bb_infra.anchor import held_at
    from bb_infra.verify import verify as inspect

    held = [held_at(place, path) for place in anchored or ()]
    found = inspect(path, checkpoints=checkpoint or (), held=held, public_key=_key(key, path))
    if as_json:
        print(json.dumps({"ok": found.ok, **asdict(found)}, indent=1))
    else:
        for problem in found.problems:
            print(f"  {problem}")
        signed = f"{found.signed:,} under {count(found.checkpoints, 'signed checkpoint')}"
        holds = f"{count(found.records, 'record')}, {signed}   root {found.root[:16]}"
        print(f"{path}: {found.state}   {holds}")
    if not found.ok:
        sys.exit(1)


@app.command()
def query(
    path: Log,
    run: Annotated[str, typer.Option("--run", help="Only this run.")] = "",
    kind: Annotated[list[str] | None, typer.Option("--type", help="Only this type.")] = None,
    since: Annotated[str, typer.Option("--since", help="From this time on.")] = "",
    until: Annotated[str, typer.Option("--until", help="Before this time.")] = "",
    where: Annotated[
        str, typer.Option("--where", help="CEL, for example: body.figures.cfs > 0.1")
    ] = "",
    field: Annotated[
        list[str] | None, typer.Option("--field", help="Show this: body.figures.duals")
    ] = None,
    last: Annotated[int, typer.Option("--last", min=0, help="Only the last so many; 0: all.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find records by run, type, time, and what they say."""
    from bb_infra.query import Wanted, entry_json, field_of, matching, table

    asked = Wanted(run, frozenset(kind or ()), since, until, where)
    found = list(matching(path, asked))[-last:]
    if as_json and field:
        rows = [{"seq": e.seq, **{name: field_of(e, name) for name in field}} for e in found]
        print(json.dumps(rows, indent=1))
    elif as_json:
        print(json.dumps([entry_json(e) for e in found], indent=1))
    else:
        print("\n".join([*table(found, field or ()), count(len(found), "record")]))


@app.command()
def prove(
    path: Log,
    record: Annotated[
        int | None, typer.Option("--record", min=0, help="That this record is in.")
    ] = None,
    since: Annotated[
        int | None, typer.Option("--since", min=1, help="That it grew from the checkpoint of N.")
    ] = None,
) -> None:
    """Print a proof, as JSON, that one record is in the ledger, or that the ledger only grew."""
    from bb_infra.prove import prove_consistency, prove_inclusion

    if record is not None and since is None:
        proof = prove_inclusion(path, record)
    elif since is not None and record is None:
        proof = prove_consistency(path, since)
    else:
        raise typer.BadParameter("give --record N or --since N")
    print(json.dumps(proof, indent=1))


@app.command()
def check(
    proof: Annotated[Path, typer.Argument(help="A proof that bb log prove made.")],
    key: Annotated[str, typer.Option("--key", help="Public key, or a file that holds it.")],
    checkpoint: Held = None,
) -> None:
    """Check a proof without the ledger. Exits 1 when it does not hold."""
    from bb_infra.errors import LedgerError
    from bb_infra.prove import check_proof, read_proof
    from bb_infra.verify import read_claims

    if not proof.is_file():
        fix = "give the path of a proof that bb log prove made"
        raise LedgerError("there is no proof here", where=str(proof), fix=fix)
    public = _key(key, proof) or ""
    claims, problems = read_claims(checkpoint or (), public)
    if problems:
        raise LedgerError(problems[0].found, where=problems[0].where, fix=problems[0].fix)
    held = [claim for group in claims.values() for claim in group]
    try:
        shown = check_proof(read_proof(proof), public, held)
    except LedgerError as error:
        print(f"{proof}: does not hold: {error}")
        sys.exit(1)
    what = (
        f"record {shown.entry.seq} ({shown.entry.record.type}) is in it"
        if shown.entry
        else f"its first {shown.first} records are as they were"
    )
    print(f"{proof}: holds   {shown.origin} of {count(shown.size, 'record')}: {what}")


@app.command()
def anchor(
    path: Log,
    place: Annotated[str, typer.Argument(help="FILE, or git:FOLDER of a repository.")],
    key: Key = "",
) -> None:
    """Add the signed checkpoints to a place in other hands, if they extend what is there."""
    from bb_infra.anchor import anchor as add

    done = add(path, place, _key(key, path))
    new = count(done.added, "new checkpoint")
    print(f"{path}: {new} at {place}, which knows of {count(done.size, 'record')} now")


@app.command()
def erase(
    path: Log,
    containing: Annotated[
        str, typer.Option("--containing", help="Everything sealed that holds this text.")
    ] = "",
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A sealed value, as the ledger names it.")
    ] = None,
) -> None:
    """Erase sealed values for good. The ledger keeps verifying: it holds salted hashes alone."""
    from contextlib import closing

    from bb_infra.sealed import own_sealed

    if bool(containing) is bool(name):
        raise typer.BadParameter("give --containing TEXT or --name NAME")
    if not path.is_file():
        raise typer.BadParameter(f"{path}: there is no ledger here")
    with closing(own_sealed(path.parent)) as sealed:
        gone = sealed.erase(name or sealed.containing(containing))
    print(f"{path}: {count(gone, 'sealed value')} erased")


def _key(given: str, path: Path) -> str | None:
    """The public key: given, in a file that was given, or beside the ledger."""
    from bb_infra.checkpoint import read_public

    if given:
        return read_public(Path(given)) if len(given) < 256 and Path(given).is_file() else given
    beside = path.with_name("ledger.pub")
    return read_public(beside) if beside.is_file() else None
