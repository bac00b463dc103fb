"""A builder as it is for one request: the same network, and the tools on offer there."""

import copy

from bb_core.space import Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.conditions import compared


def offered(builder: PlanBuilder, space: Space) -> PlanBuilder:
    """The builder in another space, all of whose words it has; trained as one with it."""
    view = copy.copy(builder)
    view.space, view.places = space, compared(space)
    return view
