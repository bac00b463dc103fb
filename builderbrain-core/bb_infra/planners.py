"""Who plans a run: a domain's rail beside the base where there is one, and the base alone.

A rail is a folder that training leaves (docs/training.md). `path = "auto"` takes the version that
was promoted (docs/promotion.md), else the one that comes with the domain, if it was made for this
base and this version of the domain; a folder that is named has to fit. Alpha is at most what the
rail's own record allows.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bb_core.canonical import digest
from bb_core.compiled import Compiled
from bb_infra.config import Config
from bb_infra.config import Rail as RailConfig
from bb_infra.telling import say
from bb_infra.versions import NO_RAIL, Serving, served, serving

if TYPE_CHECKING:
    from bb_nn.base import Base
    from bb_runtime.builder_planner import BuilderPlanner
    from bb_runtime.planner import ModelPlanner
    from bb_runtime.rounds import Planner


@dataclass(frozen=True)
class Planners:
    """The planners of a run, in order of trust. `rail` is the digest of the rail, or `none`."""

    base: "ModelPlanner"
    builder: "BuilderPlanner | None" = None
    rail: str = NO_RAIL

    @property
    def in_order(self) -> "tuple[Planner, ...]":
        """The builder first, where there is one; the base is asked once that was refused twice."""
        return (self.builder, self.base) if self.builder else (self.base,)


def load_planners(
    compiled: Compiled, config: Config, run: str = "", rail: str | None = None
) -> Planners:
    """The planners of a new run, or those that planned one under the rail of this digest."""
    found = serving(compiled, config, run) if rail is None else served(compiled, config, rail)
    return with_rail(load_alone(compiled, config), compiled, found, config.rail)


def load_alone(compiled: Compiled, config: Config) -> Planners:
    """The base alone, fetched first if it is in the catalogue and not here."""
    say("model", f"loading {config.model.name} …")
    from bb_infra.model_here import here
    from bb_nn.base import load_base
    from bb_runtime.planner import ModelPlanner

    began = time.monotonic()
    here(config.model.name)
    base = load_base(config.model.name)
    dtype = str(base.dtype).removeprefix("torch.")
    took = time.monotonic() - began
    say("model", f"{base.name}, {dtype}, {base.digest[:19]}, loaded in {took:.1f} s")
    alone = ModelPlanner(
        base,
        compiled,
        budget=config.decode.tokens,
        temperature=config.decode.temperature,
        seed=config.decode.seed,
        on_text=lambda text: print(text, end="", flush=True),
    )
    return Planners(alone)


def with_rail(alone: Planners, compiled: Compiled, found: Serving, wanted: RailConfig) -> Planners:
    """The base with what serves beside it; where that does not fit and was not named, alone."""
    from bb_nn.errors import RailError

    if found.folder is None or wanted.alpha == 0:
        why = "alpha 0" if wanted.alpha == 0 else "none"
        say("rail", f"{why}: the base plans alone")
        return alone
    try:
        return _beside(alone, alone.base.base, compiled, found.folder, wanted)
    except RailError as error:
        if found.named:
            raise
        say("rail", f"not used, the base plans alone: {error}")
        return alone


def _beside(
    alone: Planners, base: "Base", compiled: Compiled, folder: Path, wanted: RailConfig
) -> Planners:
    from bb_nn.builder.rail_facts import allowed_alpha, dtype_name
    from bb_nn.builder.rail_folder import RECORD, load_rail, read_record
    from bb_runtime.builder_planner import BuilderPlanner

    builder = load_rail(folder, base, compiled)
    record, now = read_record(folder), dtype_name(base)
    allowed = allowed_alpha(record, str(folder))
    alpha = min(wanted.alpha, allowed)
    if alpha == 0:
        say("rail", "not used, the base plans alone: its record allows alpha 0")
        return alone
    judged = record["base"].get("dtype", now)
    if judged != now:
        say("rail", f"judged beside a base in {judged}, this one is in {now}: it may do worse")
    sha = digest((folder / RECORD).read_bytes())
    capped = f" (its record allows no more than {allowed:g})" if alpha < wanted.alpha else ""
    size = sum(p.numel() for p in builder.parameters()) / 1e6
    say("rail", f"{size:.1f} million parameters, {sha[:19]}, alpha {alpha:g}{capped}")
    return Planners(alone.base, BuilderPlanner(builder, alone.base, alpha, wanted.k), sha)
