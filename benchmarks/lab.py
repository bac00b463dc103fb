"""A trained builder to try things on: its examples, their frozen states, what is built of them."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from statistics import fmean

import torch
from likeliest import Likeliest
from report import say
from workload import STRANGERS, Ground

from bb_core.decision import Decision
from bb_core.scene import Scene
from bb_core.space import Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.tapped import Tapped
from bb_train.agreement import free_text
from bb_train.config import Optimiser
from bb_train.evaluate import Evaluator
from bb_train.exact import exact
from bb_train.example import Example, Split
from bb_train.learner import BuilderLearner, Lesson, lessons
from bb_train.skills.fit_composite import fit_skills
from bb_train.trainer import Trainer

ROWS = 32
"""Of a lab's builder: so many adapters."""
SHORT = 330
"""Characters; longer requests take longer to read, and say nothing more of skills."""
LEFT_OUT = f"Requests are in distribution, of at most {SHORT} characters; longer are not drawn."


@dataclass
class Lab:
    """A ground, the builder trained on it, and the frozen states of every text."""

    here: Ground
    builder: PlanBuilder
    states: dict[str, Tapped]

    def tap(self, examples: Sequence[Example]) -> None:
        """Read the texts that are new."""
        new = [e for e in examples if e.scene.text not in self.states]
        self.states |= {e.scene.text: t for e, t in zip(new, self.here.states(new), strict=True)}

    def lessons(self, builder: PlanBuilder, examples: Sequence[Example]) -> list[Lesson]:
        """What a builder can learn from the examples."""
        return list(lessons(builder, examples, self.states.__getitem__).lessons)

    def learner(self, taught: Sequence[Lesson]) -> BuilderLearner:
        """The lab's builder on lessons of texts that it has read."""
        return BuilderLearner(self.builder, taught, self.states.__getitem__)

    def decided(self, builder: PlanBuilder, example: Example) -> tuple[Decision, ...]:
        """The likeliest plan's decisions; none if there is no plan."""
        built = builder.build(self.states[example.scene.text], example.scene, 1)
        return built[0].decisions if built else ()

    def right(self, builder: PlanBuilder, examples: Sequence[Example]) -> list[bool]:
        """Whether each example's plan is built exactly, free texts aside."""
        masked = free_text(self.here.domain)
        return [exact(builder.space, one, self.decided(builder, one), masked) for one in examples]

    def carried(self, builder: PlanBuilder, examples: Sequence[Example]) -> list[bool]:
        """Whether each example's plan, carried out, ends in exactly the state asked for."""

        def decide(told: Tapped, seen: Scene) -> Sequence[Decision]:
            built = builder.build(told, seen, 1)
            return built[0].decisions if built else ()

        planner = Likeliest(self.here, decide)
        return [one.right for one in Evaluator(self.here.domain).score(examples, planner)]


def fresh(here: Ground, space: Space, seed: int) -> PlanBuilder:
    """A builder with random weights, adapters for each skill, and strangers."""
    torch.manual_seed(seed)
    width = here.base.model.config.hidden_size
    shape = BuilderConfig(here.layers, width, skills=ROWS, strangers=STRANGERS)
    return PlanBuilder(shape, space, here.described)


def drawn(
    here: Ground, count: int, split: Split, seed: int, hidden: Sequence[str], used: str = "",
    *, execute: bool = False,
) -> list[Example]:  # fmt: skip
    """Short generated examples without the hidden tools; with the used one, if one is named.

    execute: their plans were carried out, so that a builder's can be, too.
    """

    def fits(example: Example) -> bool:
        own = uses(example)
        return (
            len(example.scene.text) <= SHORT
            and own.isdisjoint(hidden)
            and (not used or used in own)
        )

    without = tuple(hidden)
    return here.drawn(count, split, "indist", seed, fits, without_tools=without, execute=execute)


def uses(example: Example) -> set[str]:
    """The tools of an example's plan."""
    return {step.tool for step in example.plan.steps}


def train(lab: Lab, examples: Sequence[Example], steps: int, seed: int) -> None:
    """Train the lab's builder, trunk and adapters."""
    taught = lab.lessons(lab.builder, examples)
    advance(lab.learner(taught), Optimiser(steps, warmup=30), seed)


def advance(learner: BuilderLearner, recipe: Optimiser, seed: int) -> None:
    """Take all the recipe's steps; gradients that conflict are summed."""
    trainer = Trainer(learner, recipe, seed, method="sum")
    for _ in range(recipe.steps):
        taken = trainer.advance()
        if taken.step % 100 == 0:
            say(f"step {taken.step}/{recipe.steps}: task {taken.losses['task']:.3f}")


def fit(
    lab: Lab, builder: PlanBuilder, places: Sequence[int], examples: Sequence[Example], steps: int
) -> None:
    """Learn these skills alone, from the examples."""
    learner = BuilderLearner(builder, lab.lessons(builder, examples), lab.states.__getitem__)
    source = Random(0)
    builder.train()
    fit_skills(
        builder,
        places,
        lambda _, step: learner.loss(source.sample(range(learner.count), 8))[0]["task"],
        steps,
    )


def changed(builder: PlanBuilder, rows: dict[int, int | None]) -> PlanBuilder:
    """A copy whose adapter rows hold other rows' bytes, or zero (None)."""
    copy = PlanBuilder(builder.config, builder.space, builder.described)
    copy.load_state_dict(builder.state_dict())
    copy.network.words = builder.network.words
    for block in copy.network.decoder.blocks:
        before = deepcopy(block.bank)
        for row, source in rows.items():
            made = before.tensors(row if source is None else source)
            block.bank.put(row, {k: t * (source is not None) for k, t in made.items()})
    return copy


def points(after: Sequence[bool], before: Sequence[bool]) -> float:
    """The drop in points."""
    return round(100 * (fmean(before) - fmean(after)), 1) if before else 0.0
