"""The eval battery: tasks, the plans that solve them, and the state change that proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.canonical import Json


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a battery.

    `rounds` are reference plans in JSON form, one per round. `world` changes the twin's seed state.
    `diff` is the exact state change the reference causes: JSON Pointer -> value after (None: gone).
    `expect` is `done`, or `refuse` for a task no plan may carry out (then `rule` says why).
    `also` are other wordings of the prompt: the same plan, the same diff.
    """

    id: str
    prompt: str
    rounds: tuple[Json, ...]
    diff: Mapping[str, Json] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)
    expect: str = "done"
    rule: str = ""
    tags: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
