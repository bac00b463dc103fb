"""Power levels: what a limit takes is what its undoing gives back, and never more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_core.errors import ToolError
from bb_domains.social.power import limit, limited, unlimit

LEVELS = st.integers(-100, 100)
ROOMS = st.fixed_dictionaries(
    {"users": st.dictionaries(st.sampled_from("abc"), LEVELS), "events_default": LEVELS},
    optional={"users_default": LEVELS},
)


@given(ROOMS)
def test_a_limit_and_its_undoing_leave_the_room_as_it_was(room: dict[str, Any]) -> None:
    own, default = room["users"].get("a"), room.get("users_default", 0)
    if limited(room, "a"):
        assert limit(room, "a") == room
    elif own is not None and own > default:
        with pytest.raises(ToolError, match="a rank would be lost"):
            limit(room, "a")
    else:
        after = limit(room, "a")
        assert limited(after, "a") and limit(after, "a") == after
        assert unlimit(after, "a") == room
        assert {**after, "users": None} == {**room, "users": None}


@given(ROOMS)
def test_undoing_gives_nobody_a_rank(room: dict[str, Any]) -> None:
    after, default = unlimit(room, "a"), room.get("users_default", 0)
    assert default < 0 or not limited(after, "a")
    assert after["users"].get("a", default) <= max(default, room["users"].get("a", default))
    assert after == room or limited(room, "a")


def test_a_level_may_be_a_text_and_must_be_a_number() -> None:
    assert limited(limit({"users": {"a": "0"}}, "a"), "a")
    with pytest.raises(ToolError, match="a has level"):
        limited({"users": {"a": "high"}}, "a")
    assert not limited({}, "a") and limit({}, "a")["users"] == {"a": -1}
