"""The name of a new domain: one that a module can have, and none of an installed domain's."""

import keyword
import re

from bb_core.registry import LONGEST, NAME, discover, printable
from bb_infra.errors import InfraError


def free_name(given: str, verb: str = "use") -> str:
    """A name as somebody gives it, as the domain's; raises InfraError where it cannot be.

    verb: how the fix begins that says what names are.
    """
    name = re.sub(r"[\s-]+", "_", given.strip().lower())
    if not NAME.match(name):
        raise InfraError(
            f"{printable(given, LONGEST)!r} is no name for a domain",
            fix=f"{verb} letters, digits and spaces, a letter first, {LONGEST} at most",
        )
    if keyword.iskeyword(name):
        raise InfraError(f"{name!r} is a word of Python", fix="choose another name")
    if any(domain.name == name for domain in discover(selection=name).domains):
        raise InfraError(f"a domain {name!r} is installed already", fix="choose another name")
    return name
