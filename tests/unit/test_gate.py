"""The gate: what it lets pass, what it refuses and why, and that nothing else decides."""

import copy
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bb_core.record import Record, missing
from bb_safety import Decision, Divergence, Evidence, Golden, Metric, Pair, Policy, ProbeError
from bb_safety.decision import require_issued
from bb_safety.errors import EvidenceError, ForgedDecision, Frozen, PointerError, StaleDecision
from bb_safety.evidence import evidence_json, read_evidence
from bb_safety.pointer import Pointer, Standing
from bb_safety.promote import gate, judge
from bb_safety.rollback import anchor, take_back, watch

HARMS = (Metric("wrong_state", 0.6), Metric("leak", 0.4, critical=True))
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
CORE = Path(__file__).parents[2] / "builderbrain-core"


def evidence(pairs: int = 400, worse: int = 0, **changes: Any) -> Evidence:
    """Pairs in which the candidate did one harm more in `worse` of them; all else is well."""
    every = pairs // worse if worse else pairs + 1
    rows = tuple(
        Pair(f"task-{n}", 0, (float((n + 1) % every == 0), 0.0), (0.0, 0.0)) for n in range(pairs)
    )
    still = tuple((0.0, 0.0) for _ in range(pairs))
    near = Divergence("incumbent", still)
    told = {"candidate": B, "incumbent": A, "anchor": A, "metrics": HARMS, "pairs": rows}
    told |= {"golden": (Golden("plans", True),), "divergences": (near,)}
    return Evidence(**told | changes)


def test_an_identical_candidate_is_promoted_within_400_pairs() -> None:
    decided = gate(evidence(400), Policy())
    assert decided.verdict == "promote" and decided.target == B
    assert all(one.at is not None and one.at <= 400 for one in decided.judgement.findings)
    assert 0.0 <= decided.judgement.dv_upper <= 0.03


@pytest.mark.parametrize(
    ("changes", "verdict", "rule"),
    [
        ({"golden": (Golden("refuse-1", False, "let pass"),)}, "reject", "golden"),
        ({"alarms": ("cfs gamed",)}, "reject", "alarm"),
        ({"worse": 100}, "reject", "harm"),
        ({"divergences": (Divergence("incumbent", ((1.5, 0.0),) * 400),)}, "reject", "trust"),
        ({"divergences": (Divergence("incumbent", ((0.1, 0.1),) * 400),)}, "reject", "trust"),
        ({"divergences": ()}, "inconclusive", "trust"),
        ({"golden": ()}, "inconclusive", "golden"),
        ({"pairs": 60}, "inconclusive", "pairs"),
        ({"pairs": 200, "worse": 2}, "inconclusive", "pairs"),
        ({"spent": 0.1}, "inconclusive", "ratchet"),
        (
            {"errors": tuple(ProbeError(f"t{n}", 0, "candidate", "twin down") for n in range(9))},
            "inconclusive",
            "probe",
        ),
    ],
)
def test_each_rule_decides_alone(changes: dict[str, Any], verdict: str, rule: str) -> None:
    decided = gate(evidence(**changes), Policy())
    assert (decided.verdict, decided.target) == (verdict, A)
    assert rule in {reason.rule for reason in decided.reasons}


def test_one_new_critical_harm_rejects() -> None:
    good = evidence(400)
    leaking = replace(good.pairs[7], candidate=(0.0, 1.0))
    decided = gate(replace(good, pairs=(*good.pairs[:7], leaking, *good.pairs[8:])), Policy())
    assert decided.verdict == "reject" and decided.reasons[0].says == "leak in task-7, seed 0"


def test_the_anchor_is_tested_beside_the_incumbent() -> None:
    """Three points worse than the anchor, none than the incumbent: a ratchet, and not promoted."""
    rows = tuple(
        Pair(f"t{n}", 0, (float(n % 20 == 0), 0.0), (float(n % 20 == 0), 0.0), (0.0, 0.0))
        for n in range(600)
    )
    still = tuple((0.0,) for _ in rows)
    near = (Divergence("incumbent", still), Divergence("anchor", still))
    told = Evidence(B, A, C, HARMS, rows, (Golden("plans", True),), near)
    decided = gate(told, Policy())
    assert decided.verdict == "inconclusive"
    assert any("against the anchor" in reason.says for reason in decided.reasons)


def test_the_first_of_its_kind_needs_a_person() -> None:
    first = evidence(incumbent="", anchor="", divergences=())
    assert gate(first, Policy()).verdict == "inconclusive"
    assert gate(first, Policy(), approved_by="ada").verdict == "promote"


def test_evidence_reads_back_equal() -> None:
    told = evidence(5, worse=1, forecasts=((0.5, True),), told={"duals": {"cfs": 0.1}})
    again = read_evidence(evidence_json(told))
    assert again == told and again.digest == told.digest


@pytest.mark.parametrize("row", [(0.0,), (0.0, 1.5), (0.0, -0.1), (float("nan"), 0.0)])
def test_rows_that_are_no_harms_are_refused(row: tuple[float, ...]) -> None:
    with pytest.raises(EvidenceError, match="pair t"):
        evidence(pairs=0) and replace(evidence(0), pairs=(Pair("t", 0, row, (0.0, 0.0)),))


def test_the_ledgers_record_is_whole() -> None:
    told = gate(evidence(made_from={"base": A}, told={"figures": {"ged": 0.1}}), Policy()).record
    assert not missing(told) and told.body["digests"]["rail"] == B
    assert told.body["figures"]["ged"] == 0.1
    assert not missing(take_back(evidence(0), Policy(), "ada", "odd").record)


