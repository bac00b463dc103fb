"""Do all wordings of a task say what its plan copies from the first?"""

from bb_core.battery import Task
from bb_core.compiled import Compiled
from bb_train.data.blanks import blanks_of
from bb_train.data.spelling import spans


def unsaid(compiled: Compiled, task: Task) -> str:
    """The first wording that leaves out a value the prompt names; empty if none does."""
    steps = [step for plan in map(compiled.read, task.rounds) for step in plan.steps]
    named = [
        blank
        for blank in blanks_of(compiled.schema, steps)
        if any(spans(blank.schema, blank.value, task.prompt))
    ]
    for text in task.also:
        for blank in named:
            if not any(spans(blank.schema, blank.value, text)):
                return f"the wording {text!r} does not say {blank.value!r}"
    return ""
