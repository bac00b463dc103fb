"""What a condition reads, out of its text: fields, items in macros, and nothing out of quotes."""

import pytest

from bb_core.cel_paths import cel_paths
from bb_core.schema_file import examine

READS = {
    "args.cents <= order.total": "args.cents order.total",
    "order.items.exists(i, i.cents > args.cents)": "order.items order.items.*.cents args.cents",
    "a.l.filter(x, x.ok).exists(y, y.id == b.id)": "a.l a.l.*.ok a.l.*.id b.id",
    "a.l.all(n, b.l.exists(m, m.x == n.y))": "a.l b.l b.l.*.x a.l.*.y",
    "a.l.filter(x, x.ok)[0].name == 'x'": "a.l a.l.*.ok a.l.*.name",
    "has(a.b) && size(a['c'].d) > 0": "a.b a a.c.d",
    "way.seconds[args.speed].x > 1.5e3": "way.seconds args.speed",
    "{'direct': 0}[args.to] <= [1, 2][args.n]": "args.to args.n",
    "'a.b'.startsWith(c.d + \"e.f\") || r'\\' == c.e": "c.d c.e",
    "[1, 2].all(x, x.y in a.l)": "a.l",
    "(a.b + 1).c || a.?b.orValue(true)": "a.b",
    "a.b ? c.d : !e.f // g.h": "a.b c.d e.f",
    "true && null != a": "a",
}
SCHEMA = """\
plan_schema: 1
domain: desk
types: {{Id: {{type: string, pattern: "^t[0-9]$"}}}}
entities: {{ticket: {{key: Id, read: look, arg: id}}}}
facts: {{person: {{entity: ticket, exclusive: true}}}}
tools:
  look:
    does: Look
    effect: read
    args: {{id: Id}}
    returns:
      type: object
      properties:
        open: {{type: boolean}}
        lines: {{type: array, items: {{type: object, properties: {{by: Id}}}}}}
        hours: {{type: object, properties: {{mon: {{type: integer}}}}}}
        more: {{type: object}}
  close:
    does: Close
    effect: write
    args: {{id: Id}}
    entity: {{ticket: args.id}}
    guards: [{{id: one, expr: {expr!r}}}]
"""


@pytest.mark.parametrize("expr", READS)
def test_what_an_expression_reads(expr: str) -> None:
    assert " ".join(".".join(path) for path in cel_paths(expr)) == READS[expr]


@pytest.mark.parametrize(
    "expr",
    [
        "ticket.open && ticket.lines.exists(l, l.by == facts.person)",
        "ticket.hours.all(day, day in ticket.hours)",
        "ticket.hours[args.id] > 0 && ticket.more.anything.at.all == 1",
        "type(args.id) == string",
    ],
)
def test_a_guard_on_what_is_there_or_left_open_is_taken(expr: str) -> None:
    assert examine(SCHEMA.format(expr=expr), "desk")[1] == []


@pytest.mark.parametrize(
    ("expr", "reads"),
    [
        ("ticket.opne", "ticket.opne"),
        ("ticket.lines.exists(l, l.bye == args.id)", "ticket.lines[*].bye"),
        ("ticket.hours.tue > 1 || ticket.open", "ticket.hours.tue"),
        ("has(ticket.lined)", "ticket.lined"),
        ("facts.persn == args.id", "facts.persn"),
    ],
)
def test_a_guard_on_what_is_not_there_is_refused(expr: str, reads: str) -> None:
    (problem,) = examine(SCHEMA.format(expr=expr), "desk")[1]
    assert str(problem).startswith(f"desk:23: 'one' reads {reads}, which ")
