"""What a domain's plans hold although nobody says it: a screen's heading, the name of a button.

It is learnt from the right plans of the battery, where at least two tasks have a value in the same
place, whatever split their wordings are of. Not covered: later rounds of a task; values that only
the examples of a `train_file` have.
"""

from bb_core.actions import learn_constants
from bb_core.compiled import Compiled
from bb_core.scene import scene
from bb_core.space import Space


def space_of(compiled: Compiled) -> Space:
    """The domain's space, with the constants of its battery."""
    right = [task for task in compiled.battery if task.rounds and task.expect == "done"]
    traces = [(scene(task.prompt), compiled.read(task.rounds[0])) for task in right]
    return Space.of(compiled, constants=learn_constants(Space.of(compiled), traces))
