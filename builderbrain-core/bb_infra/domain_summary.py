"""One line about each installed domain, kept under the digest of its files so that asking is cheap.

A summary is made by compiling. It is read back only while the domain's files, its distribution and
bb_core itself are what they were; a kept summary that is damaged is made anew. A domain that does
not compile is never kept: what is wrong may lie outside its files.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import bb_core
from bb_core.errors import BuilderbrainError
from bb_core.registry import Registered, guarded, printable

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What `bb domains list` says of a domain; `error` is the reason it cannot be used."""

    name: str
    version: str = ""
    dist: str = ""
    mode: str = ""
    grammar_rules: int = 0
    tools: int = 0
    rules: int = 0
    golden: int = 0
    skins: int = 0
    battery: int = 0
    fingerprint: str = ""
    error: str = ""


def summarise(domain: Registered, pin: str = "") -> Summary:
    """The summary of a registered domain; `pin` is the fingerprint its files must have."""
    if domain.plugin is None:
        return Summary(domain.name, domain.version, domain.dist, error=domain.error)
    try:
        with guarded(""):
            own = getattr(domain.plugin, "fingerprint", None)
            mark = str(own()) if own else ""
        if pin and mark != pin:
            found = f"fingerprint is {mark or 'unknown'}, bb.toml pins {pin[:19]}"
            return Summary(domain.name, domain.version, domain.dist, error=found)
        place = _place(domain, mark) if mark else None
        return (_kept(place) if place else None) or _made(domain, mark, place)
    except BuilderbrainError as error:
        said = printable(str(error)).removeprefix(f"{domain.name}: ")
        return Summary(domain.name, domain.version, domain.dist, error=said)


def _made(domain: Registered, mark: str, place: Path | None) -> Summary:
    from bb_core.compiled import compile_domain
    from bb_infra.domain_checks import stated_rules

    with guarded(""):
        compiled = compile_domain(domain)
        golden = domain.plugin.golden() if hasattr(domain.plugin, "golden") else None
    made = Summary(
        name=domain.name,
        version=domain.version,
        dist=domain.dist,
        mode=compiled.grammar.mode,
        grammar_rules=grammar_rules(compiled.grammar.text),
        tools=len(compiled.schema.tools),
        rules=len(stated_rules(compiled.schema)),
        golden=len(golden.accept) + len(golden.refuse) if golden else 0,
        skins=len(compiled.skins),
        battery=len(compiled.battery),
        fingerprint=mark or compiled.digest,
    )
    if place:
        _keep(place, made)
    return made


def grammar_rules(text: str) -> int:
    """How many rules and terminals a grammar's author wrote."""
    return len(re.findall(r"^[?!]?_?[A-Za-z]\w*(?:\.-?\d+)?\s*:", text, re.MULTILINE))


def _place(domain: Registered, mark: str) -> Path:
    """Where the summary of exactly these files, under exactly this core, is kept."""
    from bb_core.cache import cache_home

    core = Path(bb_core.__file__ or "").parent
    stamps = sorted((entry.name, entry.stat().st_mtime_ns) for entry in _sources(core))
    folder = str(getattr(domain.plugin, "folder", ""))
    made_from = [FORMAT, stamps, domain.name, domain.version, domain.dist, folder, mark]
    name = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    return cache_home() / "summaries" / f"{name}.json"


def _sources(folder: Path) -> Iterable[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if entry.name.endswith(".py"))


def _kept(place: Path) -> Summary | None:
    try:
        data: Any = json.loads(place.read_bytes())
        made = Summary(**data)
    except (OSError, ValueError, TypeError):
        return None
    right = all(type(getattr(made, f.name)) is type(getattr(_BLANK, f.name)) for f in fields(made))
    return made if right and not made.error else None


_BLANK = Summary("")


def _keep(place: Path, made: Summary) -> None:
    from bb_core.cache import write_whole

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps(asdict(made)).encode())
    except OSError:
        return  # a cache that cannot be written costs time and nothing else
