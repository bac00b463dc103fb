"""The fuzz gate: does the mask ever allow a text the parser refuses?

Texts are sampled from the grammar, mutated, and walked along the mask; both sides judge each one.
"Mask yes, parser no" is unsafe and fails the gate. "Parser yes, mask no" is counted only. Blanks
at the edges are stripped, since Lark allows ignored text there and llguidance does not.
Not covered: a text no sample, mutant or walk comes near. The gate looks, lint.py proves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bb_core.errors import GrammarError
from bb_core.fence import fence, parts
from bb_core.grammar import Grammar
from bb_core.notation import Notation, Text
from bb_core.sample import Sampler

if TYPE_CHECKING:
    from lark import Lark

_RUN = re.compile(r"[A-Za-z0-9_]+")
_ODD = (
    '\x00\t\n\r\x0b\x1c \x7f\x85\u00a0\u00e9\u0130\u0131\u017f\u2028\u212a\u4e00\U0001f300"\\/$#^'
)


@dataclass(frozen=True)
class FuzzReport:
    """How the two sides judged the texts; `counterexample` is an unsafe one, if there was any."""

    seed: int
    both: int
    neither: int
    mask_only: int
    parser_only: int
    counterexample: str | None

    @property
    def texts(self) -> int:
        """How many texts were judged."""
        return self.both + self.neither + self.mask_only + self.parser_only


def fuzz(
    grammar: Grammar,
    lark: "Lark",
    accepts: Callable[[str], bool],
    n: int,
    seed: int = 0,
    walk: Callable[[Random], str] | None = None,
) -> FuzzReport:
    """Judge `n` texts with the parser and with the mask, `accepts`; same seed, same texts."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    counterexample: str | None = None
    for text in texts(grammar, n, seed, walk):
        verdict = accepts(text), parses(lark, text)
        counts[verdict] += 1
        unsafe = verdict == (True, False)
        if unsafe and (counterexample is None or len(text) < len(counterexample)):
            counterexample = text
    return FuzzReport(
        seed=seed,
        both=counts[True, True],
        neither=counts[False, False],
        mask_only=counts[True, False],
        parser_only=counts[False, True],
        counterexample=counterexample,
    )


def require_safe(grammar: Grammar, report: FuzzReport) -> FuzzReport:
    """The report, or GrammarError with the counterexample when the mask allowed too much."""
    if report.counterexample is None:
        return report
    found = f"the mask allows {report.counterexample!r}, which the parser refuses"
    counts = f"{report.mask_only} of {report.texts} texts, seed {report.seed}"
    raise GrammarError(
        f"{found} ({counts})",
        where=grammar.source,
        fix="make the terminals at that place differ in their first character",
    )


def parses(lark: "Lark", text: str) -> bool:
    """Whether the parser takes the whole text."""
    from lark.exceptions import UnexpectedInput

    try:
        lark.parse(text)
    except UnexpectedInput:
        return False
    return True


def texts(
    grammar: Grammar, n: int, seed: int, walk: Callable[[Random], str] | None = None
) -> Iterator[str]:
    """`n` texts: a fifth sampled, a tenth walked where a walk is given, the others mutants."""
    rng = Random(seed)
    notation = fence(grammar)
    sampler, literals = Sampler(notation), words(notation)
    pool = [sampler.text(rng) for _ in range(max(1, n // 5))]
    for text in pool[:n]:
        yield text.strip()
    for made in range(len(pool), n):
        if walk is not None and made % 10 == 0:
            yield walk(rng).strip()
        else:
            yield mutant(rng, rng.choice(pool), rng.choice(pool), literals).strip()


def words(notation: Notation) -> list[str]:
    """The literals of a grammar: where a name is expected, each is a keyword in the wrong place."""
    nodes = [*notation.rules.values(), *notation.terminals.values()]
    found = (part.text for node in nodes for part in parts(node) if isinstance(part, Text))
    return sorted(set(found)) or [" "]


def mutant(rng: Random, text: str, other: str, literals: list[str]) -> str:
    """The text after one to three small accidents."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        end = min(len(text), at + rng.randint(1, 6))
        match rng.randrange(8):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:at] + rng.choice(_ODD) + text[at:]
            case 2:
                start = rng.randint(0, len(other))
                text = text[:at] + other[start : start + rng.randint(1, 20)] + text[at:]
            case 3:
                text = text[:end] + text[at:end] * rng.choice((1, 1, 2, 40)) + text[end:]
            case 4:
                text = text[:at] + rng.choice(text or " ") + text[end:]
            case 5:
                runs = [run.span() for run in _RUN.finditer(text)] or [(at, end)]
                start, stop = rng.choice(runs)
                text = text[:start] + rng.choice(literals) + text[stop:]
            case 6:
                text = text[:at] + rng.choice(literals) + text[at:]
            case _:
                text = text[:at] + " " * rng.randint(1, 5) + text[at:]
    return text
