"""How far a plan under way is: what is decided, and what of the next decision is answered."""

from dataclasses import dataclass, replace

from bb_core.decision import Condition, Decision, Fill, Filled, Refer
from bb_core.plan import Op
from bb_nn.builder.option_head import Query
from bb_nn.builder.question import BEGIN, Option, Spot


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan under way in one clause; a new one is an empty plan, in no clause yet.

    done: whole decisions; `first` of them belong to earlier clauses. stage: what is asked next.
    skill, fills, items, left, op, when: the decision under way; `items` are those of a list being
    spelt out. before: the answer before, in this clause; copied: the spots copied in it, in order.
    ended: the clause has no more steps.
    """

    done: tuple[Decision, ...] = ()
    clause: int = -1
    spot: Spot = (0, 0)
    first: int = 0
    stage: Query = Query.SKILL
    skill: int = -1
    fills: tuple[Filled, ...] = ()
    items: tuple[Fill, ...] = ()
    left: Refer | None = None
    op: Op | None = None
    when: Condition | None = None
    before: Option = BEGIN
    copied: tuple[Spot, ...] = ()
    ended: bool = False

    def entered(self, spot: Spot) -> "Progress":
        """The same plan at the start of the next clause."""
        return Progress(self.done, self.clause + 1, spot, len(self.done))

    def decided(self, after: tuple[int, ...]) -> "Progress":
        """The same plan with the decision under way made."""
        made = Decision(self.skill, self.fills, after, self.when, self.clause)
        clean = Progress(self.done, self.clause, self.spot, self.first)
        return replace(clean, done=(*self.done, made), before=self.before, copied=self.copied)
