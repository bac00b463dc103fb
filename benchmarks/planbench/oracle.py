"""The second opinion: unified-planning's own validator, on PDDL text and nothing of ours."""

import re
import warnings
from collections.abc import Sequence

import unified_planning.shortcuts as up
from unified_planning.engines import ValidationResultStatus
from unified_planning.engines.plan_validator import SequentialPlanValidator
from unified_planning.io import PDDLReader
from unified_planning.plans import ActionInstance, SequentialPlan

from planbench.strips import Atom, slug

up.get_environment().credits_stream = None


def valid(domain: str, problem: str, actions: Sequence[Atom]) -> bool:
    """Whether the validator finds the plan valid for the problem."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A PDDL writer left sections without content, which this reader refuses.
        bare = re.sub(r"\(:(types|constants|functions)\s*\)", "", domain.lower())
        task = PDDLReader().parse_problem_string(bare, problem.lower())
        named = {slug(action.name): action for action in task.actions}
        steps = [
            ActionInstance(named[slug(name)], tuple(map(task.object, about)))
            for name, *about in actions
        ]
        result = SequentialPlanValidator().validate(task, SequentialPlan(steps))
    return bool(result.status is ValidationResultStatus.VALID)
