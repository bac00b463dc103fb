"""A decision: the only thing that moves the current pointer, and only the gate makes one.

It cannot be constructed, subclassed, replaced or copied into another valid one: `require_issued`
finds out. What it says can be told again from its evidence and policy (`promote.judge`).
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, final

from bb_core.canonical import Json, digest_json
from bb_core.record import Digests, Figures, Record
from bb_safety import _seal
from bb_safety.errors import ForgedDecision
from bb_safety.evidence import Arm, Evidence
from bb_safety.policy import Policy

Verdict = Literal["promote", "reject", "inconclusive", "rollback", "settle", "anchor"]
"""promote: take the candidate; rollback: back to the one before; settle: the canary is over;
anchor: a person has approved what is current. reject and inconclusive move nothing."""

MOVES: frozenset[Verdict] = frozenset({"promote", "rollback", "settle", "anchor"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that decided, by rule, in plain words."""

    rule: str
    says: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.says}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the pairs say of one harm against one arm.

    mean: of d; upper: E d is below it at the policy's level; log_e: where the e-process against
    `E d >= epsilon` ended; at: after how many pairs it refuted that, None if it did not.
    """

    metric: str
    against: Arm
    epsilon: float
    mean: float
    upper: float
    log_e: float
    at: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from evidence under a policy. Anybody may compute one; it moves nothing."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...] = ()
    dv: float = 0.0
    dv_upper: float = 1.0
    """dV_s against the incumbent: its estimate, and what it is below at the policy's level."""


@final
@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Decision:
    """A judgement that a gate has issued: from which version, to which, on what, by whom.

    `person` is who decided where a person did; empty for the gate alone.
    """

    verdict: Verdict
    of: str
    target: str
    evidence: Evidence
    policy: Policy
    judgement: Judgement
    person: str = ""
    said: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _seal.is_open():
            fix = "give the evidence to bb_safety.promote.gate"
            raise ForgedDecision("only the gate makes a decision", fix=fix)

    def __init_subclass__(cls) -> None:
        raise ForgedDecision("a Decision has no subclasses")

    @property
    def moves(self) -> bool:
        """Whether the pointer may move by it."""
        return self.verdict in MOVES

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What decided."""
        return self.judgement.reasons

    @property
    def digest(self) -> str:
        """The digest of all it says."""
        return digest_json(self.summary() | {"said": self.said})

    @property
    def record(self) -> Record:
        """The ledger's record of it, moved by or not."""
        body: dict[str, Json] = {**self.summary(), "said": self.said, "decision": self.digest}
        blocks: dict[str, Json] = {"figures": self._figures(), "digests": self._digests()}
        return Record("gate", self.evidence.candidate, body={**body, **blocks})

    def _figures(self) -> dict[str, Json]:
        """The candidate's own figures, where its evidence tells them, and the change of V_s."""
        told = self.evidence.told.get("figures")
        own = told if isinstance(told, dict) else {}
        dv = self.judgement.dv if self.evidence.pairs else None
        return {**Figures().to_json(), **own, "v_s_delta": dv}

    def _digests(self) -> dict[str, Json]:
        none = Digests().to_json()
        made = {name: self.evidence.made_from.get(name, "none") for name in none}
        return {**made, "rail": self.evidence.candidate or "none"}

    def summary(self) -> dict[str, Any]:
        """The decision as JSON, its evidence by digest: what a ledger keeps."""
        judged = asdict(self.judgement)
        return {
            "verdict": self.verdict,
            "of": self.of,
            "target": self.target,
            "person": self.person,
            "evidence": self.evidence.digest,
            "policy": self.policy.to_json(),
            "pairs": len(self.evidence.pairs),
            "candidate": self.evidence.candidate,
            "incumbent": self.evidence.incumbent,
            "anchor": self.evidence.anchor,
            "spent": self.evidence.spent,
            "dv": judged.pop("dv"),
            "dv_upper": judged.pop("dv_upper"),
            "reasons": [str(reason) for reason in self.reasons],
            "findings": judged["findings"],
        }


def require_issued(decision: object) -> Decision:
    """The decision itself; raises ForgedDecision unless a gate issued exactly this one."""
    found = _seal.issued(decision) if isinstance(decision, Decision) else None
    fix = "give the evidence to bb_safety.promote.gate"
    if not isinstance(decision, Decision) or found is None:
        raise ForgedDecision(f"a {type(decision).__name__} that no gate issued", fix=fix)
    if decision.digest != found:
        raise ForgedDecision("it was changed after the gate issued it", fix=fix)
    return decision
