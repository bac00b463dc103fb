"""A training run's file: all of it is read, and what is wrong is named with its line."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from bb_train.config import TrainConfig, load_train_config, read_train_config
from bb_train.errors import ConfigError

GOOD = """
[run]
domain = "api_json"
seed = 3
[base]
layers = [10, 20]
[optimiser]
rate = 1
[constraints.cfs]
limit = 0.01
"""


def test_every_section_is_read() -> None:
    found = read_train_config(GOOD, "t.toml")
    assert found.run.seed == 3 and found.base.layers == (10, 20)
    assert found.constraints["cfs"].limit == 0.01
    assert read_train_config("", "t.toml") == TrainConfig(source="t.toml")


def test_the_digest_is_of_what_decides_the_run() -> None:
    one = read_train_config(GOOD, "a.toml")
    moved = read_train_config(GOOD.replace("[run]", '[run]\nfolder = "x"'), "b.toml")
    other = read_train_config(GOOD.replace("seed = 3", "seed = 4"), "a.toml")
    assert one.digest == moved.digest != other.digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[run]\nseeds = 1\n", "t.toml:2: unknown key 'seeds' in [run]"),
        ("[runs]\n", "t.toml:1: unknown key 'runs'"),
        ("[optimiser]\n\nsteps = 'many'\n", "t.toml:3: 'steps' must be a number, found text"),
        ("[optimiser]\nsteps = 0\n", "t.toml:2: 'steps' is 0"),
        ("[constraints.kl]\n", "t.toml:1: unknown key 'kl' in [constraints]"),
        ("[constraints.cfs]\nlimits = 2.0\n", "t.toml:2: unknown key 'limits'"),
        ("[data]\nfamilies = ['indist', 'hard']\n", "t.toml:2: no family 'hard'"),
        ("[base]\nlayers = ['deep']\n", "t.toml:2: 'deep' is no layer"),
        ("[base]\ndtype = 'int8'\n", "t.toml:2: 'dtype' is 'int8'"),
        ("[builder]\nwidth = 100\nheads = 8\n", "t.toml:2: 'width' 100 does not divide"),
        (
            "[optimiser]\nsteps = 20\nwarmup = 20\n",
            "t.toml:3: 'warmup' 20 leaves none of 20 steps to come down. Use fewer than the steps",
        ),
        ("[optimiser]\nsteps = 50\n", "t.toml:1: 'warmup' 100 leaves none of 50 steps"),
        ("[builder]\nheads = 2\nsegmenter = 4\n", "t.toml:3: 'segmenter' is 4. Use 0, or 8 and"),
        ("[run\n", "t.toml:1: is not TOML"),
        ("[constraints.cfs]\nlimit = inf\n", "t.toml:2: 'limit' is inf. Use -1e+06 to 1e+06"),
        ("[constraints.g2g]\nlimit = nan\n", "t.toml:2: 'limit' is nan. Use -1e+06 to 1e+06"),
        ("[constraints.cfs]\nlimit = 10000000000000000000\n", "t.toml:2: 'limit' is 1000000"),
        ("[constraints.cfs]\neta = -1\n", "t.toml:2: 'eta' is -1. Use 1e-06 to 1000"),
        ("[constraints.cfs]\nlambda_max = inf\n", "t.toml:2: 'lambda_max' is inf"),
        ("[constraints.cfs]\nlambda_max = 1e300\n", "t.toml:2: 'lambda_max' is 1e+300"),
        ("[builder]\nspan = 0\n", "t.toml:2: 'span' is 0. Use 1 to 4096"),
        ("[base]\nlayers = [true]\n", "t.toml:2: True is no layer"),
        ("[base]\nlayers = [-1]\n", "t.toml:2: -1 is no layer"),
        ("[base]\nlayers = [99999999999999999999]\n", "t.toml:2: 99999999999999999999 is no layer"),
        ("[base]\nlayers = [1, 1]\n", "t.toml:2: [1, 1] do not rise"),
        ("[base]\nlayers = [2, 1]\n", "t.toml:2: [2, 1] do not rise"),
        ("[data]\nwithout_tools = [['a']]\n", "t.toml:2: ['a'] is no tool"),
        ("[data]\nwithout_tools = [3]\n", "t.toml:2: 3 is no tool"),
        ("[data]\nfamilies = ['combo', 'combo']\n", "t.toml:2: 'combo' stands twice"),
        ("[data]\nfamilies = []\n", "t.toml:2: 'families' is empty, and 'dev' is 30 of each"),
        (f"[run]\nseed = {'9' * 5000}\n", "t.toml: is not TOML: Exceeds the limit"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_train_config(text, "t.toml")
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("rest", ["dev = 0", "dev_file = 'mine.jsonl'"])
def test_no_family_is_needed_where_no_dev_task_is_made(rest: str) -> None:
    assert not read_train_config(f"[data]\nfamilies = []\n{rest}\n", "t.toml").data.families


def test_one_step_may_be_all_there_is() -> None:
    found = read_train_config("[optimiser]\nsteps = 1\nwarmup = 0\n", "t.toml")
    assert found.optimiser.warmup < found.optimiser.steps


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_train_config(tmp_path / "none.toml")


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_train_config(path) == read_train_config(GOOD, str(path))
