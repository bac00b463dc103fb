"""A changed document taken into an imported domain, or only compared with the pinned one.

What a person ratified is kept for every tool the document still describes with the same words, and
is void for every other. Killed half-way, the domain is refused until it is refreshed again.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bb_core.cache import write_whole
from bb_core.domain_files import DOCUMENT_LIMIT, read_text
from bb_core.drift import Drift, drift
from bb_core.errors import DomainError
from bb_core.imported import Bounds, Catalogue
from bb_core.registry import discover
from bb_core.review_file import FILE as REVIEW
from bb_core.review_file import Review, read_review
from bb_core.tools_from import DOCUMENTS, catalogued
from bb_core.yaml_lines import read_yaml
from bb_infra.import_grammar import grammar_text, is_ours
from bb_infra.import_scaffold import Kind, document_text, pin, repinned
from bb_infra.review_kept import kept_words
from bb_infra.review_text import review_text

SCHEMA, GRAMMAR = "plan_schema.yaml", "grammar.lark"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an imported domain's folder holds: its kind, its review, and which document it pins."""

    folder: Path
    kind: Kind
    review: Review
    sha256: str

    @property
    def digests(self) -> dict[str, str]:
        """Tool -> digest of what it was reviewed as."""
        return {name: entry.digest for name, entry in self.review.tools.items()}

    @property
    def document(self) -> str:
        """The text of the document in the folder; empty when there is none."""
        name = DOCUMENTS[self.kind]
        there = (self.folder / name).is_file()
        return read_text(self.folder, name, limit=DOCUMENT_LIMIT) if there else ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a refresh found: the tools that changed, and comments that went with their entries."""

    changes: Drift
    comments: tuple[str, ...]


def home_of(place: Path) -> Path:
    """The package folder of the one domain at a place: that folder, one around it, or its name.

    Raises DomainError when there is none, or more than one.
    """
    if (place / SCHEMA).is_file():
        return place
    inside = sorted(path.parent for path in place.glob(f"bb_domains/*/{SCHEMA}"))
    if not inside and not place.exists() and place.name == str(place):
        folder = getattr(discover().get(str(place)).plugin, "folder", None)
        inside = [folder] if folder else []
    if len(inside) == 1:
        return inside[0]
    found = f"holds {len(inside)} domains" if inside else f"holds no domain, no {SCHEMA}"
    first = inside[0] if inside else "the domain, or the folder its plan_schema.yaml lies in"
    raise DomainError(found, where=str(place), fix=f"name {first}")


def kept_in(place: Path) -> Kept:
    """The import at a place (see `home_of`); raises DomainError when there is none."""
    folder = home_of(place)
    read = partial(read_text, folder)
    top = read_yaml(read(SCHEMA), f"{folder.name}/{SCHEMA}").value
    source = top.get("tools_from") if isinstance(top, dict) else None
    kind = source.get("kind") if isinstance(source, dict) else None
    if not isinstance(source, dict) or kind not in DOCUMENTS:
        fix = "name a domain that was imported"
        raise DomainError("takes its tools from no document", where=f"{folder}/{SCHEMA}", fix=fix)
    review = read_review(read(REVIEW), f"{folder.name}/{REVIEW}")
    made: Kind = "mcp" if kind == "mcp" else "openapi"
    return Kept(folder, made, review, str(source.get("sha256")))


def compared(kept: Kept, document: Any, source: str) -> tuple[Catalogue, Drift]:
    """What the document offers under the review's bounds, and how it differs from the reviewed."""
    catalogue = _read(kept, document, kept.review.bounds, source)
    seen = {name: tool.digest for name, tool in catalogue.tools.items()}
    changes = drift(kept.digests, seen)
    # What changed is read anew, without bounds that were set for something else.
    same = {
        n: b for n, b in kept.review.bounds.items() if n not in {*changes.new, *changes.changed}
    }
    return _read(kept, document, same, source), changes


def _read(kept: Kept, document: Any, bounds: Bounds, source: str) -> Catalogue:
    return catalogued(kept.kind, document_text(document), bounds, source)[1]


def unpinned(kept: Kept, document: Any) -> str:
    """What differs beside the tools: the kept document from its pin, or the source from both."""
    if pin(kept.document) != kept.sha256:
        return f"{DOCUMENTS[kept.kind]} is not the document that is pinned"
    return "" if document_text(document) == kept.document else "changed: the document, in no tool"


def refreshed(kept: Kept, document: Any, source: str) -> Taken:
    """Take the document in, and say what changed; files that stay the same are not written."""
    catalogue, changes = compared(kept, document, source)
    where = f"{kept.folder.name}/{SCHEMA}"
    text = document_text(document)
    schema = repinned(read_text(kept.folder, SCHEMA), pin(text), where)
    before = read_text(kept.folder, REVIEW)
    value = read_yaml(before, REVIEW).value
    rows = value.get("tools") if isinstance(value, dict) else {}
    made = review_text(catalogue, source, rows if isinstance(rows, dict) else {})
    review, comments = kept_words(made, before)
    files = {DOCUMENTS[kept.kind]: text, REVIEW: review, **_grammar(kept, catalogue)}
    for name, content in {**files, SCHEMA: schema}.items():
        _write(kept.folder / name, content.encode())
    return Taken(changes, comments)


def _write(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)


def _grammar(kept: Kept, catalogue: Catalogue) -> dict[str, str]:
    """The plan language for what the tools take now; one that a person wrote stays as it is."""
    if not (kept.folder / GRAMMAR).is_file() or not is_ours(read_text(kept.folder, GRAMMAR)):
        return {}
    args = (one for tool in catalogue.tools.values() for one in tool.args.values())
    return {GRAMMAR: grammar_text(args)}
