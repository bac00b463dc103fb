"""A builder's batch as raw losses by name: the task, and everything a constraint may hold down.

    name         what it is, in nats where it is a code length or an entropy
    task         mean cross-entropy, summed over the heads
    cfs          energy of the skill decisions: probability on skills that may not come next
    g2g          skills and balanced edges against the gold graph
    build        InfoNCE of every step's register from its parents
    calibration  Brier + MMCE of the decisions' confidences
    information  H(gold skill | chosen skill)
    reuse        code length of the skills used, given the usage so far

Raw: what decides feasibility. Prices come from `bb_core.duals`, scale from `bb_train.scale`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bb_nn.builder.loss import Losses
from bb_train.losses.build import Composer, build_loss
from bb_train.losses.calibration import calibration_loss
from bb_train.losses.cfs_energy import cfs_loss
from bb_train.losses.g2g import g2g_loss
from bb_train.losses.reuse import Usage, reuse_loss
from bb_train.losses.skill_information import skill_information


@dataclass(frozen=True, slots=True)
class Library:
    """What the code length of the skills depends on: usage so far, gates, sizes, data."""

    usage: Usage
    gates: Tensor
    sizes: Sequence[int]
    examples: int


def raw_losses(
    found: Losses, composer: Composer | None = None, library: Library | None = None
) -> dict[str, Tensor]:
    """All losses of a batch, scalars; `build` needs a composer, `reuse` a library."""
    skills = found.skill_logits.shape[-1]
    chosen = chosen_skills(found)
    gold = found.gold_skills[found.keep]
    rows = {
        "task": found.task,
        "cfs": cfs_loss(found.skill_logits, found.skill_allowed, found.keep),
        "g2g": g2g_loss(
            found.skill_logits, found.gold_skills, found.edge_logits, found.gold_edges, found.keep
        ).total,
        "calibration": calibration_loss(found.confidence, found.hit),
        "information": skill_information(chosen, gold, skills),
    }
    if composer is not None:
        real = found.keep.unsqueeze(-1) & found.keep.unsqueeze(-2)
        weights = torch.sigmoid(found.edge_logits).masked_fill(~real, 0.0)
        composed = composer(found.nodes, found.registers, weights)
        rows["build"] = build_loss(composed, found.registers, found.keep)
    if library is not None:
        rows["reuse"] = reuse_loss(
            chosen, library.usage, library.gates, library.sizes, library.examples
        )
    return rows


def chosen_skills(found: Losses) -> Tensor:
    """p(skill) of every real step under its mask, [T, K]; for usage, information and reuse."""
    masked = found.skill_logits.masked_fill(~found.skill_allowed, float("-inf"))
    return masked[found.keep].softmax(-1)
