"""Requests of one or more clauses, drawn for a split and a family from a domain's templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_train.data.clause import Clause, said_blanks, say
from bb_train.data.elsewhere import elsewhere
from bb_train.data.fresh import Values
from bb_train.data.join import Text, join_texts
from bb_train.data.phrases import JOINS, SPEAKERS
from bb_train.data.pinned import pinned
from bb_train.data.shares import Share, held_pair, of_pool
from bb_train.data.speaker import SAME
from bb_train.data.template import Template, Wrap, wraps
from bb_train.example import Family

LENGTHS: Mapping[str, tuple[tuple[int, float], ...]] = {
    "train": ((1, 0.45), (2, 0.4), (3, 0.15)),
    "short": ((1, 0.5), (2, 0.5)),
    "combo": ((2, 1.0),),
    "cross": ((1, 0.5), (2, 0.5)),
    "long": ((4, 0.4), (5, 0.35), (6, 0.25)),
}


@dataclass(frozen=True)
class Wish:
    """What requests are wanted. Shares say which wordings, values, pairs and phrases are used.

    `rounds`: how often a lone clause is one that takes several rounds, beyond its share.
    `near`: values that a twin's world can take. `fixed`: kinds of values that stay as they are.
    """

    family: Family
    lengths: tuple[tuple[int, float], ...]
    wordings: Share = "train"
    values: Share | None = "train"
    pairs: Share = "train"
    phrases: Share = "train"
    skins: float = 0.0
    rounds: float = 0.0
    elsewhere: float = 0.0
    near: bool = False
    fixed: frozenset[str] = frozenset()
    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Request:
    """A request before it has a plan. `speaker` is the clause that says who is speaking."""

    clauses: tuple[Clause, ...]
    speaker: int
    text: Text
    skinned: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags and the kinds of its clauses."""
        tags = {tag for clause in self.clauses for tag in clause.template.task.tags}
        return tuple(sorted(tags | {clause.template.kind for clause in self.clauses}))


