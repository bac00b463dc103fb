"""A training run's TOML file as frozen dataclasses. An unknown key is an error with its line.

    [run]
    domain = "api_json"          # an installed domain
    folder = "runs/api_json"     # what the run keeps, and the rail it leaves
    seed = 0

    [base]
    name = "smollm2-135m"
    layers = []                  # empty: one third and two thirds of the depth

    [constraints.cfs]            # hold a raw loss at or below its limit
    limit = 0.02

The other sections are `data`, `builder`, `optimiser`, `surgery`, `cache` and `measure`; each field
below is a key and its default.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bb_core.canonical import digest_json
from bb_core.toml_sections import Ranges, Sections
from bb_nn.builder.config import BOUNDS, DEEPEST
from bb_train.errors import ConfigError
from bb_train.example import FAMILIES


@dataclass(frozen=True, slots=True)
class Run:
    """What is trained, where it is kept, the seed of everything drawn.

    warm_start: an earlier rail, whose weights it begins with: its folder, or the domain that it
    comes with; empty: random ones.
    """

    domain: str = "api_json"
    folder: str = "runs/api_json"
    seed: int = 0
    warm_start: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """The frozen base: its name, the type it computes in, the layers that are read."""

    name: str = "smollm2-135m"
    dtype: str = "auto"
    layers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """How many examples; `dev` is per family. `train_file`, `dev_file`: read instead of made.

    recuts: the share of examples that are learnt a second time, with their clauses cut wrongly.
    rank: so many further examples, never learnt from, to fit the ranker on; 0: it has none.
    """

    train: int = 4000
    dev: int = 30
    families: tuple[str, ...] = ("indist", "values", "combo", "long", "phrase", "cross")
    skins: float = 0.25
    elsewhere: float = 0.12
    recuts: float = 0.5
    rank: int = 0
    without_tools: tuple[str, ...] = ()
    train_file: str = ""
    dev_file: str = ""


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder's shape, as in `bb_nn.builder.config`."""

    width: int = 256
    heads: int = 4
    blocks: int = 2
    window: int = 6
    dropout: float = 0.1
    tap_dropout: float = 0.2
    span: int = 64
    segmented: bool = True
    segmenter: int = 112
    strangers: float = 0.0
    skills: int = 0
    rank: int = 8


@dataclass(frozen=True, slots=True)
class Optimiser:
    """AdamW with a linear warm-up, a cosine to zero and clipped gradients.

    A run needs more steps than `warmup`: the cosine takes what is left of them. With 0 steps a
    warm start is measured and shipped as it is.
    """

    steps: int = 3000
    batch: int = 8
    rate: float = 1e-3
    warmup: int = 100
    clip: float = 1.0
    decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Held:
    """A constraint on a raw loss; see `bb_core.duals.Constraint`."""

    limit: float = 0.02
    eta: float = 0.03
    lambda_max: float = 10.0


@dataclass(frozen=True, slots=True)
class SurgeryUsed:
    """How conflicting gradients are combined where the losses meet: sum, pcgrad or cagrad."""

    method: str = "pcgrad"


@dataclass(frozen=True, slots=True)
class Cache:
    """Where frozen states are kept (empty: the user's cache) and how much room they may take."""

    folder: str = ""
    gigabytes: float = 8.0


@dataclass(frozen=True, slots=True)
class Measure:
    """How often to write a log row, measure on dev and keep a checkpoint, in steps.

    `items`: dev examples measured on the way; the end measures all. alpha, margin: what the gate
    starts from, and how much worse acting wrongly may get for it to be lifted; `lift`: dev tasks
    that decide it, which the base alone plans too, at seconds each. By default so many that a
    builder is lifted which wins where neither side ever acts wrongly (see `alpha_lift`).
    """

    log: int = 10
    dev: int = 500
    checkpoint: int = 250
    items: int = 60
    beam: int = 4
    alpha: float = 0.05
    margin: float = 0.05
    lift: int = 120


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run. `source` is the file it came from."""

    run: Run = field(default_factory=Run)
    base: Base = field(default_factory=Base)
    data: Data = field(default_factory=Data)
    builder: Builder = field(default_factory=Builder)
    optimiser: Optimiser = field(default_factory=Optimiser)
    surgery: SurgeryUsed = field(default_factory=SurgeryUsed)
    cache: Cache = field(default_factory=Cache)
    measure: Measure = field(default_factory=Measure)
    constraints: Mapping[str, Held] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Everything that decides what is learnt, as plain JSON: not where it is kept, nor where
        the rail of a warm start is (a run's `made_from` names its weights)."""
        told = asdict(self)
        del told["cache"], told["source"], told["run"]["folder"], told["run"]["warm_start"]
        return told

    @property
    def digest(self) -> str:
        """The hash of `to_json`.

        Two runs with the same digest learn the same, to the bit where they read the same kept
        states: a state computed again may differ in its last bits (see `state_cache`).
        """
        return digest_json(self.to_json())


