"""bb demo and bb run."""

from typing import Annotated

import typer

from bb_infra.options import ConfigPath


def demo(config: ConfigPath = None) -> None:
    """Run the main job: a refund request, from plain English to a verified ledger."""
    from bb_infra.config import load_config
    from bb_infra.demo import demo as main_job

    main_job(load_config(config))


def run(
    domain: Annotated[str, typer.Argument(help="An installed domain.")],
    task: Annotated[str, typer.Argument(help="The request, in plain words.")],
    twin: Annotated[bool, typer.Option("--twin", help="Try it on the domain's twin.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what it asks.")] = False,
    config: ConfigPath = None,
) -> None:
    """Plan a request, check the plan, and carry it out. Exits 1 when it was refused or failed."""
    from bb_infra.config import load_config
    from bb_infra.demo import run as carry_out

    carry_out(domain, task, load_config(config), twin=twin, yes=yes)
