"""The arms that write a plan as text: the base with examples, LoRA, full fine-tuning, stream rails.

All are one causal model with logits. They see `Request: ...\nPlan:\n` and write the compact plan.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bb_nn.base import Base
from bb_nn.dual_rail import DualRail
from bb_nn.rail_config import RailConfig

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Recipe:
    """How an arm is trained. `seconds` ends training early; 0 is no limit."""

    arm: str
    rank: int = 12
    rate: float = 1e-3
    examples: int = 2000
    batch: int = 8
    seconds: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Item:
    """One text with the place its target starts."""

    ids: tuple[int, ...]
    start: int


def prompt(request: str) -> str:
    return f"Request: {request}\nPlan:\n"


def item(tokenizer: Any, request: str, target: str) -> Item:
    """Prompt and target are cut into tokens apart, as they are when the target is written."""
    head = tokenizer(prompt(request)).input_ids
    return Item((*head, *tokenizer(target).input_ids, tokenizer.eos_token_id), len(head))


def model_of(base: Base, recipe: Recipe) -> Any:
    """The arm's model with exactly its own parameters trainable; starts as the base does."""
    torch.manual_seed(recipe.seed)
    if recipe.arm == "lora":
        from peft import LoraConfig, get_peft_model

        wanted = LoraConfig(
            r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=list(PROJECTIONS)
        )
        return get_peft_model(base.model, wanted)
    if recipe.arm == "full":
        return base.model.float().requires_grad_(True)
    if recipe.arm == "ladder":
        return DualRail.attach(base, RailConfig(width=256, every=5, alpha=1.0, cap=1.0))
    if recipe.arm == "inject":
        made = RailConfig(coupling="inject", width=128, every=5, alpha=0.5, cap=0.5)
        return DualRail.attach(base, made)
    if recipe.arm == "hybrid":
        made = RailConfig(
            coupling="inject",
            width=64,
            every=5,
            alpha=0.5,
            cap=0.5,
            in_path=("q_proj", "v_proj", "o_proj", "up_proj"),
        )
        return DualRail.attach(base, made)
    raise ValueError(f"no arm {recipe.arm!r}")


def learnable(model: Any) -> list[Tensor]:
    return [p for p in model.parameters() if p.requires_grad]


def padded(items: Sequence[Item], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """ids, mask and targets [B, T], padded on the left, so that all targets end together."""
    longest = max(len(i.ids) for i in items)
    ids = torch.full((len(items), longest), pad)
    mask = torch.zeros((len(items), longest), dtype=torch.long)
    wanted = torch.full((len(items), longest), -100)
    for row, one in enumerate(items):
        at = longest - len(one.ids)
        ids[row, at:] = torch.tensor(one.ids)
        mask[row, at:] = 1
        wanted[row, at + one.start :] = ids[row, at + one.start :]
    return ids, mask, wanted


def logits(model: Any, ids: Tensor, mask: Tensor, keep: int) -> Tensor:
    """The last `keep` positions' logits, fp32."""
    more = {"want_base": False} if isinstance(model, DualRail) else {}
    out = model(input_ids=ids, attention_mask=mask, logits_to_keep=keep, use_cache=False, **more)
    found: Tensor = out.logits.float()
    return found


def train(
    model: Any, items: Sequence[Item], recipe: Recipe, pad: int, tell: Callable[[str], None]
) -> float:
    """Train for the recipe's examples or seconds; gives the seconds it took."""
    weights = learnable(model)
    steps = max(1, recipe.examples // recipe.batch)
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: cosine(s, steps))
    model.train()
    began = perf_counter()
    for step, batch in zip(range(steps), batches(items, recipe), strict=False):
        ids, mask, wanted = padded(batch, pad)
        keep = max(len(i.ids) - i.start for i in batch) + 1
        found = logits(model, ids, mask, keep)[:, :-1]
        loss = F.cross_entropy(found.flatten(0, 1), wanted[:, 1 - keep :].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        if isinstance(model, DualRail):
            model.gates.project_()
        if step % 20 == 0:
            tell(f"step {step}/{steps} loss {loss.item():.4f} {perf_counter() - began:.0f} s")
        if recipe.seconds and perf_counter() - began > recipe.seconds:
            break
    model.eval()
    return perf_counter() - began


def cosine(step: int, steps: int, warmup: int = 20) -> float:
    import math

    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


def batches(items: Sequence[Item], recipe: Recipe) -> Iterator[list[Item]]:
    """Batches of like lengths in a random order, pass after pass."""
    rng = Random(recipe.seed)
    while True:
        rows = sorted(items, key=lambda i: len(i.ids) + rng.random() * 30)
        groups = [rows[i : i + recipe.batch] for i in range(0, len(rows), recipe.batch)]
        rng.shuffle(groups)
        yield from groups


@torch.no_grad()
def exact(model: Any, items: Sequence[Item], pad: int, batch: int = 8) -> list[bool]:
    """Whether greedy decoding gives exactly the target: its argmax is right at every position."""
    found: dict[int, bool] = {}
    order = sorted(range(len(items)), key=lambda i: len(items[i].ids))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        ids, mask, wanted = padded([items[i] for i in rows], pad)
        keep = max(len(items[i].ids) - items[i].start for i in rows) + 1
        best = logits(model, ids, mask, keep)[:, :-1].argmax(-1)
        gold = wanted[:, 1 - keep :]
        right = ((best == gold) | (gold == -100)).all(1).tolist()
        found |= dict(zip(rows, right, strict=True))
    return [found[i] for i in range(len(items))]


@torch.no_grad()
def write(model: Any, tokenizer: Any, request: str, budget: int = 400) -> str:
    """The plan the arm writes greedily, without masks."""
    ids = torch.tensor([tokenizer(prompt(request)).input_ids])
    more = {"pad_token_id": tokenizer.eos_token_id, "max_new_tokens": budget, "do_sample": False}
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **more)
    text: str = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
    return text
