"""A builder on disk: rail.safetensors, and rail.json beside it, which says what it belongs to.

A builder is only loaded for the very base and the very space it was trained in: the digests of
both, and of the weights, are checked first.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bb_core.canonical import digest
from bb_core.skill import read_skill, skill_json
from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import Described
from bb_nn.errors import BaseMismatchError, RailError

WEIGHTS, CARD = "rail.safetensors", "rail.json"
_TEXTS = "described"
_AGAIN = "train a rail again, or use the base alone"


def save_builder(
    builder: PlanBuilder,
    folder: Path,
    base: Base,
    more: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a builder; what is there is replaced file by file. `more` goes into rail.json too.

    In float32 it is loaded to the bit; float16 halves it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {**builder.network.state_dict(), _TEXTS: builder.described.vectors}
    whole = {name: t.detach().to(dtype).contiguous() for name, t in tensors.items()}
    save_file(whole, folder / (WEIGHTS + ".part"))
    (folder / (WEIGHTS + ".part")).replace(folder / WEIGHTS)
    card = {
        **(more or {}),
        "config": builder.config.to_json(),
        "base": {"name": base.name, "digest": base.digest},
        "domain": {"name": builder.space.compiled.name, "digest": builder.space.compiled.digest},
        "space": _space_json(builder.space),
        "texts": list(builder.described.texts),
        "weights": digest((folder / WEIGHTS).read_bytes()),
    }
    part = folder / (CARD + ".part")
    part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / CARD)


def load_builder(folder: Path, base: Base, compiled: Any) -> PlanBuilder:
    """Read a builder for this base and domain; raises RailError or BaseMismatchError.

    Its space has the composite skills and constants it was trained with.
    """
    card = read_card(folder)
    if card["base"]["digest"] != base.digest:
        made = f"the rail is for {card['base']['name']} {card['base']['digest'][:19]}"
        raise BaseMismatchError(
            f"{made}, the base is {base.digest[:19]}", where=str(folder), fix=_AGAIN
        )
    if card["domain"]["digest"] != compiled.digest:
        made = f"the rail is for {card['domain']['name']} {card['domain']['digest'][:19]}"
        raise RailError(
            f"{made}, the domain is {compiled.digest[:19]}", where=str(folder), fix=_AGAIN
        )
    space = _space(card, compiled, folder)
    tensors = _weights(folder, card["weights"])
    described = Described(tuple(card["texts"]), tensors.pop(_TEXTS))
    builder = PlanBuilder(BuilderConfig.from_json(card["config"]), space, described)
    try:
        builder.network.load_state_dict(tensors)
    except RuntimeError as error:
        line = str(error).splitlines()[0]
        raise RailError(f"the weights do not fit: {line}", where=str(folder), fix=_AGAIN) from None
    return builder.eval()


def read_card(folder: Path) -> dict[str, Any]:
    """What rail.json says; raises RailError where it cannot be read or lacks something."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        missing = {"config", "base", "domain", "space", "texts", "weights"} - card.keys()
    except (OSError, ValueError, AttributeError) as error:
        found = f"{CARD} cannot be read ({type(error).__name__})"
        raise RailError(found, where=str(folder), fix=_AGAIN) from error
    if missing:
        raise RailError(f"{CARD} lacks {sorted(missing)[0]!r}", where=str(folder), fix=_AGAIN)
    return dict(card)


def _weights(folder: Path, wanted: str) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS
    try:
        found = digest(path.read_bytes())
        tensors = load_file(path) if found == wanted else {}
    except (OSError, SafetensorError) as error:
        raise RailError(f"{WEIGHTS} cannot be read", where=str(folder), fix=_AGAIN) from error
    if found != wanted:
        raise RailError(f"{WEIGHTS} is not what {CARD} says", where=str(folder), fix=_AGAIN)
    return {name: tensor.float() for name, tensor in tensors.items()}


def _space_json(space: Space) -> dict[str, Any]:
    constants = [[tool, list(path), list(v)] for (tool, path), v in sorted(space.constants.items())]
    skills = [skill_json(skill) for skill in space.skills if skill.composite]
    return {"digest": space.digest, "skills": skills, "constants": constants}


def _space(card: Mapping[str, Any], compiled: Any, folder: Path) -> Space:
    told = card["space"]
    constants = {(tool, tuple(path)): tuple(v) for tool, path, v in told["constants"]}
    space = Space.of(compiled, map(read_skill, told["skills"]), constants)
    if space.digest != told["digest"]:
        raise RailError(f"{CARD} tells of another space", where=str(folder), fix=_AGAIN)
    return space
