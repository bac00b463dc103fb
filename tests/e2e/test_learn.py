"""`bb learn`: from real runs on the shop's twin to a candidate, beside a small real rail."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("model_signing")

from bb_infra import learn_run
from bb_infra.checkpoint import read_public
from bb_infra.config import load_config
from bb_infra.episodes import episodes
from bb_infra.errors import InfraError
from bb_infra.promotion import ledger_of, made_from
from bb_infra.sealed import own_sealed
from bb_infra.verify import verify
from bb_infra.versions import add, registry
from bb_safety.evidence import NONE, Evidence
from bb_safety.registry import Artifact
from bb_safety.rollback import anchor
from bb_safety.shadow import metrics
from bb_train.run_lock import held
from tests.e2e.desk import BB, Desk, Done
from tests.e2e.rails import MODEL
from tests.e2e.rails import site as railed
from tests.ledgered import gold, ran, shop, task

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


@dataclass(frozen=True)
class Learnt:
    """What `bb learn` said: with nothing run, with two runs of three, unserved, and at last."""

    nothing: Done
    few: Done
    unserved: Done
    done: Done
    serves: Artifact


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with railed(tmp_path_factory.mktemp("site"), shop(), TOML) as desk:
        yield desk


@pytest.fixture(scope="module")
def learnt(site: Desk) -> Learnt:
    state = site.folder / ".bb"
    nothing = site.bb("learn", "api_json")
    for number, ident in enumerate(ASKED[:2]):
        ran(state, f"run-{number}", ident, gold(ident))
    few = site.bb("learn", "api_json")
    ran(state, "run-2", ASKED[2], '{"steps":[]}', gold(ASKED[2]))
    unserved = site.bb("learn", "api_json")
    serves = approved(site)
    return Learnt(nothing, few, unserved, site.apart("learn", "api_json"), serves)


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


def test_without_enough_runs_or_a_version_that_serves_nothing_is_learnt(learnt: Learnt) -> None:
    assert learnt.nothing.returncode == 3
    assert "candidate none: nothing was ever run here" in learnt.nothing.stdout
    assert learnt.few.returncode == 3
    assert "2 new, 0 of them corrected, 0 before" in learnt.few.stdout
    assert "none: 3 new episodes make one" in learnt.few.stdout
    assert learnt.unserved.returncode == 2
    assert "nothing serves by a decision yet" in learnt.unserved.stderr
    assert "bb artifacts anchor api_json" in learnt.unserved.stderr


def test_runs_become_a_candidate_that_serves_nobody(site: Desk, learnt: Learnt) -> None:
    assert learnt.done.returncode == 0, learnt.done
    assert "3 new, 1 of them corrected, 0 before" in learnt.done.stdout
    home = registry(load_config())
    (made,) = [one for one in home.all("api_json") if one.digest != learnt.serves.digest]
    assert f"next      bb promote {made.digest[:19]}" in learnt.done.stdout
    assert "KL        0 to what serves, on 0 episodes held back" in learnt.done.stdout
    home.verify(made.digest)
    assert made.facts["from"] == learnt.serves.digest and made.facts["kind"] == "adapters"
    assert set(made_from(made)) == {"base", "grammar", "schema", "config"}
    assert home.pointer("api_json").standing().current == learnt.serves.digest
    log = site.folder / ".bb" / "learn" / "api_json" / "ledger.jsonl"
    found = verify(log, public_key=read_public(log.with_suffix(".pub")))
    assert found.ok and found.records >= 5
    again = site.bb("learn", "api_json", "--now")
    assert again.returncode == 3 and "0 new, 0 of them corrected, 3 before" in again.stdout
    assert "none: no run is new" in again.stdout


def test_killed_while_it_learns_it_leaves_no_text_and_learns_all_again(
    site: Desk, learnt: Learnt
) -> None:
    state, mark = site.folder / ".bb", site.folder / ".bb/learn/api_json/learnt.json"
    log, versions = mark.with_name("ledger.jsonl"), registry(load_config()).all("api_json")
    lines = log.read_bytes().count(b"\n")
    mark.unlink()
    slow = site.write("slow.toml", TOML.replace("steps = 4", "steps = 4000"))
    words = [BB, "learn", "api_json", "--config", str(slow)]
    with subprocess.Popen(words, cwd=site.folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and log.read_bytes().count(b"\n") < lines + 3:
            time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL and not mark.exists()
    no_text_of_a_request(state)
    again = site.apart("learn", "api_json")
    assert again.returncode == 0 and "3 new, 1 of them corrected, 0 before" in again.stdout
    assert registry(load_config()).all("api_json") == versions  # the same candidate, to the byte


def no_text_of_a_request(state: Path) -> None:
    """Nor a digest of one that a guess could be held against, outside the sealed store."""
    texts = [task(ident).prompt for ident in ASKED]
    said = [text[:20].encode() for text in texts] + [b"@example.com"]
    said += [sha256(text.encode()).hexdigest().encode() for text in texts]
    heard = episodes(state / "ledger.jsonl", shop())
    said += [one.digest.removeprefix("sha256:").encode() for one in heard.examples]
    for path in state.rglob("*"):
        if path.is_file() and "sealed" not in path.name:
            assert not any(text in path.read_bytes() for text in said), path


def test_nothing_is_learnt_beside_a_canary_or_another_rail(site: Desk, learnt: Learnt) -> None:
    ran(site.folder / ".bb", "run-3", ASKED[3], gold(ASKED[3]))
    named = site.write("named.toml", TOML + '[rail]\npath = "first"\n')
    assert "only what was promoted learns" in site.says(
        "learn", "api_json", "--now", "--config", str(named)
    )
    now = registry(load_config()).pointer("api_json").standing()
    for standing, said in (
        (replace(now, share=0.1), "a canary is being watched"),
        (replace(now, frozen=True), "promotions are frozen"),
        (replace(now, current=NONE), "the base alone serves"),
    ):
        with pytest.raises(InfraError, match=said):
            learn_run._serves(shop(), load_config(), standing)


def test_one_process_learns_at_a_time(site: Desk, learnt: Learnt) -> None:
    with held(site.folder / ".bb" / "learn" / "api_json"):
        assert "another process trains here" in site.says("learn", "api_json", "--now")


def test_a_mark_that_is_damaged_or_of_another_ledger_is_told(site: Desk, learnt: Learnt) -> None:
    mark = site.folder / ".bb" / "learn" / "api_json" / "learnt.json"
    before = mark.read_bytes()
    other = before.replace(b'"prev":"', b'"prev":"0')
    for data in (b"{", other, before.replace(b'"seq":', b'"seq":9'), b'{"seq":true,"prev":""}'):
        mark.write_bytes(data)
        said = site.says("learn", "api_json")
        assert "learnt.json" in said and "all episodes are new again" in said
    mark.write_bytes(before)


def test_what_was_erased_is_not_learnt_from_again(site: Desk, learnt: Learnt) -> None:
    before = site.bb("learn", "api_json").stdout
    with closing(own_sealed(site.folder / ".bb")) as sealed:
        assert sealed.erase(sealed.containing(task(ASKED[0]).prompt[:30]))
    after = site.bb("learn", "api_json").stdout
    assert ", 3 before" in before and ", 2 before" in after
