"""Any number of compositional examples for any domain, from its schema, battery and skins.

Nothing here knows a domain. One seed gives the same examples, byte for byte. Training examples are
written, checked by the policy and not carried out; those of dev and test are carried out on a
twin, and what the right plan changes there is what an answer has to change.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from bb_core.actions import decide
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import DomainError, PlanError
from bb_core.plan import Plan
from bb_core.verdict import Refused
from bb_train.data.constants import space_of
from bb_train.data.fresh import Values
from bb_train.data.generator_config import GeneratorConfig
from bb_train.data.join import join_plans
from bb_train.data.look import looked, must_look
from bb_train.data.refusals import refusals
from bb_train.data.request import LENGTHS, Request, Requests, Wish
from bb_train.data.shares import Share
from bb_train.data.template import Template, templates
from bb_train.data.turn import Turn, Turns
from bb_train.data.worlds import Worlds, task_of
from bb_train.errors import DataError
from bb_train.example import Example

_PATIENCE = 400
"""Draws in a row that may come to nothing before a generator gives up."""


@dataclass
class Generator:
    """A domain's generator. `dropped` counts by reason what was drawn and not given.

    `missed` says of a tool why the first plan with it was not given.
    """

    compiled: Compiled
    dropped: Counter[str] = field(default_factory=Counter)
    missed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = templates(self.compiled, self._look)
        if not found:
            fix = "give its battery tasks that are to be done"
            raise DataError("has no task to learn from", where=self.compiled.name, fix=fix)
        self.space = space_of(self.compiled)
        self.requests = Requests(self.compiled, found, _values(found))
        self.turns = Turns(self.compiled, self.requests.values, self.worlds if self.acts else None)

    @cached_property
    def worlds(self) -> Worlds:
        """The domain's twins; raises DomainError for a domain that cannot act."""
        return Worlds(self.compiled, self.compiled.adapters())

    def examples(self, config: GeneratorConfig) -> Iterator[Example]:
        """The configuration's examples.

        Raises DataError for a tool to leave out that the domain lacks, and when draw after draw
        comes to nothing.
        """
        self._require_tools(config)
        if config.family == "refuse":
            yield from refusals(self.requests, self.worlds, self._wish(config), config)
            return
        wish, idle, given = self._wish(config), 0, 0
        rng = Random(f"{config.split}/{config.family}/{config.seed}")
        seen, before = set[str](), self.dropped.copy()
        while given < config.count:
            example = self._draw(config, wish, rng, given)
            if example is None or example.scene.text in seen:
                idle += 1
                if idle > _PATIENCE:
                    raise self._nothing(config, self.dropped - before)
                continue
            seen.add(example.scene.text)
            idle, given = 0, given + 1
            yield example

    def _require_tools(self, config: GeneratorConfig) -> None:
        tools = self.compiled.schema.tools
        for tool in config.without_tools:
            if tool not in tools:
                fix = f"known: {', '.join(tools)}"
                raise DataError(f"no tool {tool!r} to leave out", where=self.compiled.name, fix=fix)

    def _nothing(self, config: GeneratorConfig, dropped: Counter[str]) -> DataError:
        found = f"nothing new fits {config.split}/{config.family}; dropped: {counted(dropped)}"
        fewer = "ask for fewer examples"
        if config.family != "indist":  # a small domain has none of many families
            fewer += f", or leave {config.family} out of the families"
        if config.without_tools:
            fewer += f", or leave out fewer tools than these {len(config.without_tools)}"
        return DataError(found, where=self.compiled.name, fix=fewer)

    def _wish(self, config: GeneratorConfig) -> Wish:
        held: Share = "dev" if config.split == "dev" else "test"
        family = config.family
        tools = frozenset(config.without_tools)
        return Wish(
            family=family,
            lengths=_lengths(config),
            wordings=held if family == "phrase" else "train",
            values=held if family == "values" else "train",
            pairs=held if family == "combo" else "train",
            phrases=held if family in ("phrase", "cross") else "train",
            skins=config.skins,
            elsewhere=_elsewhere(config),
            rounds=0.25 if config.split == "train" else 0.0,
            near=config.executed,
            fixed=self.fixed if config.executed else frozenset(),
            wanted=tools if config.family == "tool" else frozenset(),
            unwanted=frozenset() if config.family == "tool" else tools,
        )

    def _draw(
        self, config: GeneratorConfig, wish: Wish, rng: Random, number: int
    ) -> Example | None:
        request = self.requests.draw(wish, rng)
        if request is None:
            self.dropped["draw"] += 1
            return None
        ident = f"{config.split}-{config.family}-{config.seed}-{number}"
        turn = self.turns.turn(request, 0 if config.executed else None, rng)
        if why := self._unfit(turn):
            self._drop(turn.plan, *why)
            return None
        task = self._run(ident, request) if config.executed else None
        if config.executed and task is None:
            self._drop(turn.plan, "twin", "it does not run on the twin")
            return None
        return self._example(config, ident, turn, task)

    def _drop(self, plan: Plan, why: str, said: str) -> None:
        self.dropped[why] += 1
        for step in plan.steps:
            self.missed.setdefault(step.tool, said)

    def _unfit(self, turn: Turn) -> tuple[str, str] | None:
        """Why a plan cannot be learnt from: the policy refuses it, or no decisions make it."""
        verdict = check(self.compiled, turn.plan, turn.state)
        if isinstance(verdict, Refused):
            return "policy", f"refused by {', '.join(sorted(verdict.rules))}"
        try:
            decide(self.space, turn.scene, turn.plan, turn.starts)
        except PlanError as error:
            return "inexpressible", str(error)
        return None

    def _look(self, task: Task) -> Task | None:
        """The task in two rounds where its plan cannot be known before something was seen.

        None if it could not be known then either.
        """
        plan = self.compiled.read(task.rounds[0])
        if len(task.rounds) > 1 or not must_look(self.compiled.schema, plan) or not self.acts:
            return task
        trial = self.worlds.trial(task)
        return looked(self.compiled, task, trial.results[0]) if trial.results else task

    @cached_property
    def acts(self) -> bool:
        """Whether the domain has a twin to try plans on."""
        try:
            self.compiled.adapters()
        except DomainError:
            return False
        return True

    def _example(
        self, config: GeneratorConfig, ident: str, turn: Turn, task: Task | None
    ) -> Example:
        return Example(
            id=ident,
            domain=self.compiled.name,
            split=config.split,
            scene=turn.scene,
            plan=turn.plan,
            clauses=turn.starts,
            task=task,
            tags=turn.request.tags,
            skinned=turn.request.skinned,
            family=config.family,
            round=turn.round,
        )

    def _run(self, ident: str, request: Request) -> Task | None:
        world = self.worlds.world(request.clauses, request.speaker)
        count = max(len(clause.template.plans) for clause in request.clauses)
        plans = [
            join_plans(self.compiled, request.clauses, request.speaker, number)
            for number in range(count)
        ]
        return self.worlds.run(task_of(ident, request.text.text, plans, world, request.tags))

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The kinds of values no renaming of which the twin's world can take.

        Where plans are carried out, dev and test too, such a value is the battery's own, whatever
        its share: the shop's items and products, whose ids stand all over its state. No figure, not
        that of `values` either, shows how well a new one is read.
        """
        kinds = sorted({b.kind for t in self.requests.templates for b in t.blanks})
        return frozenset(kind for kind in kinds if not self._movable(kind))

    def _movable(self, kind: str) -> bool:
        """Whether some task still runs when its values of this kind are others."""
        others = {b.kind for t in self.requests.templates for b in t.blanks} - {kind}
        wish = Wish("indist", ((1, 1.0),), near=True, fixed=frozenset(others))
        rng, tried = Random(kind), 0
        for template in self.requests.templates:
            said = [template.blanks[p].kind for p in template.pieces if isinstance(p, int)]
            if kind not in said or len(template.plans) > 1 or template.skinned:
                continue
            request = self.requests.of((template,), 0, wish, rng)
            if self._run(f"probe-{kind}-{tried}", request):
                return True
            tried += 1
            if tried == 4:
                return False
        return not tried


def counted(dropped: Counter[str]) -> str:
    """What was dropped, the most frequent reason first."""
    return ", ".join(f"{n} for {why!r}" for why, n in dropped.most_common() if n) or "none"


def generate(compiled: Compiled, config: GeneratorConfig) -> Iterator[Example]:
    """Examples of a domain; raises DataError where it has nothing to make them from."""
    return Generator(compiled).examples(config)


def _lengths(config: GeneratorConfig) -> tuple[tuple[int, float], ...]:
    if config.split == "train":
        return LENGTHS["train"]
    return LENGTHS.get(config.family, LENGTHS["short"])


def _elsewhere(config: GeneratorConfig) -> float:
    """How often a value stands elsewhere; families that ask another thing do without."""
    if config.family == "cross":
        return 1.0
    return config.elsewhere if config.split == "train" or config.family == "indist" else 0.0


def _values(found: Sequence[Template]) -> Values:
    """What fresh values are made from: training's values and the words of its wordings."""
    seen: dict[tuple[str, str], list[str]] = {}
    words: list[str] = []
    for template in found:
        if template.share != "train" or template.skinned:
            continue
        for blank in template.blanks:
            if isinstance(blank.value, str):
                seen.setdefault((blank.kind, blank.name), []).append(blank.value)
        texts = " ".join(piece for piece in template.pieces if isinstance(piece, str))
        words += [word for word in texts.split() if word.isalpha() and word.islower()]
    return Values(
        {key: tuple(dict.fromkeys(v)) for key, v in seen.items()}, tuple(sorted(set(words)))
    )
