"""bb demo and bb run."""

import sys
from typing import Annotated

import typer

from bb_infra.errors import InfraError
from bb_infra.options import ConfigPath
from bb_infra.unheard import unheard

Alpha = Annotated[
    float | None,
    typer.Option("--alpha", min=0.0, max=1.0, help="How much the builder has to say; 0: none."),
]


@unheard()
def demo(config: ConfigPath = None, alpha: Alpha = None) -> None:
    """Run the main job: a refund request, from plain English to a verified ledger."""
    from bb_infra.config import load_config, with_alpha
    from bb_infra.demo import demo as main_job

    main_job(with_alpha(load_config(config), alpha))


@unheard()
def run(
    domain: Annotated[str, typer.Argument(help="An installed domain.")],
    task: Annotated[str | None, typer.Argument(help="The request, in plain words.")] = None,
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
    if resume and twin:
        raise typer.BadParameter("a twin ends with its run: --resume goes without --twin")
    if (task is None) is not bool(resume):
        raise typer.BadParameter("give a TASK, or --resume RUN alone")
    if task is None:
        from bb_infra.resume import resume as go_on

        sys.exit(go_on(domain, resume, under, yes=yes))
    if not task.strip():
        raise InfraError("the request is empty", fix="say in plain words what is to be done")
    from bb_infra.demo import run as carry_out

    sys.exit(carry_out(domain, task, under, twin=twin, yes=yes))
