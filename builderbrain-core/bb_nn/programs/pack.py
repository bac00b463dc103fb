"""One skill's tensors, out of a model, with the digest that names their bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from bb_nn.errors import SwapError
from bb_nn.finite import require_finite
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.hyper_bank import HyperBank
from bb_nn.tensor_digest import tensor_digest

Bank = SkillBank | HyperBank


@dataclass(frozen=True)
class Pack:
    """A skill's name, the tools it calls, and its tensors as `bank path/tensor`."""

    name: str
    tools: tuple[str, ...]
    tensors: Mapping[str, Tensor]

    @cached_property
    def digest(self) -> str:
        """sha256 over names, types, shapes and bytes of the tensors, in the order of the names."""
        return digest_of(self.tensors)

    @property
    def parameters(self) -> int:
        """How many numbers it is."""
        return sum(tensor.numel() for tensor in self.tensors.values())


def banks(model: nn.Module) -> dict[str, Bank]:
    """Every bank of a model by its path; all have a row for every skill, in the same order."""
    found = {p: m for p, m in model.named_modules() if isinstance(m, SkillBank | HyperBank)}
    if not found:
        raise SwapError("the model has no bank of skills", fix="build it with skills > 0")
    if len({len(bank) for bank in found.values()}) > 1:
        rows = ", ".join(f"{path} {len(bank)}" for path, bank in found.items())
        raise SwapError(f"the banks differ in their rows: {rows}", fix="build the model again")
    return found


def take(model: nn.Module, row: int, name: str, tools: tuple[str, ...]) -> Pack:
    """A copy of the skill in a row of the model's banks."""
    tensors = {
        f"{path}/{key}": tensor.clone()
        for path, bank in banks(model).items()
        for key, tensor in bank.tensors(row).items()
    }
    return Pack(name, tools, tensors)


def newborn(model: nn.Module, name: str, tools: tuple[str, ...]) -> Pack:
    """A skill that changes nothing yet, for every bank of the model; the model is as before."""
    tensors = {
        f"{path}/{key}": tensor
        for path, bank in banks(model).items()
        for key, tensor in bank.newborn().items()
    }
    return Pack(name, tools, tensors)


def fits(model: nn.Module, pack: Pack) -> None:
    """Raise SwapError unless the pack has just the tensors that the model's banks need, and
    RailError where one of them holds a number that is none.

    On whatever device: a bank puts them on its own, which leaves the digest as it is. Another type
    is refused, since the bytes would then be others than the digest names.
    """
    wanted = banks(model)
    paths = {key.rpartition("/")[0] for key in pack.tensors}
    if paths != set(wanted):
        found = f"{len(paths)} banks' tensors, and the model has {len(wanted)} banks"
        raise SwapError(found, where=pack.name, fix="take the skill from a model of this shape")
    for path, bank in wanted.items():
        for key, shape in bank.shapes.items():
            given = pack.tensors.get(f"{path}/{key}")
            if given is None or tuple(given.shape) != shape:
                found = f"{path}/{key} is {'missing' if given is None else tuple(given.shape)}"
                raise SwapError(f"{found}, not {shape}", where=pack.name, fix="take it anew")
            if bank.dtype not in (None, given.dtype):
                found = f"{path}/{key} is {given.dtype}, not {bank.dtype}"
                raise SwapError(found, where=pack.name, fix="take it from a model of this type")
    more = set(pack.tensors) - {f"{path}/{key}" for path, b in wanted.items() for key in b.shapes}
    if more:
        fix = "take it from a model of this shape"
        raise SwapError(f"{min(more)} is no bank's tensor", where=pack.name, fix=fix)
    require_finite(pack.tensors, pack.name, "train it again")


def of_bank(pack: Pack, path: str) -> dict[str, Tensor]:
    """The pack's tensors for one bank."""
    return {
        key.rpartition("/")[2]: tensor
        for key, tensor in pack.tensors.items()
        if key.rpartition("/")[0] == path
    }


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and bytes, in the order of the names."""
    return "sha256:" + tensor_digest(sorted(tensors.items()), _head)


def _head(name: str, tensor: Tensor) -> str:
    return json.dumps([name, str(tensor.dtype), list(tensor.shape)])


def save(pack: Pack, path: Path) -> str:
    """Write a skill as one safetensors file and give its digest."""
    from safetensors.torch import save_file

    about = {"name": pack.name, "tools": json.dumps(pack.tools), "digest": pack.digest}
    save_file({k: t.contiguous() for k, t in pack.tensors.items()}, str(path), metadata=about)
    return pack.digest


def load(path: Path) -> Pack:
    """Read `save`'s file; raises SwapError if its bytes are not what it says of them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        pack = Pack(about["name"], tuple(json.loads(about["tools"])), tensors)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        found = f"this is no skill ({type(error).__name__}: {error})"
        raise SwapError(found, where=str(path), fix="save it again") from None
    if pack.digest != about.get("digest"):
        raise SwapError("is not what its digest says", where=str(path), fix="save it again")
    return pack
