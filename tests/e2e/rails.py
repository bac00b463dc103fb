"""Small real rails beside a random base, made in seconds: they only look, whatever is asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bb_core.actions import Space
from bb_core.compiled import Compiled
from bb_core.scene import scene
from bb_nn.base import load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.rail_folder import save_rail
from bb_nn.tapped import tap
from tests.e2e.desk import Desk

MODEL = "random:llama"
LOOK = {"steps": [{"id": "n1", "tool": "list_products", "args": {"category": "kitchen"}}]}


def rails(folder: Path, shop: Compiled) -> dict[str, Path]:
    """`first` answers every request by a look; `second` has learnt a little more of the same."""
    torch.set_num_threads(1)
    base = load_base(MODEL)
    depth, width = base.model.config.num_hidden_layers, base.model.config.hidden_size
    config = BuilderConfig((1, depth), width, width=64, dropout=0.0, tap_dropout=0.0)
    looking = [replace(t, rounds=(LOOK,)) for t in shop.battery[::14]]
    made: dict[str, Path] = {}

    def taught(one: PlanBuilder, tasks: Any, steps: int, name: str) -> None:
        lessons = []
        for task in tasks:
            seen = scene(task.prompt)
            tapped = tap(base, [seen.text], config.layers)[0]
            plan = shop.read(task.rounds[0])
            lessons.append((tapped, one.encode(tapped, seen, plan, (0,))))
        batch = one.batch([t for t, _ in lessons], [e for _, e in lessons])
        optimiser = torch.optim.AdamW(one.parameters(), lr=3e-3)
        for _ in range(steps):
            optimiser.zero_grad()
            sum(one.loss(batch).heads.values()).backward()
            optimiser.step()
        more: Mapping[str, Any] = {"alpha": 1.0, "trained": {"steps": steps}}
        save_rail(folder / name, one.eval(), base, more)
        one.train()
        made[name] = folder / name

    torch.manual_seed(0)
    looks = PlanBuilder.of(config, Space.of(shop), base)
    taught(looks, looking, 40, "first")
    taught(looks, looking, 2, "second")
    return made


@contextmanager
def site(folder: Path, shop: Compiled, toml: str) -> Iterator[Desk]:
    """A desk with both rails and a configuration, its folder the working one."""
    rails(folder, shop)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        desk = Desk(folder, patch)
        desk.write("bb.toml", toml)
        yield desk
