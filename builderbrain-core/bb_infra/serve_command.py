"""bb serve: a domain offered to other programs."""

from typing import Annotated

import typer

from bb_infra.options import ConfigPath

app = typer.Typer(
    help="Offer a domain to other programs.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def main() -> None:
    """Keeps `mcp` a verb of its own while there is only one."""


@app.command()
def mcp(
    domain: Annotated[str, typer.Argument(help="An installed domain.")],
    twin: Annotated[bool, typer.Option("--twin", help="Act on the domain's twin.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what plans ask.")] = False,
    config: ConfigPath = None,
) -> None:
    """Offer a domain's plan tool to an MCP client on stdin and stdout, until it leaves.

    Plans are checked and carried out through the ordinary line. Consent is asked of the client.
    """
    from bb_infra.config import load_config
    from bb_infra.options import compiled_under
    from bb_infra.plan_session import PlanSession
    from bb_infra.running import Watcher, opened
    from bb_infra.serve_mcp import serve
    from bb_runtime.approve import by_policy
    from bb_runtime.progress import quiet

    under = load_config(config)
    home = compiled_under(domain, under)
    session = PlanSession(home)
    approve = by_policy(lambda request: True, "--yes") if yes else session.approve
    watcher = Watcher(approve, quiet, lambda attempt, name: None, session.stopped)
    with opened(home, None, under, watcher, twin=twin) as ready:
        session.runner = ready.runner
        serve(home, session)
