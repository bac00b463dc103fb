"""bb promote and bb rollback."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb_infra.options import ConfigPath
from bb_infra.unheard import unheard

if TYPE_CHECKING:
    from bb_infra.promotion import Outcome
    from bb_safety.decision import Decision
    from bb_safety.registry import Artifact, Registry

EXITS = {"promote": 0, "reject": 1, "inconclusive": 3}
MOST = 8
By = Annotated[str, typer.Option("--by", help="Who decides, for the ledger.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the ledger.")]
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="An installed domain.")]


@unheard()
def promote(
    candidate: Annotated[str, typer.Argument(help="A rail folder, or a version's digest.")],
    report: Annotated[
        Path | None, typer.Option("--report", help="Write one HTML page for a person to read.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Who approves a first version, which has no KL to the base.")
    ] = "",
    config: ConfigPath = None,
) -> None:
    """Try a candidate beside what serves, on twins, and let the gate decide.

    Exits 0 when it was promoted, 1 when it was rejected, 3 when the pairs do not show enough.
    """
    from bb_infra.config import load_config
    from bb_infra.options import compiled_under
    from bb_infra.promotion import promote as decide
    from bb_infra.telling import say
    from bb_infra.versions import registry

    under = load_config(config)
    home = registry(under)
    found = named(home, candidate)
    say("candidate", f"{found.digest[:19]} for {found.domain}")
    outcome = decide(compiled_under(found.domain, under), found, under, by=by)
    _tell(outcome.decision)
    if report is not None:
        _write(report, home, outcome, found)
    sys.exit(EXITS[outcome.decision.verdict])


@unheard()
def rollback(
    domain: Domain,
    by: By,
    why: Why,
    to: Annotated[str, typer.Option("--to", help="A version that served before.")] = "",
    config: ConfigPath = None,
) -> None:
    """Go back to the version that served before. Runs under way finish under their own."""
    from bb_infra.config import load_config
    from bb_infra.persons import take_back

    _tell(take_back(domain, load_config(config), by=by, why=why, to=to))


def named(home: "Registry", candidate: str) -> "Artifact":
    """The version a word stands for: a folder is taken into the registry first."""
    from bb_infra.versions import add

    return add(home, Path(candidate)) if Path(candidate).is_dir() else home.get(candidate)


def _tell(decision: "Decision") -> None:
    from bb_infra.telling import say

    say("verdict", decision.verdict)
    for reason in decision.reasons[:MOST]:
        print(f"{'':9} {reason}")
    if len(decision.reasons) > MOST:
        print(f"{'':9} and {len(decision.reasons) - MOST} more; --report shows all")
    if decision.evidence.pairs:
        dv, bound = decision.judgement.dv, decision.judgement.dv_upper
        say("V_s", f"{dv:+.4f}, below {bound:+.4f} at level {decision.policy.alpha:g}")
    if decision.moves:
        say("serves", decision.target or "the base alone")


def _write(path: Path, home: "Registry", outcome: "Outcome", candidate: "Artifact") -> None:
    from bb_core.cache import write_whole
    from bb_infra.telling import say
    from bb_infra.version_diff import changes
    from bb_safety.report import page

    before = home.verify(outcome.before.current)
    told = page(outcome.decision, changes(before, candidate))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, told.encode())
    say("report", str(path))
