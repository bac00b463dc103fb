"""What a registry is told of a rail: what it was made for, of and under, from its record."""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bb_core.canonical import Json, digest_json

LOCKED = ("builderbrain-core", "torch", "transformers", "safetensors", "llguidance")
"""The distributions whose versions decide what the same weights do."""


OWN = ("trunk", "from", "alarms")
"""What is told of a version that was learnt while another served."""


def facts(record: Mapping[str, Any]) -> dict[str, Json]:
    """The facts of a `rail.json`, as a registry signs them and the gate tells them.

    Of one that was learnt while another served also what `OWN` names.
    """
    own = record.get("adapters") or {}
    return {
        "kind": "adapters" if own else record["kind"],
        "base": record["base"],
        "schema": record["domain"]["digest"],
        "grammar": record["domain"]["grammar"],
        "config": digest_json(record["config"]),
        "skills": len(record["space"]["skills"]),
        "parameters": record["parameters"],
        "alpha": record.get("alpha", 1.0),
        "data": record.get("made_from", {}).get("data", ""),
        "lock": dict(_locked()),
        **{name: own.get(name, "") for name in OWN if own},
    }


def alarms_of(told: Mapping[str, Json]) -> tuple[str, ...]:
    """What audits found of a version, by its facts."""
    found = told.get("alarms", [])
    return tuple(map(str, found)) if isinstance(found, list) else ("its alarms are no list",)


def _locked() -> Iterator[tuple[str, Json]]:
    for name in LOCKED:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
