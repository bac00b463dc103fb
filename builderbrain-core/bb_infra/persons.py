"""What a person decides about versions: take one back, approve one as the anchor.

Both are decisions like the gate's: on the ledger with who and why, and moved by the same pointer. A
version taken back while another process holds the ledger is on record with the pointer's moves, and
the ledger is told of the move later, by name of the person; the why stays with the kept decision.
"""

from dataclasses import replace

from bb_core.compiled import Compiled
from bb_core.record import no_ledger
from bb_core.shipped import shipped
from bb_infra.config import Config
from bb_infra.errors import InfraError, InUse
from bb_infra.options import compiled_under
from bb_infra.promotion import ledger_of
from bb_infra.telling import say
from bb_infra.versions import add, registry
from bb_safety.decision import Decision
from bb_safety.evidence import Evidence
from bb_safety.pointer import Pointer, Standing
from bb_safety.rollback import anchor as approve
from bb_safety.rollback import take_back as withdraw
from bb_safety.shadow import metrics


def take_back(domain: str, config: Config, *, by: str, why: str, to: str = "") -> Decision:
    """Go back to the version before, or to one that served before.

    It does not wait for the ledger: whoever writes that, a version that does harm is taken back.
    """
    compiled = compiled_under(domain, config)
    home = registry(config)
    pointer = home.pointer(domain)
    standing = pointer.standing()
    if standing.seq == 0:
        raise InfraError("nothing was ever promoted", where=domain)
    target = home.get(to).digest if to else standing.previous
    evidence = replace(_on(compiled, standing), incumbent=target)
    decision = withdraw(evidence, config.gate, by, why)
    try:
        return _moved(pointer, config, decision)
    except InUse as error:
        pointer.move(decision, no_ledger)
        say("ledger", f"{error.found}: it is told of the move at the next promotion or anchor")
        return decision


def anchor(domain: str, config: Config, *, by: str, why: str) -> Decision:
    """Approve what serves: tolerance is counted from it. First, the domain's own rail is taken."""
    compiled = compiled_under(domain, config)
    home = registry(config)
    pointer = home.pointer(domain)
    standing = pointer.standing()
    current, own = standing.current, shipped(compiled.source)
    if standing.seq == 0 and own:
        current = add(home, own).digest
    evidence = replace(_on(compiled, standing), candidate=current)
    return _moved(pointer, config, approve(evidence, config.gate, by, why))


def _on(compiled: Compiled, standing: Standing) -> Evidence:
    """Evidence without a pair: a person has seen something else."""
    current = standing.current
    spent, held = standing.spent, metrics(compiled.harms)
    return Evidence(current, current, standing.anchor, held, spent=spent)


def _moved(pointer: Pointer, config: Config, decision: Decision) -> Decision:
    with ledger_of(pointer, config) as ledger:
        ledger(decision.record)
        pointer.move(decision, ledger)
    return decision
