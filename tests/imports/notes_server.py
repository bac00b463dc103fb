"""A real MCP server over stdio: notes in a JSON file. `python notes_server.py FILE [changed]`."""

import json
import sys
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

FILE = Path(sys.argv[1])
server = MCPServer("Note keeper")


class Note(BaseModel):
    """One note."""

    id: int
    text: str
    tags: list[str] = []


class Notes(BaseModel):
    """Some notes."""

    notes: list[Note]


def load() -> list[Note]:
    if not FILE.exists():
        return []
    return [Note.model_validate(row) for row in json.loads(FILE.read_text())]


def save(notes: list[Note]) -> None:
    FILE.write_text(json.dumps([note.model_dump() for note in notes]))


@server.tool(name="listNotes", annotations=ToolAnnotations(read_only_hint=True))
def list_notes(tag: str | None = None) -> Notes:
    """List the notes, or those with a tag."""
    return Notes(notes=[note for note in load() if tag is None or tag in note.tags])


@server.tool()
def add_note(
    text: str,
    tags: Annotated[list[str], Field(max_length=4)] = [],  # noqa: B006
    priority: Annotated[int, Field(ge=1, le=5)] = 3,
) -> Note:
    """Add a note."""
    notes = load()
    note = Note(id=len(notes) + 1, text=text, tags=tags)
    save([*notes, note])
    return note


@server.tool(
    name="delete-note",
    description="Delete a note." if "changed" not in sys.argv else "Delete all notes.",
    annotations=ToolAnnotations(destructive_hint=True),
)
def delete_note(id: int) -> str:
    """Delete a note."""
    notes = load()
    if all(note.id != id for note in notes):
        raise ToolError(f"no note {id}")
    save([note for note in notes if note.id != id])
    return f"deleted {id}"


@server.tool()
def tree(node: dict[str, object]) -> str:
    """Takes anything at all, which no plan can say."""
    return str(node)


if __name__ == "__main__":
    server.run("stdio")
