"""What a domain's plans hold although nobody says it: a screen's heading, the name of a button.

It is learnt from the right plans of the battery, where at least two tasks have a value in the same
place or, of a named type, in any, whatever split their wordings are of. A text that some task says,
though not as its type is read, is none: there are others where it comes from. Not covered: later
rounds of a task; values that only the examples of a `train_file` have.
"""

from collections.abc import Iterator, Mapping

from bb_core.actions import learn_constants
from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.scene import scene
from bb_core.space import Place, Space

Constants = Mapping[Place, tuple[Json, ...]]


def space_of(compiled: Compiled) -> Space:
    """The domain's space, with the constants of its battery."""
    bare = Space.of(compiled)
    right = [task for task in compiled.battery if task.rounds and task.expect == "done"]
    traces = [(scene(task.prompt), compiled.read(task.rounds[0])) for task in right]
    said = "\n".join(task.prompt for task in right)
    return Space.of(compiled, constants=dict(_unsaid(learn_constants(bare, traces), said)))


def _unsaid(learnt: Constants, said: str) -> Iterator[tuple[Place, tuple[Json, ...]]]:
    for place, values in learnt.items():
        kept = tuple(v for v in values if not (isinstance(v, str) and v in said))
        if kept:
            yield place, kept
