"""What to ask next of a plan under way, and what the plan is once that is answered.

    skill?  order_id?  reason?  when?  after?  skill?  ...  end

Every question's options are those of the space's masks (bb_core.offer), so a plan built this way
has known tools, values that were said and references that fit. Not covered: the rest of the
policy; that is the checker's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bb_core.assemble import assemble
from bb_core.decision import Condition, Copy, Decision, Fill, Filled, Refer, Skip
from bb_core.implied import implied_in
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Space
from bb_core.waiting import Waiting, waiting
from bb_nn.builder.conditions import Compared, operators
from bb_nn.builder.features import Features, edge_features
from bb_nn.builder.option_head import Mark, Query
from bb_nn.builder.options import LONGEST, Offers, op_option
from bb_nn.builder.progress import Progress
from bb_nn.builder.question import Option, Question, Spot
from bb_nn.builder.words import slot_text, tool_text

_EDGE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Edges:
    """The earlier steps that the step under way may wait for: what is known of each, and of all.

    asks: whether a step asks for consent.
    """

    features: tuple[Features, ...]
    waiting: Waiting
    asks: tuple[bool, ...]


class Asker:
    """The questions of one scene.

    rows: the row of each described text. places: what conditions may compare. Skills below the
    number of `adapters` have one. strangers: see `Offers`.
    """

    def __init__(
        self,
        space: Space,
        scene: Scene,
        rows: Mapping[str, int],
        places: Compared,
        adapters: int = 0,
        *,
        strangers: bool = True,
    ) -> None:
        self.space, self.scene, self.rows, self.adapters = space, scene, rows, adapters
        self.offers = Offers(space, scene, rows, places, strangers)

    def ask(self, progress: Progress) -> Question:
        """What is to be answered next."""
        stage = progress.stage
        if stage is Query.SKILL:
            return Question(stage, -1, -1, self.offers.skills(progress))
        if stage is Query.SLOT:
            return self._ask_slot(progress, self.slot(progress), self._may_skip(progress))
        if stage is Query.VALUE:
            return self._ask_slot(progress, self._right(progress), skip=False)
        options = self.offers.conditions(progress) if stage is Query.WHEN else ()
        if stage is Query.OP:
            kind = str(self._right(progress).schema.get("type", ""))
            options = tuple(map(op_option, operators(kind)))
        word = self.rows[tool_text(self.space, self.space.skills[progress.skill].tools[0])]
        return Question(stage, word, self._adapter(progress), options)

    def take(self, progress: Progress, option: Option, spot: Spot | None = None) -> Progress:
        """The plan after an answer. `spot`: what a free answer copies.

        `finish` is for what a step waits for.
        """
        taken = replace(progress, before=option)
        if progress.stage is Query.SKILL:
            if option.a == Mark.END and option.answer is None:
                return replace(taken, ended=True)
            return self._onward(replace(taken, stage=Query.SLOT, skill=option.answer))
        fill = Copy(*spot) if spot else option.answer
        if isinstance(fill, Copy):
            taken = replace(taken, copied=(*taken.copied, (fill.start, fill.end)))
        if progress.stage is Query.SLOT:
            return self._filled(taken, fill, listed=option.a == Mark.SKIP)
        if progress.stage is Query.WHEN:
            stage = Query.AFTER if option.answer is None else Query.OP
            return replace(taken, stage=stage, left=option.answer)
        if progress.stage is Query.OP:
            return replace(taken, stage=Query.VALUE, op=option.answer)
        assert progress.left is not None and progress.op is not None
        when = Condition(progress.left, progress.op, fill)
        return replace(taken, stage=Query.AFTER, when=when)

    def finish(
        self, progress: Progress, waits: tuple[int, ...]
    ) -> tuple[Progress, list[tuple[int, tuple[Spot, ...]]]]:
        """The plan with the step made that waits for these, and the steps that it makes.

        Each is the row of its tool's text and the spots it copies.
        """
        spots = tuple(self.offers.spots(progress.fills))
        tools = self.space.skills[progress.skill].tools
        made = [(self.rows[tool_text(self.space, tool)], spots) for tool in tools]
        return progress.decided(waits), made

    def edges(self, progress: Progress) -> Edges:
        """What is known of each earlier step that the one under way may wait for."""
        steps, used = self.offers.steps(progress.done), self.offers.used(progress)
        if not steps:
            return Edges((), Waiting((), frozenset(), frozenset()), ())
        under_way = Decision(progress.skill, progress.fills, (), progress.when, progress.clause)
        plan = assemble(self.space, self.scene, (*progress.done, under_way))
        implied = implied_in(self.space, self.scene, plan, len(steps))
        known = waiting(plan, len(steps))
        mine = frozenset(
            self.scene.text[begin:end] for begin, end in self.offers.spots(progress.fills)
        )
        data = {fill.step for fill in _flat(progress.fills) if isinstance(fill, Refer)}
        asks = tuple(self.space.schema.tools[step.tool].approves for step in steps)
        before = progress.done[: progress.first]
        clause = before[-1].clause if before else None
        features = tuple(
            edge_features(
                steps, at, used, mine, at in implied, asks[at], at in data, at in known.open,
                step.decision < len(before) and before[step.decision].clause == clause,
            )
            for at, step in enumerate(steps)
        )  # fmt: skip
        return Edges(features, known, asks)

    def bare(self, spot: Spot) -> Spot:
        """The spot without blanks at its ends."""
        text = self.scene.text[spot[0] : spot[1]]
        begin = spot[0] + len(text) - len(text.lstrip(_EDGE))
        return begin, begin + len(text.strip(_EDGE))

    def slot(self, progress: Progress) -> Slot:
        """The slot that is asked for."""
        return self.space.slots(progress.skill)[len(progress.fills)]

    def _ask_slot(self, progress: Progress, slot: Slot, skip: bool) -> Question:
        if progress.stage is Query.VALUE:
            assert progress.left is not None
            word = self.rows[tool_text(self.space, slot.tool)]
        else:
            word = self.rows[slot_text(slot)]
        return Question(
            progress.stage,
            word,
            self._adapter(progress),
            self.offers.slot(progress, slot, skip=skip, refer=progress.stage is not Query.VALUE),
            self.offers.elsewhere(progress, slot),
            int(slot.schema.get("maxLength", LONGEST)),
        )

    def _right(self, progress: Progress) -> Slot:
        assert progress.left is not None
        tool = self.offers.steps(progress.done)[progress.left.step].tool
        slot = self.space.result_slot(tool, progress.left.pointer)
        assert slot is not None
        return slot

    def _may_skip(self, progress: Progress) -> bool:
        slot = self.slot(progress)
        if not slot.many:
            return slot.optional
        given = len(progress.items)
        return given >= max(1, slot.least) or (not given and (slot.optional or slot.least == 0))

    def _filled(self, progress: Progress, fill: Fill, *, listed: bool) -> Progress:
        slot = self.slot(progress)
        if not slot.many:
            return self._onward(self._with(progress, fill))
        if isinstance(fill, Refer) and fill.levels:
            return self._onward(self._with(progress, fill))
        if isinstance(fill, Skip):
            whole: Filled = progress.items or (Skip() if slot.optional else ())
            return self._onward(self._with(replace(progress, items=()), whole))
        items = (*progress.items, fill)
        if len(items) < slot.most:
            return replace(progress, items=items)
        return self._onward(self._with(replace(progress, items=()), items))

    def _with(self, progress: Progress, fill: Filled) -> Progress:
        """The plan with a slot filled, and the slots a filled object makes needless skipped."""
        slot, fills = self.slot(progress), (*progress.fills, fill)
        if isinstance(fill, Refer) and fill.levels > slot.many:
            above = slot.path[: len(slot.path) - fill.levels + slot.many]
            for other in self.space.slots(progress.skill)[len(fills) :]:
                if other.member != slot.member or other.path[: len(above)] != above:
                    break
                fills = (*fills, Skip())
        return replace(progress, fills=fills)

    def _onward(self, progress: Progress) -> Progress:
        """What is asked once a slot is filled: the next, the condition, or what it waits for."""
        if len(progress.fills) < len(self.space.slots(progress.skill)):
            return progress
        return replace(progress, stage=Query.WHEN if progress.done else Query.AFTER)

    def _adapter(self, progress: Progress) -> int:
        return progress.skill if progress.skill < self.adapters else -1


def _flat(fills: tuple[Filled, ...]) -> list[Fill]:
    return [one for fill in fills for one in (fill if isinstance(fill, tuple) else (fill,))]
