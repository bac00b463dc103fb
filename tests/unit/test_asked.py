"""A round that comes after others is asked about with what they saw, as it was learnt."""

from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch")

from bb_core.scene import Scene, scene
from bb_runtime.errors import PromptError
from bb_runtime.rounds import Ask, Draft
from bb_train.asked import asked
from bb_train.config import Data
from bb_train.corpus import corpus
from bb_train.data.generator_config import GeneratorConfig
from bb_train.errors import DataError
from bb_train.evaluate import Evaluator
from bb_train.example import Example, write_examples
from tests.unit.tiny_rail import generator, made, shop


@cache
def later() -> tuple[Example, ...]:
    """Rounds after others, as they are learnt."""
    found = (one for one in generator().examples(GeneratorConfig(400)) if one.round)
    return tuple(islice(found, 3))


def test_the_ask_makes_the_scene_that_was_learnt() -> None:
    for one in (*later(), *made()[:3]):
        ask = asked(shop(), one)
        assert scene(ask.request, ask.observations, ask.facts) == one.scene
        assert ask.state is not None and one.scene.facts == {name for name, _ in ask.state.facts}
    assert all(asked(shop(), one).observations for one in later())


def test_a_later_round_of_dev_is_asked_with_what_was_seen() -> None:
    heard: list[Ask] = []

    def planner(ask: Ask) -> Draft:
        heard.append(ask)
        return Draft(shop().print(later()[len(heard) - 1].plan))

    scores = Evaluator(shop()).score(later(), planner)
    assert all(score.right and score.agreement.exact for score in scores)
    assert heard == [asked(shop(), one) for one in later()]


def test_what_does_not_fit_the_model_is_no_plan() -> None:
    def planner(ask: Ask) -> Draft:
        raise PromptError("the request is 9,000 tokens, 2,000 fit")

    (score,) = Evaluator(shop()).score(later()[:1], planner)
    assert not (score.right or score.checked or score.acted_wrongly)


@pytest.mark.parametrize(
    "line", ["seen", "[]", '{"tool": "nosuch", "args": {}, "status": "done", "result": {}}']
)
def test_a_dev_line_that_tells_nothing_seen_is_refused(tmp_path: Path, line: str) -> None:
    one = later()[0]
    request = one.scene.request
    broken = replace(one, split="dev", scene=Scene(f"{request}\n{line}", len(request)))
    train, dev = tmp_path / "train.jsonl", tmp_path / "dev.jsonl"
    write_examples(train, made()[:2], {})
    write_examples(dev, [broken], {})
    with pytest.raises(DataError) as error:
        corpus(shop(), Data(train_file=str(train), dev_file=str(dev)), 0, tmp_path / "made", print)
    assert str(error.value).startswith(f"{dev}:2: what was seen before it cannot be read (")
