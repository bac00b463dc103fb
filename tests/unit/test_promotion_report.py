"""The report: one page whole in itself, in plain words, with nothing a name could break."""

from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from bb_safety import Evidence, Metric, Policy, gate
from bb_safety.report import page
from bb_safety.rollback import take_back, watch
from bb_safety.svg import bars, lines
from tests.unit.test_gate import HARMS, A, B, evidence

FORECASTS = tuple((n / 40, n % 3 > 0) for n in range(40))


def drawings(text: str) -> list[ElementTree.Element]:
    """Every SVG of a page, which must be well-formed."""
    return [
        ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")
        for part in text.split("<svg")[1:]
    ]


def test_a_promotion_in_plain_words_with_its_plots() -> None:
    told = page(gate(evidence(400, forecasts=FORECASTS), Policy()), [("alpha", "1", "0.9")])
    assert "<h1>Promoted</h1>" in told and "on 400 tasks" in told
    assert "It did harm in 0.0% of them" in told and "10% of new runs" in told
    assert len(drawings(told)) == 5
    for words in ("Evidence that no harm rose", "Distance (KL)", "Calibration", "What changed"):
        assert words in told


@pytest.mark.parametrize(
    ("decision", "headline"),
    [
        (gate(evidence(400, worse=100), Policy()), "Rejected"),
        (gate(evidence(60), Policy()), "Not decided"),
        (gate(Evidence(B, A, A, HARMS), Policy()), "Not decided"),
        (watch(evidence(400, worse=100), Policy()), "Taken back"),
        (watch(evidence(400), Policy()), "Settled"),
        (take_back(evidence(0), Policy(), "ada", "odd"), "Taken back"),
    ],
)
def test_every_verdict_has_its_page(decision: object, headline: str) -> None:
    told = page(decision)  # type: ignore[arg-type]
    assert f"<h1>{headline}</h1>" in told and drawings(told) is not None
    HTMLParser().feed(told)


def test_nothing_is_fetched_and_no_name_breaks_out() -> None:
    bad = "<script>alert(1)</script>\"'&"
    metrics = (Metric(bad, 0.6, says=bad), Metric("leak", 0.4))
    told = page(gate(replace(evidence(5), metrics=metrics, alarms=(bad,)), Policy()), [(bad,) * 3])
    assert "<script" not in told and "http" not in told and told.count("&lt;script&gt;") >= 4
    drawings(told)


def test_charts_take_empty_flat_and_endless_data() -> None:
    for series in ({}, {"a": []}, {"a": [(1.0, 2.0)]}, {"a": [(0.0, float("inf")), (1.0, -3.0)]}):
        drawings(lines(series, x="x", y="y", limits={}, title="t"))
    drawings(bars({}, y="y", title="t", limits={}))
