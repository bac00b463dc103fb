"""One turn of a request: the scene a round starts from, its plan, the state it is checked in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.plan import Plan
from bb_core.scene import Scene, scene
from bb_core.state import State
from bb_train.data.clause import Clause
from bb_train.data.fresh import Values
from bb_train.data.join import Text, join_plans
from bb_train.data.request import Request
from bb_train.data.rounds import observed, shown, state_after
from bb_train.data.worlds import Worlds, renamed_text, renamings


@dataclass(frozen=True)
class Turn:
    """A round of a request, ready to be learnt from."""

    request: Request
    round: int
    scene: Scene
    plan: Plan
    state: State

    @property
    def starts(self) -> tuple[int, ...]:
        """The first character of each clause."""
        return self.request.text.starts


@dataclass(frozen=True)
class Turns:
    """Makes turns; later rounds only where there is a twin to have seen something on."""

    compiled: Compiled
    values: Values
    worlds: Worlds | None

    def turn(self, request: Request, number: int | None, rng: Random) -> Turn:
        """This round of the request; None: any one of its rounds."""
        alone = request.clauses[0]
        rounds = len(alone.template.plans) if self.worlds and len(request.clauses) == 1 else 1
        number = rng.randrange(rounds) if number is None else number
        if number:
            return self._later(request, alone, number, rng)
        text = request.text.text
        plan = join_plans(self.compiled, request.clauses, request.speaker)
        return Turn(request, 0, scene(text), plan, State(request=text))

    def _later(self, request: Request, clause: Clause, number: int, rng: Random) -> Turn:
        """A round after others: what they saw is the battery's own, in other values."""
        assert self.worlds is not None
        template = clause.template
        results = self.worlds.trial(template.task).results[:number]
        seen = shown(self.compiled, template, results, renamings(clause), self.values, rng)
        request = _renamed(request, _whole(clause, seen.names), seen.names)
        plans = [join_plans(self.compiled, request.clauses, 0, at) for at in range(number + 1)]
        before = observed(plans[:number], seen.results)
        state = state_after(self.compiled, request.text.text, before)
        facts = frozenset(name for name, _ in state.facts)
        return Turn(request, number, scene(request.text.text, before, facts), plans[-1], state)


def _whole(clause: Clause, names: Mapping[Json, Json]) -> Clause:
    """The clause with a value for the blanks that only later rounds fill."""
    values = dict(clause.values)
    for index, blank in enumerate(clause.template.blanks):
        if index not in values and blank.value in names:
            values[index] = names[blank.value]
    return replace(clause, values=values)


def _renamed(request: Request, clause: Clause, names: Mapping[Json, Json]) -> Request:
    """The request with the names it shares with what was seen exchanged there too."""
    said = {blank.value for blank in clause.template.blanks}
    words = {str(k): str(v) for k, v in names.items() if isinstance(k, str) and k not in said}
    text = Text(renamed_text(request.text.text, words), request.text.starts, ())
    return replace(request, clauses=(replace(clause, names=words),), text=text)
