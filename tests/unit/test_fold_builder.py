"""A fold builder leaves what it is made of as it was, and takes little: one step, no texts."""

import re
from functools import cache

import pytest

pytest.importorskip("torch")

import torch

from bb_nn.base import Base, load_base
from bb_nn.errors import RailError
from bb_nn.folding.builder import FoldBuilder, new
from bb_nn.folding.lesson import lessons
from bb_nn.folding.move import Move, Word
from bb_nn.folding.practice import Practice, practise, taught
from bb_nn.folding.tools import Slot, Tool, Tools
from bb_nn.folding.words import read_words

torch.set_num_threads(1)
LAYERS = (1, 2)


@cache
def base() -> Base:
    return load_base("random:llama")


def one_tool() -> Tools:
    """A domain of one tool that takes a word, and whose result has no type."""
    slot = Slot(0, "go", "where", optional=False, pattern=re.compile("left|right"))
    return Tools((Tool(0, "go", "Go somewhere.", "", (slot,)),))


def untrained() -> FoldBuilder:
    torch.manual_seed(0)
    return new(base(), one_tool(), LAYERS, width=48)


def test_a_domain_whose_results_have_no_types_is_folded_too() -> None:
    builder = untrained()
    assert builder.tools.types == () and builder.network.sizes[-1] == 0
    (folded,) = builder.build(read_words(base(), ["go left"], LAYERS), [0])
    assert {move.tool for move in folded.moves} <= {"go"}


def test_building_leaves_the_network_in_the_mode_it_was_in() -> None:
    """So that what is practised after a look at what is built keeps its dropout."""
    builder, read = untrained(), read_words(base(), ["go left"], LAYERS)
    for mode in (True, False):
        builder.network.train(mode)
        first, second = (builder.build(read, [0]) for _ in range(2))
        assert first == second
        assert all(part.training is mode for part in builder.network.modules())


def test_one_step_is_practice_too() -> None:
    builder, read = untrained(), read_words(base(), ["left"], LAYERS)
    way = lessons(builder.asker, read.spelled[0], [Move("go", (Word(0),), 1)])
    told = taught([(0, one) for one in way], read)
    before = builder.network.which.detach().clone()
    practise(builder, told, read.table, Practice(steps=1, batch=4))
    assert not torch.equal(builder.network.which, before)


def test_no_texts_have_a_table_without_words() -> None:
    none, some = (read_words(base(), texts, LAYERS) for texts in ([], ["left"]))
    assert (none.first, none.spelled) == ((), ())
    assert torch.equal(none.table, some.table[:1]) and none.table.dtype == some.table.dtype
    with pytest.raises(RailError, match="no layer 99"):
        read_words(base(), [], (99,))
