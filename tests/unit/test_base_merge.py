"""A LoRA merged into a copy of the base: a new digest, the base untouched, served by the gate."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from bb_nn.base import load_base
from bb_nn.fetch import folder_digest
from bb_safety import Evidence, Golden, Metric, Pair, Policy, Registry, gate
from bb_train.continual.base_merge import POINTER, merge_into_copy, offer
from bb_train.errors import DataError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A base on disk, and a LoRA for it that changes something."""
    from peft import LoraConfig, get_peft_model

    tiny = load_base("random:llama", torch.float32)
    base, adapter = tmp_path / "base", tmp_path / "lora"
    tiny.model.save_pretrained(base)
    tiny.tokenizer.save_pretrained(base)
    model = get_peft_model(tiny.model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.5)
    model.save_pretrained(adapter)
    return base, adapter


def said(folder: Path) -> torch.Tensor:
    one = load_base(str(folder), torch.float32)
    with torch.no_grad():
        logits: torch.Tensor = one.model(input_ids=torch.tensor([[5, 6, 7]])).logits
    return logits


def test_the_copy_says_what_base_and_lora_say_together_and_the_base_is_untouched(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    from peft import PeftModel

    base, adapter = folders
    before, files = folder_digest(base), {p.name: p.read_bytes() for p in base.iterdir()}
    merged = merge_into_copy(base, adapter, tmp_path / "merged")
    assert files == {p.name: p.read_bytes() for p in base.iterdir()}
    assert merged.base == before != merged.digest == folder_digest(merged.folder)
    assert load_base(str(merged.folder)).digest == merged.digest
    both = PeftModel.from_pretrained(load_base(str(base), torch.float32).model, str(adapter))
    with torch.no_grad():
        wanted = both(input_ids=torch.tensor([[5, 6, 7]])).logits
    assert torch.allclose(said(merged.folder), wanted, atol=1e-4)
    assert not torch.allclose(said(base), wanted, atol=1e-4)


def test_it_serves_only_after_the_gate(folders: tuple[Path, Path], tmp_path: Path) -> None:
    merged = merge_into_copy(*folders, tmp_path / "merged")
    registry = Registry(tmp_path / "registry")
    artifact = offer(registry, merged)
    pointer = registry.pointer(POINTER)
    assert pointer.standing().current == "" and artifact.domain == POINTER
    rows = tuple(Pair(f"t{n}", n, (0.0,), (0.0,)) for n in range(240))
    told = Evidence(
        artifact.digest, "", "", (Metric("harm", 1.0),), rows, golden=(Golden("g", True),)
    )
    assert not gate(told, Policy()).moves  # nobody approved the first of its kind
    decision = gate(told, Policy(), approved_by="ada")
    assert pointer.move(decision, lambda record: None).current == artifact.digest


def test_what_is_no_lora_of_this_base_leaves_nothing(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    base, adapter = folders
    out = tmp_path / "merged"
    with pytest.raises(DataError, match="no PEFT adapter"):
        merge_into_copy(base, base, out)
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(b"junk")
    with pytest.raises(Exception):  # noqa: B017  # whatever PEFT raises for a broken file
        merge_into_copy(base, adapter, out)
    config = adapter / "adapter_config.json"
    config.write_text(config.read_text().replace('"LORA"', '"IA3"'))
    with pytest.raises(DataError, match="cannot be merged"):
        merge_into_copy(base, adapter, out)
    assert not out.exists() and not list(tmp_path.glob(".merged*"))
    out.mkdir()
    with pytest.raises(DataError, match="is there already"):
        merge_into_copy(base, adapter, out)