_SECTIONS: Mapping[str, type[Any]] = {
    "run": Run,
    "base": Base,
    "data": Data,
    "builder": Builder,
    "optimiser": Optimiser,
    "surgery": SurgeryUsed,
    "cache": Cache,
    "measure": Measure,
}
CONSTRAINTS = ("cfs", "g2g", "build", "calibration", "information")
_MANY = 10**9
_RANGES: Ranges = {
    ("run", "seed"): (0, 2**31 - 1),
    ("data", "train"): (1, _MANY),
    ("data", "dev"): (0, _MANY),
    ("data", "skins"): (0, 1),
    ("data", "elsewhere"): (0, 1),
    ("data", "recuts"): (0, 1),
    ("data", "rank"): (0, _MANY),
    **{("builder", key): between for key, between in BOUNDS.items()},
    ("optimiser", "steps"): (0, _MANY),
    ("optimiser", "batch"): (1, 4096),
    ("optimiser", "rate"): (1e-8, 1),
    ("optimiser", "warmup"): (0, _MANY),
    ("optimiser", "clip"): (1e-6, 1e6),
    ("optimiser", "decay"): (0, 1),
    ("cache", "gigabytes"): (0.001, 1e6),
    ("measure", "log"): (1, _MANY),
    ("measure", "dev"): (1, _MANY),
    ("measure", "checkpoint"): (1, _MANY),
    ("measure", "items"): (0, _MANY),
    ("measure", "beam"): (1, 64),
    ("measure", "alpha"): (0, 1),
    ("measure", "margin"): (0.001, 1),
    ("measure", "lift"): (0, _MANY),
    **{("constraints", name, "limit"): (-1e6, 1e6) for name in CONSTRAINTS},
    **{("constraints", name, "eta"): (1e-6, 1e3) for name in CONSTRAINTS},
    **{("constraints", name, "lambda_max"): (1e-6, 1e6) for name in CONSTRAINTS},
}
_CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("base", "dtype"): ("auto", "float32", "bfloat16"),
    ("surgery", "method"): ("sum", "pcgrad", "cagrad"),
}


def load_train_config(path: Path) -> TrainConfig:
    """The configuration in a file; raises ConfigError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors put a mark before UTF-8
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from error
    return read_train_config(text, str(path))


def read_train_config(text: str, where: str) -> TrainConfig:
    """The configuration in a TOML text; raises ConfigError with file and line."""
    reader = Sections(text, where, _fault, _RANGES)
    data = reader.data()
    reader.known(data, (), [*_SECTIONS, "constraints"])
    made = {n: reader.section(data.get(n, {}), (n,), kind) for n, kind in _SECTIONS.items()}
    held = reader.table(data.get("constraints", {}), ("constraints",))
    reader.known(held, ("constraints",), CONSTRAINTS)
    constraints = {n: reader.section(row, ("constraints", n), Held) for n, row in held.items()}
    found = TrainConfig(**made, constraints=constraints, source=where)
    _require(reader, found)
    return found


def _fault(found: str, where: str, fix: str) -> ConfigError:
    return ConfigError(found, where=where, fix=fix)


def _require(reader: Sections, config: TrainConfig) -> None:
    """What the types of the keys cannot say."""
    for (section, key), allowed in _CHOICES.items():
        value = getattr(getattr(config, section), key)
        if value not in allowed:
            reader.fail((section, key), f"{key!r} is {value!r}", f"use {', '.join(allowed)}")
    _require_data(reader, config.data)
    _require_layers(reader, config.base.layers)
    _require_steps(reader, config)
    least = BOUNDS["width"][0]
    for key in ("width", "segmenter"):
        width = getattr(config.builder, key)
        if 0 < width < least:
            reader.fail(("builder", key), f"{key!r} is {width}", f"use 0, or {least:g} and more")
        if width % (2 * config.builder.heads):
            found = f"{key!r} {width} does not divide into pairs over the heads"
            reader.fail(("builder", key), found, "use a multiple of twice the heads")


def _require_steps(reader: Sections, config: TrainConfig) -> None:
    warmup, steps = config.optimiser.warmup, config.optimiser.steps
    if not (steps or config.run.warm_start):
        found = "'steps' is 0, and there is no earlier rail to begin with"
        reader.fail(("optimiser", "steps"), found, "use 1 or more, or name a [run] warm_start")
    if 0 < steps <= warmup:
        found = f"'warmup' {warmup} leaves none of {steps} steps to come down"
        reader.fail(("optimiser", "warmup"), found, "use fewer than the steps")


def _require_data(reader: Sections, data: Data) -> None:
    """Families there are, each once, and some if dev tasks are made of them; tools by name."""
    if data.dev and not (data.families or data.dev_file):
        found = f"'families' is empty, and 'dev' is {data.dev} of each"
        reader.fail(("data", "families"), found, "name a family, or set dev = 0")
    for family in data.families:
        if family not in FAMILIES:
            known = f"known: {', '.join(FAMILIES)}"
            reader.fail(("data", "families"), f"no family {family!r}", known)
        if data.families.count(family) > 1:
            reader.fail(("data", "families"), f"{family!r} stands twice", "name each family once")
    for tool in data.without_tools:
        if not isinstance(tool, str):
            reader.fail(("data", "without_tools"), f"{tool!r} is no tool", "give names of tools")


def _require_layers(reader: Sections, layers: tuple[int, ...]) -> None:
    for layer in layers:
        if type(layer) is not int or not 0 <= layer <= DEEPEST:
            fix = f"give whole numbers from 0 to {DEEPEST}"
            reader.fail(("base", "layers"), f"{layer!r} is no layer", fix)
    if list(layers) != sorted(set(layers)):
        fix = "name each once, the lowest first"
        reader.fail(("base", "layers"), f"{list(layers)} do not rise", fix)


def builder_fields(config: TrainConfig) -> dict[str, Any]:
    """The builder's shape as keywords."""
    own = {f.name: getattr(config.builder, f.name) for f in fields(Builder)}
    return {**own, "ranked": config.data.rank > 0}
