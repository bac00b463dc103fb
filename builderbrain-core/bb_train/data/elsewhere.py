"""Say a value in another clause, or at the end: what a clause alone does not answer."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from bb_core.canonical import Json
from bb_core.schema import PlanSchema
from bb_train.data.blanks import Blank
from bb_train.data.clause import Clause, said_blanks
from bb_train.data.figures import is_figure
from bb_train.data.phrases import AHEAD, ASIDE, BACK, CLOSINGS
from bb_train.data.shares import Share, of_pool
from bb_train.data.spelling import spellings


def elsewhere(
    schema: PlanSchema, clauses: Sequence[Clause], share: Share, rng: Random
) -> tuple[list[Clause], str] | None:
    """The clauses with one value said elsewhere, and the closing sentence that says it, if any.

    Either a later clause speaks of the thing an earlier one named, or a value is named at the end.
    None where no value can be moved.
    """
    ways = [_back, _ahead] if len(clauses) > 1 else [_ahead]
    rng.shuffle(ways)
    for way in ways:
        if found := way(schema, clauses, share, rng):
            return found
    return None


def _back(
    schema: PlanSchema, clauses: Sequence[Clause], share: Share, rng: Random
) -> tuple[list[Clause], str] | None:
    for later in range(1, len(clauses)):
        for earlier in range(later):
            there, here = _things(schema, clauses[earlier]), _things(schema, clauses[later])
            pairs = [(a, b) for a in there for b in here if there[a] == here[b]]
            if len(pairs) == 1 and _free(clauses[later], pairs[0][1]):
                old, new = pairs[0]
                phrase = _phrase(rng.choice(of_pool(BACK, share)), here[new])
                value = clauses[earlier].values[old]
                return [
                    _instead(clause, new, phrase, value) if at == later else clause
                    for at, clause in enumerate(clauses)
                ], ""
    return None


def _ahead(
    schema: PlanSchema, clauses: Sequence[Clause], share: Share, rng: Random
) -> tuple[list[Clause], str] | None:
    movable = [(at, index) for at, c in enumerate(clauses) for index in _movable(c)]
    if not movable:
        return None
    at, index = rng.choice(movable)
    clause = clauses[at]
    blank, value = clause.template.blanks[index], clause.values[index]
    noun = noun_of(schema, blank)
    spelled = rng.choice(spellings(blank.schema, value) or (str(value),))
    closing = rng.choice(of_pool(CLOSINGS, share)).replace("{value}", spelled)
    closing = _phrase(closing.replace("{Noun}", noun.capitalize()), noun)
    pool = AHEAD if _free(clause, index) else ASIDE
    moved = _instead(clause, index, _phrase(rng.choice(of_pool(pool, share)), noun), value)
    return [moved if i == at else c for i, c in enumerate(clauses)], closing


def _things(schema: PlanSchema, clause: Clause) -> dict[int, str]:
    """The blanks that name things with state and are said once, with what the thing is called."""
    found = {index: entity_of(schema, clause.template.blanks[index]) for index in _movable(clause)}
    return {index: noun for index, noun in found.items() if noun}


def _movable(clause: Clause) -> list[int]:
    """Typed blanks that the wording says once and that do not say who is speaking.

    No bare figures: what they count stands beside them.
    """
    said = list(said_blanks(clause.template, clause.speaks))
    return [
        index
        for index in said
        if clause.pieces.count(index) == 1
        and index not in clause.template.who
        and "x-type" in clause.template.blanks[index].schema
        and not is_figure(clause.template.blanks[index].schema)
        and index in clause.values
    ]


def entity_of(schema: PlanSchema, blank: Blank) -> str:
    """The entity whose key this blank's type is; empty for any other."""
    return next((name for name, e in schema.entities.items() if e.key == blank.kind), "")


def noun_of(schema: PlanSchema, blank: Blank) -> str:
    """What a person calls this blank's value."""
    if isinstance(blank.value, int):
        return "amount"
    return entity_of(schema, blank) or blank.name.removesuffix("s").replace("_", " ")


def _free(clause: Clause, index: int) -> bool:
    """Whether a noun phrase can stand where the blank stands: no noun stands there already."""
    at = clause.pieces.index(index)
    before = clause.pieces[at - 1] if at else ""
    words = before.split() if isinstance(before, str) else []
    return bool(words) and words[-1].lower() in _OPEN


_OPEN = frozenset(
    [
        "about",
        "and",
        "cancel",
        "change",
        "charge",
        "collect",
        "exchange",
        "for",
        "from",
        "in",
        "is",
        "of",
        "on",
        "or",
        "refund",
        "replace",
        "return",
        "send",
        "take",
        "to",
        "use",
        "want",
        "with",
    ]
)


def _phrase(text: str, noun: str) -> str:
    return text.replace("{noun}", noun).replace("{Noun}", noun.capitalize())


def _instead(clause: Clause, index: int, phrase: str, value: Json) -> Clause:
    values = {**clause.values, index: value}
    return replace(clause, values=values, instead={**clause.instead, index: phrase})
