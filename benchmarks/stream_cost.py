"""What does the stream rail cost when text is decoded?

Each decoded token is computed twice in a row, by the base and by the base with a rail, in changing
order, each with its own cache: pairs that see the same machine. The figure is the median over the
pairs of rail time / base time - 1, in CPU time of one thread. The rail is the default one with
random weights and open gates; what it says is of no interest here. `shut` is a rail whose gates
are closed: the price of having one at all. The in-path deltas of `hybrid` are reported and have no
bar. Memory: parameters, and the state a row keeps beside the base's own.

usage: python benchmarks/stream_cost.py [--prompt N] [--steps N] [--rounds N] [--batch N ...]
"""

import argparse
import statistics
import sys
import time
from typing import Any

import torch
from report import emit, say, skip
from workload import EMBEDDED

from bb_nn.base import Base, load_base
from bb_nn.dual_rail import DualRail
from bb_nn.fetch import fetched
from bb_nn.rail_config import RailConfig

SEED, BAR = 0, 0.10
ARMS = {
    "shut": RailConfig(coupling="inject", alpha=0.0),
    "ladder": RailConfig(coupling="ladder", alpha=0.5),
    "inject": RailConfig(coupling="inject", alpha=0.5),
    "hybrid": RailConfig(
        coupling="inject", alpha=0.5, in_path=("q_proj", "v_proj", "o_proj", "up_proj")
    ),
}
HELD = ("shut", "ladder", "inject")


def main() -> int:
    """Time each arm against the base it sits on; print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--prompt", type=int, default=64)
    asked.add_argument("--steps", type=int, default=30)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("stream_cost", f"run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    base = load_base(EMBEDDED)
    rails = {name: opened(base, config) for name, config in ARMS.items()}
    figures = {
        f"batch_{batch}": {
            name: measured(model, batch, wanted.prompt, wanted.steps, wanted.rounds)
            for name, model in rails.items()
        }
        for batch in wanted.batch
    }
    passed = all(arms[name]["overhead"] <= BAR for arms in figures.values() for name in HELD)
    return emit(
        "stream_cost",
        passed,
        seed=SEED,
        versions=("torch", "transformers"),
        bar=f"median overhead of {', '.join(HELD)} <= {BAR:.0%} of a decoded token",
        dtype=str(base.dtype).removeprefix("torch."),
        prompt=wanted.prompt,
        pairs=wanted.steps * wanted.rounds,
        **figures,
        memory={name: memory(model, wanted.prompt) for name, model in rails.items()},
    )


def opened(base: Base, config: RailConfig) -> DualRail:
    """A rail with random weights everywhere, so that no product with zero is a short cut."""
    torch.manual_seed(SEED)
    model = DualRail.attach(base, config)
    for name, parameter in model.rail.named_parameters():
        if not name.startswith("gates"):
            parameter.data.add_(torch.randn_like(parameter) * 0.02)
    return model


@torch.inference_mode()
def measured(model: DualRail, batch: int, prompt: int, steps: int, rounds: int) -> dict[str, float]:
    """The median overhead of a decoded token, its quartiles, and both times."""
    pairs: list[tuple[float, float]] = []
    for turn in range(rounds):
        ids = torch.randint(100, 40_000, (batch, prompt + steps))
        rows = [(model.base, {}), (model, {"want_base": False})]
        states = [fed(one, ids[:, :prompt], None, more) for one, more in rows]
        for step in range(steps):
            token, took = ids[:, prompt + step, None], [0.0, 0.0]
            for side in (0, 1) if (step + turn) % 2 else (1, 0):
                one, more = rows[side]
                began = time.thread_time()
                states[side] = fed(one, token, states[side], more)
                took[side] = time.thread_time() - began
            pairs.append((took[0], took[1]))
        say(f"batch {batch}, {model.rail.config.coupling}: {turn + 1} of {rounds}")
    over = sorted(rail / base - 1 for base, rail in pairs)
    return {
        "overhead": round(statistics.median(over), 4),
        "quartiles": [round(over[len(over) * at // 4], 4) for at in (1, 3)],
        "base_ms": round(1000 * statistics.median(base for base, _ in pairs), 2),
        "rail_ms": round(1000 * statistics.median(rail for _, rail in pairs), 2),
    }


def fed(model: Any, ids: torch.Tensor, cache: Any, more: dict[str, Any]) -> Any:
    """The cache after these tokens; the logits of the last one are computed, as decoding does."""
    out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **more)
    return out.past_key_values


@torch.inference_mode()
def memory(model: DualRail, prompt: int) -> dict[str, float]:
    """Parameters of the rail and of the base, and what a row of so many tokens keeps of each."""
    cache = fed(model, torch.zeros(1, prompt, dtype=torch.long), None, {})
    own = [state for layer in cache.layers[model.rail.depth :] for state in layer.read()]
    keys = [
        part for layer in cache.layers[: model.rail.depth] for part in (layer.keys, layer.values)
    ]
    return {
        "rail_parameters": sum(p.numel() for p in model.rail.parameters()),
        "rail_mb": round(sum(p.nbytes for p in model.rail.parameters()) / 1e6, 2),
        "base_mb": round(sum(p.nbytes for p in model.base.parameters()) / 1e6, 1),
        "state_kb": round(sum(part.nbytes for part in own) / 1e3, 1),
        f"base_cache_kb_at_{prompt}": round(sum(part.nbytes for part in keys) / 1e3, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
