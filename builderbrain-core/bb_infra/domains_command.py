"""bb domains: list, show, check, build, new and import."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb_infra import import_command
from bb_infra.config import load_config
from bb_infra.domain_listing import print_listing
from bb_infra.options import AsJson, ConfigPath, compiled, installed
from bb_infra.table import columns, count

if TYPE_CHECKING:
    from bb_core.schema import PlanSchema, Sink, Tool

app = typer.Typer(help="The installed domains.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(import_command.app, name="import")
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="An installed domain.")]


@app.command("list")
def list_(as_json: AsJson = False, config: ConfigPath = None) -> None:
    """List the installed domains; broken ones say why. Always exits 0."""
    print_listing(config, as_json=as_json)


@app.command()
def show(
    name: Name,
    checker: Annotated[bool, typer.Option("--checker", help="The generated checker.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Show what a domain can do and what it must not."""
    domain = compiled(name, config)
    if checker:
        print(domain.files["checker.py"].decode(), end="")
        return
    schema = domain.schema
    if as_json:
        print(schema.model_dump_json(indent=1))
        return
    about = f"{domain.dist}   {domain.grammar.mode} grammar   {domain.digest[:19]}…"
    print(f"{name} {domain.version}   {about}")
    lines = [("tools", _tool(schema, tool)) for tool in schema.tools]
    lines += [("rules", f"{rule}  {says}") for rule, says in rules(schema)]
    lines += [("limits", _limits(schema))]
    lines += [("skins", ", ".join(skin.name for skin in domain.skins) or "-")]
    lines += [("battery", count(len(domain.battery), "task"))]
    folder = getattr(getattr(domain.source, "plugin", None), "folder", None)
    lines += [("files", str(folder))] if folder else []
    last = ""
    for head, text in lines:
        print(f"  {head if head != last else '':<8} {text}")
        last = head


def _tool(schema: "PlanSchema", name: str) -> str:
    spec = schema.tools[name]
    args = ", ".join(f"{arg}?" if arg in spec.optional else arg for arg in spec.args)
    return f"{name}({args})  {spec.effect.name.lower()}  {spec.does}"


def _limits(schema: "PlanSchema") -> str:
    limits = schema.limits
    sums = "".join(f", {name} ≤ {most:,}" for name, most in limits.sums.items())
    return f"{limits.steps} steps, {limits.writes} writes, {limits.rounds} rounds{sums}"


def rules(schema: "PlanSchema") -> list[tuple[str, str]]:
    """Each rule the schema states, with its sentence."""
    from bb_infra.domain_checks import stated_rules

    says: dict[str, str] = {f"T.{name}": fact.says for name, fact in schema.facts.items()}
    for tool in schema.tools.values():
        says |= {f"G.{guard.id}": guard.says or guard.expr for guard in tool.guards}
        for arg, sink in tool.sinks.items():
            known = dict.fromkeys(
                [*filter(None, says.get(f"F.{arg}", "").split("; ")), *_flow(sink)]
            )
            says[f"F.{arg}"] = "; ".join(known)
    says |= {f"B.{name}": f"at most {most:,} in a run" for name, most in schema.limits.sums.items()}
    says |= {
        "A.approved": "a step with exactly these arguments was approved first",
        "B.once": "; ".join(
            f"{n} once per {by}" for n, t in schema.tools.items() if (by := _by(t))
        ),
        "E.excludes": "; ".join(
            f"{name} goes without {', '.join(sorted(tool.excludes)).replace('*', 'any ')}"
            for name, tool in schema.tools.items()
            if tool.excludes
        ),
    }
    return [(rule, says.get(rule, "")) for rule in stated_rules(schema)]


def _by(tool: "Tool") -> str:
    return ", ".join(tool.once_per)


def _flow(sink: "Sink") -> list[str]:
    """What may reach an argument."""
    ways = ["nothing that others wrote decides it or fills it in"] if sink.trusted else []
    if sink.readers is not None:
        who = ", ".join(sorted(sink.readers)) or "everybody"
        ways += [f"only what {who} may read reaches it"]
    return ways


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="[DOMAIN]", help="All, if not given.")] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Also compare the twin with the real system.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Check that a domain keeps its own promises. Exits 1 when one does not."""
    from bb_infra.domain_report import report

    settings = load_config(config)
    registry = installed(settings)
    names = [name] if name else [one.name for one in registry.domains]
    parts = [part for one in names for part in report(one, registry, live=live)]
    if as_json:
        print(json.dumps({"checks": [asdict(part) for part in parts]}, indent=1))
    else:
        width = max((len(one) for one in names), default=0)
        for part in parts:
            print(f"{part.domain:<{width}}  {part.part:<11}  {part.says}")
            for problem in (*part.problems, *part.notes):
                print(f"{'':<{width}}  {problem}")
    if any(part.problems for part in parts):
        sys.exit(1)


@app.command()
def build(
    name: Name,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the files.")] = None,
    config: ConfigPath = None,
) -> None:
    """Generate a domain's parser, checker, validators and models."""
    domain = compiled(name, config)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file, data in domain.files.items():
            (out / file).write_bytes(data)
    rows = [(file, f"{len(data):,} bytes") for file, data in domain.files.items()]
    print(f"{name} {domain.digest}" + (f"  written to {out}" if out else "  in the cache"))
    print("\n".join(columns(rows)))


@app.command()
def schema() -> None:
    """Print the JSON Schema of plan_schema.yaml, for editors."""
    from bb_core.editor_schema import editor_schema

    print(json.dumps(editor_schema(), indent=1))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="A name in plain words, such as 'ware house'.")] = "",
    about: Annotated[str, typer.Option("--about", help="What its plans do, in a sentence.")] = "",
    soft: Annotated[
        bool | None,
        typer.Option("--soft/--strict", help="Whether its plans hold free text of any length."),
    ] = None,
    into: Annotated[Path, typer.Option("--into", help="Where its folder goes.")] = Path(),
    template: Annotated[str, typer.Option("--template", help="Folder or git URL.")] = "",
) -> None:
    """Start a domain from the template. Asks for what is not given, if somebody is there to ask."""
    from bb_infra.new_domain import ask, create

    made = create(ask(name, about, soft), into, template)
    print(f"{made.folder}/  written: {made.says}")
    check = f"pip install -e '.[test]' && pytest && bb domains check {made.module}"
    print(f"Next:  cd {made.folder} && {check}")
