"""An OpenAPI document from a file or a URL, JSON or YAML, with all it refers to, as one document.

What other documents hold is taken in under `x-bundled`, so that one digest pins it all. From a URL
only the same host is read, from a file only its own folder: a document cannot reach further.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bb_core.domain_files import DOCUMENT_LIMIT, decode
from bb_core.yaml_lines import read_yaml
from bb_infra.errors import InfraError

MOST_DOCUMENTS = 100
BUNDLED = "x-bundled"
FETCH_S = 20.0
_DATA = ("example", "examples", "default", "enum", "const")
"""Keywords whose values are data: a `$ref` in there refers to nothing."""
_NAMING = frozenset(
    {
        "properties", "patternProperties", "dependentSchemas", "$defs", "definitions",
        "schemas", "responses", "parameters", "headers", "requestBodies", "securitySchemes",
        "links", "callbacks", "pathItems", "paths", "webhooks", "content", "encoding",
    }
)  # fmt: skip
"""Keywords under which the document names things as it likes: `default` is a name there."""


def load_document(source: str) -> dict[str, Any]:
    """The whole document; raises InfraError that says which part could not be read, and why."""
    _require_kind(source)
    home = source if _is_url(source) else str(Path(source).resolve())
    bundle = _Bundle(home)
    try:
        document = bundle.rewritten(bundle.read(home), home, "")
    except RecursionError as error:
        raise InfraError("is nested too deep to be read", where=source) from error
    if not isinstance(document, dict):
        raise InfraError("is no OpenAPI document: its top is not a mapping", where=source)
    if bundle.parts:
        document[BUNDLED] = bundle.parts
    return document


def _require_kind(source: str) -> None:
    scheme, found, _ = source.partition("://")
    if found and not _is_url(source):
        fix = "give a file, or an address of http or https"
        raise InfraError(f"an address of the kind {scheme!r} is not read", where=source, fix=fix)


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


class _Bundle:
    """The documents read so far, each under a short name."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.names: dict[str, str] = {}
        self.parts: dict[str, Any] = {}

    def rewritten(self, node: Any, base: str, own: str, names: bool = False) -> Any:
        """A node of the document at `base` with its references turned to the bundle's.

        `names`: its keys are names, not keywords.
        """
        if isinstance(node, list):
            return [self.rewritten(item, base, own) for item in node]
        if not isinstance(node, Mapping):
            return node
        data, naming = (() if names else _DATA), (() if names else _NAMING)
        out = {
            key: value if key in data else self.rewritten(value, base, own, key in naming)
            for key, value in node.items()
        }
        ref = node.get("$ref")
        if isinstance(ref, str):
            out["$ref"] = self._turned(ref, base, own)
        return out

    def _turned(self, ref: str, base: str, own: str) -> str:
        place, _, fragment = ref.partition("#")
        if not place:
            return f"#{own}{fragment}"
        target = self._target(place, base)
        if target == self.home:
            return f"#{fragment}"
        if target not in self.names:
            if len(self.names) >= MOST_DOCUMENTS:
                raise InfraError(f"refers to more than {MOST_DOCUMENTS} documents", where=self.home)
            name = self.names[target] = f"d{len(self.names) + 1}"
            self.parts[name] = None  # a circle of documents ends here
            found = self.read(target)
            place = f"/{BUNDLED}/{name}"
            self.parts[name] = self.rewritten(found, target, place, _only_names(found))
        return f"#/{BUNDLED}/{self.names[target]}{fragment}"

    def _target(self, place: str, base: str) -> str:
        """Where a reference leads; raises InfraError when that is somewhere else altogether."""
        if _is_url(base):
            target = urljoin(base, place)
            same = urlsplit(target)[:2] == urlsplit(self.home)[:2]
        else:
            found = (Path(base).parent / place).resolve()
            target = str(found)
            same = not _is_url(place) and found.is_relative_to(Path(self.home).parent)
        if not same:
            fix = "keep a copy beside the document"
            raise InfraError(f"$ref {place!r} leads elsewhere", where=self.home, fix=fix)
        return target

    def read(self, place: str) -> Any:
        """One document's value."""
        data = fetched(place) if _is_url(place) else _file(place)
        text = decode(data, place)
        if not text.strip():
            raise InfraError("is empty", where=place, fix="give an OpenAPI document, JSON or YAML")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return read_yaml(text, place).value


def _only_names(found: Any) -> bool:
    """Whether a file beside the document is a table of named parts, not a part itself."""
    return (
        isinstance(found, Mapping)
        and not found.keys() & {*_NAMING, "$ref", "items", "schema"}
        and all(isinstance(part, Mapping) for part in found.values())
    )


def _file(place: str) -> bytes:
    try:
        with Path(place).open("rb") as handle:
            data = handle.read(DOCUMENT_LIMIT + 1)
    except OSError as error:
        raise InfraError(f"cannot be read: {error.strerror or error}", where=place) from error
    return _bounded(data, place)


def fetched(url: str) -> bytes:
    """What a URL holds; raises InfraError for anything but one plain answer of bounded size."""
    import httpx

    if "@" in urlsplit(url).netloc:
        raise InfraError(
            "the URL holds a password", fix="fetch the file yourself and give its name"
        )
    data = bytearray()
    try:
        with httpx.stream("GET", url, timeout=FETCH_S) as response:
            if not response.is_success:
                found = f"answers {response.status_code} {response.headers.get('location', '')}"
                raise InfraError(found.strip(), where=url)
            for chunk in response.iter_bytes():
                data += chunk
                _bounded(data, url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InfraError(
            f"cannot be fetched: {error or type(error).__name__}", where=url
        ) from error
    return bytes(data)


def _bounded(data: bytes | bytearray, place: str) -> bytes:
    if len(data) > DOCUMENT_LIMIT:
        raise InfraError(f"holds more than {DOCUMENT_LIMIT:,} bytes", where=place)
    return bytes(data)
