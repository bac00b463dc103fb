"""A whole domain from a document: a distribution that installs, checks, and acts once ratified."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bb_core.canonical import digest
from bb_core.errors import DomainError
from bb_core.imported import Catalogue
from bb_core.review_file import FILE as REVIEW
from bb_core.tool_names import plan_name, unused
from bb_core.tools_from import DOCUMENTS
from bb_infra.errors import InfraError
from bb_infra.free_name import free_name
from bb_infra.import_golden import golden_text
from bb_infra.import_grammar import grammar_text
from bb_infra.review_text import dumped, review_text

Kind = Literal["openapi", "mcp"]
_ADAPTERS = {
    "openapi": ("http_world", "http_adapters", "the HTTP API of openapi.json"),
    "mcp": ("mcp_world", "mcp_adapters", "the MCP server of tools.json"),
}
_EXTRA = {"openapi": "http", "mcp": "mcp"}


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported: the document, as read from `place`, and what it offers."""

    kind: Kind
    place: str
    document: Any
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    folder: Path
    module: str
    tools: int
    refused: int


def scaffold(source: Source, into: Path, name: str = "") -> Made:
    """Write the distribution whole or not at all; raises InfraError."""
    module = free_name(name or plan_name(source.catalogue.title), "give with --name")
    if not source.catalogue.tools:
        why = "; ".join(f"{one.origin} {one.why}" for one in source.catalogue.refused[:3])
        raise InfraError(
            f"nothing can be imported ({why or 'it has no tools'})", where=source.place
        )
    dist = f"builderbrain-{module.replace('_', '-')}"
    folder = into / dist
    if folder.exists():
        take = f"bb domains import refresh {folder} takes a changed document"
        fix = f"choose another --name or --into; {take}"
        raise InfraError("is there already", where=str(folder), fix=fix)
    _write(folder, files(source, module, dist))
    return Made(folder, module, len(source.catalogue.tools), len(source.catalogue.refused))


def files(source: Source, module: str, dist: str) -> dict[str, str]:
    """Every file of the distribution by its path."""
    home = f"bb_domains/{module}"
    document = document_text(source.document)
    asker = unused("confirm", source.catalogue.tools)
    args = (one for tool in source.catalogue.tools.values() for one in tool.args.values())
    adapters, make, what = _ADAPTERS[source.kind]
    title = source.catalogue.title.replace("\\", "").replace('"', "'")
    return {
        "pyproject.toml": _project(source, module, dist, title),
        "README.md": _readme(source, module, dist),
        f"{home}/__init__.py": (
            f'"""{title}, imported."""\n\nfrom bb_core import FolderDomain\n\n'
            "domain = FolderDomain(__name__)\n"
        ),
        f"{home}/py.typed": "",
        f"{home}/{DOCUMENTS[source.kind]}": document,
        f"{home}/{REVIEW}": review_text(source.catalogue, source.place),
        f"{home}/plan_schema.yaml": _schema(source, module, document, asker),
        f"{home}/grammar.lark": grammar_text(args),
        f"{home}/tool_adapters.py": (
            f'"""Calls {what}, as far as {REVIEW} lets it."""\n\nfrom pathlib import Path\n\n'
            f"from bb_adapters.{adapters} import {make}\n\n"
            f"ADAPTERS = {make}(Path(__file__).parent)\n"
        ),
        f"{home}/golden/plans.yaml": golden_text(source.catalogue, asker),
    }


def document_text(document: Any) -> str:
    """A document as it is pinned: JSON in ASCII, so that nothing in it is invisible."""
    return json.dumps(document, indent=1) + "\n"


def pin(text: str) -> str:
    """The sha256 of a document's text, as `tools_from` has it."""
    return digest(text.encode()).removeprefix("sha256:")


def _schema(source: Source, module: str, document: str, asker: str) -> str:
    ask = {
        "does": "Ask for consent to the steps that come directly after, with these arguments.",
        "effect": "read",
        "args": {"question": {"type": "string", "minLength": 1, "maxLength": 200}},
        "approves": True,
    }
    return (
        "plan_schema: 1\n"
        + dumped({"domain": module, "title": source.catalogue.title})
        + f"tools_from: {{kind: {source.kind}, sha256: {pin(document)}}}\n"
        "# The tools are those of the document, with the effects a person ratified. Add what they\n"
        "# need (requires, guards, entity, sinks, once_per, waives, …) under their names here.\n"
        + dumped({"tools": {asker: ask}})
    )


def _project(source: Source, module: str, dist: str, title: str) -> str:
    return f"""[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{dist}"
version = "0.1.0"
description = {json.dumps(f"builderbrain domain: {title}, imported.")}
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["builderbrain-core[{_EXTRA[source.kind]}]>=0.1"]

[project.entry-points."builderbrain.domains"]
{module} = "bb_domains.{module}:domain"

[tool.hatch.build.targets.wheel]
packages = ["bb_domains"]

[tool.pytest.ini_options]
testpaths = ["bb_domains"]
"""


def _readme(source: Source, module: str, dist: str) -> str:
    where = "url = 'https://HOST/PATH'" if source.kind == "openapi" else "command = 'SERVER ARGS'"
    if source.kind == "mcp":
        where = f"command = {json.dumps(source.place)}"
    return f"""# {dist}

{source.catalogue.title}: {len(source.catalogue.tools)} tools, imported.

    pip install -e .
    bb domains check {module}

1. Look at `bb_domains/{module}/{REVIEW}`. Every tool is refused until a person has written there
   what it does, and who says so. The bounds and keys in it are proposals.
2. Say where the system is, in `bb.toml`:

       [domains.{module}]
       settings = {{{where}}}

3. Add your own rules to `plan_schema.yaml`, and a refused example for each to `golden/plans.yaml`.

There is no twin and no battery: a document says nothing of what a system does. Write a twin in
`tool_adapters.py` before you add tasks.
"""


def _write(folder: Path, made: Mapping[str, str]) -> None:
    """All files at once: into a folder beside, which then takes the name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, text in made.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        found = f"cannot be written: {error.strerror or error}"
        raise InfraError(found, where=str(folder)) from error


_PIN = re.compile(r"(?m)^(tools_from:.*sha256:\s*)[0-9a-f]{64}")


def repinned(schema: str, sha256: str, where: str) -> str:
    """plan_schema.yaml's text with another pin and nothing else changed."""
    text, times = _PIN.subn(rf"\g<1>{sha256}", schema)
    if times != 1:
        fix = f"write it as tools_from: {{kind: …, sha256: {sha256}}}"
        raise DomainError("its tools_from is not on one line", where=where, fix=fix)
    return text
