"""Promotion by evidence: nothing reaches users but through `promote.gate`. No torch here.

What others build on (all values are frozen):

    Evidence(candidate, incumbent, anchor, metrics, pairs, golden, divergences, errors, ...)
        digests and numbers; `Metric`, `Pair`, `Golden`, `ProbeError`, `Divergence` are its parts
    Policy(alpha, epsilon, ...)             the gate's numbers
    gate(evidence, policy) -> Decision      promote, reject or inconclusive, and why
    judge(evidence, policy) -> Judgement    the same as a pure function, after every pair
    watch(evidence, policy) -> Decision     after a promotion: rollback, settle or inconclusive
    take_back / anchor(..., person, why)    a person's decisions
    Registry(root)                          artifacts by digest: add, get, verify, pointer(domain)
    Pointer.move(decision, ledger)          the only way to move `current`
    Pointer.standing() -> Standing          current, previous, share, anchor, spent, frozen;
                                            standing.version(run) picks the version of a new run
    shadow.pairs(...)                       paired episodes of candidate, incumbent and anchor

The order of things: gather Evidence for `pointer.standing()`, `gate` it, `pointer.move`, then
`watch` pairs of the canary and move by what that decides. A decision from elsewhere is refused.
"""

from bb_safety.decision import Decision, Finding, Judgement, Reason, Verdict
from bb_safety.evidence import Evidence, Golden, Metric, Pair, ProbeError
from bb_safety.pointer import Pointer, Standing
from bb_safety.policy import Policy
from bb_safety.promote import gate, judge
from bb_safety.registry import Artifact, Registry
from bb_safety.rollback import anchor, take_back, watch
from bb_safety.trust import Divergence

__all__ = [
    "Artifact",
    "Decision",
    "Divergence",
    "Evidence",
    "Finding",
    "Golden",
    "Judgement",
    "Metric",
    "Pair",
    "Pointer",
    "Policy",
    "ProbeError",
    "Reason",
    "Registry",
    "Standing",
    "Verdict",
    "anchor",
    "gate",
    "judge",
    "take_back",
    "watch",
]
