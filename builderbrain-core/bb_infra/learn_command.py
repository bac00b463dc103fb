"""bb learn: a candidate from the runs that a ledger has."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bb_infra.options import ConfigPath
from bb_infra.promote_command import Domain

if TYPE_CHECKING:
    from bb_train.continual.cycle import Proposed

NONE = 3


def learn(
    domain: Domain,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for [learn] every new episodes.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Learn from runs that were carried out: a candidate of adapters alone, for bb promote.

    Exits 0 when there is a candidate, 3 when there is none, and says why.
    """
    from bb_infra.config import load_config
    from bb_infra.learn_run import hear, learn_from
    from bb_infra.options import compiled_under
    from bb_infra.telling import say
    from bb_train.continual.cycle import NoCandidate

    under = load_config(config)
    compiled = compiled_under(domain, under)
    heard = hear(compiled, under)
    found = f"{len(heard.new)} new, {heard.corrected} of them corrected, {len(heard.old)} before"
    say("episodes", found)
    if not heard.new or (len(heard.new) < under.learn.every and not now):
        say("candidate", f"none: {under.learn.every} new episodes make one")
        sys.exit(NONE)
    made = learn_from(heard, compiled, under)
    if isinstance(made, NoCandidate):
        say("candidate", f"none: {made.why}")
        sys.exit(NONE)
    _tell(made)


def _tell(made: "Proposed") -> None:
    from bb_infra.telling import say

    told, ident = made.told, made.artifact.digest
    say("missed", f"{told['missed']:.1%} of the new ones, by what serves")
    say("candidate", f"{ident[:19]}, {told['parameters']:,} numbers, KL {told['kl']:.3g} to it")
    for way in told["stale"]:  # type: ignore[union-attr]
        say("stale", f"{way}: not done any more, and not learnt")
    for alarm in made.alarms:
        say("alarm", f"{alarm}; the gate rejects it")
    say("next", f"bb promote {ident[:19]}")
