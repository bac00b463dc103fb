"""The segmenter's own memory: its loss moves that alone, and padding tells it nothing."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.segmenter import start_loss
from bb_train.learner import lessons
from tests.unit.tiny_rail import builder, made, states

torch.set_num_threads(1)


def cutting(width: int) -> PlanBuilder:
    """A builder whose segmenter has a memory of this width."""
    plain = builder()
    torch.manual_seed(1)
    shape = replace(plain.config, segmenter=width)
    return PlanBuilder(shape, plain.space, plain.described).eval()


@pytest.mark.parametrize("width", [0, 8])
def test_what_the_cuts_lose_moves_the_memory_they_are_read_from(width: int) -> None:
    one = cutting(width)
    lesson = lessons(one, made()[:2], states).lessons
    batch = one.batch([states(e.text) for e in lesson], [e.encoded for e in lesson])
    start_loss(one.network(batch).start, batch.texts.start, batch.texts.known).backward()
    moved = {name for name, p in one.network.named_parameters() if p.grad is not None}
    parts = {name.split(".")[0] for name in moved}
    assert parts == ({"segmenter"} if width else {"segmenter", "memory"})
    assert not width or any(name.startswith("segmenter.memory.") for name in moved)


def test_a_text_is_cut_alike_alone_and_beside_a_longer_one() -> None:
    one = cutting(8)
    texts = sorted((states(e.scene.text) for e in made()), key=lambda tapped: len(tapped.ids))
    short, long = texts[0], texts[-1]
    lengths = torch.tensor([len(short.ids), len(long.ids)])
    assert lengths[0] < lengths[1]
    both = torch.nn.utils.rnn.pad_sequence([short.states, long.states], batch_first=True)
    memory = one.network.memory(both, lengths)
    with torch.no_grad():
        alone = one.network.segmenter(short.states[None], lengths[:1], memory[:1])
        beside = one.network.segmenter(both, lengths, memory)
    torch.testing.assert_close(alone[0], beside[0, : len(short.ids)])


def test_a_rail_of_before_there_was_a_choice_reads_its_cuts_from_the_shared_memory() -> None:
    told = builder().config.to_json()
    del told["segmenter"]
    assert BuilderConfig.from_json(told).segmenter == 0
