"""The tools of SLOG: those of COGS, with questions and relative clauses.

A question and a relative clause leave a gap, so the order of mention no longer gives the order of
the form: the step says which role is written first, and which last.
"""

from collections.abc import Mapping
from typing import Any

from cogs import tool_adapters as cogs

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json


def event(args: Mapping[str, Any], call: Call) -> Json:
    """eat ( agent = * boy , theme = ? )"""
    texts = {role: cogs.written(args[role]) for role in cogs.ROLES if role in args}
    roles = _ordered(args, list(texts))
    return {"text": cogs.happening(args, [(role, texts[role]) for role in roles], call)}


def relative(args: Mapping[str, Any], call: Call) -> Json:
    """dog ( nmod = eat ( agent = dog , theme = cake ) )"""
    head = args[args["head"]]
    texts = {role: cogs.written(args[role]) for role in cogs.ROLES if role in args}
    texts[args["head"]] = head["head"]
    roles = _ordered(args, list(texts))
    inner = cogs.happening(args, [(role, texts[role]) for role in roles], call)
    return {**head, "more": [*head["more"], f"nmod = {inner}"]}


def asked(args: Mapping[str, Any], call: Call) -> Json:
    """?"""
    return {"head": "?", "more": [], "at": int(call.step[1:])}


def noun(args: Mapping[str, Any], call: Call) -> Json:
    """TV, * cake"""
    star = "* " if args.get("article", "a").lower() == "the" else ""
    return {"head": star + args["word"], "more": [], "at": int(call.step[1:])}


def _ordered(args: Mapping[str, Any], roles: list[str]) -> list[str]:
    """The first role, the others in the order of mention, the last role."""
    last = args.get("last", args["first"])
    return sorted(roles, key=lambda r: (r != args["first"], r == last, args[r]["at"]))


TOOLS = {**cogs.TOOLS, "noun": noun, "event": event, "relative": relative, "asked": asked}
ADAPTERS = Adapters(tools=TOOLS, connect=cogs.connect, twin=cogs.twin)
