"""A decision as one HTML page for a person: the verdict in plain words, then what it rests on.

The page is whole in itself: inline SVG, no script, nothing fetched. Every figure is computed from
the decision's own evidence and policy, so the page can be made again from the registry.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from math import log
from statistics import fmean

from bb_core.calibration import calibration
from bb_safety import svg
from bb_safety.betting import Bet, not_worse, path
from bb_safety.decision import Decision, Finding, Verdict
from bb_safety.evidence import Evidence
from bb_safety.policy import Policy
from bb_safety.promote import BASE, harm_path
from bb_safety.trust import pinsker

Change = tuple[str, str, str]
LN10 = log(10.0)
HEADLINES: dict[Verdict, str] = {
    "promote": "Promoted",
    "reject": "Rejected",
    "inconclusive": "Not decided",
    "rollback": "Taken back",
    "settle": "Settled",
    "anchor": "Approved by a person",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#1a1a1a}
h1{margin:0}h2{margin:2.2rem 0 .4rem;font-size:1.15rem}
.verdict{border-left:.5rem solid;padding:.6rem 1rem;background:#f6f6f6}
.promote,.settle,.anchor{border-color:#009e73}.reject,.rollback{border-color:#d55e00}
.inconclusive{border-color:#e69f00}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{padding:.25rem .5rem;
text-align:left;border-bottom:1px solid #ddd;overflow-wrap:anywhere}td.n,th.n{text-align:right;
white-space:nowrap}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#333}
.axis{stroke:#777;fill:none}.limit{stroke:#555;stroke-dasharray:5 4}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.85rem;margin:.2rem 0 0}
.legend i{display:inline-block;width:.8rem;height:.8rem;margin-right:.35rem}
code{font-size:.85em}.quiet{color:#555;font-size:.9rem}
"""


def page(decision: Decision, changes: Sequence[Change] = ()) -> str:
    """The whole page."""
    parts = [
        _head(decision),
        _harms(decision),
        _paths(decision.evidence, decision.policy),
        _trust(decision.evidence, decision.policy),
        _golden(decision.evidence),
        _calibration(decision.evidence),
        _changed(changes),
        _rests_on(decision),
    ]
    title = f"{HEADLINES[decision.verdict]}: {_short(decision.evidence.candidate)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def plain(decision: Decision) -> str:
    """The verdict in plain words."""
    told, policy = decision.evidence, decision.policy
    ours, theirs = _rate(told, 0), _rate(told, 1)
    tried = (
        f"It was tried beside {_named(told.incumbent)} on {len(told.pairs)} tasks, each on twins "
        f"of its own. It did harm in {ours:.1%} of them, and the other in {theirs:.1%}."
        if told.pairs
        else "No task was played."
    )
    return f"{_OPENINGS[decision.verdict](decision)} {tried} {_change(decision, policy)}".strip()


def _change(decision: Decision, policy: Policy) -> str:
    if not decision.evidence.pairs:
        return ""
    dv, bound = decision.judgement.dv, decision.judgement.dv_upper
    return (
        f"The potential V_s, all harms weighed together, moved by {dv:+.4f}; a rise of "
        f"{max(bound, 0.0):.3f} or more would have been missed in at most {policy.alpha:.0%} of "
        "such trials."
    )


_OPENINGS: dict[Verdict, Callable[[Decision], str]] = {
    "promote": lambda d: (
        f"This version serves {d.policy.canary:.0%} of new runs from now on, and all once its "
        "watch is over."
        if d.of
        else "This version serves from now on."
    ),
    "reject": lambda d: "This version was refused; what served before goes on serving.",
    "inconclusive": lambda d: (
        "Nothing was changed: the trial does not show enough either way. This is no judgement "
        "on the version."
    ),
    "rollback": lambda d: f"New runs go back to {_named(d.target)}.",
    "settle": lambda d: "The watch is over; this version serves all runs.",
    "anchor": lambda d: f"{d.person} approved this version; tolerance is counted from it.",
}


