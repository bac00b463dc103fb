"""A plan builder as the training loop sees it: examples in, raw losses out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from torch import Tensor, nn

from bb_core.actions import assemble, decide
from bb_core.errors import PlanError
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.encoded import Encoded
from bb_nn.builder.loss import Losses
from bb_nn.tapped import Tapped
from bb_train.data.recut import recut
from bb_train.example import Example
from bb_train.losses.build import Composer
from bb_train.objective import raw_losses

States = Callable[[str], Tapped]
"""The frozen states of a text."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """An example as what the builder is asked, and what it should answer."""

    text: str
    encoded: Encoded


class BuilderLearner:
    """A builder and its lessons. With `composes`, a composer for the build loss learns along."""

    def __init__(
        self,
        builder: PlanBuilder,
        lessons: Sequence[Lesson],
        states: States,
        *,
        composes: bool = False,
    ) -> None:
        self.builder, self.lessons, self.states = builder, lessons, states
        self.composer = Composer(builder.config.width) if composes else None
        parts: dict[str, nn.Module] = {"builder": builder}
        if self.composer is not None:
            parts["composer"] = self.composer
        self.module = nn.ModuleDict(parts)

    @property
    def count(self) -> int:
        """How many lessons there are."""
        return len(self.lessons)

    def loss(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], dict[str, float], Tensor]:
        """Raw losses, each head's mean, and the memory of the scenes, where the losses meet."""
        chosen = [self.lessons[row] for row in rows]
        tapped = [self.states(one.text) for one in chosen]
        found = self.builder.loss(self.builder.batch(tapped, [one.encoded for one in chosen]))
        heads = {name: float(loss.detach()) for name, loss in found.heads.items()}
        heads["cfs_rate"] = barred(found)
        return raw_losses(found, self.composer), heads, found.memory


def barred(found: Losses) -> float:
    """The share of skill choices that the mask had to refuse: argmax_k logit_k not in A.

    0 where nothing is chosen, as of plans without a step.
    """
    if not found.keep.any():
        return 0.0
    chosen = found.skill_logits.argmax(-1, keepdim=True)
    refused = ~found.skill_allowed.gather(-1, chosen).squeeze(-1)
    return float(refused[found.keep].float().mean())


@dataclass(frozen=True, slots=True)
class Lessons:
    """What can be learnt from some examples, and why the rest cannot: (id, reason)."""

    lessons: tuple[Lesson, ...]
    left_out: tuple[tuple[str, str], ...]


def lessons(
    builder: PlanBuilder,
    examples: Sequence[Example],
    states: States,
    tell: Callable[[int], None] = lambda done: None,
    *,
    recuts: float = 0.0,
) -> Lessons:
    """The lessons of those examples whose plan the builder's space can say, in order.

    So large a share of them is given a second time, with its clauses cut wrongly; see `recut`.
    """
    found, left_out = list[Lesson](), list[tuple[str, str]]()
    for number, one in enumerate(examples, 1):
        try:
            tapped = states(one.scene.text)
            encoded = builder.encode(tapped, one.scene, one.plan, one.clauses)
            found.append(Lesson(one.scene.text, encoded))
            found += _recut(builder, one, tapped, recuts)
        except PlanError as error:
            left_out.append((one.id, str(error)))
        tell(number)
    return Lessons(tuple(found), tuple(left_out))


def _recut(builder: PlanBuilder, one: Example, tapped: Tapped, share: float) -> list[Lesson]:
    """The example with other cuts, if its lot says so and its plan can still be said."""
    rng = Random(f"recut/{one.id}")
    if rng.random() >= share or not builder.config.segmented:
        return []
    starts = recut(one.scene.request, one.clauses, rng)
    if starts == (0, *sorted(one.clauses)[1:]):
        return []
    try:
        encoded = builder.encode(tapped, one.scene, one.plan, starts, cuts=False)
    except PlanError:
        return []
    return [Lesson(one.scene.text, encoded)]


def says(builder: PlanBuilder, example: Example) -> bool:
    """Whether an example's plan comes back from its decisions: assemble(decide(plan)) == plan."""
    try:
        decisions = decide(builder.space, example.scene, example.plan, example.clauses)
        return assemble(builder.space, example.scene, decisions) == example.plan
    except PlanError:
        return False
