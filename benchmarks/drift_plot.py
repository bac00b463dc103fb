"""The picture of a run over a drifting domain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def plot(
    rows: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    phases: Sequence[str],
    path: Path,
) -> None:
    """Rolling success and harm over requests, with drifts and decisions."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    wide = 30
    figure, axes = plt.subplots(figsize=(9, 3.6))
    for name, label, colour in (("right", "done as asked", "#1b6"), ("harm", "any harm", "#c33")):
        values = [float(bool(row[name])) for row in rows]
        means = [sum(values[max(0, i - wide) : i + 1]) / min(i + 1, wide + 1)
                 for i in range(len(rows))]  # fmt: skip
        axes.plot(means, label=f"{label} (mean of {wide})", color=colour)
    for place in range(1, len(phases)):
        at = next(i for i, row in enumerate(rows) if row["phase"] == place)
        axes.axvline(at, color="#888", linestyle="--", linewidth=1)
        axes.text(at + 3, 1.03, phases[place], fontsize=8)
    marks = {"promote": "^", "settle": "s", "rollback": "v", "reject": "x", "inconclusive": "."}
    for what, mark in marks.items():
        found = [float(str(e["request"])) for e in events if e["what"] == what]
        if found:
            axes.plot(found, [-0.05] * len(found), mark, color="#444", label=what, markersize=5)
    axes.set(xlabel="request", ylim=(-0.1, 1.1), ylabel="share")
    axes.legend(fontsize=7, loc="lower right", ncols=2)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