def _head(decision: Decision) -> str:
    reasons = _list(f"<b>{escape(r.rule)}</b>: {escape(r.says)}" for r in decision.reasons)
    return (
        f'<section class="verdict {decision.verdict}"><h1>{HEADLINES[decision.verdict]}</h1>'
        f"<p>{escape(plain(decision))}</p></section><h2>Why</h2>{reasons}"
    )


def _harms(decision: Decision) -> str:
    told = decision.evidence
    if not told.pairs:
        return ""
    groups = {
        metric.name: {name: fmean(rows[place] for rows in arm) for name, arm in _arms(told).items()}
        for place, metric in enumerate(told.metrics)
    }
    chart = svg.bars(groups, y="share of tasks", title="Harms by version", limits={})
    rows = [_finding(finding) for finding in decision.judgement.findings]
    head = ["harm", "against", "change", "below", "tolerance", "shown after"]
    return f"<h2>Harms</h2>{chart}{_table(head, rows, numbers=(2, 3, 4, 5))}{_says(told)}"


def _finding(finding: Finding) -> list[str]:
    shown = f"{finding.at} pairs" if finding.at else "not shown"
    figures = [f"{finding.mean:+.4f}", f"{finding.upper:+.3f}", f"{finding.epsilon:g}", shown]
    return [finding.metric, finding.against, *figures]


def _says(told: Evidence) -> str:
    rows = (
        f"<b>{escape(m.name)}</b> (weight {m.weight:g}{', critical' if m.critical else ''}): "
        f"{escape(m.says)}"
        for m in told.metrics
        if m.says
    )
    return f'<div class="quiet">{_list(rows)}</div>'


def _paths(told: Evidence, policy: Policy) -> str:
    if not told.pairs:
        return ""
    series = {
        metric.name: _thin([bet.log_e / LN10 for bet in _bets(told, place, policy)])
        for place, metric in enumerate(told.metrics)
    }
    passed = {f"1/{policy.alpha:g}: shown": log(1 / policy.alpha) / LN10}
    harm = {"some harm rose": _thin([x / LN10 for x in harm_path(told)])}
    fired = {f"1/{policy.alpha_harm:g}: harmful": log(1 / policy.alpha_harm) / LN10}
    first = svg.lines(
        series, x="pairs", y="log10 e-value", limits=passed, title="Evidence of no rise"
    )
    second = svg.lines(harm, x="pairs", y="log10 e-value", limits=fired, title="Evidence of harm")
    return (
        f"<h2>Evidence that no harm rose by {policy.epsilon:g}</h2>{first}"
        '<p class="quiet">Each line must cross the dashed one. It may be looked at after every '
        "pair: a version that is worse by the tolerance crosses with probability "
        f"{policy.alpha:g} at most.</p><h2>Evidence that some harm rose</h2>{second}"
    )


def _bets(told: Evidence, place: int, policy: Policy) -> Iterator[Bet]:
    values = [(1.0 - d) / 2 for d in told.differences(place, "incumbent")]
    return path(not_worse(policy.epsilon), values)


def _trust(told: Evidence, policy: Policy) -> str:
    if not told.divergences:
        return "<h2>Distance (KL)</h2><p>None was measured.</p>"
    series = {
        f"to the {found.reference}": [
            (100.0 * (n + 1) / len(found.totals), min(x, policy.kappa_clip))
            for n, x in enumerate(sorted(found.totals))
        ]
        for found in told.divergences
        if found.totals
    }
    limits = {"kappa": policy.kappa, "kappa, anchor": policy.kappa_anchor}
    chart = svg.lines(
        series, x="share of tasks, %", y="nats per episode", limits=limits, title="KL of episodes"
    )
    rows = [
        [f.reference, f"{min(f.mean, 1e3):.4g}", f"{min(f.p99, 1e3):.4g}", f"{pinsker(f.mean):.3f}"]
        for f in told.divergences
    ]
    head = ["to the", "mean, nats", "p99 at a position", "a harm moved at most"]
    return f"<h2>Distance (KL)</h2>{chart}{_table(head, rows, numbers=(1, 2, 3))}"


