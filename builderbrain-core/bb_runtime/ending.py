"""When a run ends: the one rule, by which runs go on and batteries are replayed.

A round is followed by another while there is something new to see and nothing that could be done
too often: when a step failed, when it only looked, and when it did what can be taken back and
looked at the result last (a screen, behind the taps that lead to it). So a run ends with a round
that did something for good, or that did something and looked no more: what is to happen after an
act stands in the same plan, waits for it, and is checked and consented to with it. Nobody is asked,
after all was done, whether there is more to do, and nothing read after an irreversible act can talk
a run into another.

Withheld consent, an act nobody knows the end of, and a plan that comes a second time end it too.
Not covered: the limits of rounds, which are the runner's and the checker's; the plans of a client
in a session, who goes on for himself.
"""

from collections.abc import Iterable
from typing import Literal

from bb_core.effects import Effect
from bb_core.plan import Plan
from bb_core.verdict import Checked
from bb_runtime.outcome import RunResult

End = Literal["done", "refused", "failed", "parked"]


class Course:
    """What a run has carried out, and whether that was its end."""

    def __init__(self, plans: Iterable[str] = ()) -> None:
        self.plans = set(plans)
        """The digests of the plans that were carried out."""
        self.end: End | None = None
        """How the run ended; None while it goes on."""
        self.last: End = "done"
        """How its last round ended."""

    def knows(self, plan: Plan) -> bool:
        """Whether this very plan was carried out in an earlier round; it may be refused by now."""
        return plan.digest in self.plans

    def repeated(self) -> None:
        """A plan came a second time: the run ends as its last round did."""
        self.end = self.last

    def took(self, checked: Checked, result: RunResult) -> None:
        """A round was carried out."""
        self.plans.add(checked.digest)
        self.last = result.status
        over = result.status in ("parked", "refused")
        if over or (result.status == "done" and not _looked_last(checked, result)):
            self.end = result.status


def _looked_last(checked: Checked, result: RunResult) -> bool:
    """Whether a round did nothing for good, and looked after whatever it did."""
    tools, graph = checked.compiled.schema.tools, checked.graph
    ran = {out.step: tools[out.tool] for out in result.outcomes.values() if out.done}
    acts = {step for step, tool in ran.items() if tool.effect.acts}
    if any(ran[step].effect is Effect.IRREVERSIBLE for step in acts):
        return False
    looks = (s for s, tool in ran.items() if tool.effect is Effect.READ and not tool.approves)
    return not acts or any(acts <= graph.ancestors[step] for step in looks)
