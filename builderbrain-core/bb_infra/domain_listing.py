"""The table of installed domains: a stable order, steady widths, broken ones with their reason."""

import json
from dataclasses import asdict
from pathlib import Path

from bb_core.registry import discover
from bb_infra.config import load_config
from bb_infra.domain_summary import Summary, summarise
from bb_infra.table import columns, count

HEAD = (
    "domain",
    "version",
    "mode",
    "grammar",
    "schema",
    "golden",
    "skins",
    "battery",
    "fingerprint",
)


def print_listing(config: Path | None = None, *, as_json: bool = False) -> None:
    """Print every installed domain, broken ones included."""
    settings = load_config(config)
    pins = {name: pin.fingerprint for name, pin in settings.domains.items()}
    registry = discover(settings.pins)
    found = [summarise(domain, pins.get(domain.name, "")) for domain in registry.domains]
    if as_json:
        print(json.dumps({"domains": [asdict(one) for one in found]}, indent=1))
    else:
        print("\n".join(listing(found)))


def listing(found: list[Summary]) -> list[str]:
    """The table's lines."""
    ready = [one for one in found if not one.error]
    head, *rows = columns([HEAD, *map(_row, ready)])
    lines = dict(zip([one.name for one in ready], rows, strict=True))
    width = max((len(one.name) for one in found), default=0)
    out = [head] if ready else []
    out += [
        f"! {one.name:<{width}}  {one.error}" if one.error else lines[one.name] for one in found
    ]
    return [*out, "", f"{count(len(ready), 'domain')} ready, {len(found) - len(ready)} broken."]


def _row(one: Summary) -> tuple[str, ...]:
    return (
        one.name,
        one.version,
        one.mode,
        count(one.grammar_rules, "rule"),
        f"{count(one.tools, 'tool')}, {count(one.rules, 'rule')}",
        str(one.golden or "-"),
        str(one.skins or "-"),
        str(one.battery or "-"),
        one.fingerprint.removeprefix("sha256:")[:6],
    )
