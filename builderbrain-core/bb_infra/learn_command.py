"""bb learn: go on learning from what was carried out, beside what serves."""

import sys
from typing import Annotated

import typer

from bb_infra.options import ConfigPath


def learn(
    domain: Annotated[str, typer.Argument(help="An installed domain.")],
    episodes: Annotated[
        str, typer.Option("--episodes", help="A file of examples, in place of the ledger's.")
    ] = "",
    by: Annotated[
        str, typer.Option("--by", help="Who approves the first version of its kind.")
    ] = "",
    config: ConfigPath = None,
) -> None:
    """Take new episodes in; make a candidate when enough wait, and let the gate decide on it.

    Exits 1 when a candidate was made and refused, 0 otherwise.
    """
    from bb_infra.config import load_config
    from bb_infra.learning import learn as go
    from bb_infra.options import compiled_under
    from bb_infra.telling import say

    under = load_config(config)
    done = go(compiled_under(domain, under), under, episodes, by=by)
    if done.alarms:
        say("verdict", "reject")
        sys.exit(1)
    if done.outcome is None:
        say("learn", f"{done.waiting} of {under.learn.every} episodes wait")
        return
    decision = done.outcome.decision
    say("verdict", f"{decision.verdict}: {decision.reasons[0]}")
    if not decision.moves:
        sys.exit(1)
