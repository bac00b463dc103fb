"""The arms that write a plan as text: the base with examples, LoRA, full fine-tuning, stream rails.

All are one causal model with logits. They see `Request: ...\nPlan:\n` and write the compact plan.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import process_time
from typing import Any

import torch
from llguidance import LLMatcher
from text_arms.masters import Masters
from torch import Tensor
from torch.nn import functional as F

from bb_nn.base import Base
from bb_nn.dual_rail import DualRail
from bb_nn.rail_config import RailConfig
from bb_runtime.masks import allowed

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RAILS = {
    "ladder": RailConfig(width=256, alpha=1.0, cap=1.0),
    "inject": RailConfig(coupling="inject", width=128, alpha=0.5, cap=0.5),
    "hybrid": RailConfig(
        coupling="inject",
        width=64,
        alpha=0.5,
        cap=0.5,
        in_path=("q_proj", "v_proj", "o_proj", "up_proj"),
    ),
}
TRAINED = ("lora", "full", *RAILS)
RANK, RATE = 4, 1e-2
"""LoRA's, the best that `lora_sweep.py` tried."""
AT_ONCE = 4096
"""Tokens that go through a model together in training."""
Spot = tuple[int, int]
RATES = {"lora": RATE, "full": 1e-4, **dict.fromkeys(RAILS, 1e-3)}
"""Of the other arms: usual ones, none of them swept."""


@dataclass(frozen=True)
class Recipe:
    """How an arm is trained: each example is seen once, in batches. rate: None is the arm's own."""

    arm: str
    rank: int = RANK
    rate: float | None = None
    batch: int = 8
    seed: int = 0

    @property
    def learning_rate(self) -> float:
        """The learning rate."""
        return RATES[self.arm] if self.rate is None else self.rate


@dataclass(frozen=True)
class Item:
    """One text with the place its target starts, and the places where any token is right."""

    ids: tuple[int, ...]
    start: int
    aside: frozenset[int] = frozenset()


def prompt(request: str) -> str:
    return f"Request: {request}\nPlan:\n"


def item(
    tokenizer: Any, request: str, target: str, shown: str = "", aside: Sequence[Spot] = ()
) -> Item:
    """Prompt and target are cut into tokens apart, as they are when the target is written."""
    head = tokenizer(shown + prompt(request)).input_ids
    told = tokenizer(target, return_offsets_mapping=True)
    free = frozenset(
        len(head) + place
        for place, (begin, end) in enumerate(told.offset_mapping)
        if any(begin < last and first < end for first, last in aside)
    )
    return Item((*head, *told.input_ids, tokenizer.eos_token_id), len(head), free)


def model_of(base: Base, recipe: Recipe) -> Any:
    """The arm's model with exactly its own parameters trainable; starts as the base does."""
    torch.manual_seed(recipe.seed)
    if recipe.arm == "lora":
        from peft import LoraConfig, get_peft_model

        wanted = LoraConfig(
            r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=list(PROJECTIONS)
        )
        return get_peft_model(base.model, wanted, autocast_adapter_dtype=False)
    if recipe.arm == "full":
        return base.model.requires_grad_(True)
    if recipe.arm in RAILS:
        return DualRail.attach(base, RAILS[recipe.arm])
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


def said(model: Any, items: Sequence[Item], pad: int) -> tuple[Tensor, Tensor]:
    """Logits [B, K, V] before each of the last K tokens, and those tokens [B, K], -100 for none.

    K is the longest target. The kept places are named one by one: a slice would leave a tensor
    with gaps, for which the head's product is many times slower.
    """
    ids, mask, wanted = padded(items, pad)
    keep, length = max(len(i.ids) - i.start for i in items), ids.shape[1]
    more = {"want_base": False} if isinstance(model, DualRail) else {}
    places = torch.arange(length - keep - 1, length - 1)
    out = model(input_ids=ids, attention_mask=mask, logits_to_keep=places, use_cache=False, **more)
    return out.logits, wanted[:, -keep:]


