"""Find installed domains, and keep broken ones out of the way of the others.

Domains are loaded one at a time. Whatever a plugin does while it loads (raise, exit, print, take
long, claim another's name) ends in one line about that plugin; the others work. What ends the
process itself (os._exit, a crash in C) is not covered: nothing here is a sandbox, and installing a
plugin runs its author's code.

BB_DOMAINS=api_json,robots loads only these; empty loads none. BB_TRACE=1 prints hook calls.
BB_LOAD_SECONDS is how long one plugin may compute to load or answer (20); it may take
six times as long in all, since a busy machine makes it wait.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any

import pluggy

from bb_core.deadline import TooSlow, within
from bb_core.errors import BuilderbrainError, DomainError
from bb_core.hooks import API, GROUP, DomainSpec
from bb_core.namespace import NAMESPACE, keep_namespace, owner
from bb_core.nearest import nearest
from bb_core.raised_at import raised_at

LONGEST = 48
NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST - 1}}}\Z")
REQUIRED = ("grammar", "plan_schema")


@dataclass(frozen=True, slots=True)
class Registered:
    """A domain somebody installed: usable, or broken with the reason in one line."""

    name: str
    version: str
    dist: str
    plugin: Any = None
    error: str = ""
    manager: pluggy.PluginManager | None = field(default=None, repr=False, compare=False)

    def ask(self, hook: str) -> Any:
        """This domain's own answer to a hook, None if it has none; raises DomainError."""
        from bb_core.answers import judge

        if self.plugin is None:
            raise DomainError(self.error, where=self.name)
        with guarded(f"{self.name}: {hook}()"):
            answer = self._call(hook)
        return judge(self.name, hook, answer)

    def _call(self, hook: str) -> Any:
        if self.manager is None:
            method = getattr(self.plugin, hook, None)
            return method() if method else None
        domains = {p for name, p in self.manager.list_name_plugin() if name.startswith("domain:")}
        others = [p for p in domains if p is not self.plugin]
        return self.manager.subset_hook_caller(hook, others)()


@dataclass(frozen=True, slots=True)
class Registry:
    """The installed domains by name, broken ones included, in alphabetical order."""

    domains: tuple[Registered, ...]

    @property
    def ready(self) -> tuple[Registered, ...]:
        """The domains that loaded."""
        return tuple(d for d in self.domains if d.plugin is not None)

    def get(self, name: str) -> Registered:
        """The domain of that name; raises DomainError that lists what is installed."""
        for domain in self.domains:
            if domain.name == name and domain.plugin is not None:
                return domain
            if domain.name == name:
                raise DomainError(domain.error, where=name)
        installed = ", ".join(d.name for d in self.ready) or "none"
        found = f"no domain {printable(name)!r}; installed: {installed}"
        raise DomainError(found, fix=self._instead(name))

    def _instead(self, name: str) -> str:
        """What to do about an unknown name. Never to install it: anyone may have registered it."""
        folder = Path("builderbrain-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"))
        if (folder / "pyproject.toml").is_file():
            return f"run: pip install -e ./{folder}"
        near = nearest(name.lower(), [domain.name for domain in self.domains])
        return f"did you mean {near}?" if near else "see: bb domains list"


def discover(
    pins: Mapping[str, str] | None = None,
    *,
    selection: str | None = None,
    trace: bool | None = None,
) -> Registry:
    """Every installed domain. `pins` says which distribution may use a name two of them claim."""
    chosen = os.environ.get("BB_DOMAINS") if selection is None else selection
    wanted = None if chosen is None else {name.strip() for name in chosen.split(",")}
    dists = list(installed())
    manager = pluggy.PluginManager("builderbrain")
    manager.add_hookspecs(DomainSpec)
    if os.environ.get("BB_TRACE") == "1" if trace is None else trace:
        manager.add_hookcall_monitoring(_say, lambda *rest: None)
    found = [_broken(NAMESPACE, "", _theft(str(file), dists)) for file in keep_namespace()]
    claims: dict[str, list[tuple[Distribution, EntryPoint]]] = {}
    for dist, point in points(dists, GROUP):
        if wanted is None or point.name in wanted:
            claims.setdefault(point.name, []).append((dist, point))
    found += [_settle(name, claim, pins or {}, manager) for name, claim in sorted(claims.items())]
    return Registry(tuple(sorted(found, key=lambda d: d.name)))