@dataclass
class Requests:
    """A domain's templates, ready to be drawn from."""

    compiled: Compiled
    templates: Sequence[Template]
    values: Values = field(default_factory=Values)
    _wraps: dict[str, tuple[Wrap, ...]] = field(default_factory=dict)
    _pinned: dict[Any, frozenset[int]] = field(default_factory=dict)
    _sorted: dict[Any, Mapping[bool, Mapping[str, list[Template]]]] = field(default_factory=dict)

    def draw(self, wish: Wish, rng: Random) -> Request | None:
        """One request; None where the draw found nothing that fits."""
        count = rng.choices(*zip(*wish.lengths, strict=True))[0]
        chosen = self._choose(wish, count, rng)
        if chosen is None:
            return None
        speaker = _speaker(chosen, rng)
        clauses = self._filled(chosen, speaker, wish, rng)
        return self._said(clauses, speaker, wish, rng)

    def of(self, chosen: Sequence[Template], speaker: int, wish: Wish, rng: Random) -> Request:
        """A request of these templates, with fresh values."""
        found = self._said(self._filled(chosen, speaker, wish, rng), speaker, wish, rng)
        assert found is not None  # only a wish for values elsewhere can go unfulfilled
        return found

    def _choose(self, wish: Wish, count: int, rng: Random) -> tuple[Template, ...] | None:
        """Templates whose pairs of kinds belong to the wish's share; few tries."""
        several = count == 1 and rng.random() < wish.rounds
        pools = self._pools(wish, count, several)
        if several and not pools[False]:
            pools = self._pools(wish, count, False)
        if not pools[False]:
            return None
        chosen: list[Template] = []
        for _ in range(12 * count):
            worn = bool(pools[True]) and rng.random() < wish.skins
            pick = rng.choice(_kind(pools[worn], rng))
            if all(_paired(pick, other, wish) for other in chosen):
                chosen.append(pick)
            if len(chosen) == count:
                break
        rng.shuffle(chosen)
        wanted = not wish.wanted or any(wish.wanted & t.tools for t in chosen)
        return tuple(chosen) if len(chosen) == count and wanted else None

    def _pools(
        self, wish: Wish, count: int, several: bool
    ) -> Mapping[bool, Mapping[str, list[Template]]]:
        """Templates by kind, plain and skinned, so that every kind is drawn as often."""
        key = (wish.wordings, wish.unwanted, count > 1, several)
        if key not in self._sorted:
            pools: dict[bool, dict[str, list[Template]]] = {False: {}, True: {}}
            for template in self.templates:
                fits = template.share == wish.wordings and not wish.unwanted & template.tools
                if fits and (
                    len(template.plans) > 1 if several else count == 1 or len(template.plans) == 1
                ):
                    kinds = pools[bool(template.skinned)]
                    kinds.setdefault(template.kind, []).append(template)
            self._sorted[key] = pools
        return self._sorted[key]

    def _filled(
        self, chosen: Sequence[Template], speaker: int, wish: Wish, rng: Random
    ) -> list[Clause]:
        """The clauses with values of their own; no two clauses share a fresh one."""
        used: set[tuple[str, str]] = set()
        clauses = []
        for number, template in enumerate(chosen):
            speaks = number == speaker
            values: dict[int, Json] = {}
            for index in said_blanks(template, speaks):
                values[index] = self._value(template, index, used, wish, rng)
            clauses.append(Clause(template, values, speaks))
        return clauses

    def _value(
        self,
        template: Template,
        index: int,
        used: set[tuple[str, str]],
        wish: Wish,
        rng: Random,
    ) -> Json:
        blank = template.blanks[index]
        if blank.kind in wish.fixed or index in self.pinned(template):
            return blank.value
        value: Json = blank.value
        for _ in range(4):
            value = self.values.fresh(blank, rng, wish.values, wish.near)
            if (blank.kind, str(value)) not in used:
                break
        used.add((blank.kind, str(value)))
        return value

    def pinned(self, template: Template) -> frozenset[int]:
        """The blanks whose values stay, since the domain's rules allow no others there."""
        # All wordings of a task have the same plan, but for skins that change it.
        key = (template.task.id, template.skinned, tuple(blank.key for blank in template.blanks))
        if key not in self._pinned:
            self._pinned[key] = pinned(self.compiled, template, self.values)
        return self._pinned[key]

    @property
    def pinned_values(self) -> frozenset[tuple[str, str]]:
        """The types and values that rules pinned in what was drawn so far."""
        return frozenset(keys[i] for (_, _, keys), found in self._pinned.items() for i in found)

    def _said(self, clauses: list[Clause], speaker: int, wish: Wish, rng: Random) -> Request | None:
        closing = ""
        if wish.elsewhere and rng.random() < wish.elsewhere:
            moved = elsewhere(self.compiled.schema, clauses, wish.phrases, rng)
            if moved is None and wish.family == "cross":
                return None
            clauses, closing = moved or (clauses, "")
        same = rng.choice(of_pool(SPEAKERS, wish.phrases)).replace("{noun}", self._noun())
        said = [say(clause, rng, same) for clause in clauses]
        joins = [rng.choice(of_pool(JOINS, wish.phrases)) for _ in clauses[1:]]
        text = join_texts(said, joins)
        if closing:
            text = replace(text, text=f"{text.text} {closing}")
        return self._wrapped(Request(tuple(clauses), speaker, text), wish, rng)

    def _noun(self) -> str:
        """What a speaker is called: the entity that exclusive facts are about."""
        exclusive = [fact.entity for fact in self.compiled.schema.facts.values() if fact.exclusive]
        return exclusive[0] if exclusive else "person"

    def _wrapped(self, request: Request, wish: Wish, rng: Random) -> Request:
        worn = tuple(name for clause in request.clauses for name in clause.template.skinned)
        request = replace(request, skinned=worn)
        if not wish.skins or rng.random() >= wish.skins:
            return request
        found = [set(self._wraps_of(clause.template)) for clause in request.clauses]
        both = sorted(set.intersection(*found), key=lambda wrap: wrap.name)
        if not both:
            return request
        wrap = rng.choice(both)
        at, text = len(wrap.before), request.text
        moved = Text(
            wrap.before + text.text + wrap.after,
            tuple(start + at for start in text.starts),
            tuple((start + at, end + at, n, blank) for start, end, n, blank in text.spans),
        )
        return replace(request, text=moved, skinned=(*worn, wrap.name))

    def _wraps_of(self, template: Template) -> tuple[Wrap, ...]:
        if template.id not in self._wraps:
            self._wraps[template.id] = wraps(self.compiled, template.task)
        return self._wraps[template.id]


def _kind(pools: Mapping[str, list[Template]], rng: Random) -> list[Template]:
    """One kind's templates: a kind with four times as many is drawn twice as often."""
    names = sorted(pools)
    return pools[rng.choices(names, [len(pools[name]) ** 0.5 for name in names])[0]]


def _paired(one: Template, other: Template, wish: Wish) -> bool:
    return one.task.id != other.task.id and held_pair(one.kind, other.kind) == wish.pairs


def _speaker(chosen: Sequence[Template], rng: Random) -> int:
    """The clause that says who is speaking: the first that can, or now and then the last.

    The last only where every other clause reads well without a word for the speaker.
    """
    able = [number for number, template in enumerate(chosen) if template.who]
    if not able:
        return 0
    others = [t for number, t in enumerate(chosen) if number != able[-1]]
    clean = all(SAME not in str(piece) for t in others for piece in t.bare)
    return able[-1] if clean and rng.random() < 0.25 else able[0]
