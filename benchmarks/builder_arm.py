"""The arms that build a plan by decisions on the base's frozen states.

builder  as it ships: the request is cut into clauses, and each decoded on its own
whole    not cut: the whole plan is decoded from the whole request
tokens   as it ships, but on the base's token embeddings alone, none of its layers
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import torch
from lab import Lab, advance
from workload import Ground

from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import describe
from bb_nn.builder.words import words_of
from bb_train.config import Optimiser
from bb_train.example import Example
from bb_train.learner import lessons

SHAPES: dict[str, dict[str, Any]] = {
    "builder": {},
    "whole": {"segmented": False},
    "tokens": {"layers": (0,)},
}
RECUTS = 0.5


@dataclass(frozen=True)
class Trained:
    """A trained arm: its steps, and the seconds that came before them and that all took."""

    lab: Lab
    steps: int
    before: float
    seconds: float


def trained(
    here: Ground, arm: str, examples: Sequence[Example], steps: int | None, batch: int, seed: int
) -> Trained:
    """Train an arm for so many steps; for one pass over its lessons if None."""
    began = process_time()
    shape = {"layers": here.layers, **SHAPES[arm]}
    here = replace(
        here,
        layers=shape["layers"],
        described=describe(here.base, words_of(here.space), shape["layers"]),
    )
    torch.manual_seed(seed)
    width = here.base.model.config.hidden_size
    config = BuilderConfig(
        base_width=width, width=224, skills=32, tap_dropout=0.1, dropout=0.1, **shape
    )
    lab = Lab(here, PlanBuilder(config, here.space, here.described), {})
    lab.tap(examples)
    taught = lessons(lab.builder, examples, lab.states.__getitem__, recuts=RECUTS).lessons
    steps = -(-len(taught) // batch) if steps is None else steps
    before = process_time() - began
    advance(lab.learner(taught), Optimiser(steps, batch, warmup=min(50, steps // 5)), seed)
    return Trained(lab, steps, before, process_time() - began)
