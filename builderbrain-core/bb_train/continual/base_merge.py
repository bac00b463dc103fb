"""A LoRA merged into a copy of the base: a new base with a digest of its own, for the gate.

The base that serves is never written: its folder's digest is the same before and after, or nothing
is left. The copy is a version like any other: it is added to the registry under the pointer `base`,
played against the base that serves, and served only after the gate lets it (`bb_safety`). Every
rail was made for one base to the byte: rails have to be trained anew before they plan on it.

Not covered: merging what was trained on a quantised base; LoRA adapters alone can be merged.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bb_core.canonical import Json
from bb_nn.base import load_base
from bb_nn.fetch import RECORD, folder_digest
from bb_safety.registry import Artifact, Registry
from bb_train.errors import AdaptersOnly, DataError

POINTER = "base"
"""The pointer under which bases are promoted; rails are promoted under their domain's name."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged copy: its folder and digest, and what it was made from."""

    folder: Path
    digest: str
    base: str
    adapter: str


def merge_into_copy(base: Path, adapter: Path, out: Path) -> Merged:
    """Merge a PEFT LoRA folder into a copy of a base's folder; `out` must not exist yet.

    Raises DataError for what is no LoRA of this base, AdaptersOnly if the base was touched.
    """
    if out.exists():
        raise DataError("is there already", where=str(out), fix="name a new folder")
    before, lora = folder_digest(base), _require_lora(adapter)
    aside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(base, aside, ignore=shutil.ignore_patterns(RECORD))
    try:
        _merge(aside, adapter)
        if folder_digest(base) != before:
            raise AdaptersOnly("merging touched the base that serves", where=str(base))
        digest = folder_digest(aside)
        (aside / RECORD).write_text(json.dumps({"digest": digest, "base": before, "adapter": lora}))
        aside.rename(out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return Merged(out, digest, before, lora)


def offer(registry: Registry, merged: Merged) -> Artifact:
    """The copy in the registry; serving it needs a decision on the pointer `base`."""
    facts: dict[str, Json] = {
        "kind": "base",
        "digest": merged.digest,
        "from": merged.base,
        "adapter": merged.adapter,
    }
    return registry.add(merged.folder, POINTER, facts)


def _require_lora(adapter: Path) -> str:
    try:
        told = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
        kind = told["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"no PEFT adapter ({error})", where=str(adapter)) from error
    if kind != "LORA":
        fix = "merge a LoRA"
        raise DataError(f"a {kind} adapter cannot be merged", where=str(adapter), fix=fix)
    return folder_digest(adapter)


def _merge(copy: Path, adapter: Path) -> None:
    """merge_and_unload on the copy's own weights in float32, saved over them in the type they had.

    What the processor computes fastest in must not decide how much of the sum is kept.
    """
    from peft import PeftModel
    from transformers import AutoConfig

    stored = AutoConfig.from_pretrained(copy, local_files_only=True).dtype or torch.float32
    loaded = load_base(str(copy), torch.float32)
    try:
        model: Any = PeftModel.from_pretrained(loaded.model, str(adapter))
        merged = model.merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise DataError(f"it is not for this base ({error})", where=str(adapter)) from error
    for old in copy.glob("*.safetensors"):
        old.unlink()
    merged.to(stored).save_pretrained(copy)
