"""A refresh compares all that is pinned, and writes nothing that stays as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bb_core.errors import DomainError, SchemaError
from bb_core.openapi import read_openapi
from bb_core.yaml_lines import read_yaml
from bb_infra import import_refresh
from bb_infra.import_command import app
from bb_infra.import_refresh import home_of, kept_in, refreshed
from bb_infra.import_scaffold import Source, scaffold
from bb_infra.review_kept import comments
from tests.imports.site import Site

REVIEW = "effects.review.yaml"
HEAR = "# seen in staging by Ana: it sends no mail"
ASK = "# ask Bo # before raising this"
ABOVE = "# the tools of the till"


def api(**does: str) -> dict[str, Any]:
    """A document with an operation for each name."""
    paths = {
        f"/{name}": {"post": {"operationId": name, "description": text, "responses": {}}}
        for name, text in does.items()
    }
    return {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": paths}


BOTH = api(pay="Pay # 1.", log="Log.")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An imported domain of two tools, both ratified, with a reviewer's comments."""
    (tmp_path / "doc.json").write_text(json.dumps(BOTH))
    source = Source("openapi", str(tmp_path / "doc.json"), BOTH, read_openapi(BOTH))
    site = Site(scaffold(source, tmp_path, "till").folder, "till")
    site.ratify({"pay": "irreversible", "log": "write"})
    text = site.text(REVIEW)
    text = text.replace("effect: irreversible\n", f"effect: irreversible   {HEAR}\n")
    text = text.replace("\n    ratified", f"\n    {ASK}\n    ratified")
    site.write(REVIEW, text.replace("  log:", f"  {ABOVE}\n  log:"))
    site.compiled()
    return site


def publish(site: Site, document: dict[str, Any]) -> None:
    (site.home.parent / "doc.json").write_text(json.dumps(document))


def refresh(site: Site, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["refresh", str(site.home), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def stamps(site: Site) -> dict[str, tuple[int, int]]:
    found = (path for path in site.domain.iterdir() if path.is_file())
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def test_where_nothing_changed_nothing_is_written(site: Site) -> None:
    before, text = stamps(site), site.text(REVIEW)
    assert refresh(site, "--check") == (0, f"{site.domain}: as pinned\n")
    assert refresh(site) == (0, f"{site.domain}: as pinned\n")
    assert (stamps(site), site.text(REVIEW)) == (before, text)


def newer(site: Site) -> None:
    publish(site, BOTH | {"info": {"title": "T", "version": "2"}})


def edited(site: Site) -> None:
    site.write("openapi.json", site.text("openapi.json") + "\n")


def unpinned(site: Site) -> None:
    pin = kept_in(site.domain).sha256
    site.write("plan_schema.yaml", site.text("plan_schema.yaml").replace(pin, "0" * 64))


def gone(site: Site) -> None:
    (site.domain / "openapi.json").unlink()


def reviewed_otherwise(site: Site) -> None:
    digest = kept_in(site.domain).digests["log"]
    site.write(REVIEW, site.text(REVIEW).replace(digest, "sha256:0"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (newer, "changed: the document, in no tool"),
        (edited, "openapi.json is not the document that is pinned"),
        (unpinned, "openapi.json is not the document that is pinned"),
        (gone, "openapi.json is not the document that is pinned"),
        (reviewed_otherwise, "changed: log"),
    ],
)
def test_all_that_is_pinned_is_compared_and_then_mended(
    site: Site, change: Callable[[Site], None], said: str
) -> None:
    change(site)
    assert refresh(site, "--check") == (1, f"{site.domain}: {said}\n")
    assert refresh(site)[0] == 0
    assert refresh(site, "--check")[0] == 0
    site.compiled()


def test_killed_before_the_pin_it_is_said_to_differ(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = import_refresh.write_whole

    def killed(path: Path, data: bytes) -> None:
        if path.name == "plan_schema.yaml":
            raise KeyboardInterrupt
        whole(path, data)

    monkeypatch.setattr(import_refresh, "write_whole", killed)
    newer(site)
    document = BOTH | {"info": {"title": "T", "version": "2"}}
    with pytest.raises(KeyboardInterrupt):
        refreshed(kept_in(site.domain), document, str(site.home.parent / "doc.json"))
    assert refresh(site, "--check")[0] == 1
    monkeypatch.undo()
    assert refresh(site)[0] == 0
    site.compiled()


def test_comments_of_entries_that_stay_are_kept_and_others_are_told(site: Site) -> None:
    moved = site.home.parent / "moved.json"
    moved.write_text(json.dumps(api(log="Log.", pay="Pay twice.", new="New.")))
    code, out = refresh(site, str(moved))
    assert code == 0
    told = [line for line in out.splitlines() if "no longer" in line]
    assert told == [f"  no longer in {REVIEW}: {one}" for one in (HEAR, ASK)]
    text = site.text(REVIEW)
    assert HEAR not in text
    assert f"source: {moved}\n" in text
    assert f"  {ABOVE}\n  log:" in text
    entries = read_yaml(text, REVIEW).value["tools"]  # type: ignore[index,call-overload]
    assert list(entries) == ["log", "pay", "new"]
    assert [bool(one["effect"]) for one in entries.values()] == [True, False, False]
    assert text[text.index("  log:") : text.index("  pay:")].count(ASK) == 1
    assert not site.compiled().schema.tools["log"].unratified


@pytest.mark.parametrize("layout", ["{review: 1, tools: {%s}}", "review: 1\ntools: {%s}\n"])
def test_comments_in_a_layout_of_its_own_are_told(site: Site, layout: str) -> None:
    value = read_yaml(site.text(REVIEW), REVIEW).value
    rows = json.dumps(value["tools"])[1:-1]  # type: ignore[index,call-overload]
    site.write(REVIEW, f"{ABOVE}\n" + layout % rows)
    publish(site, api(pay="Pay # 1."))
    said = refresh(site, str(site.home.parent / "doc.json"))[1]
    assert f"no longer in {REVIEW}: {ABOVE}" in said
    assert list(kept_in(site.domain).review.tools) == ["pay"]
    site.compiled()


def test_a_sharp_in_a_text_is_no_comment() -> None:
    text = "a: \"x # no\"  # one\nb: y#no\n# two\nc: '# no'\nd: |\n  # no\ne: z # three"
    assert list(comments(text)) == ["# one", "# two", "# three"]


def test_a_domain_is_found_by_its_folder_or_one_around_it(site: Site) -> None:
    assert home_of(site.domain) == home_of(site.home) == site.domain
    with pytest.raises(DomainError, match=r"holds no domain, no plan_schema\.yaml\. Name the dom"):
        home_of(site.home.parent)
    with pytest.raises(DomainError, match="no domain 'nothing'; installed"):
        home_of(Path("nothing"))
    other = site.home / "bb_domains/other"
    other.mkdir()
    (other / "plan_schema.yaml").touch()
    with pytest.raises(DomainError, match=r"holds 2 domains\. Name .*bb_domains/other"):
        home_of(site.home)


def test_a_domain_is_found_by_its_name() -> None:
    assert home_of(Path("api_json")).name == "api_json"
    with pytest.raises(DomainError, match="takes its tools from no document"):
        kept_in(Path("api_json"))


def test_drift_names_a_command_that_works(site: Site) -> None:
    edited(site)
    with pytest.raises(SchemaError, match=r"Look at the change, then take it: .* refresh till$"):
        site.compiled()
