"""bb demo and bb run."""

import sys
from typing import Annotated

import typer

from bb_infra.options import ConfigPath

Alpha = Annotated[
    float | None,
    typer.Option("--alpha", min=0.0, max=1.0, help="How much the builder has to say; 0: none."),
]


def demo(config: ConfigPath = None, alpha: Alpha = None) -> None:
    """Run the main job: a refund request, from plain English to a verified ledger."""
    from bb_infra.config import load_config, with_alpha
    from bb_infra.demo import demo as main_job

    main_job(with_alpha(load_config(config), alpha))


def run(
    domain: Annotated[str, typer.Argument(help="An installed domain.")],
    task: Annotated[str, typer.Argument(help="The request, in plain words.")] = "",
    resume: Annotated[
        str, typer.Option("--resume", metavar="RUN", help="Go on with a run that was cut off.")
    ] = "",
    twin: Annotated[bool, typer.Option("--twin", help="Try it on the domain's twin.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what it asks.")] = False,
    alpha: Alpha = None,
    config: ConfigPath = None,
) -> None:
    """Plan a request, check the plan, and carry it out; or go on with a run that was cut off.

    Exits 1 when it was refused or failed, 3 when a person has to look into it.
    """
    from bb_infra.config import load_config, with_alpha

    under = with_alpha(load_config(config), alpha)
    if bool(task) is bool(resume) or (resume and twin):
        raise typer.BadParameter("give a TASK, or --resume RUN alone: a twin ends with its run")
    if resume:
        from bb_infra.resume import resume as go_on

        sys.exit(go_on(domain, resume, under, yes=yes))
    from bb_infra.demo import run as carry_out

    sys.exit(carry_out(domain, task, under, twin=twin, yes=yes))
