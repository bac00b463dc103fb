"""What benchmarks of serving share: a trained rail of api_json, versions of it, plans remembered.

A version plans with its builder alone, so that its figures are its own; free text it writes as one
fixed sentence, for what it says is judged nowhere here. A version's plan for a request is made
once: a builder draws no chance, so it would be the same again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from report import say
from workload import Ground, ground

from bb_core.actions import assemble
from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.errors import BuilderbrainError, PlanError
from bb_core.harms import Episode
from bb_core.plan import Plan
from bb_core.scene import scene
from bb_nn.builder.apart import apart
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.rail_folder import load_rail, save_rail
from bb_nn.tapped import Tapped, tap
from bb_runtime.builder_planner import blanked
from bb_runtime.episode import play
from bb_runtime.rounds import Ask, Draft
from bb_train.config import Optimiser
from bb_train.data.generator import GeneratorConfig
from bb_train.example import Example, Split
from bb_train.learner import BuilderLearner, lessons
from bb_train.trainer import Trainer

EMBEDDED = "smollm2-135m"
LEFT_OUT = (
    "notify_customer", "handoff", "issue_credit", "exchange_items", "modify_items",
    "modify_payment", "capture_payment", "list_products", "get_product",
)  # fmt: skip
"""Tools whose free text would be judged, and those that a small rail is not made for."""

SHORT = 240
"""Characters of a request; longer ones take longer to read and say nothing more here."""

_BLANKS = re.compile("[\ue000-\ue3ff]")
Change = Callable[[Plan, Task], Plan]


@dataclass
class Site:
    """A domain with its base, adapters, and the frozen states of all texts read so far."""

    here: Ground
    adapters: Adapters
    read: dict[str, Tapped] = field(default_factory=dict)

    def read_all(self, texts: Sequence[str]) -> None:
        """Read texts in batches, which is faster than one by one."""
        new = [text for text in dict.fromkeys(texts) if text not in self.read]
        found = tap(self.here.base, new, self.here.layers) if new else []
        self.read |= dict(zip(new, found, strict=True))

    def states(self, text: str) -> Tapped:
        """A text's states, read once."""
        if text not in self.read:
            self.read[text] = tap(self.here.base, [text], self.here.layers)[0]
        return self.read[text]


@dataclass
class Served:
    """One version on a site: a builder, and what is done to its plans (a poison), if anything."""

    site: Site
    builder: PlanBuilder
    change: Change | None = None
    plans: dict[str, Plan | None] = field(default_factory=dict)

    def poisoned(self, change: Change) -> "Served":
        """The same builder with its plans changed; what it planned is known already."""
        return Served(self.site, self.builder, change, self.plans)

    def plan(self, request: str) -> Plan | None:
        """The likeliest plan that can be said; None for none."""
        if request not in self.plans:
            self.plans[request] = self._built(request)
        return self.plans[request]

    def _built(self, request: str) -> Plan | None:
        seen, space = scene(request), self.builder.space
        for built in self.builder.build(self.site.states(seen.text), seen, 2):
            try:
                plan = assemble(space, seen, blanked(built.decisions))
                text = _BLANKS.sub("Shall I go on?", space.compiled.print(plan))
                return space.compiled.parse(text)
            except PlanError:
                continue
        return None

    def play(self, task: Task, seed: int = 0) -> Episode:
        """An episode on a twin; one round, for the plan is for the request alone."""
        compiled = self.site.here.domain
        plan = self.plan(task.prompt)
        text = ""
        if plan is not None:
            changed = self.change(plan, task) if self.change else plan
            try:
                text = compiled.print(changed)
            except BuilderbrainError:
                text = "{}"

        def once(ask: Ask) -> Draft:
            return Draft(text, planner="builder")

        return play(compiled, self.site.adapters, task, once).episode


def site() -> Site:
    """api_json on the embedded base."""
    here = ground("api_json", EMBEDDED)
    return Site(here, here.domain.adapters())


def rail(at: Site, folder: str, train: int, steps: int, seed: int) -> PlanBuilder:
    """The rail in a folder, made there if there is none; "": the domain's own, else made here."""
    own = Path(getattr(getattr(at.here.domain.source, "plugin", None), "folder", ".")) / "rail"
    place = Path(folder) if folder else own
    try:
        found = load_rail(place, at.here.base, at.here.domain)
        say(f"rail: {place.name} of {at.here.domain.name}")
        return found
    except BuilderbrainError as error:
        say(f"no rail to use: {error}")
    made = _small(at, train, steps, seed)
    if folder:
        save_rail(place, made, at.here.base)
    return made


def requests(at: Site, count: int, split: Split, seed: int, *, acts: bool) -> list[Example]:
    """Short generated requests of one round; `acts`: only tasks that change something."""
    found: list[Example] = []
    wanted = GeneratorConfig(
        count=6 * count, split=split, seed=seed, skins=0.0, elsewhere=0.0, without_tools=LEFT_OUT,
        execute=acts,
    )  # fmt: skip
    for example in at.here.generator.examples(wanted):
        task = example.task
        useful = bool(task and len(task.rounds) == 1 and task.diff) if acts else True
        if useful and example.round == 0 and len(example.scene.text) < SHORT:
            found.append(example)
            if len(found) % 50 == 0:
                say(f"requests: {len(found)} of {count}")
        if len(found) == count:
            break
    return found


def _small(at: Site, train: int, steps: int, seed: int) -> PlanBuilder:
    say(f"training a small rail: {train} examples, {steps} steps")
    torch.manual_seed(seed)
    shape = BuilderConfig(at.here.layers, at.here.base.model.config.hidden_size, width=128)
    builder = PlanBuilder(shape, at.here.space, at.here.described)
    taught = requests(at, train, "train", seed, acts=False)
    at.read_all([example.scene.text for example in taught])
    taught_ = lessons(builder, taught, at.states).lessons
    learner = BuilderLearner(builder, taught_, at.states)
    trainer = Trainer(learner, Optimiser(steps=steps, warmup=30), seed, method="sum")
    for _ in range(steps):
        taken = trainer.advance()
        if taken.step % 50 == 0:
            say(f"step {taken.step}: task {taken.losses['task']:.3f}")
    return builder.eval().requires_grad_(False)


def right(episode: Episode) -> bool:
    """Whether the task came out exactly as asked."""
    wanted = {} if episode.task.expect == "refuse" else dict(episode.task.diff)
    return dict(episode.diff) == wanted


def share(values: Sequence[bool]) -> float:
    """The share that is true; 0 of none."""
    return round(sum(values) / len(values), 4) if values else 0.0


def nearness(at: Site, ours: PlanBuilder, theirs: PlanBuilder, request: str) -> tuple[float, ...]:
    """KL of one version to another on a request, position by position."""
    seen = scene(request)
    return apart(ours, theirs, at.states(seen.text), seen)
