"""The `bb` command as a person meets it: what it prints, where, and with which exit status."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from xml.dom import minidom

import pytest

BB = str(Path(sys.executable).with_name("bb"))
ORDER = {"id": "n2", "tool": "get_order", "args": {"order_id": "W1001"}, "after": ["n1"]}
WHO = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "a@example.com"}}


def bb(
    *words: str, cwd: Path | None = None, stdin: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BB, *words], cwd=cwd, input=stdin, env=os.environ | env, capture_output=True, text=True
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line of an expected error: on stderr, status 2, nothing on stdout."""
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith("bb: ")
    return line


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"domain": "api_json", "steps": [WHO, ORDER]}))
    return path


def test_help_names_every_verb() -> None:
    said = bb("--help").stdout
    for verb in ("demo", "run", "domains", "plan", "models", "log"):
        assert f"\n  {verb} " in said


def test_the_version_is_said() -> None:
    done = bb("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"bb {version('builderbrain-core')}\n"


def test_the_list_is_stable_and_machines_get_json() -> None:
    first, again = bb("domains", "list"), bb("domains", "list")
    assert first.stdout == again.stdout
    assert first.stdout.splitlines()[0].split() == (
        [
            "domain",
            "version",
            "mode",
            "grammar",
            "schema",
            "golden",
            "skins",
            "battery",
            "fingerprint",
        ]
    )
    rows = json.loads(bb("domains", "list", "--json").stdout)["domains"]
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)


def test_a_damaged_summary_is_made_anew(tmp_path: Path) -> None:
    env = {"BB_CACHE": str(tmp_path), "BB_DOMAINS": "api_json"}
    first = bb("domains", "list", **env).stdout
    (kept,) = (tmp_path / "summaries").iterdir()
    for damage in (b"", b"{}", b'{"name": 3}', kept.read_bytes().replace(b'"strict"', b"7")):
        kept.write_bytes(damage)
        assert bb("domains", "list", **env).stdout == first


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert bb("domains", "list", BB_CACHE=str(tmp_path / "x")).returncode == 0


def test_show_and_its_checker() -> None:
    shown = bb("domains", "show", "api_json").stdout
    assert "create_refund(" in shown
    assert "A.approved" in shown
    compile(bb("domains", "show", "api_json", "--checker").stdout, "checker.py", "exec")


@pytest.mark.parametrize("name", ["api_json", "phone", "robots", "social"])
def test_show_says_of_every_rule_what_it_asks(name: str) -> None:
    shown = bb("domains", "show", name).stdout
    rules = re.findall(r"^  (?:rules|     )    ([A-Z]\.\S+)  (.*)$", shown, re.M)
    assert len(rules) > 20
    assert [rule for rule, says in rules if not says.strip()] == []


def test_build_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        done = bb("domains", "build", "api_json", "--out", str(tmp_path / folder))
        assert done.returncode == 0
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    assert {"checker.py", "mask.lark", "parser.txt"} <= files.keys()


def test_a_plan_is_checked(plan: Path) -> None:
    assert bb("plan", "check", str(plan)).returncode == 0
    refused = bb("plan", "check", "-", "--domain", "api_json", stdin=json.dumps([ORDER]))
    assert refused.returncode == 1
    assert re.match(
        r"refused   (1 of its domain's rules is|\d+ of .* are) broken\n", refused.stdout
    )
    said = json.loads(
        bb("plan", "check", "-", "--domain", "api_json", "--json", stdin=json.dumps([ORDER])).stdout
    )
    assert said["verdict"] == "refused"


def test_a_plan_is_drawn_in_three_ways(plan: Path) -> None:
    assert "└─ n2 get_order" in bb("plan", "show", str(plan)).stdout
    assert bb("plan", "show", str(plan), "--as", "mermaid").stdout.startswith("flowchart TD\n")
    minidom.parseString(bb("plan", "show", str(plan), "--as", "svg").stdout)


def test_the_plan_language_is_read_as_well_as_json(plan: Path) -> None:
    text = json.dumps({"steps": [WHO, ORDER]}, separators=(",", ":"))
    assert bb("plan", "check", "-", "--domain", "api_json", stdin=text + "\n").returncode == 0


ERRORS = [
    (("domains", "show", "nope"), "", "bb: no domain 'nope'; installed: api_json"),
    (
        ("plan", "check", "none.json"),
        "",
        "bb: none.json: cannot be read: No such file or directory. Give a",
    ),
    (
        ("plan", "check", "."),
        "",
        "bb: .: cannot be read: Is a directory. Give a plan as JSON or in",
    ),
    (("plan", "check", "-"), " \n", "bb: -: is empty. Give a plan as JSON or in its domain's"),
    (("log", "verify", "none.jsonl"), "", "bb: none.jsonl: there is no ledger here. Give the path"),
    (("domains", "show", "api_jsn"), "", "bb: no domain 'api_jsn'; installed: api_json"),
    (("plan", "check", "-"), "{}", "bb: -: does not say which domain it is for. Add --domain NAME"),
    (
        ("plan", "check", "-"),
        '{"domain":"api_json","steps":[{"idd":1}]}',
        "bb: -:/steps/0: unknown key 'idd'. Known: after, args, id, tool, when",
    ),
    (("plan", "check", "-"), "[" * 100_000, "bb: -: is JSON that is nested too deep"),
    (
        ("plan", "check", "-"),
        '{"a":\n' + "1" * 6000 + "}",
        "bb: -:2: holds a number of more than 4,300",
    ),
    (("plan", "check", "-"), "x" * 1_000_001, "bb: -: holds more than 1,000,000 bytes"),
    (
        ("plan", "check", "-", "--domain", "robots"),
        '{"domain":"api_json","steps":[]}',
        "bb: -: is for the domain 'api_json', and --domain says 'robots'. Leave --domain out",
    ),
    (("log", "query", "none.jsonl"), "", "bb: none.jsonl: there is no ledger here. Give the path"),
    (("plan", "replay", "none.log"), "", "bb: none.log: No such file"),
    (("models", "fetch", "nope"), "", "bb: no model 'nope' in the catalogue. Known: "),
    (("domains", "new", "7up"), "", "bb: '7up' is no name for a domain. Use letters, digits"),
    (
        ("domains", "new", "a" * 300),
        "",
        f"bb: '{'a' * 47}…' is no name for a domain. Use letters, digits and spaces, a letter "
        "first, 48 at most",
    ),
    (
        ("log", "check", "none.json", "--key", "0" * 64),
        "",
        "bb: none.json: there is no proof here. Give the path of a proof that bb log prove made",
    ),
    (("domains", "new", "api json"), "", "bb: a domain 'api_json' is installed already. Choose"),
    (("domains", "list", "--config", "no.toml"), "", "bb: no.toml: cannot be read: No such file"),
]


