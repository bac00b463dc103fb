"""bb learn: a candidate from the runs that a ledger has."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bb_infra.options import ConfigPath
from bb_infra.promote_command import EXITS, Domain
from bb_infra.unheard import unheard

if TYPE_CHECKING:
    from bb_train.continual.cycle import Proposed


@unheard()
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
    from bb_infra.learn_run import learn_from_ledger
    from bb_infra.options import compiled_under
    from bb_infra.telling import say
    from bb_train.continual.no_candidate import NoCandidate

    under = load_config(config)
    made = learn_from_ledger(compiled_under(domain, under), under, now=now)
    if isinstance(made, NoCandidate):
        say("candidate", f"none: {made.why}")
        sys.exit(EXITS["inconclusive"])
    _tell(made)


def _tell(made: "Proposed") -> None:
    from bb_infra.telling import say

    told, ident = made.told, made.artifact.digest[:19]
    say("missed", f"{told['missed']:.1%} of the new ones, by what serves")
    say("candidate", f"{ident}, {told['parameters']:,} numbers")
    say("KL", f"{told['kl']:.3g} to what serves, on {told['held']} episodes held back")
    for way in told["stale"]:  # type: ignore[union-attr]
        say("stale", f"{way}: not done any more, and not learnt")
    for alarm in made.alarms:
        say("alarm", alarm)
    say("next", "none: the gate rejects it" if made.alarms else f"bb promote {ident}")
