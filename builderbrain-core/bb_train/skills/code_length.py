"""What it costs to say plans in a library of skills, and to say the library, in nats.

    L(traces, library) = L(library) + sum over plans of L(skills) + L(fills) + L(edges)

Skills and edges are coded adaptively (Dirichlet and Beta mixtures, so no parameter is hidden); a
fill costs the logarithm of what might have stood there instead. Two-part code: a composite is kept
if it makes the sum smaller (minimum description length; compare Stitch, arXiv 2211.16605).

Not covered: that a shorter code is a better builder. That is what the paired test is for.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log

from bb_core.actions import Copy, Decision, Space, Write, candidates
from bb_core.decision import Fill, Filled
from bb_core.offer import Candidates, tools_of
from bb_core.scene import Scene
from bb_core.skill import Skill
from bb_core.slots import Slot

LETTER = log(96)


@dataclass(frozen=True, slots=True)
class CodeLength:
    """Nats, by what they are for."""

    skills: float
    fills: float
    edges: float
    library: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.skills + self.fills + self.edges + self.library


Said = tuple[Scene, tuple[Decision, ...]]
"""A scene and the decisions of its plan."""


def code_length(space: Space, traces: Iterable[Said]) -> CodeLength:
    """The code length of traces decided in this space, with the space's composites."""
    used, fills, edges = Counter[int](), 0.0, Counter[tuple[bool, bool]]()
    for scene, decisions in traces:
        used.update(decision.skill for decision in decisions)
        used[-1] += 1
        fills += sum(fill_lengths(space, scene, decisions))
        edges.update(edge_bits(space, decisions))
    counts = [used[k] for k in range(-1, len(space.skills))]
    bits = sum(mixture([edges[near, False], edges[near, True]], 0.5) for near in (True, False))
    library = sum(skill_length(space, skill) for skill in space.skills if skill.composite)
    return CodeLength(mixture(counts, 0.5), fills, bits, library)


def mixture(counts: Sequence[int], prior: float) -> float:
    """-log of the Dirichlet(prior) mixture's probability of a sequence with these counts.

    log G(N + Ka) - log G(Ka) - sum_k [log G(n_k + a) - log G(a)].
    """
    whole = prior * len(counts)
    each = sum(lgamma(n + prior) - lgamma(prior) for n in counts)
    return lgamma(sum(counts) + whole) - lgamma(whole) - each


def fill_lengths(space: Space, scene: Scene, decisions: Sequence[Decision]) -> Iterator[float]:
    """The cost of each slot of the decisions, in order."""
    for place, decision in enumerate(decisions):
        done: list[tuple[Slot, Filled]] = []
        for slot, fill in zip(space.slots(decision.skill), decision.fills, strict=True):
            may = candidates(space, scene, decisions[:place], slot, done)
            items = fill if isinstance(fill, tuple) else (fill,)
            ends = log(2) * (len(items) + 1) if isinstance(fill, tuple) else 0.0
            yield ends + sum(_fill(item, may, scene) for item in items)
            done.append((slot, fill))


def edge_bits(space: Space, decisions: Sequence[Decision]) -> Iterator[tuple[bool, bool]]:
    """For each step there is before a decision: is it the last one, and is it waited for?"""
    for place, decision in enumerate(decisions):
        before = len(tools_of(space, decisions[:place]))
        yield from ((step == before - 1, step in decision.after) for step in range(before))


def skill_length(space: Space, skill: Skill) -> float:
    """To say a composite: its tools, its inner edges, and what its slots are tied to, if at all."""
    tools = len(space.schema.tools)
    length = log(tools) * (len(skill.tools) + 1)
    length += log(2) * sum(range(len(skill.tools)))
    slots = [len(space.tool_slots[tool]) for tool in skill.tools]
    for tie in skill.same:
        length += log(1 + sum(slots[: tie.member])) + log(max(1, slots[tie.member]))
    for link in skill.refers:
        length += (
            log(1 + link.member) + log(max(1, slots[link.member])) + LETTER * len(link.pointer)
        )
    return length


def _fill(fill: Fill, may: Candidates, scene: Scene) -> float:
    """log of the number of answers of all kinds; free text pays for its place or its letters."""
    answers = len(may.spans) + may.choices + len(may.refers) + may.free + may.write + may.skip
    length = log(max(1, answers))
    if isinstance(fill, Write):
        return length + LETTER * (len(fill.text) + 1)
    if isinstance(fill, Copy) and (fill.start, fill.end) not in {
        (s.start, s.end) for s in may.spans
    }:
        return length + 2 * log(max(1, len(scene.text)))
    return length
