"""The `bb` command. Nothing heavy is imported until a verb needs it.

An expected error is one line, `bb: …`, and exit status 2. Status 1 means the answer is no: a
check failed, a plan was refused, a ledger does not verify. Anything else is a fault in bb.
"""

import os
import sys

import typer

from bb_core.errors import BuilderbrainError
from bb_core.registry import printable
from bb_infra import domains_command, log_command, models_command, plan_command, run_command

app = typer.Typer(
    name="bb",
    help="Plan graphs a self-hosted model may run: made, checked, executed, logged.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(run_command.demo)
app.command("run")(run_command.run)
app.add_typer(domains_command.app, name="domains")
app.add_typer(plan_command.app, name="plan")
app.add_typer(models_command.app, name="models")
app.add_typer(log_command.app, name="log")


def main() -> None:
    """Run `bb`; the console script."""
    try:
        app()
    except BuilderbrainError as error:
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        fail("stopped", 130)


def fail(text: str, status: int = 2) -> None:
    """One line on stderr, and out."""
    line = text if "\n" in text else printable(text, 600)
    print(f"bb: {line}", file=sys.stderr)
    sys.exit(status)
