"""The stream rail on the shape of gpt-oss: what decoding and training cost, and what fits.

Weights of the real models are not needed and not used: random ones of the right shape, so nothing
here says how well anything works.

decode   milliseconds a token, batch 1 and 32, the base and the base with a rail in turn; the
         figure is the median of the pairs' ratio less one
train    a step of ladder, inject and LoRA: tokens a second and the memory at its peak
large    the 120b shape with its experts as bytes of the size of 4-bit weights that pass nothing on:
         whether base, rail and a training step of the ladder fit one card. No time of it means
         anything

usage: python benchmarks/gpt_oss.py [--part decode|train|large|all] [--shape tiny|20b]

Bar: a rail costs a decoded token at most 15 % on a GPU. Without one the tiny shape is run on the
processor, which shows that the script works, and the line says that it was not run.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from report import emit, say, skip
from torch import Tensor, nn

from bb_nn.dual_rail import DualRail
from bb_nn.rail_config import RailConfig

BAR, SEED = 0.15, 0
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 512,
    },
    "20b": {"num_hidden_layers": 24, "num_local_experts": 32},
    "120b": {"num_hidden_layers": 36, "num_local_experts": 128},
}
"""What differs from the library's own defaults for the family."""
RAILS = {
    "ladder": RailConfig(coupling="ladder", every=4, width=256, alpha=0.5),
    "inject": RailConfig(coupling="inject", every=4, width=256, alpha=0.5),
}


def main() -> int:
    """Run the parts, print one line."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--part", choices=("decode", "train", "large", "all"), default="all")
    asked.add_argument("--shape", choices=("tiny", "20b"), default="20b")
    asked.add_argument("--steps", type=int, default=40)
    wanted = asked.parse_args()
    there = torch.cuda.is_available()
    shape = wanted.shape if there else "tiny"
    parts = ("decode", "train", "large") if wanted.part == "all" else (wanted.part,)
    torch.manual_seed(SEED)
    figures: dict[str, Any] = {}
    for part in parts:
        figures |= {part: PARTS[part](shape, wanted.steps)}
        say(f"{part}: {figures[part]}")
    if not there:
        return skip("gpt_oss", "not run: no GPU here; all parts ran with the tiny shape")
    ratios = [row["overhead"] for row in figures.get("decode", {}).values()]
    return emit(
        "gpt_oss",
        all(ratio <= BAR for ratio in ratios),
        seed=SEED,
        versions=("torch", "transformers", "peft"),
        claim="gpt-oss: what a stream rail costs on the shape of the production bases",
        bar=f"a decoded token costs at most {BAR:.0%} more with a rail",
        recipe=f"random weights, shape {shape}, {torch.cuda.get_device_name()}",
        **figures,
    )


def decode(shape: str, steps: int) -> dict[str, dict[str, float]]:
    """Each coupling and batch against the base it sits on."""
    base, found = model_of(shape), {}
    for name, config in RAILS.items():
        railed = opened(base, config)
        for batch in (1, 32):
            found[f"{name}, batch {batch}"] = paired(railed, batch, steps)
    return found


@torch.inference_mode()
def paired(railed: DualRail, batch: int, steps: int) -> dict[str, float]:
    """Milliseconds of a decoded token, the base and the rail in turn, each with its own cache."""
    ids = torch.randint(0, 500, (batch, 64 + steps), device=device())
    rows: list[tuple[Any, dict[str, Any]]] = [(railed.base, {}), (railed, {"want_base": False})]
    caches = [_fed(model, ids[:, :64], None, more) for model, more in rows]
    took: list[list[float]] = [[], []]
    for step in range(steps):
        for side in (0, 1) if step % 2 else (1, 0):
            model, more = rows[side]
            with timed(took[side]):
                caches[side] = _fed(model, ids[:, 64 + step, None], caches[side], more)
    base, rail = (row[5:] for row in took)  # the first ones pay for allocation
    return {
        "base_ms": round(median(base), 3),
        "rail_ms": round(median(rail), 3),
        "overhead": round(median(r / b - 1 for b, r in zip(base, rail, strict=True)), 4),
    }


def _fed(model: Any, ids: Tensor, cache: Any, more: dict[str, Any]) -> Any:
    out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **more)
    return out.past_key_values


def train(shape: str, steps: int) -> dict[str, dict[str, float]]:
    """A step of each arm on the same tokens; a fresh base each time, as LoRA changes it."""
    rows, length = (8, 1024) if shape != "tiny" else (2, 64)
    found = {}
    for name in (*RAILS, "lora"):
        base = model_of(shape)
        model = _lora(base) if name == "lora" else opened(base, RAILS[name])
        found[name] = trained(model, rows, length, min(steps, 8))
        del base, model
        emptied()
    return found


def trained(model: Any, rows: int, length: int, steps: int) -> dict[str, float]:
    """Tokens a second, and gigabytes at the peak (0 where nobody counts them)."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, 1e-4)
    ids = torch.randint(0, 500, (rows, length), device=device())
    more = {"want_base": False} if isinstance(model, DualRail) else {}
    took: list[float] = []
    for _ in range(steps + 1):
        with timed(took):
            model(input_ids=ids, labels=ids, use_cache=False, **more).loss.backward()
            optimiser.step()
            optimiser.zero_grad()
    return {
        "tokens_a_second": round(rows * length / median(took[1:] or took) * 1e3),
        "peak_gb": peak(),
        "trainable": sum(p.numel() for p in weights),
    }


