"""`bb learn`: from real runs on the shop's twin to a candidate, beside a small real rail."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("model_signing")

from bb_infra.checkpoint import read_public
from bb_infra.config import load_config
from bb_infra.promotion import ledger_of, made_from
from bb_infra.sealed import own_sealed
from bb_infra.verify import verify
from bb_infra.versions import add, registry
from bb_safety.evidence import NONE, Evidence
from bb_safety.registry import Artifact
from bb_safety.rollback import anchor
from bb_safety.shadow import metrics
from tests.e2e.desk import Desk
from tests.e2e.ledgered import gold, ran, shop, task
from tests.e2e.rails import MODEL, rails

TOML = f"""
[model]
name = "{MODEL}"
[learn]
every = 3
steps = 4
kl = 10.0
drift = 10.0
"""
ASKED = ("cancel-1", "cancel-4", "refund-1", "address-1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("site")
    rails(folder, shop())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        desk = Desk(folder, patch)
        desk.write("bb.toml", TOML)
        yield desk


def approved(site: Desk) -> Artifact:
    """The first rail serves, by a person's word."""
    config = load_config()
    home = registry(config)
    artifact = add(home, site.folder / "first")
    pointer = home.pointer("api_json")
    seen = Evidence(artifact.digest, NONE, NONE, metrics(shop().harms))
    decision = anchor(seen, config.gate, "ada", "looked at it")
    with ledger_of(pointer, config) as ledger:
        ledger(decision.record)
        pointer.move(decision, ledger)
    return artifact


def test_runs_become_a_candidate_once_there_are_enough_and_nothing_else_is_kept(site: Desk) -> None:
    state = site.folder / ".bb"
    quiet = site.bb("learn", "api_json")
    assert quiet.returncode == 3 and "0 new" in quiet.stdout
    assert "none: 3 new episodes make one" in quiet.stdout
    for name, ident in enumerate(ASKED[:2]):
        ran(state, f"run-{name}", ident, gold(ident))
    few = site.bb("learn", "api_json")
    assert few.returncode == 3 and "2 new, 0 of them corrected, 0 before" in few.stdout
    ran(state, "run-2", ASKED[2], '{"steps":[]}', gold(ASKED[2]))
    unserved = site.apart("learn", "api_json")
    assert unserved.returncode == 2 and "nothing serves by a decision yet" in unserved.stderr
    assert "bb artifacts anchor api_json" in unserved.stderr

    serves = approved(site)
    done = site.apart("learn", "api_json")
    assert done.returncode == 0, done
    assert "3 new, 1 of them corrected, 0 before" in done.stdout
    home = registry(load_config())
    (made,) = [one for one in home.all("api_json") if one.digest != serves.digest]
    assert f"next      bb promote {made.digest[:19]}" in done.stdout
    home.verify(made.digest)
    assert made.facts["from"] == serves.digest and made.facts["kind"] == "adapters"
    assert set(made_from(made)) == {"base", "grammar", "schema", "config"}
    assert home.pointer("api_json").standing().current == serves.digest
    log = state / "learn" / "api_json" / "ledger.jsonl"
    learnt = verify(log, public_key=read_public(log.with_suffix(".pub")))
    assert learnt.ok and learnt.records >= 5
    nothing_of_it_is_kept(state / "learn")

    again = site.bb("learn", "api_json", "--now")
    assert again.returncode == 3 and "0 new, 0 of them corrected, 3 before" in again.stdout


def nothing_of_it_is_kept(folder: Path) -> None:
    prompts = [task(ident).prompt[:20].encode() for ident in ASKED]
    for path in folder.rglob("*"):
        if path.is_file():
            assert not any(prompt in path.read_bytes() for prompt in prompts), path


def test_what_was_erased_is_not_learnt_from_again(site: Desk) -> None:
    state = site.folder / ".bb"
    ran(state, "run-3", ASKED[3], gold(ASKED[3]))
    with closing(own_sealed(state)) as sealed:
        assert sealed.erase(sealed.containing(task(ASKED[0]).prompt[:30]))
    found = site.bb("learn", "api_json")
    assert "1 new, 0 of them corrected, 2 before" in found.stdout


def test_a_mark_that_was_damaged_is_told_with_what_to_do(site: Desk) -> None:
    mark = site.folder / ".bb" / "learn" / "api_json" / "learnt.json"
    before = mark.read_bytes()
    mark.write_bytes(b"{")
    said = site.says("learn", "api_json")
    mark.write_bytes(before)
    assert "learnt.json" in said and "Delete it: all episodes are new again" in said
    assert json.loads(before)["seq"] > 0


def test_a_bad_number_in_its_section_is_told_with_its_line(site: Desk) -> None:
    path = site.write("bad.toml", "[learn]\nmissed = 1.5\n")
    assert "bad.toml:2" in site.says("learn", "api_json", "--config", str(path))
