"""How a shop's requests drift: other words, then another policy, then other words again."""

import re
from dataclasses import replace

from served import Site

from bb_core.plan import to_json
from bb_core.scene import Scene
from bb_runtime.trial import attempt
from bb_train.example import Example

WORDINGS = (
    {"cancel": "bin", "Cancel": "Bin", "order": "basket", "Order": "Basket", "return": "hand back"},
    {"refund": "reimburse", "Refund": "Reimburse", "send": "dispatch", "swap": "trade",
     "address": "whereabouts", "exchange": "trade", "parcel": "crate"},
)  # fmt: skip
PHASES = ("as trained", "new wordings", "new policy", "more wordings")


def reworded(example: Example, words: dict[str, str]) -> Example:
    """The example with its request in other words: same plan, same task, clauses moved along."""
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    text, moved, at = "", {}, 0
    whole = example.scene.text
    for found in [*pattern.finditer(whole), None]:
        end = found.start() if found else len(whole)
        moved |= {place: len(text) + place - at for place in range(at, end + 1)}
        text += whole[at:end] + (words[found[0]] if found else "")
        at = found.end() if found else end
    starts = tuple(moved.get(place, len(text)) for place in example.clauses)
    seen = Scene(text, len(text), example.scene.facts)
    task = example.task and replace(example.task, prompt=text)
    return replace(example, scene=seen, clauses=tuple(sorted(set(starts))), task=task)


def repoliced(at: Site, example: Example) -> Example:
    """The example under the new policy, its diff found by carrying the new plan out."""
    steps, changed = [], False
    for step in example.plan.steps:
        args = dict(step.args)
        if step.tool == "cancel_order":
            args["reason"] = "no_longer_needed"
        if step.tool == "create_refund":
            args["method"] = "gift_card"
        changed |= args != dict(step.args)
        steps.append(replace(step, args=args))
    if not changed or example.task is None:
        return example
    plan = replace(example.plan, steps=tuple(steps))
    task = replace(example.task, rounds=(to_json(plan),))
    trial = attempt(at.here.domain, at.adapters, task, [plan])
    if trial.caught in ("static", "guards", "tools"):
        return example  # the order does not allow it: as before
    return replace(example, plan=plan, task=replace(task, diff=trial.diff))


def drifted(at: Site, example: Example, phase: int) -> Example:
    """An example as it is in a phase: what came before goes on."""
    if phase >= 1:
        example = reworded(example, WORDINGS[0])
    if phase >= 2:
        example = repoliced(at, example)
    if phase >= 3:
        example = reworded(example, WORDINGS[1])
    return example
