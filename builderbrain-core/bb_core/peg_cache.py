"""What grammar.peg is lowered to, kept in the content-addressed cache: that takes half a second.

The key is the PEG's text, its name (which the lowered text begins with) and the core's code,
so that an upgrade lowers anew. A refused PEG is not kept: its refusal is made again each time.

Not covered: a cache folder that somebody else can write to. What is read back is text that is
admitted like any grammar; it says what a plan may look like, never what one may do.
"""

import json
from functools import cache as once
from pathlib import Path

from bb_core import cache
from bb_core.cache_limit import read_or_make
from bb_core.canonical import digest

FILE = "grammar.lark"


def lowered(text: str, source: str) -> str:
    """`peg.lower`, from the cache where it was done before; raises GrammarError as that does."""
    key = digest(json.dumps([_code(), source, text], ensure_ascii=False).encode())
    folder = cache.cache_home() / "peg" / key.removeprefix("sha256:")
    return read_or_make(folder, lambda: _lowered(text, source))[FILE].decode()


def _lowered(text: str, source: str) -> dict[str, bytes]:
    from bb_core.peg import lower

    return {FILE: lower(text, source).encode()}


@once
def _code() -> str:
    """The core's own code, whole: quicker to read than to say which of it matters."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return digest(b"\0".join(module.read_bytes() for module in modules))
