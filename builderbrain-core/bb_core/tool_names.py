"""Names of imported things as the plan schema spells them: `createRefund` -> `create_refund`."""

import hashlib
import re
from collections.abc import Container

LONGEST = 48
_EDGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def plan_name(text: str, longest: int = LONGEST, first: str = "x_") -> str:
    """A name of the plan schema for a text; a longer one keeps its start and a digest of it all."""
    words = _EDGE.sub("_", text)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or first.strip("_")
    if not name[0].isalpha():
        name = first + name
    if len(name) <= longest:
        return name
    mark = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{name[: longest - 7].rstrip('_')}_{mark}"


def unused(name: str, taken: Container[str], longest: int = LONGEST) -> str:
    """The name, or the first of name_2, name_3, … that is not taken."""
    made, count = name, 1
    while made in taken:
        count += 1
        tail = f"_{count}"
        made = name[: longest - len(tail)] + tail
    return made
