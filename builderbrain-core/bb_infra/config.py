"""bb.toml -> frozen dataclasses. Every key is optional; an unknown one is an error with its line.

[model]
name = "smollm2-135m"        # or a Hugging Face name or folder
[decode]
tokens = 640                 # most tokens a plan may take
temperature = 0.0
seed = 0
[rail]
path = "auto"                # the domain's own; or none, or a folder that bb train left
alpha = 1.0                  # how much the builder has to say beside the base; 0: the base alone
k = 4                        # how many plans it puts up
[learn]                      # when and how bb learn makes a candidate: docs/continual.md
every = 40                   # new episodes
missed = 0.05                # of them what serves has to miss at least this share
[gate]                       # what a promotion has to show: docs/promotion.md
epsilon = 0.03
[shadow]
pairs = 1500                 # at most so many paired episodes before it decides
seed = 0
[run]
rounds = 4                   # at most the domain's own limit
state = ".bb"                # ledger, run database, keys
database = ""                # empty: SQLite in the state folder; or postgresql://…
compensate = false           # undo what was written when a later step fails
anchor = ""                  # where checkpoints are kept as well: a file, or git:FOLDER
[domains.api_json]
dist = "builderbrain-api-json"       # who may use the name
fingerprint = "sha256:…"             # refuse the domain if its files change
settings = {url = "http://127.0.0.1:8000"}
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from bb_infra.errors import ConfigError
from bb_safety.errors import EvidenceError
from bb_safety.policy import Policy

FILE = "bb.toml"


@dataclass(frozen=True, slots=True)
class Model:
    """Which base model plans."""

    name: str = "smollm2-135m"


@dataclass(frozen=True, slots=True)
class Decode:
    """How a plan is decoded."""

    tokens: int = 640
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Rail:
    """Which builder plans beside the base, and how much it has to say."""

    path: str = "auto"
    alpha: float = 1.0
    k: int = 4


@dataclass(frozen=True, slots=True)
class Shadow:
    """How many paired episodes a candidate may take to decide, and what they are drawn by."""

    pairs: int = 1500
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Learn:
    """When a candidate is learnt, and how; see `bb_train.continual.learning.Learning`."""

    every: int = 40
    missed: float = 0.05
    replay: int = 400
    kl: float = 0.05
    drift: float = 0.1
    steps: int = 60
    rate: float = 3e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """How a run is carried out, and where its state is kept."""

    rounds: int = 4
    state: str = ".bb"
    database: str = ""
    compensate: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class DomainPin:
    """Who may use a domain's name, what its files must be, and how its system is reached."""

    dist: str = ""
    fingerprint: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. `source` is the file it came from, empty for the defaults."""

    model: Model = field(default_factory=Model)
    decode: Decode = field(default_factory=Decode)
    rail: Rail = field(default_factory=Rail)
    gate: Policy = field(default_factory=Policy)
    shadow: Shadow = field(default_factory=Shadow)
    learn: Learn = field(default_factory=Learn)
    run: Run = field(default_factory=Run)
    domains: Mapping[str, DomainPin] = field(default_factory=dict)
    source: str = ""

    @property
    def pins(self) -> dict[str, str]:
        """Domain name -> the distribution that may use it, as the registry takes it."""
        return {name: pin.dist for name, pin in self.domains.items() if pin.dist}


SECTIONS: Mapping[str, type[Any]] = {
    "model": Model,
    "decode": Decode,
    "rail": Rail,
    "gate": Policy,
    "shadow": Shadow,
    "learn": Learn,
    "run": Run,
}
SEEDS = (0, 2**53 - 1)
"""What canonical JSON can say, for a configuration is named by its digest."""

RANGES: Mapping[tuple[str, str], tuple[float, float]] = {
    ("decode", "tokens"): (1, 100_000),
    ("decode", "temperature"): (0, 10),
    ("decode", "seed"): SEEDS,
    ("rail", "alpha"): (0, 1),
    ("rail", "k"): (1, 64),
    ("shadow", "pairs"): (1, 1_000_000),
    ("shadow", "seed"): SEEDS,
    ("learn", "every"): (1, 1_000_000),
    ("learn", "missed"): (0, 1),
    ("learn", "replay"): (1, 1_000_000),
    ("learn", "kl"): (0, 100),
    ("learn", "drift"): (0, 100),
    ("learn", "steps"): (1, 1_000_000),
    ("learn", "rate"): (1e-9, 1),
    ("learn", "seed"): SEEDS,
    ("run", "rounds"): (1, 100),
}


def load_config(path: Path | None = None) -> Config:
    """The configuration in a file, `./bb.toml` if there is one, else the defaults."""
    if path is None:
        path = Path(FILE)
        if not path.exists():
            return Config()
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from error
    return read_config(text, str(path))


def with_alpha(config: Config, alpha: float | None) -> Config:
    """The configuration with another alpha; as it is for None."""
    return config if alpha is None else replace(config, rail=replace(config.rail, alpha=alpha))


def read_config(text: str, where: str) -> Config:
    """The configuration in a TOML text; raises ConfigError with file and line."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error).replace("(at end of document)", f"(at line {text.count(chr(10)) + 1},")
        found, _, place = said.partition(" (at line ")
        line = place.partition(",")[0]
        at = f"{where}:{line}" if line.isdecimal() else where
        raise ConfigError(f"is not TOML: {found}", where=at) from error
    reader = _Reader(text, where)
    reader.known(data, (), [*SECTIONS, "domains"])
    made = {name: reader.section(data.get(name, {}), (name,), SECTIONS[name]) for name in SECTIONS}
    pins = reader.table(data.get("domains", {}), ("domains",))
    domains = {
        name: reader.section(pin, ("domains", name), DomainPin) for name, pin in pins.items()
    }
    return Config(**made, domains=domains, source=where)


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    where: str

    def known(self, data: Mapping[str, Any], path: tuple[str, ...], names: list[str]) -> None:
        for key in data:
            if key not in names:
                inside = f" in [{'.'.join(path)}]" if path else ""
                self.fail(
                    (*path, key), f"unknown key {key!r}{inside}", f"known: {', '.join(names)}"
                )

    def table(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(path, f"{path[-1]!r} must be a table, found {_kind(value)}")
        table: dict[str, Any] = value
        return table

    def section(self, value: Any, path: tuple[str, ...], made: type[Any]) -> Any:
        data = self.table(value, path)
        defaults = made()
        self.known(data, path, [f.name for f in fields(made)])
        for key, found in data.items():
            self.typed((*path, key), found, getattr(defaults, key))
        try:
            return made(**data)
        except EvidenceError as error:
            self.fail(path, error.found, error.fix)

    def typed(self, path: tuple[str, ...], value: Any, default: Any) -> None:
        wanted = _kind(default)
        right = _kind(value) == wanted or (wanted == "a decimal" and _kind(value) == "a number")
        if not right:
            self.fail(path, f"{path[-1]!r} must be {wanted}, found {_kind(value)}")
        if isinstance(value, str) and default and not value.strip():
            self.fail(path, f"{path[-1]!r} is empty", "give a text, or leave the line out")
        if isinstance(value, float) and not isfinite(value):
            self.fail(path, f"{path[-1]!r} is {value}", "give a finite number")
        low, high = RANGES.get((path[0], path[-1]), (float("-inf"), float("inf")))
        if isinstance(value, int | float) and not low <= value <= high:
            self.fail(path, f"{path[-1]!r} is {value}", f"use {_said(low)} to {_said(high)}")
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(item, str):
                    self.fail((*path, key), f"{key!r} must be text, found {_kind(item)}")

    def fail(self, path: tuple[str, ...], found: str, fix: str = "") -> NoReturn:
        raise ConfigError(found, where=f"{self.where}:{self.line(path)}", fix=fix)

    def line(self, path: tuple[str, ...]) -> int:
        """The line of a key under its section's header; else of the header, else the first."""
        section: tuple[str, ...] = ()
        found = 1
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
            if header:
                section = tuple(part.strip("\"' ") for part in header[1].split("."))
                found = number if path[: len(section)] == section else found
            elif path[: len(section)] == section != path:
                key = re.match(r"""\s*["']?([^"'=.\s]+)["']?\s*[.=]""", line)
                if key and key[1] == path[len(section)]:
                    return number
        return found


def _said(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a decimal",
    dict: "a table",
    list: "a list",
}


def _kind(value: object) -> str:
    return KINDS.get(type(value), type(value).__name__)
