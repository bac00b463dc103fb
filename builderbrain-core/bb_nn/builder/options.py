"""The options of one scene's questions, each with what is known of it."""

import json
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property

from bb_core.canonical import Json
from bb_core.decision import Choose, Copy, Decision, Filled, Refer, Skip, Write
from bb_core.offer import Candidates, candidates, may_refer, offered, readable, tools_of
from bb_core.plan import Op
from bb_core.reading import Span
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Space
from bb_core.typestate import APPROVED
from bb_nn.builder.conditions import Compared
from bb_nn.builder.features import (
    Earlier,
    Features,
    Referred,
    Used,
    choice_features,
    refer_features,
)
from bb_nn.builder.features import span_features as span_facts
from bb_nn.builder.option_head import Kind, Mark
from bb_nn.builder.overlap import overlaps, worded
from bb_nn.builder.progress import Progress
from bb_nn.builder.question import Option, Spot
from bb_nn.builder.takers import Takers, outermost, takers, taking
from bb_nn.builder.words import choice_text, pointer_text, skill_text

Reference = tuple[int, str, int]
LONGEST = 400
_OPS = {"==": Mark.EQ, "!=": Mark.NE, "<": Mark.LT, "<=": Mark.LE, ">": Mark.GT, ">=": Mark.GE}


