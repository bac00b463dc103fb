"""`bb train` for real on a tiny base: from a configuration to a rail folder, killed on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from bb_core import discover
from bb_core.canonical import digest
from bb_core.compiled import compile_domain
from bb_infra.checkpoint import read_public
from bb_infra.entry import read_log
from bb_infra.verify import verify
from bb_nn.base import load_base
from bb_nn.builder.rail_folder import load_rail
from bb_nn.builder.words import tool_text
from bb_nn.errors import BaseMismatchError, RailError
from bb_train.config import read_train_config
from bb_train.errors import BusyError, ResumeError
from bb_train.evaluate import Evaluator
from bb_train.example import read_examples
from bb_train.run_lock import held
from bb_train.stages import run

STEPS = 24


def configuration(folder: Path, cache: Path) -> str:
    return f"""
[run]
folder = "{folder}"
seed = 5
[base]
name = "random:llama"
dtype = "float32"
layers = [1, 2]
[data]
train = 24
dev = 2
families = ["indist", "combo"]
[builder]
width = 32
heads = 2
[optimiser]
steps = {STEPS}
warmup = 4
batch = 4
[constraints.cfs]
limit = 0.02
[measure]
log = 1
dev = 12
checkpoint = 4
items = 2
beam = 2
lift = 0
[cache]
folder = "{cache}"
"""


def command(config: Path) -> list[str]:
    return [sys.executable, "-c", "from bb_infra.cli import main; main()", "train", str(config)]


def done(config: Path, text: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end, on a file of this text."""
    config.write_text(text)
    return subprocess.run(command(config), capture_output=True, text=True, check=False)


def warm(text: str, rail: Path) -> str:
    """The configuration, begun with a rail."""
    return text.replace("[run]\n", f'[run]\nwarm_start = "{rail}"\n')


