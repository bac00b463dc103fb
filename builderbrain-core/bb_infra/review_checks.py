"""Which imported tools still wait for a person? They are refused in every plan, and not wrong."""

from collections.abc import Iterator
from functools import partial

from bb_core.review_file import FILE
from bb_infra.domain_checks import Case, Domain, Skipped

NAMED = 2
"""How many of those that wait are named."""


def review_cases(domain: Domain) -> Iterator[Case]:
    """Each tool nobody has ratified, left out with the place where somebody could."""
    for name, tool in domain.compiled.schema.tools.items():
        if tool.unratified:
            yield Case(f"ratified[{name}]", FILE, partial(_waits, name, tool.unratified))


def waiting(domain: Domain) -> str:
    """How many tools wait, and which first; empty when none does."""
    names = [name for name, tool in domain.compiled.schema.tools.items() if tool.unratified]
    if not names:
        return ""
    more = ", …" if len(names) > NAMED else ""
    wait = "tools wait" if len(names) > 1 else "tool waits"
    first = ", ".join(names[:NAMED])
    return f"{len(names):,} {wait} for a person in {FILE}: {first}{more}"


def _waits(tool: str, where: str) -> str:
    raise Skipped(f"{tool} waits for a person to ratify it at {where}")
