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
TICKET = (
    "{type: object, properties: {text: {type: string}, open: {type: boolean}, "
    "rows: {type: array, items: {type: object, properties: {by: OrderId}}}}}"
)
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
    "misspelt bound of a type": (
        "maxLength: 8}",
        "maxLength: 8, minLenght: 1}",
        "4: unknown keyword 'minLenght' in types.OrderId. Write minLength",
    ),
    "misspelt bound of an argument": (
        "minimum: 1, maximum: 500}",
        "minimun: 1, maximum: 500}",
        "27: unknown keyword 'minimun' in tools.refund.args.cents. Write minimum",
    ),
    "misspelt bound of a result": (
        "    labels: {/note: [private]}",
        "    returns:\n      type: object\n      properties:\n        note: {type: string}\n"
        "        rows: {type: array, items: {type: integer, minimun: 0}}\n"
        "    labels: {/note: [private]}",
        "22: unknown keyword 'minimun' in tools.get_order.returns.properties.rows.items. "
        "Write minimum",
    ),
    "misspelt bound in an alternative": (
        "    labels: {/note: [private]}",
        "    returns: {anyOf: [{type: object}, {type: string, maxLenght: 3}]}\n"
        "    labels: {/note: [private]}",
        "18: unknown keyword 'maxLenght' in tools.get_order.returns.anyOf.1. Write maxLength",
    ),
    "misspelt description": (
        "minimum: 1, maximum: 500}",
        "descripton: How much, minimum: 1, maximum: 500}",
        "27: unknown keyword 'descripton' in tools.refund.args.cents. Write description",
    ),
    "keyword of nothing": (
        "minimum: 1, maximum: 500}",
        "nullable: true, minimum: 1, maximum: 500}",
        "27: unknown keyword 'nullable' in tools.refund.args.cents. "
        "Use JSON Schema's keywords, or start your own with x-",
    ),
    "empty range": (
        "minimum: 1, maximum: 500}",
        "minimum: 0, maximum: -1}",
        "27: minimum 0 and maximum -1 of tools.refund.args.cents leave no value. "
        "Write the smaller one first",
    ),
    "range that touches": (
        "    labels: {/note: [private]}",
        "    returns: {type: number, exclusiveMinimum: 2, maximum: 2}\n"
        "    labels: {/note: [private]}",
        "18: exclusiveMinimum 2 and maximum 2 of tools.get_order.returns leave no value. "
        "Write the smaller one first",
    ),
    "empty choice": (
        "{type: string, maxLength: 80}",
        "{enum: []}",
        "22: enum of tools.ask.args.text lists nothing. List a value",
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
    "label at no field": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}\n    labels: {{/txt: [private]}}",
        "19: '/txt' is not in returns. "
        "Write /text; known: /open, /rows, /rows/*, /rows/*/by, /text",
    ),
    "label past a list": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}\n    labels: {{/rows/by: [private]}}",
        "19: '/rows/by' is not in returns. "
        "Write /rows/*/by; known: /open, /rows, /rows/*, /rows/*/by, /text",
    ),
    "label at one item": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}\n    labels: {{/rows/0/by: [private]}}",
        "19: '/rows/0/by' is one item of a list. Write * for any item",
    ),
    "echo of no field": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}\n    echoes: {{/txet: order_id}}",
        "19: '/txet' is not in returns. Write /text; known: /open, /rows, /rows/*, /rows/*/by, "
        "/text",
    ),
    "fact of no field": (
        '    establishes: ["observed(args.order_id)"]',
        f'    returns: {TICKET}\n    establishes: ["observed(result.order)"]',
        "18: 'result.order' is not in returns. "
        "Write result.open; known: result.open, result.rows, result.text",
    ),
    "entity inside no argument": (
        "entity: {order: args.order_id}",
        "entity: {order: args.order_id.number}",
        "28: 'args.order_id.number' is not in args. Write args.order_id; "
        "known: args.cents, args.order_id",
    ),
    "undo with no field": (
        "    once_per:",
        "    returns: {type: object, properties: {id: OrderId}}\n"
        "    compensate: {tool: get_order, args: {order_id: result.order_id}}\n    once_per:",
        "33: 'result.order_id' is not in returns. Write result.id; known: result.id",
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
    "guard on no field": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}",
        "30: 'enough' reads order.total, which get_order does not return. "
        "Write order.text; known: order.open, order.rows, order.rows[*], order.rows[*].by, "
        "order.text",
    ),
    "guard on no argument": (
        "args.cents <= order.total",
        "args.cent <= order.total",
        "30: 'enough' reads args.cent, which refund does not take. "
        "Write args.cents; known: args.cents, args.order_id",
    ),
    "guard on no fact": (
        "args.cents <= order.total",
        "facts.observed == order.total",
        "30: 'enough' reads facts.observed, which is no exclusive fact. Known: none",
    ),
    "guard on nothing": (
        "args.cents <= order.total",
        "args.cents <= ordr.total",
        "30: 'enough' speaks of 'ordr', which is not known here. "
        "Write order; known: args, facts, order",
    ),
    "guard on an entity not named": (
        "    entity: {order: args.order_id}\n",
        "",
        "29: 'enough' speaks of 'order', which is not known here. "
        "Say under entity which one: order: args.x",
    ),
    "guard on a result": (
        "args.cents <= order.total",
        "result.ok",
        "30: 'enough' speaks of 'result', which is not known here. Known: args, facts, order",
    ),
    "promise of no field": (
        "    labels: {/note: [private]}",
        f"    returns: {TICKET}\n    ensures: [{{id: open, expr: result.opne}}]",
        "19: 'open' reads result.opne, which get_order does not return. Write result.open; "
        "known: result.open, result.rows, result.rows[*], result.rows[*].by, result.text",
    ),
    "amount of nothing": (
        "consumes: {cents: args.cents}",
        "consumes: {cents: order.cents}",
        "31: 'cents' speaks of 'order', which is not known here. Known: args",
    ),
    "required of no property": (
        "    labels: {/note: [private]}",
        "    returns: {type: object, properties: {id: OrderId}, required: [idd], "
        "additionalProperties: false}",
        "18: required 'idd' of tools.get_order.returns is not a property. Write id; known: id",
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


def test_a_keyword_of_the_author_is_taken() -> None:
    text = GOOD.replace("minimum: 1, maximum: 500}", "minimum: 1, maximum: 500, x-unit: cent}")
    assert load_schema(text, WHERE).arg("refund", "cents")["x-unit"] == "cent"


@pytest.mark.parametrize(
    ("returns", "pointer"),
    [
        ("{}", "/text"),
        ("{type: object}", "/text"),
        ("{type: object, properties: {a: {type: 'null'}}, additionalProperties: true}", "/text"),
        ("{type: object, properties: {a: {}}}", "/a/text"),
        ("{type: [object, 'null'], properties: {text: {type: string}}}", "/text"),
        ("{anyOf: [{type: 'null'}, {type: object, properties: {text: {type: string}}}]}", "/text"),
        ("{type: array, items: {type: object, properties: {a/b: OrderId}}}", "/*/a~1b"),
        ("{type: string}", ""),
    ],
)
def test_a_label_may_stand_where_the_type_says_or_leaves_open(returns: str, pointer: str) -> None:
    new = f"    returns: {returns}\n    labels: {{'{pointer}': [private]}}"
    good = GOOD.replace("args.cents <= order.total", "args.cents > 0")
    assert load_schema(good.replace("    labels: {/note: [private]}", new), WHERE)


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
