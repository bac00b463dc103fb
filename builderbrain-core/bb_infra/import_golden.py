"""The first golden plans of an imported domain: what must be refused while nobody ratified it."""

import json
from typing import Any

from bb_core.automaton import Automaton
from bb_core.effects import Effect
from bb_core.imported import Catalogue, Imported
from bb_core.typed import language
from bb_infra.review_text import dumped

HEAD = """\
# Plans the schema must refuse, and none yet that it must let pass: nobody has ratified a tool.
# Once a tool is ratified, add plans that use it under accept, a refused one for every rule you add,
# and take out the case below that says it is not ratified.
"""


def golden_text(catalogue: Catalogue, asker: str) -> str:
    """golden/plans.yaml with one refused plan for each rule an unratified domain has."""
    tools = list(catalogue.tools.values())
    acting = [tool for tool in tools if tool.claim.proposed is Effect.IRREVERSIBLE]
    one = (acting or tools)[0]
    alone = [_step("n1", one)]
    asked: list[Any] = [
        {"id": "n1", "tool": asker, "args": {"question": f"Shall I call {one.name}?"}},
        {**_step("n2", one), "after": ["n1"]},
    ]
    refuse = [
        {"name": "half a plan", "text": '{"steps":[', "rule": "parse"},
        {"name": "no such tool", "plan": [{**alone[0], "tool": _unknown(tools)}]}
        | {"rule": "S.unknown-tool"},
        {"name": "an argument too many", "plan": [_too_many(alone[0])], "rule": "S.args"},
        {"name": f"{one.name} without consent", "plan": alone, "rule": "A.approved"},
        {"name": f"{one.name} before anybody ratified it", "plan": asked, "rule": "E.unratified"},
    ]
    return HEAD + dumped({"accept": [], "refuse": refuse})


def _step(ident: str, tool: Imported) -> dict[str, Any]:
    args = {name: example(tool.args[name]) for name in tool.args if name not in tool.optional}
    return {"id": ident, "tool": tool.name, "args": args}


def _too_many(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "args": {**step["args"], "no_such_argument": 1}}


def _unknown(tools: list[Imported]) -> str:
    names = {tool.name for tool in tools}
    return next(
        f"no_such_tool{n}" for n in range(len(names) + 1) if f"no_such_tool{n}" not in names
    )


def example(schema: Any) -> Any:
    """A shortest value of a type."""
    return json.loads(Automaton(language(schema)).start.completion)
