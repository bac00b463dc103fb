"""A rail on disk: rail.safetensors and rail.json, which names its base by digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bb_core.cache import write_whole
from bb_core.canonical import digest_json
from bb_nn.base import Base
from bb_nn.errors import BaseMismatchError, RailError
from bb_nn.finite import require_finite
from bb_nn.gates import require_gates
from bb_nn.rail_config import RailConfig
from bb_nn.tensor_digest import spaced, tensor_digest

WEIGHTS, RECORD, FORMAT, KIND = "rail.safetensors", "rail.json", 2, "stream"
_NUMBERS = "save one whose weights are numbers"
Marks = Mapping[str, tuple[torch.dtype, int]]


@dataclass(frozen=True, slots=True)
class BaseId:
    """Which base a rail belongs to.

    `name` is what load_base takes, empty for a model that was handed over without one; its digest
    is then over its weights, and only such a model can be held to it.
    """

    name: str
    digest: str
    architecture: str


def identify(base: Base | Any) -> BaseId:
    """A base's identity; for a bare model every weight is read, which takes a second per 300 MB."""
    if isinstance(base, Base):
        return BaseId(base.name, base.digest, type(base.model).__name__)
    return BaseId("", weights_digest(base), type(base).__name__)


def weights_digest(model: Any) -> str:
    """SHA-256 over the names, types, shapes and bytes of a model's tensors."""
    return tensor_digest(sorted(model.state_dict().items()), spaced)


def marks(model: Any) -> Marks:
    """What tells later that a model's tensors were written, joined by others or cast."""
    return {
        name: (tensor.dtype, 0 if tensor.is_inference() else tensor._version)
        for name, tensor in model.state_dict(keep_vars=True).items()
    }


def changed(model: Any, before: Marks) -> bool:
    """Whether the model is not as it was when it was marked, as far as torch counts writes; a copy
    counts from zero."""
    now = marks(model)
    return now.keys() != before.keys() or any(
        kind != before[name][0] or writes > before[name][1] for name, (kind, writes) in now.items()
    )


def write(folder: Path, config: RailConfig, base: BaseId, tensors: dict[str, Tensor]) -> None:
    """Write the two files, each in one step; the record carries the weights' own digest.

    Raises RailError, and leaves what was there, where a weight is no number. A process killed
    between the two files leaves a folder that `read` refuses.
    """
    require_finite(tensors, folder, _NUMBERS)
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()})
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS, data)
    record: dict[str, Any] = {
        "format": FORMAT,
        "kind": KIND,
        "config": config.to_json(),
        "base": {"name": base.name, "digest": base.digest, "architecture": base.architecture},
        "weights": hashlib.sha256(data).hexdigest(),
    }
    record["digest"] = digest_json(record)
    write_whole(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def read(folder: Path) -> tuple[RailConfig, BaseId, dict[str, Tensor]]:
    """What `write` wrote; raises RailError for what is no such rail, was changed or holds a NaN."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        _of_this_kind(folder, record)
        data = (folder / WEIGHTS).read_bytes()
        _unchanged(folder, record, data)
        config, base = RailConfig.from_json(record["config"]), BaseId(**record["base"])
        tensors = load(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise RailError(
            f"not a saved rail: {error}", where=str(folder), fix="give a folder with a rail.json"
        ) from error
    require_finite(tensors, folder, _NUMBERS)
    if "gates.alpha" in tensors:
        require_gates(tensors["gates.alpha"], config.cap, str(folder))
    return config, base, tensors


def _of_this_kind(folder: Path, record: dict[str, Any]) -> None:
    """Raise RailError where the folder holds a rail of another kind, a builder; of before, none is
    said."""
    kind = record.get("kind", KIND)
    if kind != KIND:
        fix = "load it with load_rail" if kind == "builder" else f"give a {KIND} rail"
        raise RailError(f"a {kind}, not a {KIND} rail", where=str(folder), fix=fix)


def _unchanged(folder: Path, record: dict[str, Any], data: bytes) -> None:
    """Raise RailError unless the record and the weights are what was written."""
    own = digest_json({name: value for name, value in record.items() if name != "digest"})
    for holds, found in (
        (record["format"] == FORMAT, f"format {record['format']}, not {FORMAT}"),
        (record.get("digest") == own, f"{RECORD} was changed"),
        (record["weights"] == hashlib.sha256(data).hexdigest(), "weights are not those recorded"),
    ):
        if not holds:
            raise RailError(found, where=str(folder), fix="save the rail again")


def require(base: BaseId, saved: BaseId, where: Path) -> None:
    """Raise BaseMismatchError unless this is the base that the rail was saved with."""
    if base.digest != saved.digest:
        raise BaseMismatchError(
            f"made for {saved.name or saved.architecture} ({saved.digest[:12]}), "
            f"found {base.name or base.architecture} ({base.digest[:12]})",
            where=str(where),
            fix=f"load {saved.name!r} with load_base" if saved.name else "hand over that model",
        )
