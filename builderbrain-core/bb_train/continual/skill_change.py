"""Changes of the skill library as candidates: born, merged, distilled. None serves but by the gate.

Each gives a builder beside the one that serves, which is as it was to the bit. `Cycle.offer` puts
it into the registry and `Cycle.decide` asks the gate. What may change is a skill's vector and its
adapter rows; the cap is one birth for each promotion and `most` composites in all.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bb_core.skill import Skill
from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.described import Described
from bb_nn.programs.pack import Pack, banks, of_bank
from bb_train.continual.adapters import with_adapters
from bb_train.errors import AdaptersOnly
from bb_train.skills.compose import with_skill
from bb_train.skills.distill import distilled
from bb_train.skills.fit_composite import Loss, fit_skills, widened
from bb_train.skills.merge import inputs_of, merged

MOST = 8


def born(
    serving: PlanBuilder, base: Base, skill: Skill, loss: Loss, steps: int, most: int = MOST
) -> PlanBuilder:
    """A builder with one more composite, whose vector and adapter alone were learnt."""
    there = sum(known.composite for known in serving.space.skills)
    if there >= most:
        found = f"the library has {there} composites, its cap"
        raise AdaptersOnly(found, where=skill.name, fix="merge or retire one first")
    space = with_skill(serving.space, skill)
    wider = with_adapters(widened(serving, space, base))
    place = len(space.skills) - 1
    wider.train()
    fit_skills(wider, [place], loss, steps)
    return settled(wider)


def merged_skills(
    serving: PlanBuilder, first: int, second: int, shares: tuple[float, float] = (0.5, 0.5)
) -> PlanBuilder:
    """A builder in which two skills share one change: the best rank-r mean of both."""
    made = with_adapters(serving)
    name, tools = _of(made.space, first)
    return _put(made, (first, second), merged(made, first, second, name, tools, shares))


def distilled_skills(
    serving: PlanBuilder, first: int, second: int, run: Callable[[PlanBuilder], object]
) -> PlanBuilder:
    """A builder in which two skills share the change that does best what both did where used.

    `run(builder)` plays what the skills are used for; what the banks read meanwhile decides.
    """
    made = with_adapters(serving)
    name, tools = _of(made.space, first)
    start = merged(made, first, second, name, tools)
    usage = [inputs_of(made, lambda: run(made), row) for row in (first, second)]
    return _put(made, (first, second), distilled(made, (first, second), usage, start))


def settled(builder: PlanBuilder) -> PlanBuilder:
    """The builder with its words' vectors as they were learnt kept among what is saved."""
    vectors: Tensor = builder.network.words.detach().clone()
    described = Described(builder.described.texts, vectors)
    with torch.random.fork_rng(devices=[]):
        made = PlanBuilder(builder.config, builder.space, described)
    made.load_state_dict(builder.state_dict())
    return made.eval().requires_grad_(False)


def require_births(candidate: PlanBuilder, serving: PlanBuilder) -> None:
    """Raise AdaptersOnly where more than one skill was born at once."""
    new = len(candidate.space.skills) - len(serving.space.skills)
    if new > 1:
        found = f"{new} skills were born at once"
        raise AdaptersOnly(found, where="candidate", fix="promote one at a time")


def _put(builder: PlanBuilder, rows: Sequence[int], pack: Pack) -> PlanBuilder:
    for path, bank in banks(builder).items():
        for row in rows:
            bank.put(row, of_bank(pack, path))
    return builder.eval().requires_grad_(False)


def _of(space: Space, row: int) -> tuple[str, tuple[str, ...]]:
    skill = space.skills[row]
    return skill.name, skill.tools
