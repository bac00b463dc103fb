"""effects.review.yaml as the import writes it: what is claimed, and room for what a person says."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from bb_core.imported import Catalogue, Imported

HEAD = """\
# What the tools of this domain do to the world, as far as a person has said it.
#
# A tool is refused in every plan until somebody has looked at what the document says of it and at
# what the system really does, and written here:
#     effect: pure, read, write or irreversible
#     ratified: {by: YOUR NAME, when: YYYY-MM-DD}
# `proposed` is a guess from the words after it, and `least` (where it stands) is what the document
# says outright: no effect below it is taken. `bounds` are ends the document does not set; look at
# each, and change what is too long or too short. `key` names the arguments that make one business
# intent: the same key never acts twice, in no later run either. Name the fewest that tell two
# intents apart, or write [] where the same call may well be meant again in another run.
# The rest is the import's; leave it as it is.
"""


def review_text(catalogue: Catalogue, source: str, before: Mapping[str, Any] | None = None) -> str:
    """The file's text; entries of `before` for tools that are still described so are kept."""
    kept = before or {}
    tools = {
        name: kept[name] if _same(kept.get(name), tool) else _entry(tool)
        for name, tool in catalogue.tools.items()
    }
    top: dict[str, Any] = {"review": 1, "source": source, "tools": tools}
    if catalogue.refused:
        top["refused"] = {
            one.name: {"from": one.origin, "why": one.why} for one in catalogue.refused
        }
    return HEAD + dumped(top)


def dumped(value: Any) -> str:
    """A JSON value as YAML in its own order, without anchors."""
    plain = json.loads(json.dumps(value))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def _same(entry: Any, tool: Imported) -> bool:
    return isinstance(entry, Mapping) and entry.get("digest") == tool.digest


def _entry(tool: Imported) -> dict[str, Any]:
    claim = tool.claim
    out: dict[str, Any] = {
        "from": tool.origin,
        "says": tool.does,
        "digest": tool.digest,
        "proposed": claim.proposed.name.lower(),
        "because": claim.because,
    }
    if claim.least:
        out["least"] = claim.least.name.lower()
    if tool.extensions:
        out["extensions"] = dict(tool.extensions)
    if tool.notes:
        out["notes"] = list(tool.notes)
    if tool.bounds:
        out["bounds"] = {place: dict(bounds) for place, bounds in tool.bounds.items()}
    if tool.takes_key:
        out["key"] = list(tool.args)
    return {**out, "effect": None, "ratified": None}
