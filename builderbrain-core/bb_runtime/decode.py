"""Masked decoding with a closing guarantee.

At every moment the tokens of a shortest completion fit into what is left of the budget: a token
after which they would not is not taken, and the completion is written instead. So any budget from
the minimum up gives a whole plan, and a smaller one is refused before anything is computed. A plan
ended that way is marked `closed`: it is well-formed and typed, but nobody meant its last part.
Not covered: whether the plan is right, or allowed; that is the checker's.
"""

import codecs
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bb_runtime.masks import candidates
from bb_runtime.steer import Row, Steering

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded plan and how it came about.

    `forced` of its tokens were the only possible ones; `closed` says that the budget ended it.
    `mean_logprob` is over the sampled tokens alone, under the mask; `barred` of those were not what
    the model alone would have said.
    """

    text: str
    tokens: tuple[int, ...]
    forced: int
    closed: bool
    mask_us: tuple[float, ...]
    mean_logprob: float
    barred: int = 0

    @property
    def cfs(self) -> float | None:
        """The share of the sampled tokens at which the grammar had to refuse the model's choice."""
        sampled = len(self.mask_us)
        return self.barred / sampled if sampled else None


def quiet(text: str) -> None:
    """Show nothing."""


@dataclass
class _Choice:
    """How a token is chosen from one row of logits: greedily, or by a seeded draw."""

    temperature: float
    seed: int
    mask_us: list[float] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    barred: int = 0

    def __post_init__(self) -> None:
        self._draw = np.random.Generator(np.random.PCG64(self.seed))

    def __call__(self, logits: torch.Tensor, row: Row) -> int:
        began = time.perf_counter_ns()
        mask = row.mask()
        self.mask_us.append((time.perf_counter_ns() - began) / 1000)
        tokens, logprobs = candidates(logits, mask)
        self.barred += int(logits.argmax()) not in tokens
        if self.temperature <= 0:
            chosen = int(logprobs.argmax())
        else:
            heat = logprobs / self.temperature
            weights = np.exp(heat - heat.max()).cumsum()
            drawn = self._draw.random() * weights[-1]
            chosen = min(int(weights.searchsorted(drawn, side="right")), len(tokens) - 1)
        self.logprobs.append(float(logprobs[chosen]))
        return int(tokens[chosen])


class _Stream:
    """Hands on the text of a row as it grows, never half a character."""

    def __init__(self, on_text: OnText) -> None:
        self.on_text, self.shown = on_text, 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def show(self, text: bytes) -> None:
        """Hand on what is new; the bytes of an unfinished character wait."""
        new = self.decoder.decode(text[self.shown :])
        self.shown = len(text)
        if new:
            self.on_text(new)


@torch.inference_mode()
def decode(
    model: Any,
    prompt: Sequence[int],
    steering: Steering,
    budget: int,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    on_text: OnText = quiet,
) -> Decoded:
    """A whole plan within `budget` tokens; raises BudgetError below the steering's minimum.

    `model` is any causal language model of transformers, or a Forward kept from an earlier prompt;
    greedy at temperature 0.
    """
    steering.require(budget)
    row, choose, stream = steering.row(), _Choice(temperature, seed), _Stream(on_text)
    forward = model if isinstance(model, Forward) else Forward(model)
    pending = forward.prime(prompt)
    forced, closed = 0, False
    while not row.is_done:
        left = budget - len(row.tokens)
        tokens = row.forced()
        forced += len(tokens)
        if not tokens:
            tokens = [choose(forward(pending), row)]
            pending = []
        if not row.fits(tokens, left):
            forced -= len(tokens) if len(tokens) > 1 else 0
            row.close()
            closed = True
        else:
            for token in tokens:
                row.consume(token)
            pending += tokens
        stream.show(row.text)
    chosen = choose.logprobs
    return Decoded(
        text=row.text.decode(),
        tokens=tuple(row.tokens),
        forced=forced,
        closed=closed,
        mask_us=tuple(choose.mask_us),
        mean_logprob=sum(chosen) / len(chosen) if chosen else 0.0,
        barred=choose.barred,
    )


class Forward:
    """A model with its key-value cache: feed new tokens, get the logits after the last.

    The cache outlives a decode: `prime` keeps what a new prompt has in common with the last one.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._cache: Any = None
        self._seen: list[int] = []

    def prime(self, prompt: Sequence[int]) -> list[int]:
        """Forget what does not belong to this prompt; gives the tokens still to be fed."""
        known = 0
        for old, new in zip(self._seen, prompt[:-1], strict=False):
            if old != new:
                break
            known += 1
        if not self._keep(known):
            known, self._cache = 0, None
        self._seen = list(prompt[:known])
        return list(prompt[known:])

    def _keep(self, known: int) -> bool:
        """Cut the cache back to its first tokens, where it is of a kind that can be cut."""
        layers = getattr(self._cache, "layers", ())
        if not layers or any(type(layer).__name__ != "DynamicLayer" for layer in layers):
            return False
        surplus = self._cache.get_seq_length() - known
        if surplus > 0:
            self._cache.crop(-surplus)
        return True

    def __call__(self, tokens: Sequence[int]) -> torch.Tensor:
        return self.last(tokens, 1)[0]

    def last(self, tokens: Sequence[int], count: int) -> torch.Tensor:
        """Feed tokens; the logits [count, vocabulary] after each of the last `count` of them."""
        ids = torch.tensor([tokens], device=self.model.device)
        out = self.model(
            input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=count
        )
        self._cache = out.past_key_values
        self._seen += tokens
        logits: torch.Tensor = out.logits[0]
        return logits


def steered_generate(
    model: Any,
    input_ids: torch.Tensor,
    logits_processor: Any = None,
    stopping_criteria: Any = None,
    generation_config: Any = None,
    *,
    steering: Steering,
    seed: int = 0,
    **unused: Any,
) -> torch.Tensor:
    """`model.generate(ids, custom_generate=steered_generate, steering=..., max_new_tokens=...)`.

    One row only. `do_sample` and `temperature` are read from the generation config; other
    processors are not applied, so none of them can contradict the mask.
    """
    if input_ids.shape[0] != 1:
        raise ValueError(f"steered_generate writes one row, found {input_ids.shape[0]}")
    prompt: list[int] = input_ids[0].tolist()
    budget = generation_config.max_length - len(prompt)
    hot = generation_config.temperature if generation_config.do_sample else 0.0
    done = decode(model, prompt, steering, budget, temperature=hot, seed=seed)
    return torch.tensor([[*prompt, *done.tokens]], device=input_ids.device)
