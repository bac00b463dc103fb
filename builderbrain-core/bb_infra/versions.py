"""Versions of a domain's planner: the registry in the state folder, and which one serves a run.

A run is served by what the domain's pointer says (bb_safety), by the rail that came with the domain
where nothing was ever promoted, or by the base alone. Which one it was is kept with the run, so a
run that was cut off goes on under the very version that planned it, whatever was promoted since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bb_core.canonical import digest
from bb_core.compiled import Compiled
from bb_core.shipped import RAIL_RECORD, shipped
from bb_infra.config import Config
from bb_infra.entry import read_log
from bb_infra.errors import InfraError
from bb_safety.evidence import NONE
from bb_safety.registry import Artifact, Registry

if TYPE_CHECKING:
    from bb_core.record import Ledger
    from bb_safety.pointer import Pointer

AUTO = "auto"
NO_RAIL = "none"


def registry(config: Config) -> Registry:
    """The registry of a configuration's state folder."""
    return Registry(Path(config.run.state) / "registry")


@dataclass(frozen=True)
class Serving:
    """What plans a run. `folder` is None for the base alone; `version` empty for an unnamed one."""

    folder: Path | None
    version: str = NONE
    named: bool = False
    """Whether it has to fit: a version or folder that somebody chose."""


def serving(compiled: Compiled, config: Config, run: str = "") -> Serving:
    """What serves a new run; raises ArtifactError for a version that is not what was signed."""
    if config.rail.path == NO_RAIL:
        return Serving(None)
    if config.rail.path != AUTO:
        return Serving(Path(config.rail.path), named=True)
    home = registry(config)
    standing = home.pointer(compiled.name).standing()
    if standing.seq == 0:
        return Serving(shipped(compiled.source))
    ident = standing.version(run)
    found = home.verify(ident)
    return Serving(found.content if found else None, ident)


def served(compiled: Compiled, config: Config, rail: str) -> Serving:
    """What planned a run, by the digest of its rail.json; raises InfraError where it is gone."""
    if rail == NO_RAIL:
        return Serving(None)
    home = registry(config)
    named = None if config.rail.path in (AUTO, NO_RAIL) else Path(config.rail.path)
    for folder in (named, shipped(compiled.source)):
        record = folder / RAIL_RECORD if folder else None
        if record and record.is_file() and digest(record.read_bytes()) == rail:
            return Serving(folder, named=True)
    for artifact in home.all(compiled.name):
        if artifact.files.get(RAIL_RECORD) == rail:
            home.verify(artifact.digest)
            return Serving(artifact.content, artifact.digest, named=True)
    fix = "bring that rail back: bb artifacts add FOLDER"
    raise InfraError(f"the rail {rail[:19]} that planned it is not here", fix=fix)


def add(home: Registry, folder: Path) -> Artifact:
    """Take a rail folder into the registry; raises RailError and ArtifactError."""
    from bb_nn.builder.rail_facts import facts
    from bb_nn.builder.rail_folder import read_record

    record = read_record(folder)
    return home.add(folder, record["domain"]["name"], facts(record, str(folder)))


def recorded_moves(log: Path, domain: str) -> frozenset[int]:
    """The moves of a domain's pointer that a ledger has."""
    if not log.exists():
        return frozenset()
    rows: Iterator[Mapping[str, Any]] = (r.body for r in read_log(log) if r.type == "moved")
    return frozenset(row["standing"]["seq"] for row in rows if row.get("domain") == domain)


def caught_up(pointer: "Pointer", log: Path, ledger: "Ledger") -> None:
    """Tell the ledger of moves whose process died before it could."""
    pointer.recover(recorded_moves(log, pointer.domain), ledger)
