"""The dev tasks that decide alpha, and whether they can: asked before hours of training, not after.

Too few tasks that compose, and no result whatever lifts alpha: refused. Too few in all, and a
builder that does no harm is lifted only where the base alone does some: told.
"""

from collections.abc import Callable, Sequence

from bb_train.alpha_lift import COMPOSITION, Gate, fewest_harmless, fewest_to_win
from bb_train.config import Measure, TrainConfig
from bb_train.errors import ConfigError
from bb_train.example import Example
from bb_train.spread import spread


def lift_tasks(dev: Sequence[Example], measure: Measure) -> list[Example]:
    """The tasks that decide alpha; none where it is not judged."""
    return spread(dev, measure.lift)


def gate_of(measure: Measure) -> Gate:
    """When alpha is lifted, by the configuration."""
    return Gate(margin=measure.margin)


def require_judgeable(
    dev: Sequence[Example], config: TrainConfig, tell: Callable[[str], None]
) -> None:
    """Raise ConfigError where no result on these tasks could lift alpha; tell what else limits it.

    Alpha that is not to be judged (`lift = 0`, no dev task) is told too.
    """
    measure = config.measure
    some, gate = lift_tasks(dev, measure), gate_of(measure)
    if not some:
        tell(f"alpha is not judged: it stays {measure.alpha:g}")
        return
    composed = sum(one.family in COMPOSITION for one in some)
    families, needed = ", ".join(sorted(COMPOSITION)), fewest_to_win(gate)
    if composed < needed:
        raise ConfigError(
            f"of the {len(some)} dev tasks that decide alpha {composed} are of the families "
            f"{families}, and no result on fewer than {needed} of them can lift it",
            where=config.source,
            fix="have more of them among the dev tasks ([data] families, dev or dev_file; "
            "[measure] lift), or set [measure] lift = 0 to leave alpha as it is",
        )
    if len(some) < (enough := fewest_harmless(gate)):
        tell(
            f"{len(some)} dev tasks decide alpha: they allow more only where the base alone acts "
            f"wrongly now and then; {enough} would do so where neither does ([measure] lift)"
        )
