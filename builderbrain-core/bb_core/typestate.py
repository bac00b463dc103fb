"""T and A: facts hold on every way to the step that needs them, and consent covers what it showed.

A step runs only if everything it needs has succeeded, so its ancestors are its dominators: a fact
is there if some ancestor establishes it and no write that could come between the two kills it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb_core.plan import refs
from bb_core.schema import FactCall
from bb_core.state import approval
from bb_core.terms import Term, literal

if TYPE_CHECKING:
    from bb_core.at import At, Case

APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Holder:
    """Where a fact comes from: a step of this plan, or (empty) an earlier round."""

    step: str
    term: Term


def requires(at: "At", fact: str, path: str) -> None:
    """The fact, of this argument if one is named, or of anyone."""
    alive = [h for h in _holders(at, fact) if not _killer(at, fact, h)]
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
    for value in sorted(at.case.state.holders(fact), key=str):
        yield Holder("", literal(value))
    for ident in sorted(at.case.graph.ancestors[at.step.id]):
        yield from _established(at.case, ident, fact)


def _established(case: "Case", ident: str, fact: str) -> Iterator[Holder]:
    from bb_core.at import At

    here = At(case, case.steps[ident])
    for call in map(FactCall.parse, here.spec.establishes):
        if call.name == fact:
            yield Holder(ident, here.term(call.term) if call.term else literal(None))


def _killer(at: "At", fact: str, holder: Holder) -> str | None:
    """A write that may come after the fact and before this step, and may touch what it is about."""
    from bb_core.at import At

    case, graph = at.case, at.case.graph
    for write in case.steps.values():
        if write.id == at.step.id or at.step.id in graph.ancestors[write.id]:
            continue
        if holder.step and (write.id == holder.step or write.id in graph.ancestors[holder.step]):
            continue
        killed = _kills(At(case, write), fact)
        if any(term is None or term.same(holder.term) is not False for term in killed):
            return write.id
    return None


def _kills(write: "At", fact: str) -> Iterator[Term | None]:
    """The terms a step kills the fact of; None stands for all of them."""
    for call in map(FactCall.parse, write.spec.kills):
        if call.name == fact:
            yield write.term(call.term) if call.term else None
    declared = write.case.schema.facts[fact]
    if declared.killed_by_write and write.spec.effect.acts and declared.entity in write.spec.entity:
        yield write.term(write.spec.entity[declared.entity])


def _why_not(at: "At", fact: str) -> tuple[str, str]:
    killers = {k for h in _holders(at, fact) if (k := _killer(at, fact, h))}
    givers = [n for n, t in at.case.schema.tools.items() if any(e.split("(")[0] == fact for e in t.establishes)]
    if killers:
        return f"{fact} is lost again through {', '.join(sorted(killers))}", f"call {' or '.join(givers)} in between"
    return f"{fact} is not established before this step", f"call {' or '.join(givers) or 'nothing gives it'} first"


def exclusive(case: "Case") -> None:
    """An exclusive fact has one holder in a run."""
    for fact, declared in case.schema.facts.items():
        if not declared.exclusive:
            continue
        found = [Holder("", literal(v)) for v in sorted(case.state.holders(fact), key=str)]
        for ident in case.graph.order:
            found.extend(_established(case, ident, fact))
        for later in found[1:]:
            if found[0].term.same(later.term) is not True:
                first = found[0].step or "an earlier round"
                case.refuse(f"T.{fact}", later.step, f"a second holder of {fact}; the first is from {first}")


def approved(at: "At") -> None:
    """A step that asks comes directly before, and shows these very arguments."""
    case, step = at.case, at.step
    askers = [a for a in step.after if case.schema.tools[case.steps[a].tool].approves]
    if not askers:
        if not any(refs(step.args)) and approval(step.tool, dict(step.args)) in case.state.approvals:
            at.residue("A.approved", "approval", "", "approved in an earlier round")
            return
        tools = [name for name, tool in case.schema.tools.items() if tool.approves]
        at.refuse("A.approved", "nobody is asked before this step", f"put it `after` a step that calls {' or '.join(tools)}")
        return
    for asker in askers:
        known = case.graph.ancestors[asker] | {asker}
        late = sorted({r.step for _, r in refs(step.args)} - known)
        if late:
            at.refuse("A.approved", f"{asker} asks before {', '.join(late)} has said what the arguments are", f"put {asker} after {late[0]}")
            return
    at.residue("A.approved", "approval", askers[0], "approved with exactly these arguments")
