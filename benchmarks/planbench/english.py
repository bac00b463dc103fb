"""PlanBench's English, back to atoms: initial conditions, goals, actions and unmet conditions."""

import re
from collections.abc import Callable, Mapping

from planbench.strips import Atom

BLOCK, OBJ, WORD = r"(?:the )?(\w+) block", r"object (\w+)", r"([a-z]+_[0-9_]+)"
Row = tuple[str, str]

BLOCKS: tuple[Row, ...] = (
    (rf"{BLOCK} is clear", "clear"),
    (r"the hand is empty", "handempty"),
    (rf"{BLOCK} is on top of {BLOCK}", "on"),
    (rf"{BLOCK} is on the table", "ontable"),
    (rf"the hand is currently holding {BLOCK}", "holding"),
    (rf"pick up {BLOCK}", "pick-up"),
    (rf"put down {BLOCK}", "put-down"),
    (rf"stack {BLOCK} on top of {BLOCK}", "stack"),
    (rf"unstack {BLOCK} from on top of {BLOCK}", "unstack"),
)
MYSTERY: tuple[Row, ...] = (
    (rf"province {OBJ}", "province"),
    (rf"planet {OBJ}", "planet"),
    (r"harmony", "harmony"),
    (rf"pain {OBJ}", "pain"),
    (rf"{OBJ} craves {OBJ}", "craves"),
    (rf"attack {OBJ}", "attack"),
    (rf"succumb {OBJ}", "succumb"),
    (rf"overcome {OBJ} from {OBJ}", "overcome"),
    (rf"feast {OBJ} from {OBJ}", "feast"),
)
LOGISTICS: tuple[Row, ...] = (
    (rf"{WORD} is an airport", "airport"),
    (rf"{WORD} is at {WORD}", "at"),
    (rf"{WORD} is in the city {WORD}", "in_city"),
    (rf"{WORD} is in {WORD}", "in"),
    (rf"load {WORD} into (truck_[0-9]+) at {WORD}", "load-truck"),
    (rf"load {WORD} into (airplane_[0-9]+) at {WORD}", "load-airplane"),
    (rf"unload {WORD} from (truck_[0-9]+) at {WORD}", "unload-truck"),
    (rf"unload {WORD} from (airplane_[0-9]+) at {WORD}", "unload-airplane"),
    (rf"drive {WORD} from {WORD} to {WORD} in {WORD}", "drive-truck"),
    (rf"fly {WORD} from {WORD} to {WORD}", "fly-airplane"),
)
TONGUES: Mapping[str, tuple[Row, ...]] = {
    "blocksworld": BLOCKS,
    "blocksworld_3": BLOCKS,
    "mystery_blocksworld": MYSTERY,
    "logistics": LOGISTICS,
}
KINDS = {
    "package": "obj",
    "truck": "truck",
    "airplane": "airplane",
    "city": "city",
    "location": "location",
}
"""What logistics' text leaves to the names."""


def reader(domain: str) -> Callable[[str], Atom]:
    """What one phrase of the domain says; raises ValueError for a phrase it has not."""
    rows = [(re.compile(pattern), name) for pattern, name in TONGUES[domain]]

    def read(phrase: str) -> Atom:
        for pattern, name in rows:
            if match := pattern.fullmatch(phrase.strip()):
                return name, *match.groups()
        raise ValueError(f"{domain}: {phrase!r}")

    return read


def phrases(text: str) -> list[str]:
    """`a, b and c` as its parts."""
    return [part for part in re.split(r", | and ", text.strip().rstrip(".")) if part]


def situation(text: str) -> tuple[str, str]:
    """The initial conditions and the goal of a problem told in words."""
    match = re.fullmatch(
        r"As initial conditions I have that, (.*)\nMy goal is to have that (.*)", text.strip(), re.S
    )
    if match is None:
        raise ValueError(f"not a problem: {text[:80]!r}")
    return match[1], match[2]


def verdict(text: str) -> tuple[int | None, list[str]]:
    """The number of the step a verdict blames (None: the goal), and what it says is unmet."""
    step = re.search(r"action at step (\d+)", text)
    unmet = re.search(r"(?:preconditions? (?:is|are)|goal conditions?):\n(.*)", text, re.S)
    return int(step[1]) if step else None, phrases(unmet[1]) if unmet else []


def named_kinds(things: set[str]) -> set[Atom]:
    """The kinds of things that are named by their kind, as `truck_0` is."""
    found = ((KINDS.get(thing.split("_")[0], ""), thing) for thing in things)
    return {(kind, thing) for kind, thing in found if kind}
