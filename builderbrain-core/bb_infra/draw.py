"""A plan as a picture: a terminal tree, Mermaid, or SVG. Steps carry the colour of their effect.

All three show the same things: each step with its tool and arguments, each edge with its reason.
"""

import json
from collections.abc import Mapping
from html import escape

from bb_core.canonical import Json
from bb_core.distance import shape
from bb_core.effects import Effect
from bb_core.plan import Plan, Ref, Step, needs
from bb_core.schema import PlanSchema

COLOURS: Mapping[Effect, tuple[str, str]] = {
    Effect.PURE: ("#f1f3f5", "#868e96"),
    Effect.READ: ("#e7f5ff", "#1c7ed6"),
    Effect.WRITE: ("#fff3bf", "#f08c00"),
    Effect.IRREVERSIBLE: ("#ffe3e3", "#e03131"),
}
ANSI: Mapping[Effect, str] = {
    Effect.PURE: "90",
    Effect.READ: "34",
    Effect.WRITE: "33",
    Effect.IRREVERSIBLE: "31",
}
BOX, ROW, GAP, LEFT, CHAR, LEGEND = 26, 92, 36, 24, 7.4, 104


def effect_of(schema: PlanSchema | None, tool: str) -> Effect:
    """A tool's effect; what no schema knows is irreversible."""
    spec = schema.tools.get(tool) if schema else None
    return spec.effect if spec else Effect.IRREVERSIBLE


def call(step: Step, width: int = 72) -> str:
    """A step's tool and arguments on one line: `refund(cents=n1/total)`."""
    args = ", ".join(f"{key}={_value(value)}" for key, value in step.args.items())
    return _short(f"{step.tool}({args})", width)


def condition(step: Step) -> str:
    """A step's `when` as a person writes it, or nothing."""
    when = step.when
    return f"when {when.ref} {when.op} {_value(when.value)}" if when else ""


def tree(plan: Plan, schema: PlanSchema | None = None, *, colour: bool = False) -> str:
    """The plan as an indented tree: each step under the last step it waits for."""
    depth = {step.id: level for level, row in enumerate(layers(plan)) for step in row}
    parent = {step.id: _parent(step, depth) for step in plan.steps}
    lines: list[str] = []

    def walk(above: str, indent: str) -> None:
        below = [step for step in plan.steps if parent[step.id] == above]
        for step in below:
            last = step is below[-1]
            mark = ("└─ " if last else "├─ ") if above else ""
            lines.append(indent + mark + _tree_line(step, parent[step.id], schema, colour))
            walk(step.id, indent + (("   " if last else "│  ") if above else ""))

    walk("", "")
    return "\n".join(lines)


