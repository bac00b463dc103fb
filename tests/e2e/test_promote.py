"""`bb promote` and all around it, with real rails on the real shop: one site, one history."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("model_signing")

from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover
from bb_infra import persons, promotion
from bb_infra.config import load_config
from bb_infra.planners import load_planners
from bb_infra.running import made_from
from bb_infra.verify import verify
from bb_infra.versions import registry
from tests.e2e.desk import Desk, Done
from tests.e2e.rails import MODEL
from tests.e2e.rails import site as railed

pytestmark = pytest.mark.slow

TOML = f"""
[model]
name = "{MODEL}"
[gate]
epsilon = 0.3
anchor_epsilon = 0.3
epsilon_total = 0.7
kappa = 0.3
kappa_anchor = 0.4
[shadow]
pairs = 40
[run]
rounds = 1
"""


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shop: Compiled) -> Iterator[Desk]:
    with railed(tmp_path_factory.mktemp("site"), shop, TOML) as desk:
        yield desk


@pytest.fixture(scope="module")
def first(site: Desk) -> Done:
    """The first version, tried beside the base alone and approved by a person."""
    return site.apart("promote", "first", "--by", "ada", "--report", "first.html")


@pytest.fixture(scope="module")
def second(site: Desk, first: Done) -> Done:
    """The second, tried beside the first."""
    assert first.returncode == 0, first
    return site.apart("promote", "second")


def test_the_first_version_is_promoted_and_reported(site: Desk, first: Done) -> None:
    assert first.returncode == 0, first
    assert re.search(r"^verdict   promote$", first.stdout, re.M)
    assert "golden    107 of 107 cases hold" in first.stdout
    page = (site.folder / "first.html").read_text("utf-8")
    assert "<h1>Promoted</h1>" in page and page.count("<svg") >= 3
    assert not re.search(r"<script|src=|href=|url\(", page)


def test_a_rail_that_comes_with_a_domain_is_approved_before_another_is_tried(
    tmp_path: Path, shop: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with railed(tmp_path, shop, TOML) as desk:
        for module in (promotion, persons):
            monkeypatch.setattr(module, "shipped", lambda source: tmp_path / "first")
        refused = desk.bb("promote", "second", "--by", "ada")
        assert refused.returncode == 2 and not (desk.folder / ".bb" / "ledger.jsonl").exists()
        assert (
            "api_json: what serves is the rail that comes with it, which nobody has approved. "
            "Approve it first: bb artifacts anchor api_json --by NAME --why TEXT"
        ) in refused.stderr
        desk.bb("artifacts", "anchor", "api_json", "--by", "ada", "--why", "as shipped")
        done = desk.bb("promote", "second")
        assert done.returncode == 0, done
        standing = registry(load_config()).pointer("api_json").standing()
        assert standing.share == pytest.approx(0.1) and standing.previous


def test_the_second_is_compared_with_the_first(site: Desk, second: Done) -> None:
    assert second.returncode == 0, second
    listed = json.loads(site.bb("artifacts", "list", "--json").stdout)
    moves = listed["moves"]["api_json"]
    assert [move["verdict"] for move in moves] == ["promote", "promote"]
    assert moves[1]["previous"] == moves[0]["current"] == moves[1]["anchor"]
    assert moves[1]["share"] == pytest.approx(0.1) and moves[1]["spent"] == pytest.approx(0.3)


def test_versions_are_shown_compared_and_hold_their_signature(site: Desk, second: Done) -> None:
    a, b = (
        row["digest"]
        for row in json.loads(site.bb("artifacts", "list", "--json").stdout)["versions"]
    )
    shown = site.bb("artifacts", "show", a[:15])
    assert "signature holds" in shown.stdout and "rail.safetensors" in shown.stdout
    compared = site.bb("artifacts", "diff", a, b).stdout
    assert "training steps" in compared and "file rail.safetensors" in compared
    assert site.bb("artifacts", "diff", a, a).stdout == "the same\n"
    assert "0 artifacts begin with" in site.bb("artifacts", "show", "sha256:00ff").stderr


def test_a_run_is_served_by_its_share_and_goes_on_under_its_own_version(
    site: Desk, second: Done, shop: Compiled
) -> None:
    """The canary serves a tenth of new runs; a resumed run finds the version that planned it."""
    config = load_config()
    standing = registry(config).pointer("api_json").standing()
    runs = {standing.version(f"run-{n}"): f"run-{n}" for n in range(60)}
    assert set(runs) == {standing.current, standing.previous}
    digests = {}
    for version, run in runs.items():
        planners = load_planners(shop, config, run)
        again = load_planners(shop, config, rail=planners.rail)
        assert made_from(shop, planners, config) == made_from(shop, again, config)
        digests[version] = planners.rail
    assert len(set(digests.values())) == 2


def test_a_person_rolls_back_and_anchors_and_all_is_on_the_ledger(site: Desk, second: Done) -> None:
    back = site.bb("rollback", "api_json", "--by", "ada", "--why", "customers complain")
    assert back.returncode == 0 and "verdict   rollback" in back.stdout, back
    assert site.bb("rollback", "api_json", "--by", " ", "--why", "x").returncode == 2
    anchored = site.bb("artifacts", "anchor", "api_json", "--by", "ada", "--why", "looked at it")
    assert anchored.returncode == 0 and "is the anchor, by ada" in anchored.stdout
    log = site.folder / ".bb" / "ledger.jsonl"
    rows = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [row["type"] for row in rows] == ["gate", "moving", "moved"] * 4
    assert rows[6]["body"]["reasons"] == ["person: ada: customers complain"]
    found = verify(log, public_key=(log.with_name("ledger.pub")).read_text())
    assert found.ok and found.signed == len(rows)


def test_a_changed_byte_is_found_before_it_serves(site: Desk, second: Done) -> None:
    home = registry(load_config())
    current = home.get(home.pointer("api_json").standing().current)
    path = current.content / "rail.safetensors"
    data = path.read_bytes()
    try:
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        found = site.bb("run", "api_json", "Cancel W1005.", "--twin", "--yes")
    finally:
        path.write_bytes(data)
    assert found.returncode == 2 and "its signature does not hold" in found.stderr


def test_what_an_audit_found_rejects_a_version(site: Desk) -> None:
    home, told = (
        registry(load_config()),
        json.loads((site.folder / "second/rail.json").read_bytes()),
    )
    own = {"trunk": "", "from": "", "alarms": ["cfs gamed: it fell while success fell"]}
    shutil.copytree(site.folder / "second", site.folder / "gamed")
    (site.folder / "gamed/rail.json").write_text(json.dumps(told | {"adapters": own}))
    found = site.apart("promote", "gamed")
    assert found.returncode == 1 and "cfs gamed" in found.stdout, found
    home = registry(load_config())
    assert home.get(home.pointer("api_json").standing().current).facts["kind"] == "builder"


def test_what_is_no_rail_is_refused(site: Desk) -> None:
    (site.folder / "empty").mkdir()
    found = site.bb("promote", "empty")
    assert found.returncode == 2 and "not a rail" in found.stderr
    assert not list(Path(site.folder).glob(".bb/registry/artifacts/.new-*"))
