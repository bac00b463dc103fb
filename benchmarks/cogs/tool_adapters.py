"""The tools of COGS: how the variable-free form of a phrase is made of its parts' forms.

What is written by hand: how a form is spelled, that things stand in the order of mention, that
who wants to do something does it. What is not: which word means what; the world is given the
verbs' lemmas, see `derive`.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json

ROLES = ("agent", "theme", "recipient")


class Page:
    """The form written down, and the lemmas of verbs it knows; another verb is its own lemma."""

    def __init__(self, lemmas: Mapping[str, str]) -> None:
        self.lemmas, self.form = lemmas, ""

    def snapshot(self) -> Json:
        """What is written."""
        return {"form": self.form}

    def close(self) -> None:
        """Nothing to let go of."""


def name(args: Mapping[str, Any], call: Call) -> Json:
    """Paula"""
    return {"head": args["word"], "more": [], "at": _number(call)}


def noun(args: Mapping[str, Any], call: Call) -> Json:
    """cake, * cake"""
    star = "* " if args.get("article", "a").lower() == "the" else ""
    return {"head": star + args["word"].lower(), "more": [], "at": _number(call)}


def modified(args: Mapping[str, Any], call: Call) -> Json:
    """cake ( nmod . on = table )"""
    more = f"nmod . {args['preposition']} = {written(args['place'])}"
    return {**args["thing"], "more": [*args["thing"]["more"], more]}


def deed(args: Mapping[str, Any], call: Call) -> Json:
    """run"""
    return {"verb": lemma(args["verb"], call)}


def event(args: Mapping[str, Any], call: Call) -> Json:
    """eat ( agent = Emma , theme = cake )"""
    roles = sorted((role for role in ROLES if role in args), key=lambda role: args[role]["at"])
    return {"text": happening(args, [(role, written(args[role])) for role in roles], call)}


def happening(args: Mapping[str, Any], roles: list[tuple[str, str]], call: Call) -> str:
    """A verb with its roles in the order given, then what is said, then what is aimed at."""
    parts = [f"{role} = {text}" for role, text in roles]
    if "content" in args:
        parts.append(f"ccomp = {args['content']['text']}")
    if "aim" in args:
        who = "".join(f" ( {part} )" for part in parts if part.startswith("agent = "))
        parts.append(f"xcomp = {args['aim']['verb']}{who}")
    verb = lemma(args["verb"], call)
    return f"{verb} ( {' , '.join(parts)} )" if parts else verb


def lemma(word: str, call: Call) -> str:
    """The lemma the world knows, else the word."""
    return str(call.world.lemmas.get(word, word))


def written(thing: Mapping[str, Any]) -> str:
    """A thing with all that is known of it."""
    more = f" ( {' , '.join(thing['more'])} )" if thing["more"] else ""
    return f"{thing['head']}{more}"


def write_event(args: Mapping[str, Any], call: Call) -> Json:
    """Write an event's form."""
    call.world.form = args["event"]["text"]
    return None


def write_thing(args: Mapping[str, Any], call: Call) -> Json:
    """Write a thing's form."""
    call.world.form = written(args["thing"])
    return None


def write_deed(args: Mapping[str, Any], call: Call) -> Json:
    """Write a bare verb."""
    call.world.form = args["deed"]["verb"]
    return None


def _number(call: Call) -> int:
    """Steps are numbered in the order of mention: n7 is 7."""
    return int(call.step[1:])


LEMMAS = {"saw": "see", "ate": "eat", "wanted": "want", "said": "say"}
"""The verbs of the battery's own world; data sets bring theirs."""
WRITES = (write_event, write_thing, write_deed)
TOOLS = {f.__name__: f for f in (name, noun, modified, deed, event, *WRITES)}


def connect(settings: Mapping[str, str]) -> Page:
    """A page is in memory; there is nothing to connect to."""
    return Page(LEMMAS)


def twin(changes: Mapping[str, Any]) -> Page:
    """An empty page with the lemmas in `changes["lemmas"]`."""
    return Page(changes.get("lemmas", LEMMAS))


ADAPTERS = Adapters(tools=TOOLS, connect=connect, twin=twin)