def forgeries() -> list[tuple[str, Any]]:
    """Every way we know to get a decision that no gate made."""
    real = gate(evidence(400, worse=100), Policy())
    changed = gate(evidence(400, worse=100), Policy())
    object.__setattr__(changed, "verdict", "promote")
    object.__setattr__(changed, "target", B)
    bare = object.__new__(Decision)
    for name in ("verdict", "of", "target", "evidence", "policy", "judgement", "person", "said"):
        object.__setattr__(bare, name, getattr(real, name))
    object.__setattr__(bare, "verdict", "promote")
    return [
        ("changed", changed),
        ("bare", bare),
        ("copied", copy.copy(gate(evidence(), Policy()))),
        ("not one", {"verdict": "promote", "target": B}),
        ("a judgement", judge(evidence(), Policy())),
    ]


@pytest.mark.parametrize(("name", "forged"), forgeries(), ids=lambda x: x if type(x) is str else "")
def test_a_forged_decision_moves_nothing(name: str, forged: Any, tmp_path: Path) -> None:
    pointer = Pointer(tmp_path, "shop", lambda ident: None)
    with pytest.raises(ForgedDecision):
        pointer.move(forged, told := [].append)  # type: ignore[var-annotated]
    assert pointer.standing() == Standing() and told is not None


def test_a_decision_cannot_be_made_replaced_subclassed_or_unpickled() -> None:
    real = gate(evidence(), Policy())
    with pytest.raises(ForgedDecision):
        Decision("promote", A, B, real.evidence, real.policy, real.judgement)
    with pytest.raises(ForgedDecision):
        replace(real, target=C)
    with pytest.raises(ForgedDecision):
        type("Mine", (Decision,), {})
    with pytest.raises(ForgedDecision):
        require_issued(pickle.loads(pickle.dumps(real)))
    assert require_issued(real) is real


def test_nothing_but_the_pointer_writes_a_move_and_nothing_but_the_gate_issues() -> None:
    """Where the two words stand in the source: a second place would be a second path."""
    words = {r"_seal\.issue\(": {"promote.py", "rollback.py"}, r'/ "moves"': {"pointer.py"}}
    for word, allowed in words.items():
        found = {p.name for p in CORE.rglob("*.py") if re.search(word, p.read_text("utf-8"))}
        assert found == allowed, word


@pytest.fixture
def pointer(tmp_path: Path) -> Pointer:
    return Pointer(tmp_path, "shop", lambda ident: None)


def test_moves_follow_the_decisions(pointer: Pointer) -> None:
    told: list[Record] = []
    policy = Policy()
    first = gate(
        evidence(candidate=A, incumbent="", anchor="", divergences=()), policy, approved_by="ada"
    )
    assert pointer.move(first, told.append).anchor == A
    second = pointer.move(gate(evidence(), policy), told.append)
    assert (second.current, second.previous, second.share) == (B, A, 0.1)
    assert second.spent == pytest.approx(0.03) and second.anchor == A
    settled = pointer.move(watch(evidence(), policy), told.append)
    assert settled.share == 1.0
    back = pointer.move(take_back(evidence(), policy, "ada", "looks odd"), told.append)
    assert (back.current, back.anchor, back.spent, back.rollbacks) == (A, A, 0.0, 0)
    assert [move.seq for move in pointer.history()] == [1, 2, 3, 4]
    assert [record.type for record in told] == ["moving", "moved"] * 4


def test_two_rollbacks_freeze_until_a_person_anchors(pointer: Pointer) -> None:
    told: list[Record] = []
    policy = Policy()
    for more in range(2):
        seen = evidence(400 + more, incumbent="", anchor="", divergences=())
        pointer.move(gate(seen, policy, approved_by="ada"), told.append)
        harm = watch(evidence(400, worse=100, incumbent="", anchor=""), policy)
        assert harm.verdict == "rollback"
        pointer.move(harm, told.append)
    now = pointer.standing()
    assert now.frozen and now.current == ""
    again = gate(evidence(incumbent="", anchor="", divergences=()), policy, approved_by="ada")
    with pytest.raises(Frozen, match="2 rollbacks"):
        pointer.move(again, told.append)
    pointer.move(
        anchor(evidence(candidate="", incumbent="", anchor=""), policy, "ada", "seen"), told.append
    )
    assert not pointer.standing().frozen


def test_a_decision_on_what_no_longer_serves_is_stale(pointer: Pointer) -> None:
    first = gate(evidence(incumbent="", anchor="", divergences=()), Policy(), approved_by="ada")
    pointer.move(first, lambda record: None)
    with pytest.raises(StaleDecision, match="serves now"):
        pointer.move(first, lambda record: None)


def test_what_was_taken_back_is_not_promoted_again_by_the_same_decision(pointer: Pointer) -> None:
    first = gate(evidence(incumbent="", anchor="", divergences=()), Policy(), approved_by="ada")
    pointer.move(first, lambda record: None)
    harm = watch(evidence(400, worse=100, incumbent="", anchor=""), Policy())
    assert pointer.move(harm, lambda record: None).current == ""
    with pytest.raises(StaleDecision, match="has moved it before"):
        pointer.move(first, lambda record: None)
    assert pointer.standing().current == ""


def test_a_rejection_moves_nothing(pointer: Pointer) -> None:
    with pytest.raises(PointerError, match="reject moves nothing"):
        pointer.move(gate(evidence(worse=100), Policy()), lambda record: None)


def test_a_canary_serves_its_share() -> None:
    now = Standing(current=B, previous=A, share=0.1)
    served = [now.version(f"run-{n}") for n in range(2000)]
    assert 140 < served.count(B) < 260 and served[7] == now.version("run-7")