def train(
    model: Any, items: Sequence[Item], recipe: Recipe, pad: int, tell: Callable[[str], None]
) -> float:
    """One pass over the items; gives the seconds it took."""
    weights = Masters(learnable(model))
    steps = -(-len(items) // recipe.batch)
    optimiser = torch.optim.AdamW(weights.copies, lr=recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: cosine(s, steps))
    model.train()
    began = process_time()
    for step, batch in enumerate(batches(items, recipe)):
        loss = _descend(model, batch, pad)
        weights.gather()
        torch.nn.utils.clip_grad_norm_(weights.copies, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        weights.spread()
        schedule.step()
        if isinstance(model, DualRail):
            model.gates.project_()
        if step % 20 == 0:
            tell(f"step {step}/{steps} loss {loss:.4f} {process_time() - began:.0f} s")
    model.eval()
    return process_time() - began


def _descend(model: Any, batch: Sequence[Item], pad: int) -> float:
    """Add the gradient of the mean over all that the batch writes; gives that mean.

    The rows go through the model in parts: a batch of long ones would not fit into memory.
    """
    rows = max(1, AT_ONCE // max(len(one.ids) for one in batch))
    count, mean = sum(len(one.ids) - one.start for one in batch), 0.0
    for begin in range(0, len(batch), rows):
        found, gold = said(model, batch[begin : begin + rows], pad)
        there = gold != -100
        loss = F.cross_entropy(found[there].float(), gold[there], reduction="sum") / count
        loss.backward()
        mean += loss.item()
    return mean


def cosine(step: int, steps: int, warmup: int = 20) -> float:
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


def batches(items: Sequence[Item], recipe: Recipe) -> Iterator[list[Item]]:
    """One pass of batches of like lengths in a random order."""
    rng = Random(recipe.seed)
    rows = sorted(items, key=lambda i: len(i.ids) + rng.random() * 30)
    groups = [rows[i : i + recipe.batch] for i in range(0, len(rows), recipe.batch)]
    rng.shuffle(groups)
    yield from groups


@dataclass(frozen=True)
class Greedy:
    """Whether greedy decoding gives exactly the target: freely, and under the grammar's masks."""

    free: bool
    masked: bool


@torch.no_grad()
def exact(
    model: Any, items: Sequence[Item], pad: int, mask: LLMatcher, batch: int = 8
) -> list[Greedy]:
    """Greedy decoding gives the target if the likeliest token is its own at every place that
    counts. Free texts stand as they are in the target, however the arm would word them."""
    found: dict[int, Greedy] = {}
    order = sorted(range(len(items)), key=lambda i: len(items[i].ids))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        logits, gold = said(model, [items[i] for i in rows], pad)
        for row, scores, wanted in zip(rows, logits, gold, strict=True):
            there = wanted != -100
            one = items[row]
            aside = torch.tensor([i in one.aside for i in range(one.start, len(one.ids))])
            found[row] = _greedy(scores[there].float(), wanted[there], aside, mask.deep_copy())
    return [found[i] for i in range(len(items))]


def _greedy(scores: Tensor, wanted: Tensor, aside: Tensor, mask: LLMatcher) -> Greedy:
    """scores [K, V], wanted, aside [K]. The masks are tried only where the free choice is wrong."""
    free = (scores.argmax(-1) == wanted) | aside
    for place, token in enumerate(wanted.tolist()):
        if not free[place]:
            tokens = torch.from_numpy(allowed(mask.compute_bitmask(), scores.shape[-1]))
            if tokens[scores[place, tokens].argmax()] != token:
                return Greedy(False, False)
        if not mask.consume_token(token):
            raise ValueError(f"the masks refuse the target at token {place}: {mask.get_error()}")
    return Greedy(bool(free.all()), True)


def write(model: Any, tokenizer: Any, request: str, budget: int = 400) -> str:
    """The plan the arm writes greedily, without masks."""
    return write_each(model, tokenizer, [request], budget)[0]


@torch.no_grad()
def write_each(
    model: Any, tokenizer: Any, requests: Sequence[str], budget: int, rows: int = 8
) -> list[str]:
    """The plans of many requests, so many at once; those of like length together."""
    heads = [tokenizer(prompt(request)).input_ids for request in requests]
    order, pad = sorted(range(len(heads)), key=lambda i: len(heads[i])), tokenizer.eos_token_id
    more = {"pad_token_id": pad, "max_new_tokens": budget, "do_sample": False}
    found: dict[int, str] = {}
    for begin in range(0, len(order), rows):
        places = order[begin : begin + rows]
        ids, mask, _ = padded([Item(tuple(heads[i]), len(heads[i])) for i in places], pad)
        out = model.generate(input_ids=ids, attention_mask=mask, **more)
        texts = tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
        found |= dict(zip(places, texts, strict=True))
    return [found[i] for i in range(len(heads))]
