"""A warm start: a new builder begins with what an earlier rail learnt.

    known = warm_start(PlanBuilder.of(config, space, base), Path("rail"), base)

A rail is of one version of one domain. What it learnt of reading, cutting, copying and joining is
of none, and goes over whole; an adapter is a tool's, and goes to the tool of the same name. What
the base makes of the new domain's words is made anew.

Not covered: whether the new builder is any good (measure it); tools that have another name now,
which begin as new ones; what stays behind: composite skills, the ranker, the changes that were
learnt while it served, and vectors that were learnt in place of words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.rail_folder import (
    NOT_WHOLE,
    not_whole,
    read_record,
    read_weights,
    require_base,
)
from bb_nn.builder.words import plain_words
from bb_nn.errors import RailError

_BEHIND = ("ranker.", ".common.")
_BANK = ".bank."
_FREE = ("dropout", "tap_dropout", "strangers", "ranked", "skills", "common", "reading")
_FEATURES = "network.head.features.weight"


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What a builder began with: a rail by its domain and weights; the tools that both have, and of
    these the ones that something showed the rail."""

    domain: str
    weights: str
    kept: tuple[str, ...]
    known: tuple[str, ...]


def warm_start(builder: PlanBuilder, folder: Path, base: Base) -> WarmStart:
    """Put the weights of the rail in a folder into a new builder.

    Raises BaseMismatchError for a rail of another base, RailError for one of another shape
    (dropout and the number of adapters may differ, and strangers may come in) and for a folder that
    is not whole; the builder is as before then.
    """
    record = read_record(folder)
    try:
        require_base(record, folder, base)
        before = BuilderConfig.from_json(record["config"])
        _require_shape(builder.config, before, folder)
        tensors, domain = read_weights(record, folder), str(record["domain"]["name"])
        same = domain == builder.space.compiled.name
        rows = _rows(builder.space, record["words"]) if same else {}
        own = builder.state_dict()
        found = {name: tensors[was].float() for name, was in _sources(own, tensors, rows).items()}
        if builder.config.strangers and not before.strangers:
            found[_FEATURES] = _widened(found[_FEATURES], own[_FEATURES])
        _require_sizes(found, own)
        kept = tuple(builder.space.skills[place].name for place in rows)
        known = tuple(tool for tool in kept if tool not in _unshown(record))
        builder.load_state_dict(own | found)
    except NOT_WHOLE as error:
        raise not_whole(folder, error) from error
    return WarmStart(domain, record["weights"], kept, known)


def _unshown(record: Mapping[str, Any]) -> frozenset[str]:
    """The tools that nothing showed a rail; none of one whose record does not say so."""
    trained = record.get("trained")
    told = trained.get("unshown") if isinstance(trained, dict) else None
    return frozenset(tool for tool in told or () if isinstance(tool, str))


def _require_shape(ours: BuilderConfig, theirs: BuilderConfig, folder: Path) -> None:
    wanted, found = _shape(ours), _shape(theirs)
    apart = [name for name, value in found.items() if value != wanted[name]]
    # What was learnt of words and values would be lost without a word.
    apart += ["strangers"] if theirs.strangers and not ours.strangers else []
    if apart:
        has = ", ".join(f"{name} {getattr(theirs, name)}" for name in apart)
        asked = ", ".join(f"{name} {getattr(ours, name)}" for name in apart)
        raise RailError(
            f"it has {has}; asked for is {asked}",
            where=str(folder),
            fix="set [builder] and [base] as they were for it: its rail.json has them as config",
        )


def _shape(config: BuilderConfig) -> dict[str, object]:
    """What decides which tensors a builder has beside its adapters, and how it uses them."""
    return {name: value for name, value in asdict(config).items() if name not in _FREE}


def _require_sizes(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    # torch would take over what fits before it raises.
    for name, tensor in found.items():
        if tensor.shape != own[name].shape:
            raise ValueError(f"{name} is {list(tensor.shape)}, not {list(own[name].shape)}")


def _widened(theirs: Tensor, ours: Tensor) -> Tensor:
    """A rail's weights of what is known of options, and zero for what only strangers need."""
    made = torch.zeros_like(ours)
    made[:, : theirs.shape[1]] = theirs
    return made


def _rows(space: Space, words: Sequence[str]) -> dict[int, int]:
    """Of each tool that a rail had: its place in the space, and in the rail.

    A rail's words begin with its tools, in order: `get order: Show ...`. What follows are their
    arguments, `name (type) of ...`, and results, without a colon.
    """
    heads = (str(text).partition(": ") for text in words)
    tools = takewhile(lambda head: head[1] and "(" not in head[0], heads)
    places: dict[str, int] = {}
    for place, (tool, _, _) in enumerate(tools):
        places.setdefault(tool, place)
    named = {place: plain_words(skill.name) for place, skill in enumerate(space.skills)}
    return {place: places[name] for place, name in named.items() if name in places}


def _sources(
    own: Mapping[str, Tensor], theirs: Mapping[str, Tensor], rows: Mapping[int, int]
) -> dict[str, str]:
    """The rail's tensor for each of a builder's; what is new has none."""
    found = {}
    for name in own:
        if any(part in f".{name}" for part in _BEHIND):
            continue
        bank, _, row = name.rpartition(".")
        if _BANK not in name:
            found[name] = name
        elif (was := f"{bank}.{rows.get(int(row), '')}") in theirs:
            found[name] = was
    return found
