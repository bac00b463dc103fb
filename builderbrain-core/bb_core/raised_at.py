"""Where in a domain's own files an error arose: the line its author has to look at.

Not covered: a domain whose code lies outside `bb_domains`.
"""

from pathlib import PurePath
from traceback import walk_tb

from bb_core.namespace import NAMESPACE


def raised_at(error: BaseException) -> str:
    """`shop/tool_adapters.py:12`, the innermost such line; empty where no domain's code was run."""
    found = ""
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(f"{NAMESPACE}."):
            file = PurePath(frame.f_code.co_filename)
            found = f"{file.parent.name}/{file.name}:{line}"
    return found
