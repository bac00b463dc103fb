"""Traces that break the plan language, and a builder asked without its masks.

A spoilt plan leaves out a step that a later skill needs: the customer not found, the order not
looked at, nobody asked. The masks would not let such a plan be built, nor even be learnt; here the
skills are open, and what the masks would have allowed is kept beside them.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from random import Random
from typing import Any

from workload import Ground

from bb_core.actions import decide, offered
from bb_core.decision import Decision
from bb_core.errors import BuilderbrainError
from bb_core.plan import Plan, refs
from bb_core.scene import Scene
from bb_nn.builder.asker import Asker
from bb_nn.builder.beam import Beam, Under
from bb_nn.builder.encoded import Encoded, encode
from bb_nn.builder.option_head import Query
from bb_nn.builder.progress import Progress
from bb_nn.builder.question import Question, Tokens
from bb_nn.builder.script import script
from bb_nn.tapped import Tapped
from bb_train.example import Example


class Free(Asker):
    """An asker without masks on the skills; `masks` keeps what each would have allowed."""

    def __init__(self, here: Ground, seen: Scene) -> None:
        super().__init__(here.space, seen, here.described.rows, here.places)
        self.masks: list[tuple[bool, ...]] = []

    def ask(self, progress: Progress) -> Question:
        """The question, every skill open."""
        asked = super().ask(progress)
        if asked.query is not Query.SKILL:
            return asked
        self.masks.append(tuple(o.allowed for o in asked.options))
        return replace(asked, options=tuple(replace(o, allowed=True) for o in asked.options))


class Drawn(Beam):
    """A search that draws its skills at temperature 1 and takes the best of everything else."""

    def __init__(self, *parts: Any, chance: Random) -> None:
        super().__init__(*parts)
        self.chance = chance

    def _scored(
        self, plans: Sequence[Under], questions: Sequence[Question], h: Any, *, elsewhere: bool
    ) -> list[list[float]]:
        found = super()._scored(plans, questions, h, elsewhere=elsewhere)
        for row, question in enumerate(questions):
            if question.query is Query.SKILL and not elsewhere:
                weights = [exp(score) for score in found[row]]
                chosen = self.chance.choices(range(len(weights)), weights)[0]
                found[row] = [0.0 if i == chosen else -1e9 for i in range(len(weights))]
        return found


def spoil(here: Ground, example: Example, draw: Random) -> Plan | None:
    """The plan without a step that a later skill needs; None where nothing can be left out."""
    plan = example.plan
    places = list(range(len(plan.steps)))
    draw.shuffle(places)
    for place in places:
        short = _without(plan, place)
        if short is None:
            continue
        try:
            decisions = decide(here.space, example.scene, short, example.clauses)
        except BuilderbrainError:
            continue
        if violations(here, example.scene, decisions):
            return short
    return None


def _without(plan: Plan, place: int) -> Plan | None:
    """The plan without a step, those after it waiting for what it waited for; None if used."""
    gone = plan.steps[place]
    rest = [s for s in plan.steps if s is not gone]
    used = {r.step for s in rest for _, r in refs(s.args)}
    used |= {s.when.ref.step for s in rest if s.when}
    if gone.id in used or not rest:
        return None
    steps = tuple(
        replace(s, after=tuple(dict.fromkeys(b for a in s.after for b in _instead(a, gone))))
        for s in rest
    )
    return replace(plan, steps=steps)


def _instead(name: str, gone: Any) -> tuple[str, ...]:
    return gone.after if name == gone.id else (name,)


def violations(here: Ground, seen: Scene, decisions: Sequence[Decision]) -> int:
    """How many of the skills came before they may."""
    return sum(
        not offered(here.space, seen, decisions[:i])[decision.skill]
        for i, decision in enumerate(decisions)
    )


def lesson(here: Ground, example: Example, plan: Plan, told: Tapped) -> Encoded:
    """A plan as arrays, its gold answers free of the masks and `allowed` what they would be."""
    asker = Free(here, example.scene)
    decisions = decide(here.space, example.scene, plan, example.clauses)
    found = encode(script(asker, decisions, example.clauses), Tokens(told.offsets))
    asked = [g for g, (_, _, query) in enumerate(found["group"]) if query == Query.SKILL]
    for group, mask in zip(asked, asker.masks, strict=True):
        found["allowed"][found["option"][:, 0] == group] = mask
    return found