def printable(text: str, limit: int = 240) -> str:
    """A stranger's text as one line without control characters, for a terminal."""
    line = " ".join(text.split())
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


@contextmanager
def guarded(where: str) -> Iterator[None]:
    """Run a plugin's code: what it prints goes to stderr, what it raises becomes a DomainError."""
    try:
        with redirect_stdout(sys.stderr), within(_patience()):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BuilderbrainError:
        raise
    except TooSlow as error:
        fix = "if this machine is busy, allow more with BB_LOAD_SECONDS"
        raise DomainError(str(error), where=where, fix=fix) from None
    except BaseException as error:
        raise DomainError(reason(error), where=where) from error


def _patience() -> float:
    try:
        return max(0.1, float(os.environ.get("BB_LOAD_SECONDS", "")))
    except ValueError:
        return 20.0


def reason(error: BaseException) -> str:
    """What a stranger's code raised, on one line, and where in a domain's own files it did."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be shown)"
    place = raised_at(error)
    told = printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)
    return f"{told} ({place})" if place else told


def installed() -> Iterator[Distribution]:
    """Installed distributions, the first of each name; unreadable metadata is passed over."""
    seen: set[str] = set()
    for dist in distributions():
        try:
            name = re.sub(r"[-_.]+", "-", dist.name).lower()
        except Exception:
            continue
        if name not in seen:
            seen.add(name)
            yield dist


def points(dists: list[Distribution], group: str) -> Iterator[tuple[Distribution, EntryPoint]]:
    """The entry points of a group, each with its distribution; unreadable ones are passed over."""
    for dist in dists:
        try:
            text = dist.read_text("entry_points.txt") or ""
            found = list(dist.entry_points) if group in text else []
        except Exception:
            continue
        yield from ((dist, point) for point in found if point.group == group)


def _settle(
    name: str,
    claims: list[tuple[Distribution, EntryPoint]],
    pins: Mapping[str, str],
    manager: pluggy.PluginManager,
) -> Registered:
    """The one distribution that has the name, loaded; or why nobody has it."""
    if name in pins:
        claims = [(dist, point) for dist, point in claims if dist.name == pins[name]]
        if not claims:
            return _broken(name, "", f"pinned to {pins[name]}, which is not installed")
    if len(claims) > 1:
        names = " and ".join(sorted(f"{dist.name} {dist.version}" for dist, _ in claims))
        return _broken(name, "", f"claimed by {names}; uninstall all but one")
    dist, point = claims[0]
    if not NAME.match(name):
        return _broken(
            ascii(name)[1:-1], dist.name, "a domain's name is a-z, 0-9 and _, a letter first"
        )
    try:
        with guarded(""):
            plugin = point.load()
            _register(manager, name, plugin)
    except DomainError as error:
        manager.set_blocked(f"domain:{name}")
        return Registered(name, _version(dist), dist.name, error=printable(str(error)))
    return Registered(name, _version(dist), dist.name, plugin, manager=manager)


def _register(manager: pluggy.PluginManager, name: str, plugin: Any) -> None:
    spoken = getattr(plugin, "api", None)
    if spoken != API:
        written = "no domain API" if spoken is None else f"domain API {spoken}"
        raise DomainError(f"written for {written}; this core speaks {API}")
    manager.register(plugin, f"domain:{name}")
    try:
        manager.check_pending()
        answered = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
        missing = [hook for hook in REQUIRED if hook not in answered]
        if missing:
            raise DomainError(f"answers no {' and no '.join(f'{hook}()' for hook in missing)}")
    except BaseException:
        manager.unregister(plugin)
        raise


def _broken(name: str, dist: str, error: str) -> Registered:
    return Registered(name, "", dist, error=error)


def _version(dist: Distribution) -> str:
    return printable(str(dist.version), 20)


def _theft(file: str, dists: list[Distribution]) -> str:
    by = owner(Path(file), dists)
    return f"{file} would hide other domains and is passed over; it came with {by}, remove it"


def _say(hook: str, methods: Any, kwargs: Any) -> None:
    names = ", ".join(method.plugin_name for method in methods)
    print(f"bb: hook {hook} -> {names}", file=sys.stderr)
