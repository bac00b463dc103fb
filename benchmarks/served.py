"""What benchmarks of serving share: the rail that api_json ships, versions of it, plans remembered.

A version plans with its builder alone, so that its figures are its own: its likeliest plan, checked
and carried out, or refused. Free text it writes as one fixed sentence, for the base takes seconds a
text; tasks whose free text is judged are left out. A version's plan for a request, and the episode
on a fresh twin, is made once: neither draws any chance, so it would be the same again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from report import say
from workload import EMBEDDED, Ground, ground

from bb_core.actions import assemble, blanked, pieces
from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.errors import BuilderbrainError, PlanError
from bb_core.harms import Episode
from bb_core.plan import Plan
from bb_core.record import Ledger, no_ledger
from bb_core.scene import scene
from bb_core.shipped import shipped
from bb_nn.builder.apart import apart
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import load_rail
from bb_nn.errors import RailError
from bb_nn.tapped import Tapped, tap
from bb_runtime.episode import play
from bb_runtime.rounds import Ask, Draft
from bb_safety import Evidence, Golden, Policy, gate
from bb_safety.pointer import Pointer
from bb_safety.shadow import Arms, drawn, gathered, metrics, pairs
from bb_train.data.generator import GeneratorConfig
from bb_train.example import Example, Family, Split

LEFT_OUT = ("notify_customer", "handoff", "list_products", "get_product")
"""Tools whose free text would be judged, and those that change nothing."""

SHORT = 240
"""Characters of a request; longer ones take longer to read and say nothing more here."""

SAID = "Shall I go on?"
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
    played: dict[str, Episode] = field(default_factory=dict)

    def poisoned(self, change: Change) -> "Served":
        """The same builder with its plans changed; what it planned is known already."""
        return Served(self.site, self.builder, change, self.plans)

    def plan(self, request: str) -> Plan | None:
        """The likeliest plan; None where it cannot be said."""
        if request not in self.plans:
            self.plans[request] = self._built(request)
        return self.plans[request]

    def _built(self, request: str) -> Plan | None:
        seen, space = scene(request), self.builder.space
        for built in self.builder.build(self.site.states(seen.text), seen, 1):
            with suppress(PlanError):
                plan = assemble(space, seen, blanked(built.decisions, seen.text))
                text = SAID.join(pieces(space.compiled.print(plan), seen.text))
                return space.compiled.parse(text)
        return None

    def play(self, task: Task, seed: int = 0) -> Episode:
        """An episode on a twin; one round, for the plan is for the request alone."""
        key = f"{task.id}/{task.prompt}"
        if key not in self.played:
            self.played[key] = self._played(task)
        return self.played[key]

    def _played(self, task: Task) -> Episode:
        compiled = self.site.here.domain
        plan, text = self.plan(task.prompt), ""
        if plan is not None:
            with suppress(BuilderbrainError):
                text = compiled.print(self.change(plan, task) if self.change else plan)

        def once(ask: Ask) -> Draft:
            return Draft(text, planner="builder")

        return play(compiled, self.site.adapters, task, once, rounds=1).episode


def site() -> Site:
    """api_json on the embedded base."""
    here = ground("api_json", EMBEDDED)
    return Site(here, here.domain.adapters())


def rail(at: Site) -> PlanBuilder:
    """The rail that came with the domain."""
    folder = shipped(at.here.domain.source)
    if folder is None:
        raise RailError("ships no rail", where=at.here.domain.name)
    return load_rail(folder, at.here.base, at.here.domain)


def requests(
    at: Site, count: int, split: Split, seed: int, *, acts: bool, family: Family = "indist"
) -> list[Example]:
    """Short generated requests of one round; `acts`: only tasks that change something."""
    found: list[Example] = []
    wanted = GeneratorConfig(
        count=6 * count, split=split, family=family, seed=seed, skins=0.0, elsewhere=0.0,
        without_tools=LEFT_OUT, execute=acts,
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
    states = at.states(seen.text)
    return apart(ours, theirs, (states, states), seen)


def approved(
    served: Served, pointer: Pointer, ident: str, tasks: Sequence[Task], policy: Policy,
    ledger: Ledger = no_ledger,
) -> None:  # fmt: skip
    """The first version serves: played beside itself, for nothing served before, and approved."""
    found = served.site.here.domain.harms
    start = last = Evidence(ident, "", "", metrics(found), golden=(Golden("none before", True),))
    seen = pairs(Arms(served.play, served.play), drawn(tasks, 0), found)
    for last in gathered(start, seen, policy, most=400):  # noqa: B007
        pass
    pointer.move(gate(last, policy, approved_by="a person"), ledger)
