"""Query: what is found by run, type, time and condition, and what a bad question is told."""

import json
from pathlib import Path

import pytest

from bb_core.record import Digests, Figures, Record
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.query import Wanted, entry_json, field_of, matching, table


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Twelve records, one a minute, of two runs and three types."""
    minutes = iter(range(100))
    path = tmp_path / "log.jsonl"
    with LedgerFile(path, now=lambda: f"2026-01-02T10:{next(minutes):02}:00.000Z") as ledger:
        for n in range(4):
            run = f"r{n % 2}"
            ledger(Record("intent", "sha256:a", run, body={"step": "n1", "cents": 100 * n}))
            figures = Figures(cfs=n / 4).to_json()
            body = {"figures": figures, "digests": Digests().to_json()}
            ledger(Record("decoded", "sha256:a", run, "sha256:" + "b" * 64, body))
            ledger(Record("result", "sha256:a", run, body={"status": "done" if n else "failed"}))
    return path


def found(log: Path, **wanted: object) -> list[int]:
    return [entry.seq for entry in matching(log, Wanted(**wanted))]  # type: ignore[arg-type]


def test_each_filter_and_all_of_them_together(log: Path) -> None:
    assert found(log) == list(range(12))
    assert found(log, run="r1") == [3, 4, 5, 9, 10, 11]
    assert found(log, kinds=frozenset({"intent"})) == [0, 3, 6, 9]
    assert found(log, since="2026-01-02T10:10:00Z") == [10, 11]
    assert found(log, until="2026-01-02T10:02:00Z") == [0, 1]
    assert found(log, since="2026-01-02", until="2026-01-03") == list(range(12))
    assert found(log, since="2026-01-02T11:10:00+01:00") == [10, 11]
    assert found(log, where="body.cents >= 200") == [6, 9]
    assert found(log, where="body.figures.cfs > 0.3") == [7, 10]
    assert found(log, where="body.status == 'failed' && run == 'r0'") == [2]
    assert found(log, run="r0", kinds=frozenset({"result"}), where="seq > 2") == [8]


def test_a_record_that_lacks_what_is_asked_does_not_match(log: Path) -> None:
    assert found(log, where="body.nothing == 1") == []
    assert found(log, where="body.figures.evsi > 0.0") == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"where": "body.cents >"}, "is not CEL"),
        ({"where": "1"}, r"--where: gave a int, not true or false\. Ask what"),
        ({"where": "body.cents"}, "not true or false"),
        ({"where": "bodies.cents > 1"}, "has no 'bodies'"),
        ({"since": "yesterday"}, "'yesterday' is not a time. Write it as 2026"),
    ],
)
def test_a_bad_question_is_told_so(log: Path, wanted: dict[str, str], says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        found(log, **wanted)


def test_a_field_is_found_by_its_path(log: Path) -> None:
    entry = list(matching(log, Wanted()))[7]
    assert field_of(entry, "body.figures.cfs") == 0.5
    assert field_of(entry, "body.figures.none") is None
    assert field_of(entry, "run.x") is None
    assert json.loads(entry.line()) == entry_json(entry)


def test_the_table_has_a_line_for_each(log: Path) -> None:
    entries = list(matching(log, Wanted(run="r1")))
    lines = table(entries, ())
    assert len(lines) == 7 and lines[0].split() == ["seq", "time", "type", "run", "plan", "says"]
    assert lines[1].endswith("cents=100 step=n1")
    shown = table(entries, ["body.figures.cfs", "body.cents"])
    assert [line.split()[-2:] for line in shown[1:3]] == [["-", "100"], ["0.25", "-"]]
    assert table([], ()) == []


def test_a_type_or_run_that_no_record_has_is_told(log: Path) -> None:
    with pytest.raises(LedgerError, match=r"no record is of type 'reslt'.*t has: "):
        found(log, kinds=frozenset({"reslt"}))
    with pytest.raises(LedgerError, match="no record is of run 'r99'"):
        found(log, run="r99")
