"""A planner for a run: prompt, then decode under the domain's steering. Text in, text out."""

import json
from dataclasses import dataclass, field
from functools import cached_property

from bb_core.compiled import Compiled
from bb_core.known import Known
from bb_core.next_step import NextStep
from bb_nn.base import Base
from bb_nn.tapped import require_whole
from bb_runtime.decode import Decoded, Forward, OnText, decode, quiet
from bb_runtime.mask_gate import require_gated
from bb_runtime.prompt import EXAMPLES, messages, prompt_ids
from bb_runtime.rounds import Ask, Draft
from bb_runtime.steer import Steering
from bb_runtime.vocabulary import Vocabulary, vocabulary_of


@dataclass
class ModelPlanner:
    """Plans with one model. It keeps the key-value cache, so a prompt's known beginning is free.

    `budget` is the most tokens a plan may take; `decoded` is the last plan with its figures.
    """

    base: Base
    compiled: Compiled
    budget: int = 400
    temperature: float = 0.0
    seed: int = 0
    examples: int = EXAMPLES
    on_text: OnText = quiet
    name: str = "base"
    decoded: Decoded | None = field(default=None, init=False)

    @cached_property
    def steps(self) -> NextStep:
        """The domain's plan language; its grammar passes the gate first."""
        require_gated(self.compiled)
        steps = NextStep(self.compiled.surface, self.compiled.schema)
        steps.warm()
        return steps

    def steering(self, ask: Ask) -> Steering:
        """The plan language over this model's tokens, narrowed by what the request makes known.

        Like `prompt`, it raises RailError for an ask with half a character in it.
        """
        _require_whole(ask)
        seen = (json.dumps(o.result, ensure_ascii=False) for o in ask.observations)
        known = Known((ask.request, *seen), ask.facts)
        return Steering(self.steps.given(known), self.vocabulary)

    @cached_property
    def unnarrowed(self) -> Steering:
        """The whole plan language over this model's tokens, whatever is known."""
        return Steering(self.steps, self.vocabulary)

    def prompt(self, ask: Ask) -> list[int]:
        """What the model is told, as tokens; room for a plan is left.

        Raises PromptError where the request and what it needs beside it do not fit.
        """
        _require_whole(ask)
        config = self.base.model.config.get_text_config()
        longest = getattr(config, "max_position_embeddings", 1 << 20)
        chat = messages(self.compiled, ask, self.examples)
        return prompt_ids(self.base.tokenizer, chat, longest - self.budget)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The base's tokens as the masks see them, as wide as its logits."""
        return vocabulary_of(self.base)

    @cached_property
    def forward(self) -> Forward:
        """The model with its cache, kept from one prompt to the next."""
        return Forward(self.base.model)

    def __call__(self, ask: Ask) -> Draft:
        """A plan for what is asked; raises BudgetError when no plan fits the budget."""
        steering = self.steering(ask)
        steering.require(self.budget)
        self.decoded = decode(
            self.forward,
            self.prompt(ask),
            steering,
            self.budget,
            temperature=self.temperature,
            seed=self.seed,
            on_text=self.on_text,
        )
        return Draft(self.decoded.text, self.decoded.closed, self.name, cfs=self.decoded.cfs)


def _require_whole(ask: Ask) -> None:
    require_whole_scene(ask)
    require_whole("\n".join((ask.refused, *ask.reasons)), "refused plan")


def require_whole_scene(ask: Ask) -> None:
    """Raise RailError with the place of half a character in the request or in what was told."""
    require_whole(ask.request, "request")
    for seen in ask.observations:
        told = json.dumps([seen.args, seen.result, seen.why], ensure_ascii=False)
        require_whole(told, f"what {seen.tool} told")
