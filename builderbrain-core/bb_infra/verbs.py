"""Every verb of the `bb` command, as one Typer application."""

from importlib.metadata import version
from typing import Annotated

import typer

from bb_infra import (
    artifacts_command,
    battery_command,
    domains_command,
    learn_command,
    log_command,
    models_command,
    plan_command,
    promote_command,
    run_command,
    serve_command,
    train_command,
)

app = typer.Typer(
    name="bb",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"bb {version('builderbrain-core')}")
        raise typer.Exit


@app.callback()
def bb(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say which bb it is."),
    ] = False,
) -> None:
    """Plan graphs a self-hosted model may run: made, checked, executed, logged."""


app.command("demo")(run_command.demo)
app.command("run")(run_command.run)
app.command("train")(train_command.train)
app.command("learn")(learn_command.learn)
app.command("promote")(promote_command.promote)
app.command("rollback")(promote_command.rollback)
app.add_typer(artifacts_command.app, name="artifacts")
app.add_typer(domains_command.app, name="domains")
app.add_typer(battery_command.app, name="battery")
app.add_typer(plan_command.app, name="plan")
app.add_typer(models_command.app, name="models")
app.add_typer(log_command.app, name="log")
app.add_typer(serve_command.app, name="serve")
