"""Observers: plugins that add metrics, importers and skins to domains that are not theirs.

    [project.entry-points."builderbrain.observers"]
    night_shift = "night_shift:observer"

An observer sees a domain's name and the episodes of its battery; it answers no hook of a domain and
changes no plan, verdict or effect. Each is loaded and asked alone: one that raises, exits, hangs or
answers nonsense is named with its reason and passed over. Not covered: what ends the process, as
for domains (registry.py).

BB_OBSERVERS=a,b loads only these; empty loads none.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from bb_core.battery import Task
from bb_core.errors import DomainError
from bb_core.harms import Episode
from bb_core.hooks import API, hookspec
from bb_core.registry import guarded, installed, points, printable
from bb_core.skins import Skin

GROUP = "builderbrain.observers"

Metric = Callable[[Episode], float]
"""How much of it there was in an episode: a count, or a cost; 0 for none."""

Importer = Callable[[Path], Sequence[Task]]
"""The tasks of a domain that a file of somebody else's format holds."""


class ObserverSpec:
    """The hookspecs, each asked with the name of one domain; an observer may leave any out."""

    @hookspec
    def metrics(self, domain: str) -> Mapping[str, Metric]:  # type: ignore[empty-body]
        """What is counted in each episode of the domain's battery, by name."""

    @hookspec
    def importers(self, domain: str) -> Mapping[str, Importer]:  # type: ignore[empty-body]
        """How files of other formats become tasks of the domain, by name."""

    @hookspec
    def skins(self, domain: str) -> Sequence[Skin]:  # type: ignore[empty-body]
        """More skins for the domain's tasks."""


@dataclass(frozen=True, slots=True)
class Observer:
    """What one observer adds to one domain, under its own name; or why it adds nothing."""

    name: str
    dist: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    importers: Mapping[str, Importer] = field(default_factory=dict)
    skins: tuple[Skin, ...] = ()
    error: str = ""


def observers(domain: str) -> tuple[Observer, ...]:
    """What every installed observer adds to a domain, broken ones included, by name."""
    chosen = os.environ.get("BB_OBSERVERS")
    wanted = None if chosen is None else {name.strip() for name in chosen.split(",")}
    claims: dict[str, list[tuple[Distribution, EntryPoint]]] = {}
    for dist, point in points(list(installed()), GROUP):
        if wanted is None or point.name in wanted:
            claims.setdefault(point.name, []).append((dist, point))
    return tuple(_asked(name, claim, domain) for name, claim in sorted(claims.items()))


def _asked(name: str, claims: list[tuple[Distribution, EntryPoint]], domain: str) -> Observer:
    shown = printable(name, 48)
    if len(claims) > 1:
        names = " and ".join(sorted(dist.name for dist, _ in claims))
        return Observer(shown, error=f"claimed by {names}; uninstall all but one")
    dist, point = claims[0]
    try:
        with guarded(""):
            answers = _answers(point.load(), domain)
            return replace(_judged(shown, answers), dist=dist.name)
    except DomainError as error:
        return Observer(shown, dist.name, error=printable(str(error)))


def _answers(plugin: Any, domain: str) -> dict[str, Any]:
    spoken = getattr(plugin, "api", None)
    if spoken != API:
        written = "no API" if spoken is None else f"API {spoken}"
        raise DomainError(f"written for {written}; this core speaks {API}")
    manager = pluggy.PluginManager("builderbrain")
    manager.add_hookspecs(ObserverSpec)
    manager.register(plugin)
    manager.check_pending()
    asked = {hook: getattr(manager.hook, hook)(domain=domain) for hook in KINDS}
    return {hook: told[0] for hook, told in asked.items() if told}


KINDS: Mapping[str, type] = {"metrics": Mapping, "importers": Mapping, "skins": Sequence}


def _judged(name: str, answers: Mapping[str, Any]) -> Observer:
    answer: Any
    for hook, answer in answers.items():
        right = isinstance(answer, KINDS[hook]) and not isinstance(answer, str)
        if not right:
            raise DomainError(f"{hook}() gave {type(answer).__name__}")
        held = answer.values() if hook != "skins" else answer
        odd = next((one for one in held if not _right(hook, one)), None)
        if odd is not None:
            raise DomainError(f"{hook}() holds a {type(odd).__name__}")
    return Observer(
        name,
        metrics={f"{name}:{key}": one for key, one in answers.get("metrics", {}).items()},
        importers={f"{name}:{key}": one for key, one in answers.get("importers", {}).items()},
        skins=tuple(_sheltered(name, one) for one in answers.get("skins", ())),
    )


def _sheltered(observer: str, skin: Skin) -> Skin:
    """The skin under its observer's name; one that raises or hangs is a DomainError."""
    name = f"{observer}:{skin.name}"

    def apply(task: Task) -> Task | None:
        with guarded(name):
            dressed = skin.apply(deepcopy(task))
            if dressed is not None and not isinstance(dressed, Task):
                raise DomainError(f"gave a {type(dressed).__name__}, not a Task")
            return dressed

    return Skin(name, skin.kind, apply)


def _right(hook: str, value: object) -> bool:
    return isinstance(value, Skin) if hook == "skins" else callable(value)


@dataclass
class Measured:
    """The metrics of a domain's observers, added up over episodes; a broken one is left out."""

    metrics: dict[str, Metric]
    sums: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    episodes: int = 0

    def add(self, episode: Episode) -> None:
        """Ask each metric about an episode; one that fails is named and not asked again."""
        self.episodes += 1
        for name in list(self.metrics):
            try:
                with guarded(name):
                    found = float(self.metrics[name](deepcopy(episode)))
                self.sums[name] = self.sums.get(name, 0.0) + found
            except DomainError as error:
                self.broken[name] = printable(str(error))
                del self.metrics[name]
                self.sums.pop(name, None)

    def per_thousand(self) -> Iterator[tuple[str, float, float]]:
        """Each metric's name, its sum, and its sum per thousand episodes."""
        for name, total in self.sums.items():
            yield name, total, 1000 * total / max(1, self.episodes)


def measured(found: Sequence[Observer]) -> Measured:
    """An empty account of all metrics of some observers."""
    return Measured({name: one for each in found for name, one in each.metrics.items()})
