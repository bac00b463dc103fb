"""A gold plan as the questions and answers that build it."""

from collections.abc import Sequence

from bb_core.decision import Copy, Decision, Fill, Filled, Refer, Skip, Write
from bb_core.errors import Inexpressible
from bb_core.scene import Scene
from bb_nn.builder.asker import Asker
from bb_nn.builder.encoded import Answered, Edge, Node, Script
from bb_nn.builder.option_head import Mark, Query
from bb_nn.builder.progress import Progress
from bb_nn.builder.question import Option, Question, Spot

_END = "end"
Gold = Fill | int | str | None
"""An answer: a fill, a skill, an operator, or the end of a clause; None: no condition."""


def clause_spots(scene: Scene, starts: Sequence[int]) -> list[Spot]:
    """The clauses of a request that start at these characters; the first starts with the text."""
    begins = [0, *sorted({s for s in starts if s < scene.request_end})[1:]]
    return list(zip(begins, [*begins[1:], scene.request_end], strict=True))


def script(
    asker: Asker,
    decisions: Sequence[Decision],
    starts: Sequence[int],
    *,
    segmented: bool = True,
    cuts: bool = True,
) -> Script:
    """How the decisions are built; raises Inexpressible where no option says what one holds.

    Decisions whose clauses do not ascend, or that name clauses the text does not have, are built
    in one clause; so are all of them if not `segmented`, and that clause is the whole text.
    `cuts`: the starts are right, and the segmenter is to learn them.
    """
    spots = clause_spots(asker.scene, starts)
    clauses = [decision.clause for decision in decisions]
    if not segmented:
        spots, starts = [(0, len(asker.scene.text))], ()
    elif clauses != sorted(clauses) or max(clauses, default=0) >= len(spots):
        spots, starts = [(0, asker.scene.request_end)], ()
    if len(spots) == 1:
        clauses = [0] * len(decisions)
    known = tuple(begin for begin, _ in spots) if starts and cuts else ()
    found = Script(asker.scene.request_end, known)
    progress = Progress()
    for index, spot in enumerate(spots):
        own = [d for d, clause in zip(decisions, clauses, strict=True) if clause == index]
        found.clauses.append(spot)
        found.first_action.append(len(found.actions))
        found.earlier.append(len(found.nodes))
        progress = _clause(asker, progress.entered(spot), own, found)
    return found


def _clause(
    asker: Asker, progress: Progress, decisions: Sequence[Decision], found: Script
) -> Progress:
    for decision in decisions:
        asked = len(found.actions)
        for gold in _answers(asker, decision):
            progress = _answer(asker, progress, gold, found)
        for gold in _condition(decision) if progress.stage is Query.WHEN else ():
            progress = _answer(asker, progress, gold, found)
        progress = _finish(asker, progress, decision, asked, found)
    return _answer(asker, progress, _END, found)


def _answers(asker: Asker, decision: Decision) -> list[Gold]:
    """What a decision answers: its skill, then its slots, but those that a filled object covers."""
    found: list[Gold] = [decision.skill]
    slots = asker.space.slots(decision.skill)
    skipped: int = 0
    for slot, fill in zip(slots, decision.fills, strict=True):
        if skipped:
            skipped -= 1
            continue
        found += _fills(fill, slot.least, slot.most) if slot.many else [_one(fill)]
        if isinstance(fill, Refer) and fill.levels > slot.many:
            above = slot.path[: len(slot.path) - fill.levels + slot.many]
            rest = slots[slots.index(slot) + 1 :]
            same = [s.member == slot.member and s.path[: len(above)] == above for s in rest]
            skipped = same.index(False) if False in same else len(same)
    return found


def _condition(decision: Decision) -> list[Gold]:
    when = decision.when
    return [None] if when is None else [when.left, when.op, when.right]


def _one(fill: Filled) -> Fill:
    assert not isinstance(fill, tuple)
    return fill


def _fills(fill: Filled, least: int, most: int) -> list[Gold]:
    """The fills of a list, and its end if it could go on."""
    if not isinstance(fill, tuple):
        return [fill]
    return [*fill, Skip()] if len(fill) < most else list(fill)


def _answer(asker: Asker, progress: Progress, gold: Gold, found: Script) -> Progress:
    question = asker.ask(progress)
    chosen = [i for i, option in enumerate(question.options) if option.allowed]
    right = [i for i in chosen if _says(question.options[i], gold)]
    away = [i for i, option in enumerate(question.elsewhere) if _says(option, gold)]
    free: Spot | None = None
    if right:
        option, away = question.options[right[0]], []
        right = _equal(question.options, right)
    elif away:
        option = question.elsewhere[away[0]]
        right, away = _marked(question, Mark.ELSEWHERE), _equal(question.elsewhere, away)
    elif (
        isinstance(gold, Copy)
        and _inside(gold, progress.spot)
        and (right := _marked(question, Mark.FREE))
    ):
        option, free = question.options[right[0]], (gold.start, gold.end)
    if not right:
        raise Inexpressible(
            f"no option says {gold!r}", where=f"step {len(progress.done)}, {question.query.name}"
        )
    answered = Answered(question, tuple(right), tuple(away), free, progress.before, progress.copied)
    found.actions.append(answered)
    return asker.take(progress, option, free)


def _finish(
    asker: Asker, progress: Progress, decision: Decision, asked: int, found: Script
) -> Progress:
    for step, features in enumerate(asker.edges(progress).features):
        found.edges.append(Edge(len(found.actions), step, step in decision.after, features))
    question = asker.ask(progress)
    found.actions.append(Answered(question, (), (), None, progress.before, progress.copied))
    progress, made = asker.finish(progress, decision.after)
    last = len(found.actions) - 1
    found.nodes += [Node(word, spots, asked, last) for word, spots in made]
    return progress


def _says(option: Option, gold: Gold) -> bool:
    if isinstance(gold, Write):
        return isinstance(option.answer, Write)
    if gold == _END:
        return option.means == ("mark", int(Mark.END))
    if gold is None:
        return option.means == ("mark", int(Mark.NONE))
    return type(option.answer) is type(gold) and bool(option.answer == gold)


def _equal(options: Sequence[Option], right: Sequence[int]) -> list[int]:
    means = options[right[0]].means
    return [i for i, option in enumerate(options) if option.means == means and option.allowed]


def _marked(question: Question, mark: Mark) -> list[int]:
    return [i for i, o in enumerate(question.options) if o.means == ("mark", int(mark))]


def _inside(copy: Copy, clause: Spot) -> bool:
    return clause[0] <= copy.start and copy.end <= clause[1]
