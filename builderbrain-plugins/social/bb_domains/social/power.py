"""Who may speak in a Matrix room: its power levels with a member limited, or given back theirs.

A limited member is below 0, and how far below says what they had: -1 no level of their own, -2 a
level of 0, -3 of 1 and so on. So it can be given back by any desk, or by none that remembers.

Not covered: a room where somebody below 0 may speak; levels that another changes at that moment.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.errors import ToolError
from bb_domains.social.readable import part

Levels = Mapping[str, Any]
UNSET = -1


def limited(levels: Levels, member: str) -> bool:
    """Whether the member is below 0, by a level of their own or by the room's default."""
    own = part(levels, "users").get(member)
    return (_default(levels) if own is None else _number(own, member)) < 0


def limit(levels: Levels, member: str) -> dict[str, Any]:
    """The levels with the member limited; raises ToolError for one above the room's default."""
    if limited(levels, member):
        return dict(levels)
    own, default = part(levels, "users").get(member), _default(levels)
    if own is None:
        return _with(levels, member, UNSET)
    level = _number(own, member)
    if level > default:
        found = f"{member} has level {level} and others {default}: a rank would be lost"
        raise ToolError("denied", found, fix="let a person take the rank first")
    return _with(levels, member, UNSET - 1 - level)


def unlimit(levels: Levels, member: str) -> dict[str, Any]:
    """The levels with what the member had before; as they are for one who is not limited."""
    own = part(levels, "users").get(member)
    if own is None or not limited(levels, member):
        return dict(levels)
    before = UNSET - 1 - _number(own, member)
    # a level that somebody else set below 0 says nothing of before, and must give no rank
    told = 0 <= before <= _default(levels)
    return _with(levels, member, before if told else None)


def _default(levels: Levels) -> int:
    return _number(levels.get("users_default", 0), "users_default")


def _with(levels: Levels, member: str, level: int | None) -> dict[str, Any]:
    others = {name: own for name, own in part(levels, "users").items() if name != member}
    return {**levels, "users": others if level is None else {**others, member: level}}


def _number(level: Any, whose: str) -> int:
    """A level as a number; rooms of the first versions may have it as a text."""
    try:
        return int(level)
    except (TypeError, ValueError) as error:
        raise ToolError("invalid", f"{whose} has level {level!r}") from error