def large(shape: str, steps: int) -> dict[str, float]:
    """The ladder's training step on a base nobody can differentiate."""
    base = model_of("120b" if shape != "tiny" else "tiny", bytes_for_experts=True)
    figures = trained(opened(base, RAILS["ladder"]), 1, 64 if shape == "tiny" else 1024, 2)
    held = sum(t.nbytes for t in (*base.parameters(), *base.buffers())) / 1e9
    return {"base_gb": round(held, 2), "peak_gb": figures["peak_gb"]}


PARTS: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "decode": decode,
    "train": train,
    "large": large,
}


class Bytes(nn.Module):
    """Experts as 4.25 bits a weight; a token passes through unchanged."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        each = 3 * config.hidden_size * config.intermediate_size * 17 // 32
        held = torch.zeros(config.num_local_experts * each, dtype=torch.uint8, device=device())
        self.register_buffer("held", held)

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        """What came in."""
        return hidden_states


def model_of(shape: str, *, bytes_for_experts: bool = False) -> Any:
    """A frozen gpt-oss of random weights, made where it will stay."""
    from transformers import AutoConfig, AutoModelForCausalLM

    emptied()
    full = AutoConfig.for_model("gpt_oss", **SHAPES[shape])
    few = {"num_local_experts": 1, "num_experts_per_tok": 1} if bytes_for_experts else {}
    config = AutoConfig.for_model("gpt_oss", **SHAPES[shape] | few)
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    with torch.device(device()):
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    for layer in model.model.layers if bytes_for_experts else ():
        layer.mlp.experts = Bytes(full)
    return model


def opened(base: Any, config: RailConfig) -> DualRail:
    """A rail with random weights everywhere, so that no product with zero is a short cut."""
    model = DualRail.attach(base, config)
    for name, parameter in model.rail.named_parameters():
        if not name.startswith("gates"):
            parameter.data.add_(torch.randn_like(parameter) * 0.02)
    return model


def _lora(base: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    shape = LoraConfig(r=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
    return get_peft_model(base, shape)


def device() -> str:
    """Where it runs."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def timed(rows: list[float]) -> Iterator[None]:
    """Add the milliseconds that the block took, the card's work included."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    rows.append(1e3 * (time.perf_counter() - began))


def emptied() -> None:
    """Forget what the card held, and its peak."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak() -> float:
    """Gigabytes at the peak since it was last forgotten; 0 without a card."""
    return round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else 0.0


if __name__ == "__main__":
    sys.exit(main())
