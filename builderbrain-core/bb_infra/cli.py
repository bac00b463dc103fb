"""The `bb` command. Nothing heavy is imported until a verb needs it.

An expected error is one line, `bb: …`, and exit status 2. Status 1 means the answer is no: a
check failed, a plan was refused, a ledger does not verify. 130 means that a person stopped it,
141 that nobody read on; a run is not ended by that. Anything else is a fault in bb.
"""

import os
import sys
from io import TextIOWrapper
from typing import NoReturn

from bb_core.errors import BuilderbrainError
from bb_core.registry import printable
from bb_infra.errors import Stopped
from bb_infra.unheard import drop

EXTRAS = {
    **dict.fromkeys(
        ("torch", "transformers", "safetensors", "llguidance", "gguf", "numpy"), "model"
    ),
    **dict.fromkeys(("tensorboard", "tqdm"), "train"),
    **dict.fromkeys(("dbos", "sqlalchemy", "cryptography"), "durable"),
    "httpx": "http",
    **dict.fromkeys(("mcp", "mcp_types", "anyio"), "mcp"),
}
"""What a verb may need that the core alone does not bring, and the extra that brings it."""

LISTING = (["domains", "list"], ["domains", "list", "--json"])


def main() -> None:
    """Run `bb`; the console script."""
    # Pydantic looks for plugins of its own in every installed distribution, and one with broken
    # metadata would take bb down; bb uses none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Idle threads that spin cost a busy machine most of its decoding speed.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _open_streams()
    try:
        _dispatch(sys.argv[1:])
        sys.stdout.flush()
    except Stopped as error:
        _fail(str(error), 130)
    except BuilderbrainError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(f"{error.name} is not installed. Run: pip install 'builderbrain-core[{extra}]'")
    except BrokenPipeError:
        drop(sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        _fail("stopped", 130)


def _dispatch(words: list[str]) -> None:
    if words in LISTING:
        # Typer builds every verb first, with pydantic; shells and editors list domains often.
        from bb_infra.domain_listing import print_listing

        print_listing(as_json="--json" in words)
        return
    from bb_infra.verbs import app

    try:
        app()
    except SystemExit as end:
        sys.stdout.flush()
        raise _behind(end) or end from None


def _behind(end: SystemExit) -> BaseException | None:
    """What Typer made an exit of its own of: an interrupt, or a reader that is gone."""
    cause: BaseException | None = end
    while cause and not isinstance(cause, KeyboardInterrupt | BrokenPipeError):
        cause = cause.__context__
    return cause


def _open_streams() -> None:
    """See that there is something to write to, and that no character of a text stops a command."""
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _fail(text: str, status: int = 2) -> NoReturn:
    """One line on stderr, and out; only a parse error's caret lines keep their breaks."""
    line = text if "\n" in text else printable(text, 600)
    try:
        print(f"bb: {line}", file=sys.stderr)
    except BrokenPipeError:
        drop(sys.stderr.fileno())
    sys.exit(status)
