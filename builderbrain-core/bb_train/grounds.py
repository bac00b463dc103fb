"""What a run stands on: its domain, base, builder and warm start, found before it has a folder.

So a slip of the pen in any of them leaves no folder behind. What depends on the examples is seen
later, when they are made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover, printable
from bb_core.shipped import shipped
from bb_core.space import Space
from bb_nn.base import Base, load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.rail_facts import dtype_name
from bb_nn.builder.warm_start import WarmStart, warm_start
from bb_nn.tapped import default_layers
from bb_train.alpha_lift import COMPOSITION, fewest_to_win
from bb_train.checkpoint import FOLDER, Checkpoints, require_same
from bb_train.config import TrainConfig, builder_fields
from bb_train.data.constants import space_of
from bb_train.errors import ConfigError
from bb_train.lift_tasks import gate_of

MANIFEST = "manifest.json"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Grounds:
    """A run's domain, base and new builder, and what it began with. `made_from`: their digests."""

    compiled: Compiled
    base: Base
    layers: tuple[int, ...]
    builder: PlanBuilder
    begun: WarmStart | None
    made_from: Mapping[str, str]


def grounds(config: TrainConfig, tell: Tell) -> Grounds:
    """Find all of it and write nothing; raises what its parts raise.

    Raises ResumeError where the run's folder holds one made from something else.
    """
    folder = Path(config.run.folder)
    compiled = compile_domain(discover().get(config.run.domain))
    _require_files(config)
    _require_composed(config)
    known = {
        "config": config.digest,
        "domain": compiled.digest,
        "torch": torch.__version__,
    }
    require_made_from(known, folder)
    base = load_base(config.base.name, _dtype(config.base.dtype))
    layers = config.base.layers or default_layers(base)
    known |= {"base": base.digest, "dtype": dtype_name(base)}
    require_made_from(known, folder)
    tell(f"base {base.name}: {base.digest}, layers {', '.join(map(str, layers))}")
    builder = _builder(config, space_of(compiled), base, layers)
    begun = _warm_start(config, builder, base, tell)
    known |= {"warm_start": begun.weights if begun else ""}
    require_made_from(known, folder)
    return Grounds(compiled, base, layers, builder, begun, known)


def require_made_from(known: Mapping[str, str], folder: Path) -> None:
    """Compare what is known by now, so that nothing of another run is overwritten first."""
    if before := _made_before(folder):
        require_same({k: v for k, v in before.items() if k in known}, known, folder)


def _made_before(folder: Path) -> Mapping[str, str]:
    """What the run that a folder holds was made from; empty where it holds none.

    One that does not say so had no warm start: there was none.
    """
    try:
        told = json.loads((folder / MANIFEST).read_bytes())["made_from"]
    except (OSError, ValueError, KeyError, TypeError):
        told = Checkpoints(folder / FOLDER).made_from()
    return {"warm_start": "", **told} if told and isinstance(told, dict) else {}


def _require_files(config: TrainConfig) -> None:
    """What is in them is seen later, when they are read."""
    for key in ("train_file", "dev_file"):
        named = getattr(config.data, key)
        if named and not Path(named).is_file():
            raise ConfigError(
                f"{key} {named!r} is no file", where=config.source, fix="name one that is there"
            )


def _require_composed(config: TrainConfig) -> None:
    """Seen before the tasks are made: no more of them compose than are asked for."""
    data, needed = config.data, fewest_to_win(gate_of(config.measure))
    composed = data.dev * sum(family in COMPOSITION for family in data.families)
    judged = data.dev and config.measure.lift and not data.dev_file
    if judged and min(composed, config.measure.lift) < needed:
        raise ConfigError(
            f"of the families {', '.join(sorted(COMPOSITION))} it has {composed} dev tasks, of "
            f"which {config.measure.lift} at most decide alpha: fewer than {needed} cannot lift it",
            where=config.source,
            fix="name more of these families in [data], or raise dev or [measure] lift; lift = 0 "
            "leaves alpha as it is",
        )


def _builder(config: TrainConfig, space: Space, base: Base, layers: tuple[int, ...]) -> PlanBuilder:
    width = base.model.config.get_text_config().hidden_size
    shape = BuilderConfig(layers=layers, base_width=width, **builder_fields(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.run.seed)
        return PlanBuilder.of(shape, space, base)


def _warm_start(
    config: TrainConfig, builder: PlanBuilder, base: Base, tell: Tell
) -> WarmStart | None:
    """Begin with an earlier rail's weights, if one is named."""
    if not config.run.warm_start:
        return None
    begun, tools = warm_start(builder, _earlier(config), base), builder.space.schema.tools
    new = [tool for tool in tools if tool not in begun.kept] if begun.kept else ["all"]
    of = f"a rail of {printable(begun.domain)}, {begun.weights[:19]}"
    tell(f"warm start: {of}; tools it had not: {', '.join(new) or 'none'}")
    return begun


def _earlier(config: TrainConfig) -> Path:
    """The rail that comes with the installed domain of this name, or that in a folder."""
    named, found = config.run.warm_start, discover()
    if all(domain.name != named for domain in found.domains):
        return Path(named)
    rail = shipped(found.get(named))
    if rail is None:
        no_rail = f"no rail comes with the domain {named}, which 'warm_start' names"
        fix = f"name the folder of a rail (./{named}, if it is one)"
        raise ConfigError(no_rail, where=config.source, fix=fix)
    return rail


def _dtype(name: str) -> torch.dtype | None:
    return None if name == "auto" else getattr(torch, name)