def losses(folder: Path) -> list[tuple[int, object]]:
    lines = (folder / "training.jsonl").read_text().splitlines()
    rows = map(json.loads, lines)
    return [(row["step"], row.get("loss") or row.get("dev")) for row in rows]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that went through undisturbed."""
    root = tmp_path_factory.mktemp("train")
    found = done(root / "whole.toml", configuration(root / "whole", root / "states"))
    assert found.returncode == 0, found.stderr
    assert f"{STEPS}/{STEPS}" in found.stderr
    return root / "whole"


def without_seconds(rows: object) -> object:
    """The rows with what a clock says left out."""
    text = json.dumps(rows)
    return json.loads(text, object_hook=lambda d: {k: v for k, v in d.items() if k != "seconds"})


def test_a_killed_run_goes_on_to_the_same_losses(trained: Path) -> None:
    root = trained.parent
    config = root / "killed.toml"
    config.write_text(configuration(root / "killed", root / "states"))
    log = root / "killed" / "training.jsonl"
    with subprocess.Popen(command(config), stderr=subprocess.DEVNULL) as other:
        try:
            until = time.monotonic() + 120
            while not (log.exists() and log.read_bytes().count(b"\n") >= 9):
                assert time.monotonic() < until and other.poll() is None
                time.sleep(0.01)
        finally:
            os.kill(other.pid, signal.SIGKILL)
    kept = list((root / "killed" / "checkpoints").iterdir())
    assert kept and not (root / "killed" / "rail").exists()
    again = subprocess.run(command(config), capture_output=True, text=True, check=False)
    assert again.returncode == 0 and "goes on after step" in again.stderr, again.stderr
    assert without_seconds(losses(root / "killed")) == without_seconds(losses(trained))
    ours, theirs = (f / "rail" / "rail.safetensors" for f in (root / "killed", trained))
    assert ours.read_bytes() == theirs.read_bytes()


def test_an_end_that_was_stopped_finds_nothing_out_twice(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stopped"
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / "rail")
    measured: list[str] = []
    score = Evaluator.score

    def counted(self: Evaluator, examples: Any, planner: Any) -> Any:
        found = score(self, examples, planner)
        measured.extend(one.id for one in found)
        return found

    monkeypatch.setattr(Evaluator, "score", counted)
    found = folder / "found.jsonl"
    lines = found.read_bytes()
    assert lines.count(b"\n") == 4
    found.write_bytes(lines[:-9])  # killed while it wrote the last of four
    text = configuration(folder, trained.parent / "states")
    rail = run(read_train_config(text, "stopped.toml"))
    assert len(measured) == 1
    ours, theirs = (json.loads((f / "rail.json").read_text()) for f in (rail, trained / "rail"))
    for one in (ours, theirs):
        del one["trained"]["seconds"]
    assert without_seconds(ours) == without_seconds(theirs)


def test_what_is_left_is_a_rail_that_loads(trained: Path) -> None:
    rail = trained / "rail"
    names = {path.name for path in rail.iterdir()}
    assert names == {"rail.safetensors", "rail.json", "training.jsonl", "card.md"}
    record = json.loads((rail / "rail.json").read_text())
    base = load_base("random:llama", read_dtype())
    shop = compile_domain(discover().get("api_json"))
    assert record["base"]["digest"] == base.digest and record["domain"]["digest"] == shop.digest
    builder = load_rail(rail, base, shop)
    assert sum(p.numel() for p in builder.parameters()) == record["parameters"]
    card = (rail / "card.md").read_text()
    assert base.digest in card and "| combo | 2 |" in card
    other = load_base("random:llama", read_dtype(), seed=1)
    with pytest.raises(BaseMismatchError, match="made for random:llama"):
        load_rail(rail, other, shop)
    weights = rail / "rail.safetensors"
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(RailError, match="not those recorded"):
            load_rail(rail, base, shop)
    finally:
        weights.write_bytes(whole)


def read_dtype() -> object:
    import torch

    return torch.float32


def test_every_step_is_in_the_ledger_with_its_duals_cosines_and_cfs_rate(trained: Path) -> None:
    assert verify(trained / "ledger.jsonl", public_key=read_public(trained / "ledger.pub")).ok
    records = list(read_log(trained / "ledger.jsonl"))
    steps = [r.body for r in records if r.type == "trained"]
    assert [body["step"] for body in steps] == list(range(1, STEPS + 1))
    for body in steps:
        figures: Any = body["figures"]
        assert set(figures["duals"]) == {"cfs"} and 0 <= figures["cfs"] <= 1
        assert figures["evsi"] is None and isinstance(figures["cosines"], dict)
    measured: list[Any] = [r.body for r in records if r.type == "measured"]
    assert measured and all(0 <= body["figures"]["ged"] <= 1 for body in measured)
    (shipped,) = [r.body for r in records if r.type == "shipped"]
    told: Any = shipped["digests"]
    assert told["rail"] == digest((trained / "rail" / "rail.json").read_bytes())
    assert not {told[key] for key in ("base", "grammar", "schema", "config")} & {"none", ""}


def test_the_manifest_says_what_the_run_is_made_of(trained: Path) -> None:
    told = json.loads((trained / "manifest.json").read_text())
    assert told["examples"]["lessons"] == 24 and not told["examples"]["left_out"]
    apart = {"config", "base", "dtype", "domain", "space", "data", "torch", "warm_start"}
    assert set(told["made_from"]) == apart and told["made_from"]["warm_start"] == ""


def test_a_folder_in_use_and_a_folder_of_another_run_are_refused(trained: Path) -> None:
    text = configuration(trained, trained.parent / "states")
    with held(trained), pytest.raises(BusyError):
        run(read_train_config(text, "t.toml"))
    config = trained.parent / "other.toml"
    found = done(config, text.replace("seed = 5", "seed = 6"))
    assert found.returncode == 2 and "was made with another config" in found.stderr
    found = done(config, text.replace("[run]", "[run]\nsteps = 3"))
    assert found.returncode == 2 and "other.toml:3: unknown key 'steps'" in found.stderr


def test_a_warm_start_of_no_steps_is_the_earlier_rail_measured_anew(
    trained: Path, tmp_path: Path
) -> None:
    text = configuration(tmp_path / "run", trained.parent / "states")
    text = text.replace("seed = 5", "seed = 6").replace(f"steps = {STEPS}", "steps = 0")
    config = tmp_path / "warm.toml"
    found = done(config, warm(text, trained / "rail"))
    assert found.returncode == 0, found.stderr
    theirs = json.loads((trained / "rail" / "rail.json").read_bytes())
    said = f"warm start: a rail of api_json, {theirs['weights'][:19]}; tools it had not: none"
    assert said in found.stderr
    rail = tmp_path / "run" / "rail"
    ours = json.loads((rail / "rail.json").read_bytes())
    assert ours["weights"] == theirs["weights"] == ours["made_from"]["warm_start"]
    assert ours["metrics"]["dev"]["combo"]["n"] == 2 and ours["trained"]["steps"] == 0
    assert f"it began with the weights {theirs['weights']}" in (rail / "card.md").read_text()
    found = done(config, text)
    assert found.returncode == 2
    assert "'steps' is 0, and there is no earlier rail to begin with" in found.stderr
    found = done(config, text.replace("steps = 0", "steps = 8"))
    assert found.returncode == 2 and "was made with another" in found.stderr


def test_a_warm_start_learns_on_and_begins_with_one_rail_alone(
    trained: Path, tmp_path: Path
) -> None:
    text = configuration(tmp_path / "run", trained.parent / "states")
    text = text.replace(f"steps = {STEPS}", "steps = 5")
    (tmp_path / "rail").symlink_to(trained / "rail")
    rail = run(read_train_config(warm(text, tmp_path / "rail"), "warm.toml"))
    log = [json.loads(line) for line in (rail / "training.jsonl").read_text().splitlines()]
    cold = losses(trained)
    first = next(row["loss"]["task"] for row in log if "loss" in row)
    assert first < cold[0][1]["task"]  # type: ignore[index,call-overload]
    assert (rail / "rail.safetensors").read_bytes() != (
        trained / "rail" / "rail.safetensors"
    ).read_bytes()
    with pytest.raises(ResumeError, match="made with another warm_start"):
        run(read_train_config(text, "cold.toml"))


def test_a_start_that_no_step_is_as_good_as_is_what_is_shipped(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score, calls = Evaluator.score, list[int]()

    def first_alone(self: Evaluator, examples: Any, planner: Any) -> Any:
        calls.append(len(examples))
        return [replace(one, right=len(calls) == 1) for one in score(self, examples, planner)]

    monkeypatch.setattr(Evaluator, "score", first_alone)
    text = configuration(tmp_path / "run", trained.parent / "states")
    text = text.replace(f"steps = {STEPS}", "steps = 5")
    rail = run(read_train_config(warm(text, trained / "rail"), "warm.toml"))
    told = json.loads((rail / "rail.json").read_bytes())
    assert told["trained"]["best_step"] == 0 and told["trained"]["steps"] == 5
    assert told["weights"] == told["made_from"]["warm_start"] and calls[:2] == [2, 2]


def test_a_warm_start_of_no_steps_tells_what_it_had_not_learnt_as_strangers(
    trained: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    shutil.copytree(trained / "rail", earlier)
    record = json.loads((earlier / "rail.json").read_bytes())
    named = [text.replace("get order: ", "look up: ") for text in record["words"]]
    assert named != record["words"] and "get_order" not in record["trained"]["unshown"]
    (earlier / "rail.json").write_text(json.dumps({**record, "words": named}))
    text = configuration(tmp_path / "run", trained.parent / "states")
    for old, new in (
        ("seed = 5", "seed = 6"),
        (f"steps = {STEPS}", "steps = 0"),
        ("width = 32", "width = 32\nstrangers = 0.3"),
        ("dev = 2\n", "dev = 0\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    run(read_train_config(warm(text, earlier), "warm.toml"))
    told = json.loads((tmp_path / "run" / "rail" / "rail.json").read_bytes())["trained"]
    assert set(told["unshown"]) == {*record["trained"]["unshown"], "get_order"}
    rail = load_rail(
        tmp_path / "run" / "rail",
        load_base("random:llama", torch.float32),
        compile_domain(discover().get("api_json")),
    )
    for tool in rail.space.schema.tools:
        row = rail.described.rows[tool_text(rail.space, tool)]
        strange = torch.equal(rail.network.words[row], rail.network.stranger)
        assert strange is (tool in told["unshown"]), tool


def test_a_run_of_before_warm_starts_is_not_taken_for_one(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["made_from"]["warm_start"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = configuration(folder, trained.parent / "states")
    begun = warm(text, trained / "rail")
    with pytest.raises(ResumeError, match="made with another warm_start"):
        run(read_train_config(begun, "warm.toml"))


def test_the_ranker_is_fitted_on_texts_nobody_learnt_from_and_lies_in_the_rail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = torch.tensor([2.0, 0.25, -1.5, -3.0, -0.5])
    monkeypatch.setattr("bb_train.rank.fitted", lambda rows, start, l2: other)
    # A builder of almost random weights never ends a clause, and would cut at every other token.
    monkeypatch.setattr("bb_nn.builder.beam._LONGEST_CLAUSE", 6)
    text = configuration(tmp_path / "run", tmp_path / "states")
    for old, new in (
        ("train = 24\ndev = 2", "train = 6\ndev = 0\nrank = 3"),
        (f"steps = {STEPS}\nwarmup = 4", "steps = 2\nwarmup = 1"),
        ("heads = 2", "heads = 2\nsegmented = false"),
    ):
        assert old in text
        text = text.replace(old, new)
    rail = run(read_train_config(text, "ranked.toml"))
    told = json.loads((rail / "rail.json").read_bytes())["trained"]["ranker"]
    parts = {
        name: read_examples(tmp_path / "run" / "examples" / f"{name}.jsonl")
        for name in ("rank", "train-indist")
    }
    learnt = {one.scene.text for one in parts["train-indist"]}
    assert told["examples"] == sum(one.scene.text not in learnt for one in parts["rank"]) > 0
    base, shop = load_base("random:llama", read_dtype()), compile_domain(discover().get("api_json"))
    builder = load_rail(rail, base, shop)
    assert builder.ranker is not None
    assert list(told["weights"].values()) == builder.ranker.weights.tolist() == other.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["phone", "robots", "social"])
def test_every_shipped_domain_can_be_trained(domain: str, tmp_path: Path) -> None:
    """What a base is told, and what its masks write, differ from domain to domain."""
    text = configuration(tmp_path / "run", tmp_path / "states")
    few = {'families = ["indist", "combo"]': 'families = ["indist"]', "train = 24": "train = 8"}
    for before, after in {"[run]": f'[run]\ndomain = "{domain}"', **few}.items():
        assert before in text
        text = text.replace(before, after)
    run(read_train_config(text.replace("width = 32", "width = 32\nstrangers = 0.3"), "t.toml"))
    rail = load_rail(
        tmp_path / "run" / "rail",
        load_base("random:llama", torch.float32),
        compile_domain(discover().get(domain)),
    )
    shown = {
        step.tool
        for one in read_examples(next((tmp_path / "run" / "examples").glob("train*")))
        for step in one.plan.steps
    }
    record = json.loads((tmp_path / "run" / "rail" / "rail.json").read_bytes())
    assert set(record["trained"]["unshown"]) == set(rail.space.schema.tools) - shown
    card = (tmp_path / "run" / "rail" / "card.md").read_text()
    assert ("they are told as strangers" in card) is bool(record["trained"]["unshown"])
    for tool in rail.space.schema.tools:
        row = rail.described.rows[tool_text(rail.space, tool)]
        strange = torch.equal(rail.network.words[row], rail.network.stranger)
        assert strange is (tool not in shown), tool
