"""One row's way through the plan language."""

from typing import Any

import pytest

pytest.importorskip("llguidance")

from bb_core.compiled import compile_domain
from bb_core.next_step import NextStep
from bb_core.registry import discover
from bb_nn.base import byte_tokenizer
from bb_runtime.errors import BudgetError, DecodeError, SteerError
from bb_runtime.steer import Row, Steering
from bb_runtime.vocabulary import Vocabulary

FIRST = '{"steps":[{"id":"n1","tool":"get_order","args":{"order_id":"W1001"}}'

NEXT = ',{"id":"n2","tool":"'


@pytest.fixture(scope="module")
def steering() -> Steering:
    compiled = compile_domain(discover().get("api_json"))
    return Steering(NextStep(compiled.surface, compiled.schema), Vocabulary.of(byte_tokenizer()))


def write(row: Row, text: str) -> Row:
    for token in row.steering.vocabulary.spell(text.encode()):
        row.consume(token)
    return row


def bit(mask: bytes, token: int) -> bool:
    return bool(mask[token >> 3] >> (token & 7) & 1)


def test_a_plan_is_written_segment_by_segment(steering: Steering) -> None:
    row = write(steering.row(), FIRST + NEXT)
    assert row.tools == ("get_order",) and not row.is_done
    write(row, 'handoff","args":{"summary":"é"},"after":["n1"]}]}')
    assert row.is_done and row.text.decode().endswith("]}")


def test_the_start_is_forced(steering: Steering) -> None:
    row = steering.row()
    text = b"".join(map(steering.vocabulary.bytes_of, row.forced()))
    assert text and b'{"steps":[{"id":"n1","tool":"'.startswith(text)


def test_a_wrong_token_raises_and_changes_nothing(steering: Steering) -> None:
    row = write(steering.row(), FIRST)
    wrong = steering.vocabulary.spell(b"x")[0]
    with pytest.raises(SteerError):
        row.consume(wrong)
    assert not bit(row.mask(), wrong)
    assert write(row, "]}").is_done


def test_closing_ends_the_plan_from_anywhere(steering: Steering) -> None:
    text = FIRST + ',{"id":"n2","tool":"handoff","args":{"summary":"zo\u00eb"}}]}'
    row = steering.row()
    for token in steering.vocabulary.spell(text.encode()):
        twin = row.fork()
        twin.close()
        assert twin.is_done and twin.text.decode().endswith("]}")
        row.consume(token)
    assert row.text.decode() == text


def test_forks_do_not_disturb_each_other(steering: Steering) -> None:
    row = write(steering.row(), FIRST)
    twin = write(row.fork(), NEXT)
    assert write(row, "]}").is_done
    assert not twin.is_done and twin.tools == ("get_order",)


def test_a_done_row_allows_only_the_end(steering: Steering) -> None:
    row = write(steering.row(), FIRST + "]}")
    mask = row.mask()
    assert [t for t in range(steering.vocabulary.size) if bit(mask, t)] == [steering.vocabulary.eos]


def test_a_budget_below_the_shortest_plan_is_refused_with_the_minimum(steering: Steering) -> None:
    with pytest.raises(BudgetError, match=str(steering.minimum)) as caught:
        steering.require(steering.minimum - 1)
    assert caught.value.minimum == steering.minimum
    steering.require(steering.minimum)


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        eos_token_id = 0

    slow: Any = Slow()
    with pytest.raises(DecodeError, match="fast tokenizer"):
        Vocabulary.of(slow)
