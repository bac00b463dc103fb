"""T and A: facts hold on every way to the step that needs them, and consent covers what it showed.

A step runs only if everything it needs has succeeded, so its ancestors are its dominators: a fact
is there if some ancestor establishes it and no write that could come between the two kills it. A
fact that hangs on a result is there for the steps that run only when the result says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb_core.exclusive import exclusive, proved
from bb_core.plan import Ref, Step, When, refs
from bb_core.schema import FactCall
from bb_core.state import ABOUT_NOTHING, approval
from bb_core.terms import MISSING, Term, literal

if TYPE_CHECKING:
    from bb_core.at import At, Case

APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Holder:
    """Where a fact comes from: a step of this plan, or (empty) an earlier round.

    `given`: the result of that step on which the fact hangs, if it hangs on one.
    """

    step: str
    term: Term
    given: When | None = None


class History:
    """Who gives and who takes each fact: `holders`, and `kills` with the term (None: of all)."""

    def __init__(self, case: "Case") -> None:
        self.holders: dict[str, list[Holder]] = {}
        self.kills: dict[str, list[tuple[str, Term | None]]] = {}
        for fact, value in sorted(case.state.facts, key=str):
            self.holders.setdefault(fact, []).append(Holder("", literal(value)))
        for ident in case.graph.order:
            self._add(case, ident)

    def _add(self, case: "Case", ident: str) -> None:
        here = case.at(ident)
        for call in map(FactCall.parse, here.spec.establishes):
            term = here.term(call.term) if call.term else literal(ABOUT_NOTHING)
            if term != MISSING:
                holder = Holder(ident, term, _given(ident, call))
                self.holders.setdefault(call.name, []).append(holder)
        for fact, path in case.schema.ends(here.step.tool):
            self.kills.setdefault(fact, []).append((ident, here.term(path) if path else None))


def _given(ident: str, call: FactCall) -> When | None:
    place = Ref(ident, "/" + call.given.replace(".", "/"))
    return When(place, "==", call.wanted) if call.given else None


def requires(at: "At", fact: str, path: str) -> None:
    """The fact, of this argument if one is named, or of anyone."""
    alive = [h for h in _holders(at, fact) if _proved(at, h) and not _killer(at, fact, h)]
    if not alive:
        at.refuse(f"T.{fact}", *_why_not(at, fact))
        return
    if not path:
        return
    wanted = at.term(path)
    verdicts = [h.term.same(wanted) for h in alive]
    if True in verdicts:
        return
    if None not in verdicts:
        has = ", ".join(sorted(str(h.term) for h in alive))
        at.refuse(f"T.{fact}", f"{fact} holds of {has}, not of {path} = {wanted}")
        return
    at.residue(f"T.{fact}", "equal", path, f"{fact} must hold of {path}", fact=fact)


def _holders(at: "At", fact: str) -> Iterator[Holder]:
    above = at.case.graph.ancestors[at.step.id]
    return (h for h in at.case.history.holders.get(fact, ()) if not h.step or h.step in above)


def _proved(at: "At", holder: Holder) -> bool:
    """Whether the fact hangs on nothing, or on what must be so for this step to run."""
    known = at.case.graph.conditions[at.step.id]
    return holder.given is None or proved(holder.given, known)


def _killer(at: "At", fact: str, holder: Holder) -> str | None:
    """A write that may come after the fact and before this step, and may touch what it is about."""
    ancestors = at.case.graph.ancestors
    for write, term in at.case.history.kills.get(fact, ()):
        if write == at.step.id or at.step.id in ancestors[write]:
            continue
        if holder.step and (write == holder.step or write in ancestors[holder.step]):
            continue
        if exclusive(at.case.graph, write, at.step.id):
            continue
        if term is None or term.same(holder.term) is not False:
            return write
    return None


def _why_not(at: "At", fact: str) -> tuple[str, str]:
    unproven = [h.given for h in _holders(at, fact) if h.given and not _proved(at, h)]
    killers = {k for h in _holders(at, fact) if (k := _killer(at, fact, h))}
    givers = [
        n
        for n, t in at.case.schema.tools.items()
        if any(FactCall.parse(e).name == fact for e in t.establishes)
    ]
    if unproven:
        place, said = unproven[-1].ref, str(unproven[-1].value).lower()
        found = f"{fact} is established only if {place} is {said}"
        return found, f"run the step when {place} == {said}"
    if killers:
        return (
            f"{fact} is lost again through {', '.join(sorted(killers))}",
            f"call {' or '.join(givers)} in between",
        )
    return (
        f"{fact} is not established before this step",
        f"call {' or '.join(givers) or 'nothing gives it'} first",
    )


def one_holder(case: "Case") -> None:
    """An exclusive fact has one holder in a run."""
    for fact, declared in case.schema.facts.items():
        if not declared.exclusive:
            continue
        found = case.history.holders.get(fact, [])
        for later in found[1:]:
            if not found[0].term.alike(later.term):
                first = found[0].step or "an earlier round"
                what = f"it may make a second holder of {fact}; the first is from {first}"
                case.refuse(f"T.{fact}", later.step, what, "leave it out and use the first")


def approved(at: "At") -> None:
    """A step that asks comes directly before, and shows these very arguments."""
    case, step = at.case, at.step
    askers = _askers(case, step)
    if not askers:
        if consent := _earlier(case, step):
            _by_earlier(at, consent)
            return
        tools = [name for name, tool in case.schema.tools.items() if tool.approves]
        at.refuse(
            "A.approved",
            "nobody is asked before this step",
            f"put it `after` a step that calls {' or '.join(tools)}",
        )
        return
    for asker in askers:
        known = case.graph.ancestors[asker] | {asker}
        late = sorted({r.step for _, r in refs(step.args)} - known)
        if late:
            at.refuse(
                "A.approved",
                f"{asker} asks before {', '.join(late)} has said what the arguments are",
                f"put {asker} after {late[0]}",
            )
            return
    at.residue("A.approved", "approval", askers[0], "approved with exactly these arguments")


def _askers(case: "Case", step: Step) -> list[str]:
    return [a for a in step.after if case.schema.tools[case.steps[a].tool].approves]


def _by_earlier(at: "At", consent: str) -> None:
    """One consent covers one call, so no other step may go by it too."""
    others = (s for s in at.case.plan.steps if s.id != at.step.id)
    twins = [s.id for s in others if _earlier(at.case, s) == consent]
    if twins:
        found = f"one consent of an earlier round does not cover {', '.join(twins)} as well"
        at.refuse("A.approved", found, "leave one out, or ask again")
    else:
        at.residue("A.approved", "approval", "", "approved in an earlier round")


def _earlier(case: "Case", step: Step) -> str:
    """The consent of an earlier round that a step goes by, if nobody is asked in this plan."""
    if _askers(case, step) or any(refs(step.args)):
        return ""
    consent = approval(step.tool, dict(step.args))
    return consent if consent in case.state.approvals else ""
