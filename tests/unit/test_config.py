"""bb.toml: what it may say, and the line of what it may not."""

from dataclasses import replace
from pathlib import Path

import pytest

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_infra.config import Config, Learn, Run, Shadow, load_config, read_config
from bb_infra.errors import ConfigError
from bb_infra.running import made_from
from bb_safety.policy import Policy

WHOLE = """\
[model]
name = "folder/model"

[decode]
tokens = 200
temperature = 1

[run]
rounds = 2

[domains.api_json]
dist = "builderbrain-api-json"
settings = {url = "http://127.0.0.1:1"}
"""


def test_everything_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config() == Config()
    assert read_config("", "bb.toml") == Config(source="bb.toml")


def test_a_whole_file() -> None:
    config = read_config(WHOLE, "bb.toml")
    assert (config.model.name, config.decode.tokens, config.run.rounds) == ("folder/model", 200, 2)
    assert config.decode.temperature == 1
    assert config.pins == {"api_json": "builderbrain-api-json"}
    assert config.domains["api_json"].settings == {"url": "http://127.0.0.1:1"}


BROKEN = [
    (
        "[model]",
        "[modle]",
        "bb.toml:1: unknown key 'modle'. "
        "Known: model, decode, rail, gate, shadow, learn, run, domains",
    ),
    (
        "tokens = 200",
        "tokns = 200",
        "bb.toml:5: unknown key 'tokns' in [decode]. Known: tokens, temperature, seed",
    ),
    ("tokens = 200", 'tokens = "many"', "bb.toml:5: 'tokens' must be a number, found text"),
    ("tokens = 200", "tokens = true", "bb.toml:5: 'tokens' must be a number, found true or false"),
    ("tokens = 200", "tokens = 0", "bb.toml:5: 'tokens' is 0. Use 1 to 100000"),
    ("temperature = 1", "temperature = -1", "bb.toml:6: 'temperature' is -1. Use 0 to 10"),
    ("rounds = 2", "rounds = [2]", "bb.toml:9: 'rounds' must be a number, found a list"),
    ("dist =", "dst =", "bb.toml:12: unknown key 'dst' in [domains.api_json]. Known: dist, "),
    ('"http://127.0.0.1:1"', "1", "bb.toml:13: 'url' must be text, found a number"),
    ("[run]", "[learn]\nrate = 0\n[run]", "bb.toml:9: 'rate' is 0. Use 1e-09 to 1"),
    ("[run]", "[learn]\nmissed = 1.5\n[run]", "bb.toml:9: 'missed' is 1.5. Use 0 to 1"),
    ("[run]", f"[learn]\nseed = {2**53}\n[run]", "bb.toml:9: 'seed' is 9007199254740992"),
    ("rounds = 2", "rounds = ", "bb.toml:9: is not TOML: "),
    ("[run]", "[decode]", "bb.toml:8: is not TOML: "),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_what_is_refused_has_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(WHOLE.replace(old, new), "bb.toml")
    assert str(caught.value).startswith(said)


def test_learning_and_judging_differently_leaves_runs_what_they_are() -> None:
    shop, usual = compile_domain(discover().get("api_json")), Config()
    other = replace(usual, learn=Learn(every=7), gate=Policy(kappa=0.01), shadow=Shadow(pairs=9))
    assert made_from(shop, None, other) == made_from(shop, None, usual)
    assert made_from(shop, None, replace(usual, run=Run(rounds=1))) != made_from(shop, None, usual)


def test_what_prompts_are_written_by_is_part_of_what_a_run_is_made_from() -> None:
    pytest.importorskip("torch")
    from bb_infra.planners import Planners
    from bb_nn.base import load_base
    from bb_runtime.planner import ModelPlanner

    shop, base = compile_domain(discover().get("api_json")), load_base("random:llama")
    planners = Planners(ModelPlanner(base, shop))
    before = made_from(shop, planners, Config())
    base.tokenizer.chat_template = "{{ messages }}"
    after = made_from(shop, planners, Config())
    assert after.base == before.base and after.artifact != before.artifact


def test_learning_is_by_default_as_it_is_without_a_configuration() -> None:
    pytest.importorskip("torch")
    from bb_infra.learn_run import learning
    from bb_train.continual.learning import Learning

    assert learning(Learn()) == Learning()
    assert all((few := learning(Learn(steps=n)).optimiser).warmup < few.steps for n in (1, 2, 5, 9))


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8"):
        load_config(tmp_path / "odd.toml")