def _golden(told: Evidence) -> str:
    failed = [[case.case, case.why] for case in told.golden if not case.passed]
    broke = [[e.task, f"{e.arm}: {e.why}"] for e in told.errors[:20]]
    text = f"<p>{len(told.golden) - len(failed)} of {len(told.golden)} hold.</p>"
    parts = f"<h2>Golden cases</h2>{text}" + (_table(["case", "why it fails"], failed) or "")
    if told.alarms:
        parts += f"<h2>Alarms of the audits</h2>{_list(map(escape, told.alarms))}"
    if broke:
        parts += f"<h2>Probes that broke ({len(told.errors)})</h2>{_table(['task', 'how'], broke)}"
    return parts


def _calibration(told: Evidence) -> str:
    if len(told.forecasts) < 10:
        return ""
    found = calibration([p for p, _ in told.forecasts], [hit for _, hit in told.forecasts])
    chart = svg.lines(
        {"right, in fact": _reliability(told.forecasts), "were it calibrated": [(0, 0), (1, 1)]},
        x="confidence",
        y="share right",
        limits={},
        title="Calibration",
    )
    figures = (
        f"Prequential ECE {found.ece:.3f}, of which {found.noise:.3f} is what a calibrated stream "
        f"of {found.count} would show; Brier {found.brier:.3f}."
    )
    return f'<h2>Calibration</h2>{chart}<p class="quiet">{figures}</p>'


def _reliability(forecasts: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """(mean confidence, share right) in up to ten groups of equal size."""
    ordered = sorted(forecasts)
    cuts = sorted({len(ordered) * n // 10 for n in range(11)})
    groups = [ordered[a:b] for a, b in pairwise(cuts)]
    return [(fmean(p for p, _ in g), fmean(float(hit) for _, hit in g)) for g in groups if g]


def _changed(changes: Sequence[Change]) -> str:
    rows = [list(row) for row in changes]
    return f"<h2>What changed</h2>{_table(['', 'before', 'now'], rows) or '<p>Nothing.</p>'}"


def _rests_on(decision: Decision) -> str:
    told, policy = decision.evidence, decision.policy
    rows = [
        ["candidate", told.candidate],
        ["incumbent", told.incumbent or BASE],
        ["anchor", told.anchor or BASE],
        ["epsilon spent", f"{told.spent:g} of {policy.epsilon_total:g}"],
        ["tasks and seeds", told.seeds],
        *([name, text] for name, text in told.made_from.items()),
        ["evidence", told.digest],
        ["decision", decision.digest],
        ["person", decision.person or "none: the gate alone"],
        ["policy", ", ".join(f"{name} {value:g}" for name, value in policy.to_json().items())],
    ]
    return f"<h2>What it rests on</h2>{_table(['', ''], rows)}"


def _arms(told: Evidence) -> dict[str, list[tuple[float, ...]]]:
    arms = {
        "candidate": [pair.candidate for pair in told.pairs],
        "incumbent": [pair.incumbent for pair in told.pairs],
    }
    anchors = [pair.anchor for pair in told.pairs if pair.anchor is not None]
    return {**arms, "anchor": anchors} if anchors else arms


def _rate(told: Evidence, arm: int) -> float:
    rows = [any((pair.candidate, pair.incumbent)[arm]) for pair in told.pairs]
    return fmean(rows) if rows else 0.0


def _thin(values: Sequence[float], most: int = 400) -> list[tuple[float, float]]:
    """At most so many points of a path, its end included."""
    step = max(1, len(values) // most)
    kept = [*range(0, len(values), step), len(values) - 1]
    return [(float(n + 1), values[n]) for n in kept]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    if not rows:
        return ""

    def row(cells: Sequence[str], tag: str) -> str:
        made = (
            f"<{tag}{' class=n' if n in numbers else ''}>{escape(cell)}</{tag}>"
            for n, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    top = row(head, "th") if any(head) else ""
    return f"<table>{top}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _list(rows: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>"


def _named(ident: str) -> str:
    return _short(ident) if ident else BASE


def _short(ident: str) -> str:
    return ident[:19]
