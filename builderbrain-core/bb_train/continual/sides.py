"""What a version shows on examples, for the audits before the gate: proxies, success, idle plans.

cfs          energy of the skill choices, nats
calibration  Brier and MMCE of the decisions' confidences
reuse        code length of a step's skill in its own plan, given how often each is used
success      its first plan is the example's, free texts aside
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log

import torch

from bb_core.actions import assemble
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_nn.builder.builder import PlanBuilder
from bb_train.agreement import NONE, agreement, free_text
from bb_train.audits.gaming import Side
from bb_train.counterfactual import Trials
from bb_train.exact import exact
from bb_train.example import Example
from bb_train.learner import States, lessons
from bb_train.objective import raw_losses


def side(
    builder: PlanBuilder,
    examples: Sequence[Example],
    states: States,
    trials: Trials | None = None,
) -> tuple[Side, float]:
    """What a builder shows on the examples, and its mean GED to their plans.

    With `trials`, a right plan is also tried without each of its steps, for whether it did nothing.
    """
    plans = [_plan(builder, one, states) for one in examples]
    masked = free_text(builder.space.compiled)
    found = [
        agreement(plan, one.plan, masked) if plan else NONE
        for plan, one in zip(plans, examples, strict=True)
    ]
    success = [row.exact for row in found]
    idle = [
        bool(trials and plan and one.task and trials.worth(one.task, plan).decorative)
        for plan, one in zip(plans, examples, strict=True)
    ]
    ged = sum(row.ged for row in found) / max(1, len(found))
    proxies = {**_losses(builder, examples, states), "reuse": reuse(plans)}
    return Side(proxies, success, idle), ged


def missed(builder: PlanBuilder, examples: Sequence[Example], states: States) -> float:
    """The share of examples whose plan is not the builder's first, free texts aside."""
    masked = free_text(builder.space.compiled)
    built = [builder.build(states(one.scene.text), one.scene, 1) for one in examples]
    wrong = [
        not plans or not exact(builder.space, one, plans[0].decisions, masked)
        for one, plans in zip(examples, built, strict=True)
    ]
    return sum(wrong) / max(1, len(wrong))


def sayable(builder: PlanBuilder, examples: Sequence[Example], states: States) -> list[Example]:
    """The examples whose plan the builder's space can say."""
    return [one for one in examples if lessons(builder, [one], states).lessons]


def _plan(builder: PlanBuilder, example: Example, states: States) -> Plan | None:
    built = builder.build(states(example.scene.text), example.scene, 1)
    try:
        return assemble(builder.space, example.scene, built[0].decisions) if built else None
    except PlanError:
        return None


@torch.no_grad()
def _losses(
    builder: PlanBuilder, examples: Sequence[Example], states: States
) -> Mapping[str, list[float]]:
    rows: dict[str, list[float]] = {"cfs": [], "calibration": []}
    for lesson in lessons(builder, examples, states).lessons:
        raw = raw_losses(builder.loss(builder.batch([states(lesson.text)], [lesson.encoded])))
        for name, values in rows.items():
            values.append(float(raw[name]))
    return rows


def reuse(plans: Sequence[Plan | None]) -> list[float]:
    """-log p(tool), the mean over a plan's steps; p from all the plans, one added to each count.

    A mean, for a longer plan is no worse for being longer; a plan without steps, or none, has the
    mean of all steps, for nothing is said of it.
    """
    tools = [[step.tool for step in plan.steps] if plan else [] for plan in plans]
    counts = Counter(tool for row in tools for tool in row)
    total = sum(counts.values()) + len(counts)
    length = {tool: -log((count + 1) / total) for tool, count in counts.items()}
    steps = [length[tool] for row in tools for tool in row]
    usual = sum(steps) / max(1, len(steps))
    return [sum(map(length.__getitem__, row)) / len(row) if row else usual for row in tools]