def mermaid(plan: Plan, schema: PlanSchema | None = None) -> str:
    """The plan as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    for index, step in enumerate(plan.steps):
        text = call(step, 60) + (f"<br/>{condition(step)}" if step.when else "")
        name = effect_of(schema, step.tool).name.lower()
        lines.append(f'  s{index}["{_mermaid(step.id)}: {_mermaid(text)}"]:::{name}')
    for (i, j), kinds in sorted(shape(plan).edges.items()):
        arrow = "-->" if "data" in kinds else "-.->"
        lines.append(f"  s{i} {arrow}|{' + '.join(sorted(kinds))}| s{j}")
    for effect, (fill, line) in COLOURS.items():
        lines.append(f"  classDef {effect.name.lower()} fill:{fill},stroke:{line},color:#212529")
    return "\n".join(lines)


def svg(plan: Plan, schema: PlanSchema | None = None) -> str:
    """The plan as a self-contained SVG, one row of boxes for each level of waiting."""
    rows = layers(plan)
    texts = {step.id: _box_lines(step) for step in plan.steps}
    widths = {i: 20 + CHAR * max(len(line) for line in lines) for i, lines in texts.items()}
    full = max((sum(widths[s.id] + GAP for s in row) for row in rows), default=0.0)
    full = max(full, LEGEND * len(COLOURS)) + 2 * LEFT
    centre: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        x = (full - sum(widths[s.id] + GAP for s in row) + GAP) / 2
        for step in row:
            centre[step.id] = (x + widths[step.id] / 2, LEFT + level * ROW + BOX)
            x += widths[step.id] + GAP
    height = LEFT * 2 + ROW * len(rows) + 20
    parts = [_svg_head(full, height)]
    for (i, j), kinds in sorted(shape(plan).edges.items()):
        parts.append(_svg_edge(centre[plan.steps[i].id], centre[plan.steps[j].id], kinds))
    for step in plan.steps:
        effect = effect_of(schema, step.tool)
        parts.append(_svg_box(centre[step.id], widths[step.id], texts[step.id], effect))
    parts.append(_svg_legend(height))
    return "\n".join([*parts, "</svg>"]) + "\n"


def layers(plan: Plan) -> list[list[Step]]:
    """Steps by how many others they wait for in a row; steps of a circle come last."""
    level: dict[str, int] = {}
    known = {step.id for step in plan.steps}
    rest = list(plan.steps)
    while rest:
        ready = [s for s in rest if all(n in level for n in needs(s) & known)] or rest
        for step in ready:
            above = [level[n] for n in needs(step) & known if n in level]
            level[step.id] = max(above, default=-1) + 1
        rest = [s for s in rest if s.id not in level]
    rows: list[list[Step]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for step in plan.steps:
        rows[level[step.id]].append(step)
    return [row for row in rows if row]


def _parent(step: Step, depth: Mapping[str, int]) -> str:
    above = [n for n in needs(step) if n in depth and depth[n] < depth[step.id]]
    return max(sorted(above), key=lambda n: depth[n], default="")


def _tree_line(step: Step, parent: str, schema: PlanSchema | None, colour: bool) -> str:
    effect = effect_of(schema, step.tool)
    more = sorted(needs(step) - {parent})
    notes = [f"[{effect.name.lower()}]"] if schema else []
    notes += [condition(step)] if step.when else []
    notes += [f"after {', '.join(more)}"] if more else []
    text = f"{step.id} {call(step)}"
    if colour:
        text = f"\x1b[{ANSI[effect]}m{text}\x1b[0m"
    return "  ".join([text, *notes])


def _value(value: Json | Ref) -> str:
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, str):
        return _short(_plain(repr(value)), 28)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)


def _plain(text: str) -> str:
    """Text that cannot steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _short(text: str, width: int) -> str:
    text = _plain(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def _mermaid(text: str) -> str:
    """Text inside a quoted Mermaid label; `<br/>` is ours and stays."""
    parts = _plain(text).split("<br/>")
    return "<br/>".join(
        p.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;") for p in parts
    )


def _box_lines(step: Step) -> list[str]:
    args = call(step, 60).removeprefix(step.tool)
    return [f"{step.id}  {step.tool}", args, *([condition(step)] if step.when else [])]


def _svg_head(width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="ui-monospace, monospace" '
        'font-size="12">\n<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#495057"/>'
        '</marker></defs>\n<rect width="100%" height="100%" fill="#ffffff"/>'
    )


def _svg_edge(start: tuple[float, float], end: tuple[float, float], kinds: frozenset[str]) -> str:
    (x1, y1), (x2, y2) = (start[0], start[1] + BOX), (end[0], end[1] - BOX)
    bend = (y2 - y1) / 2
    dash = "" if "data" in kinds else ' stroke-dasharray="4 3"'
    label = " + ".join(sorted(kinds))
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} '
        f'{x2:.1f} {y2:.1f}" fill="none" stroke="#495057"{dash} marker-end="url(#tip)">'
        f"<title>{label}</title></path>"
    )


def _svg_box(at: tuple[float, float], width: float, lines: list[str], effect: Effect) -> str:
    fill, stroke = COLOURS[effect]
    x, y = at[0] - width / 2, at[1] - BOX
    step = 2 * BOX / (len(lines) + 1)
    bold = ' font-weight="bold"'
    rows = "".join(
        f'<text x="{at[0]:.1f}" y="{y + step * (k + 1) + 4:.1f}" text-anchor="middle" '
        f'fill="#212529"{bold if k == 0 else ""}>{escape(_plain(line))}</text>'
        for k, line in enumerate(lines)
    )
    return (
        f'<g><title>{effect.name.lower()}</title><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{2 * BOX}" rx="6" fill="{fill}" stroke="{stroke}"/>{rows}</g>'
    )


def _svg_legend(height: float) -> str:
    parts = []
    for k, (effect, (fill, stroke)) in enumerate(COLOURS.items()):
        x = LEFT + k * LEGEND
        parts.append(
            f'<rect x="{x}" y="{height - 24:.0f}" width="12" height="12" fill="{fill}" '
            f'stroke="{stroke}"/><text x="{x + 17}" y="{height - 14:.0f}" fill="#495057" '
            f'font-size="11">{effect.name.lower()}</text>'
        )
    return "".join(parts)
