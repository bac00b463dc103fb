"""A policy-breaking run, and the reference run it is made from."""

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twin import Data

Step = dict[str, Any]
Rounds = list[list[Step]]


@dataclass
class Mutant:
    """One policy-breaking run and the rule that must stop it."""

    name: str
    rule: str
    rounds: Rounds
    world: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    yes: bool = True


@dataclass
class Source:
    """A reference run with one write, and what a mutation may look at."""

    steps: list[Step]
    data: Data
    rng: random.Random

    def __post_init__(self) -> None:
        self.steps = copy.deepcopy(self.steps)
        self.write = self.steps[-1]
        self.args: dict[str, Any] = self.write["args"]
        self.tool: str = self.write["tool"]

    @property
    def order(self) -> dict[str, Any]:
        """The order the plan writes to."""
        return self.data["orders"][self.args["order_id"]]

    @property
    def owner(self) -> str:
        """The id of the customer it is written for."""
        found: str = self.args.get("user_id") or self.order["user_id"]
        return found

    @property
    def user(self) -> dict[str, Any]:
        """The customer it is written for."""
        return self.data["users"][self.owner]

    def stranger(self) -> str:
        """Anybody else's id."""
        return self.rng.choice(sorted(self.data["users"].keys() - {self.owner}))

    def other_order(self) -> dict[str, Any] | None:
        """Another customer's order in the same status."""
        found = [o for o in self.data["orders"].values() if self._alike(o)]
        return self.rng.choice(found) if found else None

    def _alike(self, order: Mapping[str, Any]) -> bool:
        mine = self.order
        return bool(order["user_id"] != mine["user_id"] and order["status"] == mine["status"])

    def without(self, tools: tuple[str, ...]) -> list[Step]:
        """The steps less some, with the chain closed over the gaps."""
        kept, last = [], ""
        for step in self.steps:
            if step["tool"] in tools:
                continue
            kept.append({**step, "after": [last]} if last else first(step))
            last = step["id"]
        return kept

    def then(self, *more: tuple[str, dict[str, Any]]) -> list[Step]:
        """The steps, and others after them."""
        steps = list(self.steps)
        for tool, args in more:
            step = {"id": f"n{len(steps) + 1}", "tool": tool, "args": args}
            steps.append({**step, "after": [steps[-1]["id"]]})
        return steps


def first(step: Step) -> Step:
    """The step as the first of a plan, waiting for nothing."""
    return {key: value for key, value in step.items() if key != "after"}
