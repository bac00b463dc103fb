"""When a skill may be born: failures that belong together and that no skill there is would fix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

MINIMUM = 20
FIXED = 0.5


@dataclass(frozen=True, slots=True)
class Need:
    """A cluster of failures, by their places in the list given, that asks for a skill.

    fixed: the largest share of them that one existing skill would have fixed, and its row.
    """

    failures: tuple[int, ...]
    fixed: float
    by: int | None


def needs(
    states: Tensor,
    fixes: Callable[[int, int], bool],
    skills: int,
    minimum: int = MINIMUM,
    near: float = 0.8,
) -> list[Need]:
    """The clusters of failures [N, width] that no skill of the library fixes, largest first.

    `fixes(failure, row)`: would the failure have been right with the skill of that row in place of
    the one chosen? A cluster asks for a skill if it has at least `minimum` failures, and no row
    fixes half of them; else that skill was only not chosen, which the router can learn.
    """
    found = []
    for cluster in clusters(states, near):
        if len(cluster) < minimum:
            continue
        shares = [sum(fixes(i, row) for i in cluster) / len(cluster) for row in range(skills)]
        best = max(shares, default=0.0)
        if best < FIXED:
            by = shares.index(best) if best else None
            found.append(Need(tuple(cluster), best, by))
    return found


def clusters(states: Tensor, near: float = 0.8) -> list[list[int]]:
    """Connected components of the graph cos(s_i, s_j) >= near, largest first, then by place."""
    if not len(states):
        return []
    unit = normalize(states.float(), dim=-1)
    label = torch.arange(len(states))
    touches = unit @ unit.T >= near
    while True:
        least = torch.where(touches, label[None, :], len(states)).min(dim=1).values
        if torch.equal(least, label):
            break
        label = least
    groups: dict[int, list[int]] = {}
    for place, name in enumerate(label.tolist()):
        groups.setdefault(name, []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def contexts(plans: Sequence[Sequence[str]], name: str) -> list[tuple[str, str]]:
    """Where a skill is used in plans of skill names: what stands before it and what behind."""
    return [
        (plan[i - 1] if i else "", plan[i + 1] if i + 1 < len(plan) else "")
        for plan in plans
        for i, skill in enumerate(plan)
        if skill == name
    ]
