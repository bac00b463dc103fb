"""A rail on disk: what is not whole, not numbers or of another kind is refused in words."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load, save  # noqa: E402

from bb_core.canonical import digest_json  # noqa: E402
from bb_nn import rail_file  # noqa: E402
from bb_nn.builder.rail_folder import read_record  # noqa: E402
from bb_nn.dual_rail import DualRail  # noqa: E402
from bb_nn.errors import RailError  # noqa: E402
from tests.conformance.families import ids, railed, tiny  # noqa: E402


@torch.no_grad()
def logits(model: DualRail) -> torch.Tensor:
    return model(input_ids=ids(), use_cache=False).logits


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    railed("llama", "ladder").save_pretrained(tmp_path)
    record = json.loads((tmp_path / "rail.json").read_text())
    record["config"]["rho"] = None
    (tmp_path / "rail.json").write_text(json.dumps(record))
    with pytest.raises(RailError, match=r"rail\.json was changed"):
        DualRail.from_pretrained(tmp_path, tiny("llama"))


def signed(folder: Path, **changes: Any) -> None:
    """Change a record and say its digest anew, as whoever makes records would."""
    record = json.loads((folder / "rail.json").read_text()) | changes
    record["digest"] = digest_json({k: v for k, v in record.items() if k != "digest"})
    (folder / "rail.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"window": 9}, "not whole"),
        ({"every": 1}, "not whole"),
        ({"skills": 2}, "not whole"),
        ({"taps": [9]}, "4 layers"),
        ({"heads": "2"}, "is no whole number"),
        ({"window": 2.5}, "is no whole number"),
        ({"alpha": 0.9}, "alpha is out of bounds"),
        ({"depth": 3}, "unknown field"),
    ],
)
def test_a_record_of_a_rail_that_is_not_there_is_refused(
    change: dict[str, Any], found: str, tmp_path: Path
) -> None:
    railed("llama", "ladder").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "rail.json").read_text())["config"]
    signed(tmp_path, config=config | change)
    with pytest.raises(RailError, match=found):
        DualRail.from_pretrained(tmp_path, tiny("llama"))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("gates.alpha", None, "not whole"),
        ("blocks.0.read.weight", None, "not whole"),
        ("gates.alpha", 7.0, r"under a cap of 0\.5"),
        ("gates.alpha", float("nan"), "'gates.alpha' hold a number that is none"),
        ("blocks.0.read.weight", float("inf"), "'blocks.0.read.weight' hold a number"),
    ],
)
def test_weights_of_no_whole_rail_are_refused(
    name: str, value: float | None, found: str, tmp_path: Path
) -> None:
    railed("llama", "ladder").save_pretrained(tmp_path)
    weights = tmp_path / "rail.safetensors"
    tensors = load(weights.read_bytes())
    old = tensors.pop(name)
    weights.write_bytes(save(tensors | ({} if value is None else {name: old.fill_(value)})))
    signed(tmp_path, weights=hashlib.sha256(weights.read_bytes()).hexdigest())
    with pytest.raises(RailError, match=found):
        DualRail.from_pretrained(tmp_path, tiny("llama"))


def test_weights_that_are_no_numbers_are_not_saved_over_those_that_are(tmp_path: Path) -> None:
    model = railed("llama", "ladder")
    want = logits(model)
    model.save_pretrained(tmp_path)
    model.rail.blocks[0].read.weight.data[0, 0] = float("nan")
    with pytest.raises(RailError, match=r"'blocks\.0\.read\.weight' hold a number"):
        model.save_pretrained(tmp_path)
    model.gates.alpha.data.fill_(float("nan"))
    with pytest.raises(RailError, match="gates"):
        model.save_pretrained(tmp_path)
    assert torch.equal(logits(DualRail.from_pretrained(tmp_path, tiny("llama"))), want)


def test_saving_over_a_rail_leaves_what_was_read_of_it_as_it_was(tmp_path: Path) -> None:
    model = railed("llama", "ladder")
    model.save_pretrained(tmp_path)
    _, _, tensors = rail_file.read(tmp_path)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    whole = (tmp_path / "rail.safetensors").open("rb")
    for parameter in model.rail.blocks.parameters():
        parameter.data.add_(1.0)
    model.save_pretrained(tmp_path)
    assert all(torch.equal(tensors[name], old) for name, old in before.items())
    with whole:
        again = load(whole.read())
    assert all(torch.equal(again[name], old) for name, old in before.items())


def test_a_rail_of_another_kind_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "rail.json").write_text(json.dumps({"format": 1, "kind": "builder"}))
    with pytest.raises(RailError, match=r"a builder, not a stream rail.* Load it with load_rail"):
        DualRail.from_pretrained(tmp_path, tiny("llama"))
    railed("llama", "ladder").save_pretrained(tmp_path)
    with pytest.raises(RailError, match="a stream of format 2"):
        read_record(tmp_path)


def test_a_rail_saved_before_its_kind_was_said_is_read(tmp_path: Path) -> None:
    model = railed("llama", "ladder")
    model.save_pretrained(tmp_path)
    record = json.loads((tmp_path / "rail.json").read_text())
    del record["kind"]
    (tmp_path / "rail.json").write_text(json.dumps(record))
    signed(tmp_path)
    assert torch.equal(logits(DualRail.from_pretrained(tmp_path, tiny("llama"))), logits(model))
