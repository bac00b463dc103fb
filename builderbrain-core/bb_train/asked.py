"""What a planner is asked in an example's round: the request, and what the rounds before it saw.

As when it was learnt: the scene made of the ask is the example's own. The state is what those
rounds left; not covered: the consents given in them, which a scene does not hold.
"""

import json
from typing import Any

from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError
from bb_runtime.rounds import Ask, Observation
from bb_train.data.rounds import state_after
from bb_train.errors import DataError
from bb_train.example import Example


def asked(compiled: Compiled, example: Example) -> Ask:
    """The ask; raises DataError where the scene's lines tell of no calls of the domain's."""
    scene = example.scene
    try:
        seen = tuple(_seen(line, number) for number, (_, line) in enumerate(scene.lines, 1))
        done = [one for one in seen if one.status == "done"]
        state = state_after(compiled, scene.request, done)
    except (KeyError, TypeError, ValueError, RecursionError, BuilderbrainError) as error:
        found = f"what was seen before it cannot be read ({type(error).__name__}: {error})"
        fix = "write its scene with bb_core.scene"
        raise DataError(found, where=example.id, fix=fix) from error
    return Ask(scene.request, seen, facts=scene.facts, state=state)


def _seen(line: str, number: int) -> Observation:
    told: Any = json.loads(line)
    tool, status = str(told["tool"]), str(told["status"])
    return Observation(f"n{number}", tool, told["args"], status, told["result"])
