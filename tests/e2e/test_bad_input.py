"""Bad input at the command line: one line that says where, what and what to do; nothing half done.

An expected error has status 2 and one `bb: …` line on stderr; a parse error adds its caret lines.
"""

import fcntl
import json
import os
import re
import resource
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import dbos  # noqa: F401
import pytest

import bb_domains.api_json.shop.serve  # noqa: F401
from bb_infra.cli import main

BB = str(Path(sys.executable).with_name("bb"))
WHO = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "bianca.xu@example.com"}}
PLAN = {"domain": "api_json", "steps": [WHO]}
TEXT = json.dumps({"steps": [WHO]}, separators=(",", ":"))
RUN = ("plan", "run", "plan.json", "--twin")
ASK = ("run", "api_json", "Cancel W1005.", "--twin")


def _command(words: Sequence[str], out: IO[str], err: IO[str]) -> int:
    sys.stdout, sys.stderr, sys.argv = out, err, ["bb", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc(file=err)
        return 70
    finally:
        out.flush()
        err.flush()
    return 0


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Desk:
    """A folder to work in, with a good plan and no configuration."""

    folder: Path
    patch: pytest.MonkeyPatch

    def bb(self, *words: str) -> Done:
        """The command in a fork of this process, which has imported it all: faster."""
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            pid = os.fork()
            if pid == 0:
                os._exit(_command(words, out, err))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            out.seek(0)
            err.seek(0)
            return Done(status, out.read(), err.read())

    def apart(self, *words: str, most: int = resource.RLIM_INFINITY) -> Done:
        """The command in a new process, since torch survives no fork; no file grows over `most`."""

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        done = subprocess.run(
            [BB, *words], cwd=self.folder, capture_output=True, text=True, preexec_fn=limited
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def says(self, *words: str) -> str:
        """The error's one line; no step was started."""
        return said(self.bb(*words))

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def ran(self) -> Path:
        """A state folder that a good run has left."""
        assert self.bb(*RUN).returncode == 0
        return self.folder / ".bb"

    def still_runs(self) -> None:
        assert self.bb(*RUN).returncode == 0
        assert self.bb("log", "verify", ".bb/ledger.jsonl").returncode == 0


def said(done: Done) -> str:
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert lines[0].startswith("bb: "), done.stderr
    assert len(lines) == 1 or lines[-1].strip() == "^", done.stderr
    assert "execute" not in done.stdout
    return lines[0].removeprefix("bb: ")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, monkeypatch)
    desk.write("plan.json", json.dumps(PLAN))
    return desk


def changed(**changes: Any) -> str:
    return json.dumps(PLAN | changes)


def step(**changes: Any) -> str:
    return changed(steps=[WHO | changes])


PLANS: list[tuple[str, str]] = [
    ('{"domain":"api_json","steps":[{"id":"n1"\n', "plan.json:1:41: is not JSON: Expecting ','"),
    ("", "plan.json:1:1: is not JSON"),
    ("3", "plan.json: does not say which domain it is for. Add --domain NAME"),
    (changed(domain="nope"), "no domain 'nope'; installed: api_json. Try: pip install"),
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
    assert "write the plan again for this schema" in done.stdout
    assert "✓" not in done.stdout
    assert "effects   none" in done.stdout


CONFIGS = [
    ("[run", "bb.toml:1: is not TOML: Expected ']'"),
    ("[run]\nstat = 3\n", "bb.toml:2: unknown key 'stat' in [run]. Known: rounds, state"),
    ("[runs]\n", "bb.toml:1: unknown key 'runs'. Known: model, decode, run, domains"),
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


@pytest.mark.parametrize("resumes", [False, True])
def test_a_damaged_run_database(desk: Desk, resumes: bool) -> None:
    desk.write(".bb/runs.db", os.urandom(9000))
    words = ("run", "api_json", "--resume", "run-0") if resumes else RUN
    found = desk.says(*words)
    assert found.startswith(".bb/runs.db: the run database cannot be used: file is not a database.")
    assert "move this one away" in found
    (desk.folder / ".bb" / "runs.db").unlink()
    desk.still_runs()


def test_a_page_of_the_run_database_that_is_damaged(desk: Desk) -> None:
    database = desk.ran() / "runs.db"
    data = bytearray(database.read_bytes())
    data[4096:12288] = os.urandom(8192)
    database.write_bytes(data)
    for word in ("wal", "shm"):
        database.with_name(f"runs.db-{word}").unlink(missing_ok=True)
    assert desk.says(*RUN).startswith(".bb/runs.db: the run database cannot be used: ")


LEDGERS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: data + b"garbage\n", ".bb/ledger.jsonl:5: the last line is not a record: "),
    (
        lambda data: data.replace(b'"verdict"', b'"verdikt"', 1),
        ".bb/ledger.jsonl:4: the records up to here are not those it signed",
    ),
    (lambda data: data[: len(data) // 2], ".bb/ledger.jsonl:"),
    (lambda data: b"", ".bb/ledger.jsonl:0: it signed 4 records; the end was cut off"),
]


@pytest.mark.parametrize(("damage", "wanted"), LEDGERS)
def test_a_damaged_ledger(desk: Desk, damage: Callable[[bytes], bytes], wanted: str) -> None:
    log = desk.ran() / "ledger.jsonl"
    data = damage(log.read_bytes())
    log.write_bytes(data)
    found = desk.says(*RUN)
    assert found.startswith(wanted)
    assert found.endswith(
        "See 'bb log verify .bb/ledger.jsonl', then move it aside to begin a new one"
    )
    assert log.read_bytes() == data
    assert desk.bb("log", "verify", ".bb/ledger.jsonl").returncode == 1


def test_a_damaged_ledger_and_those_who_only_read_it(desk: Desk) -> None:
    log = desk.ran() / "ledger.jsonl"
    log.write_bytes(log.read_bytes() + b"garbage\n")
    for words in (("plan", "replay", ".bb/ledger.jsonl"), ("run", "api_json", "--resume", "r")):
        found = desk.says(*words)
        assert found.startswith(".bb/ledger.jsonl:5: it is not canonical JSON")
        assert found.endswith("Run: bb log verify .bb/ledger.jsonl")


def test_a_ledger_another_process_writes_to(desk: Desk) -> None:
    lock = desk.write(".bb/ledger.jsonl.lock", "4711\n")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = desk.says(*RUN)
    assert found.startswith(".bb/ledger.jsonl: process 4711 is writing to it. Wait for that run")
    desk.still_runs()


def _folder_instead(key: Path) -> None:
    key.unlink()
    key.mkdir()


KEYS: list[tuple[Callable[[Path], object], str]] = [
    (
        lambda key: key.chmod(0o644),
        "others can read the signing key. Run: chmod 600 .bb/ledger.key",
    ),
    (lambda key: key.write_text("x\n"), "this is not a signing key. Move the file aside"),
    (lambda key: key.write_bytes(b"\xff\xfe"), "this is not a signing key. Move the file aside"),
    (
        lambda key: key.write_text(key.read_text()[:-9] + "AAAAAAA=\n"),
        "the signing key is damaged. Move the file aside",
    ),
    (_folder_instead, "this is not a signing key. Move the file aside"),
]


@pytest.mark.parametrize(("damage", "wanted"), KEYS)
def test_a_key_that_cannot_be_used(
    desk: Desk, damage: Callable[[Path], object], wanted: str
) -> None:
    key = desk.ran() / "ledger.key"
    before = (desk.folder / ".bb" / "ledger.jsonl").read_bytes()
    damage(key)
    assert desk.says(*RUN).startswith(f".bb/ledger.key: {wanted}")
    assert (desk.folder / ".bb" / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize("data", [b"x", b"\xff\xfe"])
def test_a_public_key_that_is_none(desk: Desk, data: bytes) -> None:
    public = desk.ran() / "ledger.pub"
    public.write_bytes(data)
    found = desk.says("log", "verify", ".bb/ledger.jsonl")
    assert found.startswith(".bb/ledger.pub: ")
    assert "is not a public key. Give it as name+hash+base64" in found
    desk.still_runs()  # which puts the public half beside its key again


def test_a_state_folder_that_is_a_file(desk: Desk) -> None:
    desk.write(".bb", "")
    found = desk.says(*RUN)
    assert found.startswith(".bb/ledger.key: no signing key can be kept there (")
    assert "name another folder as [run] state" in found.replace("Name", "name")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_state_folder_that_cannot_be_written(desk: Desk) -> None:
    (desk.folder / ".bb").mkdir(mode=0o500)
    assert desk.says(*RUN).startswith(".bb/ledger.key: no signing key can be kept there (Permis")


@pytest.mark.parametrize("most", [0, 20, 20_000])
def test_a_disk_that_takes_only_so_much(desk: Desk, most: int) -> None:
    found = said(desk.apart(*RUN, most=most))
    assert ".bb/" in found
    assert "full" in found or "File too large" in found or "disk I/O error" in found
    desk.still_runs()


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
