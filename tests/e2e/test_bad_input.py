"""Bad input at the command line: one line that says where, what and what to do.

An expected error has status 2 and one `bb: …` line on stderr; a parse error adds its caret lines.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.desk import ASK, PLAN, RUN, TEXT, WHO, Desk, said, set_up


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return set_up(tmp_path, monkeypatch)


def changed(**changes: Any) -> str:
    return json.dumps(PLAN | changes)


def step(**changes: Any) -> str:
    return changed(steps=[WHO | changes])


PLANS: list[tuple[str, str]] = [
    ('{"domain":"api_json","steps":[{"id":"n1"\n', "plan.json:1:41: is not JSON: Expecting ','"),
    ("", "plan.json: is empty. Give a plan as JSON or in its domain's language; - is stdin"),
    ("3", "plan.json: does not say which domain it is for. Add --domain NAME"),
    (changed(domain="nope"), "no domain 'nope'; installed: api_json"),
    (changed(steps=3), "plan.json:/steps: 'steps' must be a list, found int"),
    (changed(stops=[]), "plan.json:/: unknown key 'stops'. Known: domain, schema, steps"),
    (step(id="N 1"), "plan.json:/steps/0: step id 'N 1' must be a lower-case name"),
    (step(args=[]), "plan.json:/steps/0: 'args' must be an object, found list"),
    (step(args={"email": {"$ref": 3}}), "plan.json:/steps/0/args/email: a reference is {"),
    (step(when={"op": "~"}), "plan.json:/steps/0/when: 'when' is {ref: text, op: one of"),
    (step(args={"cents": 10**20}), "plan.json:/: not plain JSON (100000000000000000000 exceeds"),
    (step(args={"cents": float("nan")}), "plan.json:/: not plain JSON (nan is not"),
    (step(args={"email": "\ud800"}), "plan.json:/: not plain JSON (input contains non-UTF-8"),
]


@pytest.mark.parametrize(("text", "wanted"), PLANS)
def test_a_plan_that_is_none(desk: Desk, text: str, wanted: str) -> None:
    desk.write("plan.json", text)
    assert desk.says("plan", "run", "plan.json").startswith(wanted)
    assert not (desk.folder / ".bb").exists()


def test_a_plan_file_that_is_not_text(desk: Desk) -> None:
    desk.write("plan.json", b'{"domain":\n"\xff"}')
    found = desk.says("plan", "run", "plan.json")
    assert found == "plan.json:2: byte 0xff is not UTF-8. Save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TEXT.replace('"n1",', '"n1";'), "plan:1:21: "),
        (TEXT[:-2], "plan:1:91: "),
    ],
)
def test_plan_text_with_an_error_in_it_is_shown_with_a_caret(
    desk: Desk, text: str, place: str
) -> None:
    desk.write("plan.txt", text)
    done = desk.bb("plan", "check", "plan.txt", "--domain", "api_json")
    first, shown, caret = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith(f"bb: plan.txt:{place}found ")
    assert "expected" in first
    assert shown[caret.index("^") :][:1] in text


def test_a_plan_for_another_schema_is_refused_and_nothing_runs(desk: Desk) -> None:
    desk.write("plan.json", changed(schema="sha256:" + "0" * 64))
    done = desk.bb(*RUN)
    assert (done.returncode, done.stderr) == (1, "")
    assert "S.schema: written for api_json sha256:000000000000, this is api_json" in done.stdout
    assert "Write the plan again for this schema" in done.stdout
    assert "✓" not in done.stdout
    assert "effects   none" in done.stdout


@pytest.mark.parametrize("task", ["", "   ", "\n\t"])
def test_an_empty_request_is_called_that_and_no_model_is_asked(desk: Desk, task: str) -> None:
    for twin in ((), ("--twin",)):
        found = desk.says("run", "api_json", task, *twin)
        assert found == "the request is empty. Say in plain words what is to be done"
    assert not (desk.folder / ".bb").exists()


def test_the_twin_is_spoken_of_only_where_one_is_asked_for(desk: Desk) -> None:
    both = desk.bb("run", "api_json", "--resume", "run-0", "--twin")
    assert both.returncode == 2 and "a twin ends with its run" in both.stderr
    for words in ((), ("Cancel W1001.", "--resume", "run-0")):
        done = desk.bb("run", "api_json", *words)
        assert done.returncode == 2 and "give a TASK, or --resume RUN alone" in done.stderr
        assert "twin" not in done.stderr


CONFIGS = [
    ('[run]\nstate = ""\n', "bb.toml:2: 'state' is empty. Give a text, or leave the line out"),
    ('[model]\nname = "  "\n', "bb.toml:2: 'name' is empty. Give a text, or leave the line out"),
    ("[gate]\nepsilon = nan\n", "bb.toml:2: 'epsilon' is nan. Give a finite number"),
    ("[run", "bb.toml:1: is not TOML: Expected ']'"),
    ("[run]\nstat = 3\n", "bb.toml:2: unknown key 'stat' in [run]. Known: rounds, state"),
    ("[runs]\n", "bb.toml:1: unknown key 'runs'. Known: model, decode"),
    ("[run]\nrounds = 2\nstate = 3\n", "bb.toml:3: 'state' must be text, found a number"),
    ("[run]\nrounds = 0\n", "bb.toml:2: 'rounds' is 0. Use 1 to 100"),
    ("run = 3\n", "bb.toml:1: 'run' must be a table, found a number"),
    ("[domains.api_json]\nsettings = {url = 3}\n", "bb.toml:2: 'url' must be text, found a number"),
    (b"\xff", "bb.toml: cannot be read: it is not UTF-8"),
]


@pytest.mark.parametrize(("text", "wanted"), CONFIGS)
def test_a_configuration_that_is_none(desk: Desk, text: str | bytes, wanted: str) -> None:
    desk.write("bb.toml", text)
    assert desk.says(*RUN).startswith(wanted)
    assert not (desk.folder / ".bb").exists()


SYSTEMS = [
    ("", "api_json: no system to act on is configured. Add settings under [domains.api_json]"),
    ('[domains.api_json]\nsettings = {url = "shop"}\n', "api_json: url is 'shop'. Set url = "),
    ('[domains.api_json]\nsettings = {uri = "x"}\n', "api_json: url is ''. Set url = "),
]


@pytest.mark.parametrize(("text", "wanted"), SYSTEMS)
def test_a_system_that_cannot_be_named(desk: Desk, text: str, wanted: str) -> None:
    desk.write("bb.toml", text)
    assert desk.says("plan", "run", "plan.json").startswith(wanted)
    assert (desk.folder / ".bb" / "ledger.jsonl").read_bytes() == b""


def test_a_system_that_does_not_answer_fails_the_step_that_asked(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        desk.write("bb.toml", f'[domains.api_json]\nsettings = {{url = "{url}"}}\n')
        done = desk.bb("plan", "run", "plan.json")
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = [line for line in done.stdout.splitlines() if "n1" in line and "failed" in line]
    assert line.endswith(
        f"{url}: ConnectError: [Errno 111] Connection refused. Check the url and that the shop runs"
    )
    assert desk.bb("log", "verify", ".bb/ledger.jsonl").returncode == 0


def test_a_damaged_cache_entry_is_made_anew(desk: Desk) -> None:
    desk.patch.setenv("BB_CACHE", str(desk.folder / "cache"))
    show = ("domains", "show", "api_json", "--checker")
    first = desk.bb(*show)
    (kept,) = (desk.folder / "cache" / "domains").iterdir()
    whole = {path.name: path.read_bytes() for path in kept.iterdir()}
    damages: list[Callable[[], object]] = [
        lambda: (kept / "checker.py").write_bytes(b"raise SystemExit(7)\n"),
        lambda: (kept / "validators.json").unlink(),
        lambda: (kept / "manifest.json").write_bytes(b"{"),
        lambda: (kept / "manifest.json").write_bytes(b'["checker.py"]'),
        lambda: (kept / "parser.txt").write_bytes(whole["parser.txt"][:-1]),
    ]
    for damage in damages:
        damage()
        again = desk.bb(*show)
        assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == whole


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        shop = [sys.executable, "-m", "bb_domains.api_json.shop", "--db", ":memory:"]
        done = subprocess.run([*shop, "--port", port], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"shop: cannot listen on 127.0.0.1:{port}: Address already in use. Stop what uses the "
        "port or choose another with --port (0 takes a free one)\n"
    )


def model(name: str, more: str = "") -> str:
    return f'[model]\nname = "{name}"\n{more}'


MODELS = [
    ("./none", "'./none' is neither a catalogue model nor a folder with a config.json. Known: "),
    ("nothing", "'nothing' is neither a catalogue model nor a folder with a config.json. Known: "),
    ("random:gpt", "no random model 'gpt'. Use random:llama"),
    ("./damaged", "damaged: cannot be loaded: "),
]


@pytest.mark.parametrize(("name", "wanted"), MODELS)
def test_a_model_that_is_none(desk: Desk, name: str, wanted: str) -> None:
    desk.write("bb.toml", model(name))
    desk.write("damaged/config.json", '{"model_type": "llama"}')
    found = said(desk.apart(*ASK))
    assert found.startswith(wanted)
    assert re.search(r"\. (Known|Use|Save)", found)
    assert not (desk.folder / ".bb").exists()


def test_a_fetched_model_that_was_changed(desk: Desk) -> None:
    desk.write("bb.toml", model("smollm2-135m"))
    desk.write("cache/models/smollm2-135m/base.json", '{"digest": "sha256:0"}')
    desk.write("cache/models/smollm2-135m/config.json", "{}")
    desk.patch.setenv("BB_CACHE", str(desk.folder / "cache"))
    found = said(desk.apart(*ASK))
    assert "smollm2-135m: the files are not what was converted. Delete the folder and run" in found
    assert not (desk.folder / ".bb").exists()


def test_a_model_that_cannot_be_fetched(desk: Desk) -> None:
    desk.write("bb.toml", model("smollm2-135m"))
    desk.patch.setenv("BB_CACHE", str(desk.folder / "cache"))
    desk.patch.setenv("PIP_NO_INDEX", "1")
    done = desk.apart(*ASK)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("bb: ")]
    assert done.returncode == 2
    assert "pip could not download it: " in line
    assert "Check the network and `pip config list`, then run the same command again" in line
    assert not (desk.folder / ".bb").exists()


def test_a_budget_below_the_shortest_plan(desk: Desk) -> None:
    desk.write("bb.toml", model("random:llama", "[decode]\ntokens = 5\n"))
    found = said(desk.apart(*ASK))
    assert found.startswith("api_json: a budget of 5 tokens is too small for any plan. Allow at ")
    assert (desk.folder / ".bb" / "ledger.jsonl").read_bytes() == b""


TRAINS = [
    ("none.toml", "none.toml: is not there. Name the run's TOML file; docs/training.md says what"),
    (".", ".: is no file. Name the run's TOML file"),
    ("typo.toml", "no domain 'api_jsn'; installed: api_json"),
]


@pytest.mark.parametrize(("name", "wanted"), TRAINS)
def test_a_training_run_that_cannot_begin_leaves_no_folder(
    desk: Desk, name: str, wanted: str
) -> None:
    desk.write("typo.toml", '[run]\ndomain = "api_jsn"\nfolder = "made"\n')
    assert desk.says("train", name).startswith(wanted)
    assert not (desk.folder / "made").exists()


LATER = [
    ('[base]\nname = "nope"\n', "'nope' is neither a catalogue model nor a folder with a config"),
    ('[data]\nfamilies = ["indist"]\n', "late.toml: of the families combo, cross, long it has 0 "),
    ('[data]\ntrain_file = "no.jsonl"\n', "late.toml: train_file 'no.jsonl' is no file. Name one"),
    ('[data]\ndev_file = "."\n', "late.toml: dev_file '.' is no file. Name one that is there"),
    ("[measure]\nlift = 5\n", "late.toml: of the families combo, cross, long it has 90 dev tasks"),
    (
        'warm_start = "none"\n[base]\nname = "random:llama"\nlayers = [1, 2]\n',
        "none: not a rail ([Errno 2] No such file",
    ),
]


@pytest.mark.parametrize(("text", "wanted"), LATER)
def test_what_a_training_run_stands_on_is_found_before_its_folder(
    desk: Desk, text: str, wanted: str
) -> None:
    desk.write("late.toml", f'[run]\nfolder = "made"\n{text}')
    done = desk.apart("train", "late.toml")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"bb: {wanted}")
    assert not (desk.folder / "made").exists()


def test_a_model_is_named_before_it_is_loaded(desk: Desk) -> None:
    desk.write("bb.toml", model("random:gpt"))
    assert "\nmodel     loading random:gpt …\n" in desk.apart(*ASK).stdout
