"""Which imported tools still wait for a person? They are refused in every plan, and not wrong."""

from collections.abc import Iterator
from functools import partial

from bb_core.review_file import FILE
from bb_infra.domain_checks import Case, Domain, Skipped


def review_cases(domain: Domain) -> Iterator[Case]:
    """Each tool nobody has ratified, left out with the place where somebody could."""
    for name, tool in domain.compiled.schema.tools.items():
        if tool.unratified:
            yield Case(f"ratified[{name}]", FILE, partial(_waits, name, tool.unratified))


def _waits(tool: str, where: str) -> str:
    raise Skipped(f"{tool} waits for a person to ratify it at {where}")