@pytest.mark.parametrize(("words", "stdin", "said"), ERRORS)
def test_an_expected_error_is_one_line(
    words: tuple[str, ...], stdin: str, said: str, tmp_path: Path
) -> None:
    assert one_line(bb(*words, stdin=stdin, cwd=tmp_path)).startswith(said)


def test_a_parse_error_shows_the_place() -> None:
    done = bb("plan", "check", "-", "--domain", "api_json", stdin='{"steps":[{"id":"n1"')
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].strip() == "^"


def test_a_slip_in_json_is_shown_where_no_domain_is_named() -> None:
    done = bb("plan", "check", "-", stdin='{"domain": "api_json" "steps": []}')
    assert done.stderr.startswith("bb: -:1:23: is not JSON: Expecting ',' delimiter\n")


def test_the_configuration_is_read_and_its_errors_have_lines(tmp_path: Path) -> None:
    config = tmp_path / "bb.toml"
    config.write_text("[run]\nruonds = 3\n")
    said = one_line(bb("domains", "list", cwd=tmp_path))
    known = "rounds, state, database, compensate, anchor"
    assert said == f"bb: bb.toml:2: unknown key 'ruonds' in [run]. Known: {known}"
    config.write_text('[domains.api_json]\nfingerprint = "sha256:00"\n')
    assert "bb.toml pins sha256:00" in bb("domains", "list", cwd=tmp_path).stdout
    assert "its files are not the ones pinned" in one_line(
        bb("domains", "show", "api_json", cwd=tmp_path)
    )


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{BB} domains show api_json --checker | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 141


def test_a_closed_pipe_decides_no_run(plan: Path) -> None:
    plan.write_text(json.dumps({"domain": "api_json", "steps": [WHO]}))
    command = f"{BB} plan run plan.json --twin 2>&1 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=plan.parent)
    ends = [json.loads(line) for line in (plan.parent / ".bb/ledger.jsonl").open()]
    assert done.returncode == 1 and ends[-1]["body"]["end"] == "failed"


def test_a_character_that_stdout_lacks_stops_no_command(plan: Path) -> None:
    done = bb("plan", "show", str(plan), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "") and "get_order" in done.stdout


def test_a_wrong_option_is_a_usage_error() -> None:
    done = bb("domains", "lsit")
    assert done.returncode == 2
    assert "Did you mean 'list'?" in done.stderr


def test_a_new_domain_passes_its_own_checks(tmp_path: Path) -> None:
    made = bb("domains", "new", "ware house", "--into", str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert "2 tools, 4 rules, 6 golden plans" in made.stdout
    folder = tmp_path / "builderbrain-ware-house"
    info = folder / "builderbrain_ware_house-0.1.0.dist-info"  # as pip install -e leaves it
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: w\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[builderbrain.domains]\nware_house = bb_domains.ware_house:domain\n"
    )
    checked = bb("domains", "check", "ware_house", PYTHONPATH=str(folder))
    assert checked.returncode == 0, checked.stdout
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0, tests.stdout
    assert " passed" in tests.stdout


def test_golden_failures_are_one_line(tmp_path: Path) -> None:
    bb("domains", "new", "ware house", "--into", str(tmp_path))
    folder = tmp_path / "builderbrain-ware-house"
    golden = folder / "bb_domains" / "ware_house" / "golden" / "plans.yaml"
    golden.write_text(golden.read_text().replace("rule: T.observed", "rule: G.other"))
    info = folder / "w-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: w\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[builderbrain.domains]\nware_house = bb_domains.ware_house:domain\n"
    )
    checked = bb("domains", "check", "ware_house", PYTHONPATH=str(folder))
    assert checked.returncode == 1
    assert "1 of 4 wrong" in checked.stdout
    assert (
        "golden/plans.yaml:9 refuse[take without looking]: "
        "'take without looking': expected refusal by G.other, found T.observed" in checked.stdout
    )
    assert "rule 'T.observed' has no refused example" in checked.stdout


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        ("torch", ("run", "api_json", "Cancel W1005.", "--twin"), "model"),
        ("dbos", ("plan", "run", "plan.json", "--twin"), "durable"),
    ],
)
def test_a_missing_extra_is_named_with_its_pip_line(
    missing: str, words: tuple[str, ...], extra: str, plan: Path, tmp_path: Path
) -> None:
    # A module of that name that is not there, found before the installed one.
    gone = f"raise ModuleNotFoundError(\"No module named '{missing}'\", name='{missing}')"
    (tmp_path / f"{missing}.py").write_text(gone)
    done = bb(*words, cwd=plan.parent, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("bb: ")
    assert f"pip install 'builderbrain-core[{extra}]'" in done.stderr
