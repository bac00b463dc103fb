"""Any number of compositional examples for any domain, from its schema, battery and skins.

Nothing here knows a domain. One seed gives the same examples, byte for byte. Training examples are
written, checked by the policy and not carried out; those of dev and test are carried out on a
twin, and what the right plan changes there is what an answer has to change.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from bb_core.actions import decide
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_core.scene import Scene, scene
from bb_core.space import Space
from bb_core.state import State
from bb_core.verdict import Refused
from bb_train.data.fresh import Values
from bb_train.data.join import join_plans
from bb_train.data.request import LENGTHS, Request, Requests, Wish
from bb_train.data.shares import Share
from bb_train.data.template import Template, templates
from bb_train.data.worlds import Worlds, task_of
from bb_train.errors import DataError
from bb_train.example import Example, Family, Split

_PATIENCE = 400
"""Draws in a row that may come to nothing before a generator gives up."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What to generate. The same configuration and domain give the same examples.

    skins           how often a skin is worn
    elsewhere       how often a value stands outside the clause that needs it (always, in `cross`)
    without_tools   tools that training never shows; the test family `tool` shows one each time
    execute         carry the right plan out, to prove it and to know its diff (None: all but train)
    """

    count: int
    split: Split = "train"
    family: Family = "indist"
    seed: int = 0
    skins: float = 0.25
    elsewhere: float = 0.12
    without_tools: tuple[str, ...] = ()
    execute: bool | None = None

    @property
    def executed(self) -> bool:
        """Whether the plans are carried out."""
        return self.split != "train" if self.execute is None else self.execute

    def made_from(self, compiled: Compiled) -> dict[str, Any]:
        """What a file of these examples came from."""
        told = asdict(self) | {"without_tools": list(self.without_tools)}
        return {"domain": compiled.name, "schema": compiled.digest, "generator": 1, **told}


@dataclass
class Generator:
    """A domain's generator. `dropped` counts by reason what was drawn and not given."""

    compiled: Compiled
    dropped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        found = templates(self.compiled)
        if not found:
            fix = "give its battery tasks that are to be done"
            raise DataError("has no task to learn from", where=self.compiled.name, fix=fix)
        self.space = Space.of(self.compiled)
        self.requests = Requests(self.compiled, found, _values(found))
        self._worlds: Worlds | None = None
        self._fixed: frozenset[str] | None = None

    @property
    def worlds(self) -> Worlds:
        """The domain's twins; raises DomainError for a domain that cannot act."""
        if self._worlds is None:
            self._worlds = Worlds(self.compiled, self.compiled.adapters())
        return self._worlds

    def examples(self, config: GeneratorConfig) -> Iterator[Example]:
        """The configuration's examples; raises DataError when draw after draw comes to nothing."""
        wish, idle, given = self._wish(config), 0, 0
        rng = Random(f"{config.split}/{config.family}/{config.seed}")
        seen: set[str] = set()
        while given < config.count:
            example = self._draw(config, wish, rng, given)
            if example is None or example.scene.text in seen:
                idle += 1
                if idle > _PATIENCE:
                    raise DataError(f"nothing fits {config.split}/{config.family}: {self.dropped}")
                continue
            seen.add(example.scene.text)
            idle, given = 0, given + 1
            yield example

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
        plan = join_plans(self.compiled, request.clauses, request.speaker)
        seen = scene(request.text.text, (), frozenset())
        if why := self._unfit(seen, plan, request):
            self.dropped[why] += 1
            return None
        task = self._run(ident, request, plan) if config.executed else None
        if config.executed and task is None:
            self.dropped["twin"] += 1
            return None
        return self._example(config, ident, request, seen, plan, task)

    def _unfit(self, seen: Scene, plan: Plan, request: Request) -> str:
        """Why a plan cannot be learnt from: the policy refuses it, or no decisions make it."""
        state = State(request=request.text.text)
        if isinstance(check(self.compiled, plan, state), Refused):
            return "policy"
        try:
            decide(self.space, seen, plan, request.text.starts)
        except PlanError:
            return "inexpressible"
        return ""

    def _example(
        self,
        config: GeneratorConfig,
        ident: str,
        request: Request,
        seen: Scene,
        plan: Plan,
        task: Task | None,
    ) -> Example:
        return Example(
            id=ident,
            domain=self.compiled.name,
            split=config.split,
            scene=seen,
            plan=plan,
            clauses=request.text.starts,
            task=task,
            tags=_tags(request),
            skinned=request.skinned,
            family=config.family,
        )

    def _run(self, ident: str, request: Request, plan: Plan) -> Task | None:
        world = self.worlds.world(request.clauses, request.speaker)
        text = request.text.text
        return self.worlds.run(task_of(ident, text, [plan], world, _tags(request)))

    @property
    def fixed(self) -> frozenset[str]:
        """The kinds of values no renaming of which the twin's world can take."""
        if self._fixed is None:
            kinds = sorted({b.kind for t in self.requests.templates for b in t.blanks})
            self._fixed = frozenset(kind for kind in kinds if not self._movable(kind))
        return self._fixed

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
            plan = join_plans(self.compiled, request.clauses, 0)
            if self._run(f"probe-{kind}-{tried}", request, plan):
                return True
            tried += 1
            if tried == 4:
                return False
        return not tried


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


def _tags(request: Request) -> tuple[str, ...]:
    tags = {tag for clause in request.clauses for tag in clause.template.task.tags}
    return tuple(sorted(tags | {clause.template.kind for clause in request.clauses}))


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
