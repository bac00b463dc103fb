"""What a base model's prompt leaves out of a domain's own words, for `bb domains check` to note.

No fault: a prompt for a small model is short on purpose. But "Close a ticket, only if solved" is
told as "Close a ticket", so a condition belongs in a rule and not behind a comma.
"""

from collections.abc import Iterator

from bb_core.compiled import Compiled
from bb_runtime.prompt import system

SHOWN = 12


def told_short(compiled: Compiled) -> tuple[str, ...]:
    """At most one note: the tools whose sentence a prompt cuts; those it leaves out are not cut."""
    names = list(_cut(compiled))
    if not names:
        return ()
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return (f"a base is told `does` up to its first comma, semicolon or full stop: {shown}",)


def _cut(compiled: Compiled) -> Iterator[str]:
    lines = system(compiled).split("\nTools:\n", 1)[1].splitlines()
    for name, tool in compiled.schema.tools.items():
        whole = ": " + tool.does.strip().removesuffix(".")
        told = [line for line in lines if line.startswith(f"{name}(")]
        if told and not told[0].endswith(whole):
            yield name
