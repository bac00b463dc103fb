"""An MCP server's `tools/list` as tools. Pure: the list is read, nothing is started or called.

Annotations are claims of a stranger: `readOnlyHint` proposes, `destructiveHint: true` and
`readOnlyHint: false` also bind from below. Not covered: tools that ask the client for more while
they run (elicitation, sampling); such a call fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bb_core.effects import Effect
from bb_core.errors import DomainError
from bb_core.imported import (
    BROKEN,
    Bounds,
    Catalogue,
    Claim,
    Imported,
    Refused,
    Schema,
    content_digest,
    sentence,
    why_broken,
)
from bb_core.json_refs import Unsayable
from bb_core.promised_types import promised
from bb_core.said_leaves import Margin
from bb_core.said_types import LONGEST_KEY, SaidTypes
from bb_core.tool_names import plan_name, unused

PLAIN: Schema = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
"""The answer of a tool that describes none: its text blocks, joined."""


@dataclass(frozen=True, slots=True)
class McpCall:
    """One tool: its own name, and each argument's own name and type."""

    tool: str
    wires: Mapping[str, tuple[str, Schema]]
    structured: bool


def read_tools(manifest: Any, bounds: Bounds | None = None) -> Catalogue:
    """The tools of a pinned `tools/list` under `bounds`; raises DomainError if it is none."""
    listed = manifest.get("tools") if isinstance(manifest, Mapping) else None
    if not isinstance(listed, list):
        raise DomainError("is no MCP tools/list", fix="import it again: bb domains import mcp")
    tools, refused, seen = dict[str, Imported](), list[Refused](), set[str]()
    for tool in listed:
        own = str(tool.get("name", "")) if isinstance(tool, Mapping) else ""
        name = unused(plan_name(own or "tool"), seen)
        seen.add(name)
        try:
            tools[name] = _tool(tool, own, name, (bounds or {}).get(name, {}))
        except BROKEN as error:
            refused.append(Refused(name, f"tool {own}", why_broken(error)))
    server = manifest.get("server")
    title = server.get("name") if isinstance(server, Mapping) else ""
    return Catalogue(sentence(title, "imported"), tools, tuple(refused))


def _tool(tool: Mapping[str, Any], own: str, name: str, bounds: Mapping[str, Schema]) -> Imported:
    margin = Margin(bounds)
    takes = tool["inputSchema"]
    types = SaidTypes(takes, margin)
    whole, above = types.written_out(takes or {"type": "object", "properties": {}}, ())
    if whole.keys() & {"oneOf", "anyOf"}:
        raise Unsayable("takes alternative sets of arguments")
    wires: dict[str, tuple[str, Schema]] = {}

    def spell(wire: str) -> str:
        return unused(plan_name(wire, LONGEST_KEY), wires, LONGEST_KEY)

    for arg, wire, said in types.members(whole, "", -1, above, spell):
        wires[arg] = (wire, said)
    needed = set(whole.get("required", ()))
    lost = needed - {wire for wire, _ in wires.values()}
    if lost:
        raise Unsayable(f"requires {min(lost)!r}, which is not described")
    gives = tool.get("outputSchema")
    annotations = tool.get("annotations") or {}
    return Imported(
        name=name,
        origin=f"tool {own}",
        does=sentence(tool.get("description"), tool.get("title"), own),
        args={arg: said for arg, (_, said) in wires.items()},
        optional=frozenset(arg for arg, (wire, _) in wires.items() if wire not in needed),
        returns=promised(gives, gives, "answer", margin) if gives else PLAIN,
        claim=claim(annotations),
        digest=content_digest({key: tool[key] for key in sorted(tool) if key != "icons"}),
        call=McpCall(own, wires, structured=bool(gives)),
        bounds=margin.proposed,
        notes=tuple(dict.fromkeys(note.removeprefix(": ") for note in margin.notes)),
        extensions={"annotations": annotations} if annotations else {},
    )


def claim(hints: Mapping[str, Any]) -> Claim:
    """What a tool's annotations say of its effect; without any it is irreversible."""
    reads, destroys = hints.get("readOnlyHint"), hints.get("destructiveHint")
    told = [f"{k}: {str(v).lower()}" for k, v in hints.items() if k.endswith("Hint")]
    because = ", ".join(told) or "no annotations"
    if destroys is True:
        return Claim(Effect.IRREVERSIBLE, Effect.IRREVERSIBLE, because)
    if reads is True:
        return Claim(Effect.READ, Effect.PURE, because)
    least = Effect.WRITE if reads is False else Effect.PURE
    return Claim(Effect.WRITE if destroys is False else Effect.IRREVERSIBLE, least, because)
