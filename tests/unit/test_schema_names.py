"""Every keyword, place and field that a schema file names is there, or is refused at its line."""

import pytest

from bb_core.schema_file import examine, load_schema
from tests.unit.test_schema_file import GOOD, WHERE

TICKET = (
    "{type: object, properties: {text: {type: string}, open: {type: boolean}, "
    "rows: {type: array, items: {type: object, properties: {by: OrderId}}}}}"
)
# old text, new text, the whole error
BROKEN = {
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
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_named_and_not_there_is_refused_with_the_nearest(name: str) -> None:
    old, new, said = BROKEN[name]
    assert GOOD.count(old) == 1, "the table's own mistake"
    schema, problems = examine(GOOD.replace(old, new), WHERE)
    assert schema is None
    assert f"{WHERE}:{said}" in map(str, problems)


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
