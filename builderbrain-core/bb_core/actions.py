"""A builder's actions, in one place to import from: the decisions, and a plan to them and back."""

from bb_core.assemble import assemble
from bb_core.blanked import blanked, pieces
from bb_core.constants import learn_constants
from bb_core.decide import decide
from bb_core.decision import (
    Choose,
    Condition,
    Copy,
    Decision,
    Fill,
    Filled,
    Refer,
    Skip,
    Write,
)
from bb_core.errors import Inexpressible
from bb_core.implied import implied_after
from bb_core.offer import Candidates, candidates, offered
from bb_core.skill import Link, Skill, Tie
from bb_core.space import Space

__all__ = [
    "Candidates",
    "Choose",
    "Condition",
    "Copy",
    "Decision",
    "Fill",
    "Filled",
    "Inexpressible",
    "Link",
    "Refer",
    "Skill",
    "Skip",
    "Space",
    "Tie",
    "Write",
    "assemble",
    "blanked",
    "candidates",
    "decide",
    "implied_after",
    "learn_constants",
    "offered",
    "pieces",
]
