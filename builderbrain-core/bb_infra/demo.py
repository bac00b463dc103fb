"""The main job, from plain English to a verified ledger, and the same for any request."""

from pathlib import Path
from typing import TYPE_CHECKING

from bb_infra.carried import Wanted, carry_out
from bb_infra.config import Config
from bb_infra.options import compiled_under
from bb_infra.planners import load_planners
from bb_infra.running import LEDGER, Opened, new_run
from bb_infra.telling import compiles, in_short, say, verified

if TYPE_CHECKING:
    from bb_runtime.rounds import Run

DOMAIN = "api_json"
REQUEST = (
    "Hi, this is bianca.xu@example.com. The Chef Knife (i0021) in order W1061 arrived broken. "
    "Please refund $118.49 to my original payment."
)


def demo(config: Config) -> None:
    """The main job on a shop of its own; exits with 1 unless all of it held."""
    status = run(DOMAIN, REQUEST, config, twin=True, yes=True)
    if not verified(Path(config.run.state) / LEDGER) or status:
        raise SystemExit(status or 1)


def run(domain: str, request: str, config: Config, *, twin: bool = False, yes: bool = False) -> int:
    """Carry one request out: 0 when it was, 1 if refused or failed, 3 if a person must look."""
    compiled = compiled_under(domain, config)
    compiles(compiled)
    ident = new_run()
    planners = load_planners(compiled, config, ident)

    def go(ready: Opened) -> "Run":
        say("run", ident)
        say("request", in_short(request))
        if planners.builder:
            say("build", "the plan, decision by decision, under the masks")
        else:
            say("decode", "the plan, token by token, under the masks")
        return ready.runner.run(ident, request)

    return carry_out(Wanted(ident, compiled, planners, config, twin, yes), go)
