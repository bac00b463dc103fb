"""A changed document taken into an imported domain, or only compared with the pinned one.

What a person ratified is kept for every tool the document still describes with the same words, and
is void for every other. Killed half-way, the domain is refused until it is refreshed again.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bb_core.cache import write_whole
from bb_core.domain_files import read_text
from bb_core.drift import Drift, drift
from bb_core.errors import DomainError
from bb_core.imported import Bounds, Catalogue
from bb_core.review_file import FILE as REVIEW
from bb_core.review_file import Review, read_review
from bb_core.tools_from import DOCUMENTS, catalogued
from bb_core.yaml_lines import read_yaml
from bb_infra.import_grammar import grammar_text, is_ours
from bb_infra.import_scaffold import Kind, document_text, pin, repinned
from bb_infra.review_text import review_text

SCHEMA, GRAMMAR = "plan_schema.yaml", "grammar.lark"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an imported domain's folder holds: its kind and its review."""

    folder: Path
    kind: Kind
    review: Review

    @property
    def digests(self) -> dict[str, str]:
        """Tool -> digest of what it was reviewed as."""
        return {name: entry.digest for name, entry in self.review.tools.items()}


def kept_in(folder: Path) -> Kept:
    """The import in a folder; raises DomainError when it holds none."""
    read = partial(read_text, folder)
    top = read_yaml(read(SCHEMA), f"{folder.name}/{SCHEMA}").value
    source = top.get("tools_from") if isinstance(top, dict) else None
    kind = source.get("kind") if isinstance(source, dict) else None
    if kind not in DOCUMENTS:
        fix = "name the folder plan_schema.yaml lies in"
        raise DomainError("takes its tools from no document", where=f"{folder}/{SCHEMA}", fix=fix)
    review = read_review(read(REVIEW), f"{folder.name}/{REVIEW}")
    made: Kind = "mcp" if kind == "mcp" else "openapi"
    return Kept(folder, made, review)


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


def refreshed(kept: Kept, document: Any, source: str) -> Drift:
    """Take the document in, and say what changed."""
    catalogue, changes = compared(kept, document, source)
    where = f"{kept.folder.name}/{SCHEMA}"
    text = document_text(document)
    schema = repinned(read_text(kept.folder, SCHEMA), pin(text), where)
    before = read_yaml(read_text(kept.folder, REVIEW), REVIEW).value
    rows = before.get("tools") if isinstance(before, dict) else {}
    review = review_text(catalogue, source, rows if isinstance(rows, dict) else {})
    made = {DOCUMENTS[kept.kind]: text, REVIEW: review, **_grammar(kept, catalogue)}
    for name, content in {**made, SCHEMA: schema}.items():
        write_whole(kept.folder / name, content.encode())
    return changes


def _grammar(kept: Kept, catalogue: Catalogue) -> dict[str, str]:
    """The plan language for what the tools take now; one that a person wrote stays as it is."""
    if not (kept.folder / GRAMMAR).is_file() or not is_ours(read_text(kept.folder, GRAMMAR)):
        return {}
    args = (one for tool in catalogue.tools.values() for one in tool.args.values())
    return {GRAMMAR: grammar_text(args)}
