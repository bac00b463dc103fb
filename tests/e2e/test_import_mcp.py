"""A live MCP server over stdio, imported, ratified and called in a real session."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from bb_adapters.errors import AdapterError
from bb_adapters.mcp_world import mcp_adapters
from bb_core.errors import SchemaError
from bb_core.verdict import Checked, Refused
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from tests.imports.site import Site, bb_import, installed

SERVER = Path(__file__).parents[1] / "imports" / "notes_server.py"
ASK = {"id": "n1", "tool": "confirm", "args": {"question": "May I?"}}
ADD = {"id": "n2", "tool": "add_note", "args": {"text": "Milk"}, "after": ["n1"]}
ALL = {"id": "n1", "tool": "list_notes", "args": {}}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The server as imported, with nothing ratified."""
    home = tmp_path_factory.mktemp("import")
    command = [sys.executable, str(SERVER), str(home / "none.json")]
    done = bb_import(home, "notes", "mcp", "--", *command)
    assert done.returncode == 0, done.stderr
    assert "3 tools, none ratified yet" in done.stdout
    assert "tool tree: 'node' takes any keys, which a plan cannot bound" in done.stdout
    return installed(home, "notes")


@pytest.fixture
def site(fresh: Site, tmp_path: Path) -> Site:
    home = tmp_path / "site"
    shutil.copytree(fresh.home, home)
    return Site(home, "notes")


def run(site: Site, *steps: object, more: str = "") -> RunResult:
    """A plan checked and carried out, with consent, in a session of its own."""
    checked = site.check(*steps)
    assert isinstance(checked, Checked), checked
    adapters = mcp_adapters(site.domain)
    world = adapters.connect({"command": command(site, more)})
    try:
        return execute(checked, adapters, world, approve=by_policy(lambda request: True))
    finally:
        world.close()


def command(site: Site, more: str = "") -> str:
    return f"{sys.executable} {SERVER} {site.home / 'notes.json'} {more}"


def kept(site: Site) -> list[str]:
    path = site.home / "notes.json"
    return [row["text"] for row in json.loads(path.read_text())] if path.exists() else []


def test_the_scaffold_passes_its_checks(fresh: Site) -> None:
    done = fresh.bb("domains", "check", "notes")
    assert done.returncode == 0, done.stdout


def test_hints_are_kept_as_claims_and_loosen_nothing(fresh: Site) -> None:
    text = fresh.text("effects.review.yaml")
    assert "because: 'readOnlyHint: true'" in text
    assert "least: irreversible" in text  # destructiveHint: true
    verdict = fresh.check(ALL)
    assert isinstance(verdict, Refused)
    assert "E.unratified" in verdict.rules


def test_ratifying_below_what_the_server_says_is_refused(site: Site) -> None:
    site.ratify({"delete_note": "read"})
    with pytest.raises(SchemaError, match=r"ratified as read; the document itself says irrev"):
        site.compiled()


def test_ratified_tools_act_in_the_real_session(site: Site) -> None:
    site.ratify({"list_notes": "read", "add_note": "write", "delete_note": "irreversible"})
    assert run(site, ASK, ADD).status == "done"
    assert kept(site) == ["Milk"]
    seen = run(site, ALL).outcomes["n1"].result
    assert seen == {"notes": [{"id": 1, "text": "Milk", "tags": []}]}
    gone = {"id": "n2", "tool": "delete_note", "args": {"id": 1}, "after": ["n1"]}
    assert run(site, ASK, gone).outcomes["n2"].result == {"result": "deleted 1"}
    assert kept(site) == []


def test_an_acting_tool_that_reports_an_error_is_parked_for_a_person(site: Site) -> None:
    site.ratify({"delete_note": "irreversible"})
    gone = {"id": "n2", "tool": "delete_note", "args": {"id": 7}, "after": ["n1"]}
    out = run(site, ASK, gone).outcomes["n2"]
    assert (out.status, out.fault) == ("parked", "timeout_unknown")
    assert "no note 7" in out.why


def test_a_server_whose_list_changed_is_refused_with_what_changed(site: Site) -> None:
    site.ratify({"add_note": "write"})
    with pytest.raises(AdapterError, match=r"not the pinned ones \(changed: delete_note\)"):
        run(site, ASK, ADD, more="changed")
    assert kept(site) == []


def test_refresh_names_the_drift_of_a_live_server(site: Site) -> None:
    words = ("domains", "import", "refresh", str(site.domain), "--check")
    same = site.bb(*words)
    assert (same.returncode, "as pinned" in same.stdout) == (0, True)
    other = site.bb(*words, "--", *command(site, "changed").split())
    assert (other.returncode, "changed: delete_note" in other.stdout) == (1, True)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("", "no command starts the server"),
        ("/nonexistent/server", "no MCP server answers"),
        (f"{sys.executable} -c pass", "no MCP server answers"),
    ],
)
def test_a_server_that_does_not_answer_is_said_so(site: Site, command: str, says: str) -> None:
    with pytest.raises(AdapterError, match=says):
        mcp_adapters(site.domain).connect({"command": command})
