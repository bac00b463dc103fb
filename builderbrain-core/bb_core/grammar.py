"""A domain's grammar: one text that Lark parses with and llguidance masks with.

`Grammar` is a value. `build_parser` makes the reference parser, `mask_text` the same language for
the mask engine. That the two agree is what fence.py, lint.py and fuzz.py are for.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from bb_core.errors import GrammarError
from bb_core.parser_file import load_parser, numbered, save_parser

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["START", "Grammar", "Mode", "build_parser", "load_parser", "mask_text", "save_parser"]

START = "plan"
Mode = Literal["strict", "soft"]


@dataclass(frozen=True)
class Grammar:
    """Text in the fenced Lark notation. `soft` grammars skip the lexer lints, nothing else."""

    text: str
    mode: Mode = "strict"
    source: str = "grammar.lark"

    @classmethod
    def read(cls, path: Path, mode: Mode = "strict") -> "Grammar":
        """The grammar in a file; its errors name the file as it was given."""
        return cls(path.read_text("utf-8"), mode, str(path))


def build_parser(grammar: Grammar) -> "Lark":
    """The LALR(1) parser of a grammar; raises GrammarError, also on a shift/reduce conflict."""
    from lark import Lark
    from lark.exceptions import LarkError
    from lark.parsers.lalr_analysis import LALR_Analyzer

    try:
        lark = Lark(
            grammar.text,
            start=START,
            parser="lalr",
            lexer="contextual",
            keep_all_tokens=True,  # `true` and `null` are values, told apart by their text
            maybe_placeholders=False,
            propagate_positions=True,
        )
        # Lark's own strict mode needs interegular for regex pairs; bb_core.lint decides those.
        analyzer: Any = LALR_Analyzer(cast(Any, lark.parser).parser_conf, strict=True)
        analyzer.compute_lalr()
    except LarkError as error:
        line = getattr(error, "line", None)
        where = f"{grammar.source}:{line}" if line else grammar.source
        raise GrammarError(_summary(error), where=where, fix=_FIX) from error
    return numbered(lark)


_FIX = "one symbol of lookahead must be enough: let the two readings start with different words"


def _summary(error: Exception) -> str:
    lines = [line.strip(" \t*") for line in str(error).splitlines() if line.strip()]
    return "Lark refuses the grammar: " + "; ".join(lines[:3])


def mask_text(grammar: Grammar) -> str:
    """The same language for llguidance, whose start rule has to be called `start`."""
    return f"{grammar.text.rstrip()}\nstart: {START}\n"
