"""A rail on disk: rail.safetensors and rail.json, which names its base by digest."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bb_nn.base import Base
from bb_nn.errors import BaseMismatchError, RailError
from bb_nn.rail_config import RailConfig

WEIGHTS, RECORD, FORMAT = "rail.safetensors", "rail.json", 1


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
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().cpu().contiguous()
        found.update(f"{name} {flat.dtype} {tuple(flat.shape)}\n".encode())
        found.update(flat.view(-1).view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return found.hexdigest()


def write(folder: Path, config: RailConfig, base: BaseId, tensors: dict[str, Tensor]) -> None:
    """Write the two files; the record carries the weights' own digest."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, folder / WEIGHTS)
    record = {
        "format": FORMAT,
        "config": config.to_json(),
        "base": {"name": base.name, "digest": base.digest, "architecture": base.architecture},
        "weights": _file_digest(folder / WEIGHTS),
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[RailConfig, BaseId, dict[str, Tensor]]:
    """What `write` wrote; raises RailError for a folder that is not a rail or was changed."""
    from safetensors.torch import load_file

    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        version, config, base = record["format"], record["config"], BaseId(**record["base"])
        same = record["weights"] == _file_digest(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RailError(
            f"not a saved rail: {error}", where=str(folder), fix="give a folder with a rail.json"
        ) from error
    if version != FORMAT or not same:
        found = f"format {version}" if version != FORMAT else "weights are not those recorded"
        raise RailError(found, where=str(folder), fix="save the rail again")
    return RailConfig.from_json(config), base, load_file(folder / WEIGHTS)


def require(base: BaseId, saved: BaseId, where: Path) -> None:
    """Raise BaseMismatchError unless this is the base that the rail was saved with."""
    if base.digest != saved.digest:
        raise BaseMismatchError(
            f"made for {saved.name or saved.architecture} ({saved.digest[:12]}), "
            f"found {base.name or base.architecture} ({base.digest[:12]})",
            where=str(where),
            fix=f"load {saved.name!r} with load_base" if saved.name else "hand over that model",
        )


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
