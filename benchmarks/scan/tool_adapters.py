"""The tools of SCAN: what a modifier makes of a row of actions, and a record of those carried out.

The modifiers' meanings are written here by hand. The verbs' actions are not: the world is given
them, see `derive`.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError

TURN = {"left": "I_TURN_LEFT", "right": "I_TURN_RIGHT"}
Lexicon = Mapping[str, list[str]]


class Record:
    """Actions carried out so far, and the verbs it knows."""

    def __init__(self, verbs: Lexicon) -> None:
        self.verbs, self.actions = verbs, list[str]()

    def snapshot(self) -> Json:
        """The actions by their place."""
        return {str(place): action for place, action in enumerate(self.actions)}

    def close(self) -> None:
        """Nothing to let go of."""


def act(args: Mapping[str, Any], call: Call) -> Json:
    """The actions of a verb; a verb without any is a word that only carries a direction."""
    if args["verb"] not in call.world.verbs:
        raise ToolError("invalid", f"no verb {args['verb']!r}")
    return list(call.world.verbs[args["verb"]])


def toward(args: Mapping[str, Any], call: Call) -> Json:
    """turn w"""
    return [TURN[args["direction"]], *args["what"]]


def opposite(args: Mapping[str, Any], call: Call) -> Json:
    """turn turn w"""
    return [TURN[args["direction"]]] * 2 + args["what"]


def around(args: Mapping[str, Any], call: Call) -> Json:
    """(turn w)^4"""
    return [TURN[args["direction"]], *args["what"]] * 4


def repeat(args: Mapping[str, Any], call: Call) -> Json:
    """w^n"""
    return args["what"] * args["times"]  # type: ignore[no-any-return]


def sequence(args: Mapping[str, Any], call: Call) -> Json:
    """v w"""
    return [*args["first"], *args["second"]]


def perform(args: Mapping[str, Any], call: Call) -> Json:
    """Append the actions to the record."""
    call.world.actions += args["actions"]
    return None


TOOLS = {f.__name__: f for f in (act, toward, opposite, around, repeat, sequence, perform)}
VERBS: Lexicon = {"walk": ["I_WALK"], "look": ["I_LOOK"], "turn": []}
"""The verbs of the battery's own world; data sets bring theirs."""


def connect(settings: Mapping[str, str]) -> Record:
    """A record is in memory; there is nothing to connect to."""
    return Record(VERBS)


def twin(changes: Mapping[str, Any]) -> Record:
    """A record with the verbs in `changes["verbs"]`."""
    return Record(changes.get("verbs", VERBS))


ADAPTERS = Adapters(tools=TOOLS, connect=connect, twin=twin)
