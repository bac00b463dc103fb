"""plan_schema.yaml: every error at its line, in words its author can act on."""

import pytest

from bb_core.errors import SchemaError
from bb_core.schema_file import examine, load_schema

WHERE = "shop/plan_schema.yaml"
GOOD = """\
plan_schema: 1
domain: shop
types:
  OrderId: {type: string, maxLength: 8}
entities:
  order: {key: OrderId, read: get_order, arg: order_id}
facts:
  observed: {entity: order, killed_by_write: true}
labels:
  private: {readers: [owner]}
limits: {sums: {cents: 500}}
tools:
  get_order:
    does: Show an order
    effect: read
    args: {order_id: OrderId}
    establishes: ["observed(args.order_id)"]
    labels: {/note: [private]}
  ask:
    does: Ask
    effect: read
    args: {text: {type: string, maxLength: 80}}
    approves: true
  refund:
    does: Pay back
    effect: irreversible
    args: {order_id: OrderId, cents: {type: integer, minimum: 1, maximum: 500}}
    entity: {order: args.order_id}
    requires: ["observed(args.order_id)", approved]
    guards: [{id: enough, expr: "args.cents <= order.total"}]
    consumes: {cents: args.cents}
    once_per: [order_id]
    sinks: {cents: {trusted: true}}
"""
# old text, new text, the whole error
BROKEN = {
    "version": ("plan_schema: 1", "plan_schema: 2", "1: 2 is not allowed. Use 1"),
    "no version": ("plan_schema: 1\n", "", "1: key 'plan_schema' is missing. Add plan_schema:"),
    "domain name": (
        "domain: shop",
        "domain: My-Shop",
        "2: name 'My-Shop' is not allowed. "
        "Use lower-case letters, digits and _, at most 48, a letter first",
    ),
    "unknown top key": (
        "types:",
        "tyypes:",
        "3: unknown key 'tyypes'. Known here: domain, entities, facts, labels, limits, "
        "plan_schema, title, tools, tools_from, types",
    ),
    "invalid JSON Schema": (
        "type: string, maxLength: 8}\nent",
        "type: strin, maxLength: 8}\nent",
        '4: is not JSON Schema 2020-12: "strin" is not valid under any of the schemas listed in '
        "the 'anyOf' keyword",
    ),
    "negative length": (
        "maxLength: 8}",
        "maxLength: -8}",
        "4: is not JSON Schema 2020-12: -8 is less than the minimum of 0",
    ),
    "type of itself": (
        "{type: string, maxLength: 8}",
        "OrderId",
        "4: type 'OrderId' is made of itself. Write one of the types out",
    ),
    "unknown type": (
        "cents: {type: integer, minimum: 1, maximum: 500}",
        "cents: Cents",
        "27: unknown type 'Cents'. Add it to types; known: OrderId",
    ),
    "unbounded text": (
        "{type: string, maxLength: 80}",
        "{type: string}",
        "22: text 'text' has no bound. Add maxLength, pattern or enum",
    ),
    "unbounded list": (
        "{type: string, maxLength: 80}",
        "{type: array, items: OrderId}",
        "22: list 'text' has no bound. Add maxItems",
    ),
    "unbounded inside": (
        "{type: string, maxLength: 80}",
        "{type: object, properties: {a: {type: string}}}",
        "22: text 'a' has no bound. Add maxLength, pattern or enum",
    ),
    "entity's reader": (
        "read: get_order",
        "read: fetch",
        "6: entity 'order' is read by unknown tool 'fetch'. Known: ask, get_order, refund",
    ),
    "entity's key": (
        "arg: order_id}",
        "arg: id}",
        "6: entity 'order' is keyed by 'id', which get_order does not take. Known: order_id",
    ),
    "entity read by a write": (
        "read: get_order",
        "read: refund",
        "6: entity 'order' is read by 'refund', which is irreversible. "
        "Name a tool whose effect is read",
    ),
    "fact's entity": (
        "observed: {entity: order,",
        "observed: {entity: ordr,",
        "8: fact 'observed' is about unknown entity 'ordr'. Known: order",
    ),
    "built-in fact": (
        "  observed: {entity",
        "  approved: {entity: order}\n  observed: {entity",
        "8: 'approved' is built in. Give the fact another name",
    ),
    "effect": (
        "effect: irreversible",
        "effect: explosive",
        "26: effect 'explosive' is not one of pure, read, write, irreversible",
    ),
    "effect as number": (
        "effect: irreversible",
        "effect: 3",
        "26: effect 3 is not one of pure, read, write, irreversible",
    ),
    "no sentence": (
        "    does: Pay back\n",
        "",
        "24: key 'does' is missing in tools.refund. Add does:",
    ),
    "unknown fact": (
        'establishes: ["observed(args.order_id)"]',
        'establishes: ["seen(args.order_id)"]',
        "17: unknown fact 'seen'. Known: approved, observed",
    ),
    "fact's form": (
        'establishes: ["observed(args.order_id)"]',
        'establishes: ["observed args.order_id"]',
        "17: 'observed args.order_id' is not name, name(args.x) or name(result.y). "
        "Write it as observed(args.order_id)",
    ),
    "term's argument": (
        'requires: ["observed(args.order_id)", approved]',
        'requires: ["observed(args.order)", approved]',
        "29: 'args.order' names an unknown argument. Known: cents, order_id",
    ),
    "term of a result": (
        'requires: ["observed(args.order_id)", approved]',
        'requires: ["observed(result.id)", approved]',
        "29: 'result.id' is not a path here. Write args.x",
    ),
    "unapproved": (
        ", approved]",
        "]",
        "24: tool 'refund' is irreversible and runs without approval. "
        "Add approved to requires, or say why not in waives.approval",
    ),
    "unknown label": (
        "labels: {/note: [private]}",
        "labels: {/note: [secret]}",
        "18: unknown label 'secret'. Known: private",
    ),
    "label's place": (
        "labels: {/note: [private]}",
        "labels: {note: [private]}",
        "18: 'note' is not a JSON Pointer. Start it with / or leave it empty",
    ),
    "unknown entity": (
        "entity: {order: args.order_id}",
        "entity: {parcel: args.order_id}",
        "28: unknown entity 'parcel'. Known: order",
    ),
    "not CEL": (
        "args.cents <= order.total",
        "args.cents <=",
        "30: 'enough' is not CEL: column 14: Syntax error: mismatched input '<EOF>'. "
        "See cel.dev for the language",
    ),
    "condition twice": (
        "[{id: enough,",
        "[{id: enough, expr: 'true'}, {id: enough,",
        "30: condition id 'enough' is here twice. Rename one",
    ),
    "unknown sum": (
        "consumes: {cents: args.cents}",
        "consumes: {euros: args.cents}",
        "31: unknown sum 'euros'. Add it to limits.sums; known: cents",
    ),
    "once per nothing": (
        "once_per: [order_id]",
        "once_per: [item_id]",
        "32: tool 'refund' has no argument 'item_id'. Known: cents, order_id",
    ),
    "sink of nothing": (
        "sinks: {cents: {trusted: true}}",
        "sinks: {euros: {trusted: true}}",
        "33: tool 'refund' has no argument 'euros'. Known: cents, order_id",
    ),
    "unknown undo": (
        "    once_per:",
        "    compensate: {tool: unrefund}\n    once_per:",
        "32: unknown tool 'unrefund'. Known: ask, get_order, refund",
    ),
    "undo's argument": (
        "    once_per:",
        "    compensate: {tool: ask, args: {txt: args.cents}}\n    once_per:",
        "32: ask has no argument 'txt'. Known: text",
    ),
    "unknown reconciler": (
        "    once_per:",
        "    reconcile: look\n    once_per:",
        "32: unknown tool 'look'. Known: ask, get_order, refund",
    ),
    "reconciler that acts": (
        "    once_per:",
        "    reconcile: refund\n    once_per:",
        "32: 'refund' is irreversible. Reconcile with a tool whose effect is read",
    ),
    "blind retry": (
        "    once_per:",
        "    retries: 2\n    once_per:",
        "32: tool 'refund' is retried and a second call is a second effect. "
        "Say idempotent: true if it takes an idempotency key, or retries: 0",
    ),
    "excluded tool": (
        "    once_per:",
        "    excludes: [handoff]\n    once_per:",
        "32: unknown tool 'handoff'. Known: *write, ask, get_order, refund",
    ),
    "wrong kind": (
        "once_per: [order_id]",
        "once_per: order_id",
        "32: tools.refund.once_per should be a valid tuple, found text",
    ),
    "duplicate key": (
        "    once_per: [order_id]",
        "    once_per: [order_id]\n    does: Again",
        "33: key 'does' is here twice, first on line 25. Remove one",
    ),
    "not YAML": ("limits: {", "limits: [{", "12: is not YAML: did not find expected ',' or ']'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_error_has_its_line_and_its_fix(name: str) -> None:
    old, new, said = BROKEN[name]
    assert GOOD.count(old) == 1, "the table's own mistake"
    schema, problems = examine(GOOD.replace(old, new), WHERE)
    assert schema is None
    assert f"{WHERE}:{said}" in map(str, problems)


def test_the_good_file_is_good() -> None:
    schema, problems = examine(GOOD, WHERE)
    assert problems == []
    assert schema is not None
    assert schema.tools["refund"].args["order_id"] == {"type-name": "OrderId"}
    assert schema.arg("refund", "order_id") == {
        "type": "string",
        "maxLength": 8,
        "x-type": "OrderId",
    }


def test_all_errors_come_in_the_order_of_their_lines() -> None:
    text = GOOD.replace("arg: order_id}", "arg: id}").replace("once_per: [order_id]", "key: [x]")
    _, problems = examine(text, WHERE)
    assert [p.where for p in problems] == [f"{WHERE}:6", f"{WHERE}:32"]


def test_loading_raises_the_first_and_counts_the_rest() -> None:
    text = GOOD.replace("arg: order_id}", "arg: id}").replace("once_per: [order_id]", "key: [x]")
    with pytest.raises(SchemaError, match=r"plan_schema.yaml:6: .*\(and 1 more\)"):
        load_schema(text, WHERE)


@pytest.mark.parametrize("text", ["", "[]", "just text", "7"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    schema, problems = examine(text, WHERE)
    assert schema is None
    assert "must be a mapping, found" in str(problems[0])


def test_words_stay_words() -> None:
    schema = load_schema(GOOD.replace("Show an order", "no"), WHERE)
    assert schema.tools["get_order"].does == "no"
