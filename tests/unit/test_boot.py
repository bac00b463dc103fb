"""Stage 0: what cannot be learnt from is told, and what is wrong is told of the right example."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("torch")

from bb_core.shipped import shipped
from bb_nn.errors import BaseMismatchError
from bb_train import boot as booting
from bb_train import grounds as standing
from bb_train.boot import _lessons
from bb_train.config import TrainConfig, read_train_config
from bb_train.corpus import Corpus
from bb_train.errors import ConfigError, DataError
from bb_train.example import Example
from bb_train.learner import Lessons, says
from tests.unit.tiny_rail import base, builder, made, shop
from tests.unit.tiny_run import States


def unsaid(one: Example) -> Example:
    """The example with a plan that names things its request does not."""
    step = one.plan.steps[0]
    args = {name: "W0000000" if isinstance(v, str) else v for name, v in step.args.items()}
    return replace(one, plan=replace(one.plan, steps=(replace(step, args=args),)))


def taught(examples: tuple[Example, ...]) -> tuple[Lessons, list[str]]:
    heard: list[str] = []
    found = Corpus(examples, ())
    return _lessons(builder(), found, cast(Any, States()), 0.0, heard.append), heard


def test_what_is_left_out_is_told_with_its_reason() -> None:
    whole = made()[:4]
    found, heard = taught((unsaid(whole[0]), *whole[1:]))
    ((ident, reason),) = found.left_out
    assert ident == whole[0].id
    assert f"1 of 4 plans are left out: {reason}" in heard
    assert not [line for line in taught(whole)[1] if "left out" in line]


def test_a_plan_that_does_not_come_back_is_named_not_one_that_was_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = made()[:4]
    examples = (unsaid(whole[0]), *whole[1:])
    monkeypatch.setattr(booting, "says", lambda b, e: e.id != whole[2].id and says(b, e))
    with pytest.raises(DataError) as error:
        taught(examples)
    assert str(error.value).startswith("api_json: the plan of ")
    assert whole[2].id in str(error.value) and whole[0].id not in str(error.value)
    assert error.value.fix


def test_a_run_most_of_whose_plans_cannot_be_said_is_stopped() -> None:
    with pytest.raises(DataError, match=r"4 of 4 plans cannot be said: .*Check the examples"):
        taught(tuple(map(unsaid, made()[:4])))


def begun(named: str) -> TrainConfig:
    return read_train_config(f'[run]\nwarm_start = "{named}"', "t.toml")


def test_a_warm_start_is_a_folder_or_the_rail_that_comes_with_a_domain() -> None:
    assert standing._earlier(begun("api_json")) == shipped(shop().source)
    assert standing._earlier(begun("./api_json")) == Path("./api_json")
    with pytest.raises(ConfigError) as error:
        standing._earlier(begun("phone"))
    assert str(error.value).startswith("t.toml: no rail comes with the domain phone, which")
    heard: list[str] = []
    with pytest.raises(BaseMismatchError, match=r"rail: made for smollm2-135m .*, found random:"):
        standing._warm_start(begun("api_json"), builder(), base(), heard.append)
    assert standing._warm_start(begun(""), builder(), base(), heard.append) is None and not heard
