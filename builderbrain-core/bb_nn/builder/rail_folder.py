"""A trained builder on disk: rail.safetensors and rail.json, which names all it was made for.

    rail = load_rail(Path("rail"), base, compile_domain(...))

The weights are float16; a loaded builder computes in float32. What the base made of the domain's
words lies beside them, so that loading needs no pass of the base. A rail is of one base and one
domain, to the byte, and refuses others.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bb_core.cache import write_whole
from bb_core.canonical import Json, digest
from bb_core.compiled import Compiled
from bb_core.skill import read_skill, skill_json
from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import Described
from bb_nn.builder.words import words_of
from bb_nn.errors import BaseMismatchError, RailError
from bb_nn.finite import require_finite

WEIGHTS, RECORD, FORMAT = "rail.safetensors", "rail.json", 1
_WORDS = "described"


def save_rail(
    folder: Path, builder: PlanBuilder, base: Base, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a builder, and give its record. `more` is kept in the record: figures, seeds, alpha."""
    tensors = {name: t.detach().cpu().half() for name, t in builder.state_dict().items()}
    tensors[_WORDS] = builder.described.vectors.cpu().half()
    data = save({name: t.contiguous() for name, t in tensors.items()})
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS, data)
    compiled = builder.space.compiled
    record = {
        "format": FORMAT,
        "kind": "builder",
        "config": builder.config.to_json(),
        "parameters": sum(p.numel() for p in builder.parameters()),
        "base": {"name": base.name, "digest": base.digest},
        "domain": {
            "name": compiled.name,
            "digest": compiled.digest,
            "grammar": digest(compiled.grammar.text.encode()),
        },
        "space": _space_json(builder.space),
        "words": list(builder.described.texts),
        "weights": digest(data),
        "bytes": len(data),
        "dtype": "float16",
        **(more or {}),
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")
    return record


def read_record(folder: Path) -> dict[str, Any]:
    """A rail's record; raises RailError for a folder that holds no builder."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_bytes())
        version, kind = record["format"], record["kind"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fix = "give a folder with a rail.json"
        raise RailError(f"not a rail ({error})", where=str(folder), fix=fix) from error
    if (version, kind) != (FORMAT, "builder"):
        found = f"a {kind} of format {version}"
        fix = f"give a builder of format {FORMAT}"
        raise RailError(found, where=str(folder), fix=fix)
    return record


def load_rail(folder: Path, base: Base, compiled: Compiled) -> PlanBuilder:
    """The builder in a folder, ready to build.

    Raises BaseMismatchError for another base, RailError for another domain or version of it, for
    weights that are no numbers, and for a folder that is not whole.
    """
    record = read_record(folder)
    try:
        require_base(record, folder, base)
        _require_domain(record, folder, compiled)
        tensors = read_weights(record, folder)
        config = BuilderConfig.from_json(record["config"])
        space = _space(compiled, record["space"])
        described = Described(tuple(record["words"]), tensors.pop(_WORDS).float())
        if words_of(space) != described.texts:
            raise RailError("its words are not the domain's", where=str(folder), fix=_AGAIN)
        with torch.random.fork_rng(devices=[]):
            builder = PlanBuilder(config, space, described)
        builder.load_state_dict({name: t.float() for name, t in tensors.items()})
    except NOT_WHOLE as error:
        raise not_whole(folder, error) from error
    return builder.eval().requires_grad_(False)


_AGAIN = "train it again: bb train"
NOT_WHOLE = (OSError, LookupError, TypeError, ValueError, RuntimeError, SafetensorError)
"""What reading a folder raises that is not as it was written."""


def not_whole(folder: Path, error: Exception) -> RailError:
    """The error for a folder of which a part is missing or not what it should be."""
    return RailError(f"not whole ({error})", where=str(folder), fix=_AGAIN)


def read_weights(record: Mapping[str, Any], folder: Path) -> dict[str, Tensor]:
    """The tensors in a folder by name; raises RailError unless they are numbers, and those that
    the record names."""
    data = (folder / WEIGHTS).read_bytes()
    if digest(data) != record["weights"]:
        raise RailError("the weights are not those recorded", where=str(folder), fix=_AGAIN)
    tensors = load(data)
    require_finite(tensors, folder, _AGAIN)
    return tensors


def require_base(record: Mapping[str, Any], folder: Path, base: Base) -> None:
    """Raise BaseMismatchError unless a rail was made for this base."""
    made_for = record["base"]
    if made_for["digest"] != base.digest:
        raise BaseMismatchError(
            f"made for {made_for['name']} ({made_for['digest'][:19]}), "
            f"found {base.name} ({base.digest[:19]})",
            where=str(folder),
            fix=f"use the base {made_for['name']}",
        )


def _require_domain(record: Mapping[str, Any], folder: Path, compiled: Compiled) -> None:
    domain = record["domain"]
    if domain["digest"] != compiled.digest:
        raise RailError(
            f"made for {domain['name']} ({domain['digest'][:19]}), "
            f"found {compiled.name} ({compiled.digest[:19]})",
            where=str(folder),
            fix="train it for this version of the domain: bb train, with this folder as "
            "[run] warm_start",
        )


def _space_json(space: Space) -> dict[str, Json]:
    constants: list[Json] = [
        [tool, list(path), list(values)] for (tool, path), values in space.constants.items()
    ]
    return {
        "skills": [skill_json(skill) for skill in space.skills if skill.composite],
        "constants": constants,
    }


def _space(compiled: Compiled, told: Mapping[str, Any]) -> Space:
    constants = {(tool, tuple(path)): tuple(values) for tool, path, values in told["constants"]}
    return Space.of(compiled, map(read_skill, told["skills"]), constants)
