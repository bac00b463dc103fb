"""After a promotion: watch it beside the version before, and take it back when it does harm.

    rollback      1/2 K_any + 1/2 mean_k K_k >= 1/alpha_harm, against E d <= 0; or a critical one
    settle        the tests of a promotion hold on the watch's own pairs: the canary is over
    inconclusive  neither yet: go on

One pair is one request: the promoted version's own run, and the version before it on a twin under
the same seed (common random numbers). Looked at after every pair, a harmless version is taken back
with probability alpha_harm at most. A person may take any version back at any time.

Not covered: effects that were done before the watch fired; runs in flight finish under the version
that checked them, or are compensated by who runs them.
"""

from bb_safety import _seal
from bb_safety.decision import Decision, Judgement, Reason, Verdict
from bb_safety.errors import EvidenceError
from bb_safety.evidence import Evidence
from bb_safety.policy import Policy
from bb_safety.promote import critical, findings, harmful, worst_harm


def watch(evidence: Evidence, policy: Policy) -> Decision:
    """Decide on a promoted version (`candidate`) by pairs with the one before (`incumbent`)."""
    judged = judge_watch(evidence, policy)
    target = evidence.incumbent if judged.verdict == "rollback" else evidence.candidate
    return _issued(judged, evidence, policy, target)


def judge_watch(evidence: Evidence, policy: Policy) -> Judgement:
    """What the watch would decide: a pure function."""
    reasons = list(critical(evidence))
    if harmful(evidence, policy):
        worst = worst_harm(evidence)
        reasons.append(Reason("harm", f"{worst} rose, shown at level {policy.alpha_harm:g}"))
    if reasons:
        return Judgement("rollback", tuple(reasons), tuple(findings(evidence, policy)))
    found = tuple(one for one in findings(evidence, policy) if one.against == "incumbent")
    open_ = [one.metric for one in found if one.at is None]
    if open_ or len(evidence.pairs) < policy.fewest:
        says = f"{len(evidence.pairs)} pairs; not yet shown: {', '.join(open_) or 'enough pairs'}"
        return Judgement("inconclusive", (Reason("pairs", says),), found)
    says = f"no harm rose by {policy.epsilon:g} over {len(evidence.pairs)} pairs"
    return Judgement("settle", (Reason("certified", says),), found)


def take_back(evidence: Evidence, policy: Policy, person: str, why: str) -> Decision:
    """A person's decision to go back from `candidate` (what is current) to `incumbent`."""
    return _by_person("rollback", evidence, policy, person, why, evidence.incumbent)


def anchor(evidence: Evidence, policy: Policy, person: str, why: str) -> Decision:
    """A person's approval of `candidate` (what is current): tolerance is counted anew from it."""
    return _by_person("anchor", evidence, policy, person, why, evidence.candidate)


def _by_person(
    verdict: Verdict, evidence: Evidence, policy: Policy, person: str, why: str, target: str
) -> Decision:
    if not person.strip() or not why.strip():
        raise EvidenceError(f"{verdict} by nobody, or for no reason", fix="say who, and why")
    judged = Judgement(verdict, (Reason("person", f"{person}: {why}"),))
    return _issued(judged, evidence, policy, target, person)


def _issued(
    judged: Judgement, evidence: Evidence, policy: Policy, target: str, person: str = ""
) -> Decision:
    return _seal.issue(
        lambda: Decision(
            judged.verdict,
            of=evidence.candidate,
            target=target,
            evidence=evidence,
            policy=policy,
            judgement=judged,
            person=person,
            said=dict(evidence.told),
        ),
        lambda made: made.digest,
    )
