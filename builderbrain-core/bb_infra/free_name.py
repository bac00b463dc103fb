"""Whether a new domain may have a name: it is none of an installed one, which it would break."""

from bb_core.registry import discover
from bb_infra.errors import InfraError


def require_free(module: str) -> None:
    """Raise InfraError where a domain of this name is installed."""
    if any(domain.name == module for domain in discover(selection=module).domains):
        raise InfraError(f"a domain {module!r} is installed already", fix="choose another name")
