"""What a registry is told of a rail: what it was made for, of and under, from its record."""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bb_core.canonical import Json, digest_json
from bb_nn.base import Base
from bb_nn.errors import RailError

LOCKED = ("builderbrain-core", "torch", "transformers", "safetensors", "llguidance")
"""The distributions whose versions decide what the same weights do."""


OWN = ("trunk", "from", "alarms")
"""What is told of a version that was learnt while another served."""


def facts(record: Mapping[str, Any], where: str = "") -> dict[str, Json]:
    """The facts of a `rail.json`, as a registry signs them and the gate tells them.

    Of one that was learnt while another served also what `OWN` names. Raises RailError for a rail
    that was never judged; `where` is the folder it says.
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
        "alpha": allowed_alpha(record, where),
        "data": record.get("made_from", {}).get("data", ""),
        "lock": dict(_locked()),
        **{name: own.get(name, "") for name in OWN if own},
    }


def base_json(base: Base) -> dict[str, str]:
    """What a record says of the base it was judged beside. `dtype` is what the base computed in."""
    return {"name": base.name, "digest": base.digest, "dtype": dtype_name(base)}


def dtype_name(base: Base) -> str:
    """What a base computes in: its digest is the same for all of them, what it says is not."""
    return str(base.dtype).removeprefix("torch.")


def allowed_alpha(record: Mapping[str, Any], where: str) -> float:
    """The most a rail may decide, by its record; raises RailError for one that was not judged."""
    told = record.get("alpha")
    # A bool is an int to Python, and NaN compares as false with everything.
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= 1:
        return float(told)
    says = f"its alpha is {told!r}" if "alpha" in record else "it has no alpha"
    found = f"{says}: the end of its training was not reached, where alpha is judged"
    raise RailError(found, where=where, fix="run it again to its end: bb train")


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
