"""Small charts as inline SVG: lines with limits, and grouped bars. No script, no outside file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, isfinite, log10

Points = Sequence[tuple[float, float]]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 40


@dataclass(frozen=True, slots=True)
class Frame:
    """The data's range, and where it lies on the page."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the data on the page; what lies outside is moved to the edge."""
        return (
            LEFT + _share(x, self.x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - _share(y, self.y) * (HEIGHT - TOP - BOTTOM),
        )


def lines(
    series: Mapping[str, Points], *, x: str, y: str, limits: Mapping[str, float], title: str
) -> str:
    """A line for each series, and a dashed one for each limit, named at its end."""
    xs = [p[0] for points in series.values() for p in points]
    ys = [p[1] for points in series.values() for p in points] + list(limits.values())
    frame = Frame(_range(xs), _range([0.0, *ys]))
    drawn = _limits(frame, limits)
    for number, (name, points) in enumerate(series.items()):
        places = " ".join("{:.1f},{:.1f}".format(*frame.at(*point)) for point in points)
        stroke = COLOURS[number % len(COLOURS)]
        drawn += (
            f'<polyline fill="none" stroke="{stroke}" stroke-width="1.8" points="{places}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    return _whole(frame, drawn, x, y, title) + _legend(list(series))


def bars(
    groups: Mapping[str, Mapping[str, float]], *, y: str, title: str, limits: Mapping[str, float]
) -> str:
    """For each group a bar of each arm, with its value above it."""
    arms = list(dict.fromkeys(arm for row in groups.values() for arm in row))
    top = [*(v for row in groups.values() for v in row.values()), *limits.values(), 1e-9]
    frame = Frame((0.0, float(max(len(groups), 1))), _range([0.0, *top]))
    drawn = _limits(frame, limits)
    wide = 0.8 / max(len(arms), 1)
    for place, (name, row) in enumerate(groups.items()):
        for number, arm in enumerate(arms):
            if arm in row:
                left = place + 0.1 + number * wide
                drawn += _bar(frame, (left, left + wide * 0.92), row[arm], COLOURS[number])
        middle, floor_ = frame.at(place + 0.5, frame.y[0])
        drawn += _text(middle, floor_ + 16, name, "middle")
    return _whole(frame, drawn, "", y, title, marks=False) + _legend(arms)


def _bar(frame: Frame, sides: tuple[float, float], value: float, colour: str) -> str:
    (left, top), (right, bottom) = frame.at(sides[0], value), frame.at(sides[1], frame.y[0])
    box = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
    label = _text((left + right) / 2, top - 3, f"{value:.3g}", "middle")
    return f'<rect {box} fill="{colour}"/>{label}'


def _limits(frame: Frame, limits: Mapping[str, float]) -> str:
    drawn = ""
    for name, value in limits.items():
        (left, y), (right, _) = frame.at(frame.x[0], value), frame.at(frame.x[1], value)
        drawn += (
            f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="limit"/>'
            f"{_text(right - 4, y - 4, name, 'end')}"
        )
    return drawn


def _whole(frame: Frame, drawn: str, x: str, y: str, title: str, *, marks: bool = True) -> str:
    axes = f'<path d="M{LEFT},{TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" class="axis"/>'
    for value in _ticks(frame.y):
        left, place = frame.at(frame.x[0], value)
        axes += f'<path d="M{left - 4},{place:.1f}H{left}" class="axis"/>'
        axes += _text(left - 7, place + 4, f"{value:g}", "end")
    for value in _ticks(frame.x) if marks else ():
        place, bottom = frame.at(value, frame.y[0])
        axes += f'<path d="M{place:.1f},{bottom}v4" class="axis"/>'
        axes += _text(place, bottom + 16, f"{value:g}", "middle")
    names = _text(WIDTH / 2, HEIGHT - 6, x, "middle")
    names += f'<g transform="rotate(-90 12 {HEIGHT / 2})">{_text(12, HEIGHT / 2, y, "middle")}</g>'
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(title)}</title>'
    return f"{head}{axes}{drawn}{names}</svg>"


def _legend(names: Sequence[str]) -> str:
    rows = (
        f'<span><i style="background:{COLOURS[n % len(COLOURS)]}"></i>{escape(name)}</span>'
        for n, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(rows)}</p>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _share(value: float, spread: tuple[float, float]) -> float:
    low, high = spread
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _range(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or 0.5
    return (low - (room if low < 0 else 0.0), high + room)


def _ticks(spread: tuple[float, float]) -> list[float]:
    """Four to nine round numbers within a range."""
    low, high = spread
    step = 10.0 ** floor(log10((high - low) / 4))
    step *= next(k for k in (1, 2, 5, 10) if (high - low) / (step * k) <= 9)
    first = floor(low / step) + (low % step > 1e-12)
    return [round(n * step, 10) for n in range(first, floor(high / step) + 1)]
