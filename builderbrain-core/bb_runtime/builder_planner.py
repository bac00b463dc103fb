"""A planner for a run: a builder decides, the base writes free text and may have its say.

    score(plan) = alpha log p_builder(plan) + (1 - alpha) log p_base(plan's text)

p_builder is a ranker's, over all candidates, where the builder has one. At alpha 1 the base is not
asked about the plan; at alpha 0 the planner is the base alone, to the bit. Among the k best plans
the first that the checker lets pass is taken. Where none passes, each is tried again with the edges
that its facts and its consent imply. What goes out is text in the domain's own language, checked
like any other.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from bb_core.actions import assemble, blanked, implied_after, pieces
from bb_core.check import check
from bb_core.decision import Decision
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_core.scene import Scene, scene
from bb_core.space import Space
from bb_core.state import State
from bb_core.verdict import Checked
from bb_nn.builder.built import Built
from bb_nn.builder.config import BuilderConfig
from bb_nn.errors import RailError, TooLongError
from bb_nn.tapped import Tapped, tap
from bb_runtime.base_score import base_score
from bb_runtime.errors import DecodeError
from bb_runtime.free_text import write_texts
from bb_runtime.planner import ModelPlanner, require_whole_scene
from bb_runtime.rounds import Ask, Draft


class Builder(Protocol):
    """What builds: the k best plans of a scene as decisions with their log probabilities."""

    config: BuilderConfig
    space: Space

    def build(self, tapped: Tapped, scene: Scene, k: int = 4) -> list[Built]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan under consideration and its log probability by the builder.

    Its text has a blank for each string that the base is to write.
    """

    plan: Plan
    text: str
    decisions: tuple[Decision, ...]
    log_prob: float


@dataclass
class BuilderPlanner:
    """Plans with a builder beside a base. `built` are the last candidates, best first.

    A plan that was refused is not given a second time.
    """

    builder: Builder
    base: ModelPlanner
    alpha: float = 1.0
    k: int = 4
    name: str = "builder"
    built: tuple[Candidate, ...] = field(default=(), init=False)
    _given: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.alpha <= 1.0 or self.k < 1:
            raise RailError(f"alpha {self.alpha}, k {self.k}", fix="use alpha 0 to 1, k from 1 up")

    def __call__(self, ask: Ask) -> Draft:
        """A plan for what is asked; the base's own where the builder has none."""
        self.built = ()
        if self.alpha == 0:
            return self.base(ask)
        require_whole_scene(ask)
        seen = scene(ask.request, ask.observations, ask.facts)
        try:
            tapped = tap(self.base.base, [seen.text], self.builder.config.layers)[0]
        except TooLongError:
            return self.base(ask)  # it plans without results in full, or refuses
        built = self.builder.build(tapped, seen, self.k)
        self.built = tuple(self._candidates([(b.decisions, b.log_prob) for b in built], seen))
        self._given = self._given if ask.reasons else set()
        return self._draft(ask, seen) or self.base(ask)

    def _draft(self, ask: Ask, seen: Scene) -> Draft | None:
        """The best plan that passes; else the best one there is, for its reasons to be seen."""
        new = [one for one in self.built if one.text not in self._given]
        passing = self._passing(new, ask) or self._passing(self._waiting(new, seen), ask)
        best: tuple[float, str, Candidate] | None = None
        for one in passing or new[:1]:
            try:
                score, text = self._scored(one, ask, seen)
            except DecodeError:
                continue  # what the language of decoding cannot say
            if best is None or score > best[0]:
                best = (score, text, one)
            if self.alpha == 1:
                break
        if best is None:
            return None
        self._given.add(best[2].text)
        return Draft(best[1], planner=self.name, alpha=self.alpha, score=best[0])

    def _passing(self, found: Sequence[Candidate], ask: Ask) -> list[Candidate]:
        state = ask.state or State(request=ask.request)
        compiled = self.builder.space.compiled
        return [one for one in found if isinstance(check(compiled, one.plan, state), Checked)]

    def _waiting(self, found: Sequence[Candidate], seen: Scene) -> list[Candidate]:
        """The same plans, their steps waiting for what they have to wait for."""
        rows = [(_implied(self.builder.space, seen, c.decisions), c.log_prob) for c in found]
        return [c for c in self._candidates(rows, seen) if c.text not in self._given]

    def _candidates(
        self, rows: Sequence[tuple[tuple[Decision, ...], float]], seen: Scene
    ) -> Iterator[Candidate]:
        space = self.builder.space
        for decisions, log_prob in rows:
            with suppress(PlanError):
                plan = assemble(space, seen, blanked(decisions, seen.text))
                yield Candidate(plan, space.compiled.print(plan), decisions, log_prob)

    def _scored(self, one: Candidate, ask: Ask, seen: Scene) -> tuple[float, str]:
        """A plan's score, and its text with the strings that the base wrote."""
        parts = pieces(one.text, seen.text)
        if len(parts) == 1 and self.alpha == 1:
            return one.log_prob, one.text
        prompt, steering = self.base.prompt(ask), self.base.unnarrowed
        text = write_texts(self.base.forward, prompt, steering, parts).text
        if self.alpha == 1:
            return one.log_prob, text
        known = base_score(self.base.forward, prompt, steering, text)
        return self.alpha * one.log_prob + (1 - self.alpha) * known, text


def _implied(space: Space, seen: Scene, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions, each waiting for the steps it waits for and those it has to wait for."""
    found: list[Decision] = []
    for one in blanked(decisions, seen.text):
        waits = {*one.after, *implied_after(space, seen, found, one)}
        found.append(replace(one, after=tuple(sorted(waits))))
    return tuple(found)
