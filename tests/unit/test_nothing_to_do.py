"""Requests out of which nothing is to be done are learnt from like any others, among themselves."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from bb_train.config import Optimiser
from bb_train.learner import BuilderLearner, lessons
from bb_train.surgery.combine import Method
from bb_train.trainer import Trainer
from tests.unit.tiny_rail import builder, made, states


@pytest.mark.parametrize("method", ["pcgrad", "sum"])
def test_a_batch_of_plans_without_a_step_teaches_to_stop(method: Method) -> None:
    torch.manual_seed(0)
    one = builder().requires_grad_(True)
    idle = [replace(e, plan=replace(e.plan, steps=())) for e in made()[:3]]
    taught = lessons(one, idle, states).lessons
    assert len(taught) == len(idle)
    optimiser = Optimiser(steps=40, batch=2, warmup=2)
    trainer = Trainer(BuilderLearner(one, taught, states), optimiser, method=method)
    losses = [trainer.advance().losses["task"] for _ in range(optimiser.steps)]
    assert losses[-1] < losses[0] / 2
    assert trainer.learner.loss([0, 1])[1]["cfs_rate"] == 0.0
    one.eval()
    assert all(not one.build(states(e.scene.text), e.scene, 1)[0].decisions for e in idle)
