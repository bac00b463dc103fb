"""Which skills are open: those that may follow, and whose every slot something can fill."""

import pytest

pytest.importorskip("torch")

from bb_core.actions import decide
from bb_core.decision import Decision
from bb_core.offer import candidates, offered
from bb_nn.builder.asker import Asker
from bb_nn.builder.progress import Progress
from bb_train.data.generator import GeneratorConfig
from bb_train.example import Example
from tests.unit.tiny_rail import builder, generator, made

BUILDER = builder()
SPACE = BUILDER.space


@pytest.fixture(scope="module")
def several() -> tuple[Example, ...]:
    """Short requests, and longer ones; one of these has observations."""
    wanted = GeneratorConfig(count=6, split="train", family="long", seed=3, execute=False)
    return (*made(6), *generator().examples(wanted))


def fillable(one: Example, done: tuple[Decision, ...], skill: int) -> bool:
    each = [candidates(SPACE, one.scene, done, slot) for slot in SPACE.slots(skill)]
    return all(c.spans or c.choices or c.refers or c.write or c.skip for c in each)


def test_a_skill_is_open_where_it_may_follow_and_each_slot_can_be_filled(
    several: tuple[Example, ...],
) -> None:
    seen = set[bool]()
    assert any(one.scene.lines for one in several)
    for one in several:
        asker: Asker = BUILDER.asker(one.scene)
        decisions = decide(SPACE, one.scene, one.plan, one.clauses)
        for count in range(len(decisions) + 1):
            done = tuple(decisions[:count])
            may = offered(SPACE, one.scene, done)
            skills = asker.offers.skills(Progress(done=done))[: len(SPACE.skills)]
            found = [option.allowed for option in skills]
            assert found == [may[i] and fillable(one, done, i) for i in range(len(found))]
            seen |= {found[i] for i in range(len(found)) if may[i]}
    assert seen == {True, False}  # some that might follow were closed by a slot alone