class Offers:
    """One scene's options. `rows` gives the row of every described text.

    strangers: skills are told by what the request says of them, too.
    """

    def __init__(
        self, space: Space, scene: Scene, rows: Mapping[str, int], places: Compared,
        strangers: bool = True,
    ) -> None:  # fmt: skip
        self.space, self.scene, self.rows, self.places = space, scene, rows, places
        self.strangers = strangers
        self._skill_rows = [rows[skill_text(space, i)] for i in range(len(space.skills))]
        self._worded = worded(space)
        self._said: dict[Spot, Sequence[Features]] = {}
        self._spans: dict[str, tuple[Span, ...]] = {}
        self._taken: dict[Spot, Takers] = {}
        self._lower: dict[Spot, str] = {}
        self._given: dict[tuple[str, tuple[int, ...]], Candidates] = {}
        self._fillable: dict[tuple[int, frozenset[str]], bool] = {}

    def skills(self, progress: Progress) -> tuple[Option, ...]:
        """Every skill, and the end of the clause. A skill with an unanswerable slot is closed."""
        allowed = offered(self.space, self.scene, progress.done)
        used, steps = self.used(progress), self.steps(progress.done)
        before = frozenset(tools_of(self.space, progress.done))
        told = self._told(progress.spot, used)
        found = [
            Option(
                Kind.SKILL, self._skill_rows[i], 0,
                (*self._skill_facts(i, progress, used, steps), *told[i]),
                ("skill", i), i, allowed[i] and self._answerable(i, before),
            )
            for i in range(len(self.space.skills))
        ]  # fmt: skip
        return (*found, mark(Mark.END, features=self._end_facts(progress, used, steps)))

    def slot(
        self, progress: Progress, slot: Slot, *, skip: bool, refer: bool = True
    ) -> tuple[Option, ...]:
        """What may fill a slot, from the clause or the plan. `skip`: it may be left as it is.

        `refer`: it may refer to a result; what a condition compares with may not.
        """
        given = self._candidates(progress, slot)
        here, away = self._split(given, progress.spot)
        used = self.used(progress)
        marks = [
            mark(Mark.SKIP, Skip()) if skip else None,
            mark(Mark.WRITE, Write()) if given.write else None,
            mark(Mark.FREE) if given.free else None,
            mark(Mark.ELSEWHERE) if away else None,
        ]
        found = [option for option in marks if option is not None]
        found += self._choices(slot, progress)
        found += self._copies(slot, here, progress, used)
        refers = [r for r in given.refers if refer and not (r[2] and progress.items)]
        found += self._refers(slot, refers, progress)
        return tuple(found)

    def elsewhere(self, progress: Progress, slot: Slot) -> tuple[Option, ...]:
        """The spans outside the clause that may fill a slot."""
        given = self._candidates(progress, slot)
        away = self._split(given, progress.spot)[1]
        return tuple(self._copies(slot, away, progress, self.used(progress)))

    def conditions(self, progress: Progress) -> tuple[Option, ...]:
        """No condition, or a place in an earlier result that something can be compared with.

        A composite skill has no condition.
        """
        if self.space.skills[progress.skill].composite:
            return (mark(Mark.NONE),)
        steps, used = self.steps(progress.done), self.used(progress)
        mine = frozenset(self._texts(progress.fills))
        found = [mark(Mark.NONE)]
        for at, step in enumerate(steps):
            to = Referred.of(steps, at, used, mine)
            for pointer, slot in self.places[step.tool]:
                if not (slot.choices or self._readable(slot)):
                    continue
                facts = refer_features(to, pointer, "", 1)
                row = self.rows[pointer_text(step.tool, pointer)]
                answer = Refer(at, pointer)
                found.append(Option(Kind.REFER, at, row, facts, answer, answer))
        return tuple(found)

    def used(self, progress: Progress) -> Used:
        """What the plan has used, the decision under way included."""
        rows: list[tuple[int, str, Hashable, Hashable]] = []
        under_way = Decision(progress.skill, (*progress.fills, progress.items))
        for i, decision in enumerate((*progress.done, under_way)):
            slots = self.space.slots(decision.skill) if decision.skill >= 0 else ()
            for slot, fill in zip(slots, decision.fills, strict=False):
                place = (slot.tool, slot.path)
                rows += [(i, slot.path[-1], place, text) for text in self._texts((fill,))]
        return Used(tuple(rows), len(progress.done), progress.first)

    def steps(self, decisions: Sequence[Decision]) -> list[Earlier]:
        """The plain steps of the decisions."""
        found = []
        for i, decision in enumerate(decisions):
            values = frozenset(self._texts(decision.fills))
            found += [Earlier(t, i, values) for t in self.space.skills[decision.skill].tools]
        return found

    def spots(self, fills: Sequence[Filled]) -> list[Spot]:
        """The characters that fills copy, in order."""
        flat = [one for fill in fills for one in (fill if isinstance(fill, tuple) else (fill,))]
        return [(one.start, one.end) for one in flat if isinstance(one, Copy)]

    @cached_property
    def said(self) -> frozenset[str]:
        """The texts of the request that some slot's type reads and no earlier round has seen.

        Of texts within one another only the longest. Seen: it stands anywhere in an observation.
        """
        slots = {slot.key: slot for slots in self.space.skill_slots for slot in slots}
        spots = {(s.start, s.end) for slot in slots.values() for s in self._read(slot)}
        whole = [spot for spot in outermost(spots) if spot[1] <= self.scene.request_end]
        found = {self.scene.text[begin:end] for begin, end in whole}
        observed = self.scene.text[self.scene.request_end :]
        return frozenset(text for text in found if text not in observed)

    def _texts(self, fills: Sequence[Filled]) -> list[Hashable]:
        return [self.scene.text[begin:end] for begin, end in self.spots(fills)]

    def _split(self, given: Candidates, clause: Spot) -> tuple[list[Span], list[Span]]:
        here = [s for s in given.spans if clause[0] <= s.start and s.end <= clause[1]]
        away = [s for s in given.spans if not (clause[0] <= s.start and s.end <= clause[1])]
        return here, away

    def _choices(self, slot: Slot, progress: Progress) -> list[Option]:
        clause, text = self._low(progress.spot), self._low((0, self.scene.request_end))
        found = []
        for i, value in enumerate(slot.choices):
            words = choice_text(value)
            facts = choice_features(words, clause, text)
            found.append(Option(Kind.CHOICE, self.rows[words], 0, facts, meaning(value), Choose(i)))
        return found

    def _copies(
        self, slot: Slot, spans: Sequence[Span], progress: Progress, used: Used
    ) -> list[Option]:
        last = progress.copied[-1][1] if progress.copied else progress.spot[0]
        found, rank = [], 0
        for span in spans:
            text = self.scene.text[span.start : span.end]
            facts = span_facts(
                used, slot.path[-1], (slot.tool, slot.path), text, (span.start, span.end), last,
                rank, len(spans), progress.spot, self.scene.request_end,
            )  # fmt: skip
            rank += used.latest(text) is None
            answer = Copy(span.start, span.end)
            means = meaning(span.value)
            found.append(Option(Kind.SPAN, span.start, span.end, facts, means, answer))
        return found

    def _answerable(self, skill: int, before: frozenset[str]) -> bool:
        """Whether something can fill each slot that must be filled, after these tools."""
        if (skill, before) not in self._fillable:
            self._fillable[skill, before] = all(
                slot.optional
                or slot.choices
                or slot.kind == "text"
                or self._readable(slot)
                or any(may_refer(self.space, tool, slot) for tool in before)
                for slot in self.space.slots(skill)
            )
        return self._fillable[skill, before]

    def _refers(self, slot: Slot, refers: Sequence[Reference], progress: Progress) -> list[Option]:
        steps, used = self.steps(progress.done), self.used(progress)
        mine = frozenset(self._texts((*progress.fills, progress.items)))
        to = [Referred.of(steps, at, used, mine) for at in range(len(steps))]
        found = []
        for step, pointer, levels in refers:
            facts = refer_features(to[step], pointer, slot.path[-1], len(refers))
            row = self.rows[pointer_text(steps[step].tool, pointer)]
            answer = Refer(step, pointer, levels)
            found.append(Option(Kind.REFER, step, row, facts, answer, answer))
        return found

    def _candidates(self, progress: Progress, slot: Slot) -> Candidates:
        """What may fill a slot; the same for all plans with these tools."""
        key = (str(slot), tuple(decision.skill for decision in progress.done))
        if key not in self._given:
            self._given[key] = candidates(self.space, self.scene, progress.done, slot)
        return self._given[key]

    def _told(self, spot: Spot, used: Used) -> Sequence[Features]:
        """What a builder with strangers is told of each skill besides; nothing for another."""
        if not self.strangers:
            return [()] * len(self.space.skills)
        takes = taking(self._takers(spot), used)
        return [(*a, *b) for a, b in zip(self._overlaps(spot), takes, strict=True)]

    def _overlaps(self, spot: Spot) -> Sequence[Features]:
        if spot not in self._said:
            begin, end = self._asked(spot)
            self._said[spot] = overlaps(self._worded, self.scene.text[begin:end])
        return self._said[spot]

    def _takers(self, spot: Spot) -> Takers:
        if spot not in self._taken:
            clause = self._asked(spot)
            self._taken[spot] = takers(self.scene.text, clause, self._slots, self._read)
        return self._taken[spot]

    @cached_property
    def _slots(self) -> list[tuple[Slot, ...]]:
        """The slots of each skill; a barred one has none."""
        barred, count = self.space.barred, len(self.space.skills)
        return [() if i in barred else tuple(self.space.slots(i)) for i in range(count)]

    def _asked(self, spot: Spot) -> Spot:
        """The spot without what tools returned, which says nothing of what is asked for."""
        return spot[0], min(spot[1], self.scene.request_end)

    def _low(self, spot: Spot) -> str:
        if spot not in self._lower:
            self._lower[spot] = self.scene.text[spot[0] : spot[1]].lower()
        return self._lower[spot]

    def _readable(self, slot: Slot) -> tuple[Span, ...]:
        if slot.key not in self._spans:
            self._spans[slot.key] = readable(self.space, self.scene, slot)
        return self._spans[slot.key]

    def _read(self, slot: Slot) -> tuple[Span, ...]:
        """All spans of a slot's type; those of a text are no sign of anything."""
        return self._readable(slot) if slot.kind == "typed" else ()

    def _skill_facts(
        self, skill: int, progress: Progress, used: Used, steps: Sequence[Earlier]
    ) -> Features:
        tools = [self.space.schema.tools[tool] for tool in self.space.skills[skill].tools]
        typed = [
            (slot, self._read(slot))
            for slot in self.space.slots(skill)
            if slot.kind == "typed" and not slot.optional
        ]
        begin, end = progress.spot
        here = [[s for s in spans if begin <= s.start and s.end <= end] for _, spans in typed]
        fresh = [
            any(used.latest(self.scene.text[s.start : s.end]) is None for s in spans)
            for spans in here
        ]
        asks = bool(steps) and self.space.schema.tools[steps[-1].tool].approves
        needs = any(APPROVED in tool.requires for tool in tools)
        facts = [e for tool in tools for e in tool.establishes]
        done = progress.done
        return (
            float(any(d.skill == skill for d in done[progress.first :])),
            float(any(d.skill == skill for d in done)),
            float(bool(done) and done[-1].skill == skill),
            _share([bool(spans) for spans in here]),
            _share([bool(spans) for _, spans in typed]),
            _share(fresh),
            _share([used.named(slot.path[-1]) is not None for slot, _ in typed]),
            float(needs and asks),
            float(asks),
            float(bool(facts)),
            float(any(tool.effect.acts for tool in tools)),
            float(needs and not asks),
        )

    def _end_facts(self, progress: Progress, used: Used, steps: Sequence[Earlier]) -> Features:
        begin, end = progress.spot
        spans = {
            self.scene.text[s.start : s.end]
            for slots in self.space.skill_slots
            for slot in slots
            for s in self._read(slot)
            if begin <= s.start and s.end <= end
        }
        asks = bool(steps) and self.space.schema.tools[steps[-1].tool].approves
        return (
            float(len(progress.done) > progress.first),
            _share([used.latest(text) is not None for text in spans]),
            float(asks),
            float(bool(spans)),
        )


def mark(which: Mark, answer: object = None, features: Features = ()) -> Option:
    """A mark as an option."""
    return Option(Kind.MARK, int(which), 0, features, ("mark", int(which)), answer)


def op_option(op: Op) -> Option:
    """A comparison as an option."""
    return mark(_OPS[op], op)


def meaning(value: Json) -> Hashable:
    """Two options with the same value mean the same, whether copied or chosen."""
    return ("value", json.dumps(value, sort_keys=True))


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0
