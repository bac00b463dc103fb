"""A plan schema's `tools_from`: tools taken from a pinned document, as far as a person ratified.

    tools_from: {kind: openapi, sha256: 3f9a…}      # openapi.json; or kind: mcp, tools.json

A tool nobody ratified is irreversible and refused in every plan (E.unratified). A ratified one has
the effect the person named, never less than the document says outright. What its answers hold of
free text is labelled `untrusted`. The schema's own `tools` may add obligations to an imported tool
and label its answers otherwise, and change neither its types nor its effect. A document, or an
entry of the review, that is not the pinned one is refused with what changed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bb_core.canonical import digest
from bb_core.domain_files import DOCUMENT_LIMIT, read_text
from bb_core.drift import drift
from bb_core.effects import Effect
from bb_core.errors import DomainError, SchemaError
from bb_core.free_texts import free_texts
from bb_core.imported import Bounds, Catalogue, Imported
from bb_core.mcp_tools import read_tools
from bb_core.openapi import read_openapi
from bb_core.review_file import FILE, Entry, Review, read_review
from bb_core.yaml_lines import read_yaml

Read = Callable[[str], str]
"""A file of the domain by name, as text."""

DOCUMENTS = {"openapi": "openapi.json", "mcp": "tools.json"}
_READERS: Mapping[str, Callable[[Any, Bounds], Catalogue]] = {
    "openapi": read_openapi,
    "mcp": read_tools,
}
UNTRUSTED = "untrusted"
"""The label of what anybody may have written into the system a tool reads."""
_FIXED = ("args", "optional", "returns", "effect", "unratified")


@dataclass(frozen=True, slots=True)
class Pinned:
    """A document as pinned, what it offers under the review's bounds, and the review."""

    kind: str
    document: Any
    catalogue: Catalogue
    review: Review


def pinned_in(folder: Path) -> Pinned:
    """What a domain's folder takes its tools from; raises DomainError when it is not as pinned."""
    where = f"{folder.name}/plan_schema.yaml"
    read = partial(read_text, folder, limit=DOCUMENT_LIMIT)
    top = read_yaml(read("plan_schema.yaml"), where).value
    if not isinstance(top, dict) or "tools_from" not in top:
        raise SchemaError("takes its tools from no document", where=where, fix="add tools_from:")
    return pinned(top["tools_from"], read, where)


def pinned(pin: Any, read: Read, where: str) -> Pinned:
    """The document and review a `tools_from` names; raises DomainError with what changed."""
    if not isinstance(pin, Mapping) or pin.get("kind") not in DOCUMENTS or len(pin) != 2:
        fix = f"write tools_from: {{kind: {' or '.join(DOCUMENTS)}, sha256: …}}"
        raise SchemaError("tools_from is not a pinned document", where=where, fix=fix)
    name, folder = DOCUMENTS[pin["kind"]], where.rpartition("/")[0]
    text, review = read(name), read_review(read(FILE), f"{folder}/{FILE}")
    document, catalogue = catalogued(pin["kind"], text, review.bounds, f"{folder}/{name}")
    seen = {tool.name: tool.digest for tool in catalogue.tools.values()}
    changes = drift({n: entry.digest for n, entry in review.tools.items()}, seen)
    if digest(text.encode()) != f"sha256:{pin.get('sha256')}" or changes:
        found = f"is not the document that was pinned and reviewed ({changes or 'other bytes'})"
        fix = f"look at the change, then take it: bb domains import refresh {folder}"
        raise SchemaError(found, where=f"{folder}/{name}", fix=fix)
    return Pinned(pin["kind"], document, catalogue, review)


def catalogued(kind: str, text: str, bounds: Bounds, where: str) -> tuple[Any, Catalogue]:
    """A document's text as JSON and as tools; raises DomainError that says where."""
    try:
        document = json.loads(text)
        return document, _READERS[kind](document, bounds)
    except (ValueError, RecursionError) as error:
        raise DomainError(f"is not JSON: {error}", where=where) from error
    except DomainError as error:
        raise DomainError(error.found, where=where, fix=error.fix) from error


def with_tools(top: Mapping[str, Any], read: Read, where: str) -> dict[str, Any]:
    """The schema file's value with the imported tools beside its own."""
    found = pinned(top["tools_from"], read, where)
    own = top.get("tools") or {}
    if not isinstance(own, Mapping):
        return dict(top)  # the schema's own reader says what is wrong with it
    tools: dict[str, Any] = {}
    for name, tool in found.catalogue.tools.items():
        more = own.get(name) or {}
        fixed = [key for key in _FIXED if isinstance(more, Mapping) and key in more]
        if fixed:
            found_ = f"{name}.{fixed[0]} comes from {DOCUMENTS[found.kind]} and its review"
            raise SchemaError(found_, where=where, fix=f"change it in {FILE}, or leave it out")
        tools[name] = _with(_tool(tool, found.review.tools[name]), more)
    whole = {**tools, **{name: tool for name, tool in own.items() if name not in tools}}
    labels = top.get("labels") or {}
    if isinstance(labels, Mapping):
        labels = {UNTRUSTED: {"trusted": False}, **labels}
    return {**top, "labels": labels, "tools": whole}


def _tool(tool: Imported, entry: Entry) -> dict[str, Any]:
    """One imported tool as the schema file would say it."""
    if entry.effect is not None and entry.effect < tool.claim.least:
        says = f"the document itself says {tool.claim.least.name.lower()} ({tool.claim.because})"
        found = f"{tool.name} is ratified as {entry.effect.name.lower()}; {says}"
        raise SchemaError(found, where=entry.where, fix="ratify at least that")
    effect = Effect.IRREVERSIBLE if entry.effect is None else entry.effect
    made: dict[str, Any] = {
        "does": tool.does,
        "effect": effect.name.lower(),
        "args": dict(tool.args),
        "optional": sorted(tool.optional),
        "returns": dict(tool.returns),
        "requires": ["approved"] if effect.acts else [],
        "labels": {place: [UNTRUSTED] for place in free_texts(tool.returns)},
    }
    if entry.effect is None:
        made["unratified"] = f"{FILE}, tools.{tool.name}"  # no line: it goes into the digest
    key = list(tool.args) if entry.key is None else list(entry.key)
    if tool.takes_key and effect.acts and key:
        made["key"] = key
    return made


def _with(tool: dict[str, Any], more: Any) -> dict[str, Any]:
    """The tool with the schema's own obligations added; what it requires is joined."""
    if not isinstance(more, Mapping):
        return tool
    waives = more.get("waives")
    waived = isinstance(waives, Mapping) and "approval" in waives and "unratified" not in tool
    needs = [] if waived else tool["requires"]
    extra = more.get("requires", ())
    joined = list(dict.fromkeys([*needs, *extra])) if isinstance(extra, list | tuple) else extra
    return {**tool, **more, "requires": joined}
