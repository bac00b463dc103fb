"""bb plan: check, show, run and replay."""

import json
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bb_infra.options import AsJson, ConfigPath, compiled
from bb_infra.unheard import unheard

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_core.errors import PlanError
    from bb_core.plan import Plan

app = typer.Typer(help="Plans without a model.", no_args_is_help=True, rich_markup_mode=None)
LIMIT = 1_000_000
File = Annotated[
    str, typer.Argument(help="A plan as JSON or in its domain's language; - is stdin.")
]
Domain = Annotated[str, typer.Option("--domain", help="Its domain, if the plan does not say.")]

Request = Annotated[str, typer.Option(help="What was asked for: the one trusted text.")]


class Picture(StrEnum):
    """How a plan is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"
    SVG = "svg"


@app.command()
def check(
    file: File,
    domain: Domain = "",
    request: Request = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Judge a plan against its domain. Exits 1 when it is refused."""
    from bb_core.check import check as judge
    from bb_core.state import State
    from bb_core.verdict import Refused, verdict_json

    home, plan = read_plan(file, domain, config)
    verdict = judge(home, plan, State(request=request))
    refused = isinstance(verdict, Refused)
    if as_json:
        print(json.dumps({"plan": plan.digest, **verdict_json(verdict)}, indent=1))
    elif isinstance(verdict, Refused):
        many = len(verdict.violations)
        print(f"refused   {many} of its domain's rules {'is' if many == 1 else 'are'} broken")
        for violation in verdict.violations:
            print(f"  {violation}")
    else:
        print("checked" if verdict.safe else "checked   if these hold when each step runs:")
        for guard in verdict.guards:
            print(f"  {guard.id}: {guard.step}: {guard.says or guard.expr}")
    if refused:
        sys.exit(1)


@app.command()
def show(
    file: File,
    domain: Domain = "",
    picture: Annotated[Picture, typer.Option("--as", help="The kind of picture.")] = Picture.TREE,
    config: ConfigPath = None,
) -> None:
    """Draw a plan: a terminal tree, Mermaid, or SVG."""
    from bb_infra import draw

    home, plan = read_plan(file, domain, config)
    if picture is Picture.TREE:
        print(draw.tree(plan, home.schema, colour=sys.stdout.isatty()))
    else:
        print({"mermaid": draw.mermaid, "svg": draw.svg}[picture](plan, home.schema).rstrip())


@app.command()
@unheard()
def run(
    file: File,
    domain: Domain = "",
    request: Request = "",
    twin: Annotated[bool, typer.Option("--twin", help="Try it on the domain's twin.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what it asks.")] = False,
    config: ConfigPath = None,
) -> None:
    """Check a plan and carry it out, with no model. Exits 1 when it was refused or failed.

    Exits 3 when a person has to look into it. What was cut off goes on with bb run --resume.
    """
    from bb_infra.config import load_config
    from bb_infra.plan_run import run_plan

    home, plan = read_plan(file, domain, config)
    sys.exit(run_plan(home, plan, load_config(config), request, twin=twin, yes=yes))


@app.command()
def replay(
    log: Annotated[Path, typer.Argument(help="A ledger.")],
    plan: Annotated[str, typer.Option("--plan", help="Only plans whose digest starts so.")] = "",
    config: ConfigPath = None,
) -> None:
    """Judge a ledger's plans again and compare the verdicts. Exits 1 when one differs."""
    from functools import cache

    from bb_infra.replay import replay_log

    home = cache(lambda name: compiled(name, config))
    results = list(replay_log(log, home, plan.removeprefix("sha256:")))
    for result in results:
        print(f"  {result.plan[:19]:<19}  {result.run:<20}  {result.says}")
    same = sum(result.same is True for result in results)
    print(f"{same} of {len(results)} verdicts are the same again.")
    if any(result.same is False for result in results):
        sys.exit(1)


def read_plan(file: str, domain: str, config: Path | None) -> tuple["Compiled", "Plan"]:
    """The plan in a file and its domain, compiled; raises PlanError and DomainError."""
    from bb_core.domain_files import decode
    from bb_core.errors import PlanError

    data = sys.stdin.buffer.read(LIMIT + 1) if file == "-" else _bytes(file)
    if len(data) > LIMIT:
        raise PlanError(f"holds more than {LIMIT:,} bytes", where=file)
    text = decode(data, file)
    if not text.strip():
        raise PlanError("is empty", where=file, fix=_PLAN)
    document = _json(text, file)
    own = document.get("domain", "") if isinstance(document, dict) else ""
    name = domain or own
    if own and own != name:
        found = f"is for the domain {own!r}, and --domain says {name!r}"
        raise PlanError(found, where=file, fix="leave --domain out, or give another plan")
    if not isinstance(name, str) or not name:
        raise _of_no_domain(text, file)
    home = compiled(name, config)
    try:
        plan = home.read(document) if document is not None else home.parse(text.rstrip("\n"))
    except PlanError as error:
        place = f"{file}:{error.where}" if error.where else file
        raise PlanError(error.found, where=place, fix=error.fix) from error
    return home, plan


_PLAN = "give a plan as JSON or in its domain's language; - is stdin"


def _bytes(file: str) -> bytes:
    from bb_core.errors import PlanError

    try:
        with Path(file).open("rb") as handle:
            return handle.read(LIMIT + 1)
    except OSError as error:
        found = f"cannot be read: {error.strerror or error}"
        raise PlanError(found, where=file, fix=_PLAN) from error


def _json(text: str, file: str) -> Any:
    """The JSON document a text is, or None when it is plan text of some domain's own."""
    from bb_core.errors import PlanError

    try:
        return json.loads(text.rstrip())
    except json.JSONDecodeError as error:
        if not file.endswith(".json"):
            return None
        raise _slip(error, text, file) from error
    except RecursionError as error:
        raise PlanError("is JSON that is nested too deep", where=file, fix=_PLAN) from error
    except ValueError as error:  # the only number that Python does not read
        long = re.search(r"\d{4301}", text)
        line = text.count("\n", 0, long.start() if long else 0) + 1
        found = "holds a number of more than 4,300 digits"
        raise PlanError(found, where=f"{file}:{line}", fix="write another") from error


def _of_no_domain(text: str, file: str) -> "PlanError":
    """Why no domain is known: of what begins as JSON does, most likely a slip in it."""
    from bb_core.errors import PlanError

    try:
        json.loads(text.rstrip())
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in ("{", "["):
            return _slip(error, text, file)
    return PlanError("does not say which domain it is for", where=file, fix="add --domain NAME")


def _slip(error: json.JSONDecodeError, text: str, file: str) -> "PlanError":
    from bb_core.caret import pointed
    from bb_core.errors import PlanError

    found = f"is not JSON: {error.msg}\n{pointed(text.rstrip(), error.pos)}"
    return PlanError(found, where=f"{file}:{error.lineno}:{error.colno}")
