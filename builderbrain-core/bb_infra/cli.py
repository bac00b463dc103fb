"""The `bb` command. Nothing heavy is imported until a verb needs it.

An expected error is one line, `bb: …`, and exit status 2. Status 1 means the answer is no: a
check failed, a plan was refused, a ledger does not verify. Anything else is a fault in bb.
"""

import os
import sys

from bb_core.errors import BuilderbrainError
from bb_core.registry import printable

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
    try:
        _dispatch(sys.argv[1:])
        sys.stdout.flush()
    except BuilderbrainError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(f"{error.name} is not installed. Run: pip install 'builderbrain-core[{extra}]'")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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

    app()


def _fail(text: str, status: int = 2) -> None:
    """One line on stderr, and out; only a parse error's caret lines keep their breaks."""
    line = text if "\n" in text else printable(text, 600)
    print(f"bb: {line}", file=sys.stderr)
    sys.exit(status)
