"""Three lints that make Lark's contextual lexer and llguidance's cut every text alike.

1. In no parse state may two acceptable terminals match the same text: Lark takes the literal,
   the mask keeps both readings, so `if=if` would pass the mask and fail the parser.
2. In no parse state may a pattern match a text that begins a longer text of another terminal:
   Lark tries the wider terminal first, the mask takes the longest.
3. Each pattern's first fitting alternative is its longest: `a|ab` is `a` to Python, `ab` to Rust.

Soft grammars skip all three; the fuzz gate holds for them too. Not covered: characters, since
Lark reads text and the mask bytes; a mask may stop inside one, so decoded bytes are checked.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bb_core.fence import fence, parts
from bb_core.grammar import Grammar, build_parser
from bb_core.language import Language, Lit
from bb_core.lexeme import TooLarge, clash, cuts_short
from bb_core.notation import Notation, Text
from bb_core.pattern import read_pattern

if TYPE_CHECKING:
    from lark import Lark

_T = TypeVar("_T")


def admit(grammar: Grammar) -> "Lark":
    """The parser of a grammar that passes the fence and the lints; raises GrammarError."""
    notation = fence(grammar)
    lark = build_parser(grammar)
    if grammar.mode == "strict":
        lint(notation, lark)
    return lark


def lint(notation: Notation, lark: "Lark") -> None:
    """Refuse a grammar whose two lexers could disagree; raises GrammarError with an example."""
    languages = dict(_terminals(lark))
    for name, language in languages.items():
        text = _decide(notation, lark, name, partial(cuts_short, language))
        if text is not None:
            why = f"{name} matches {text!r}, but Python stops at an alternative before the end"
            notation.refuse(_place(notation, lark, name), why, "put the longer alternative first")
    for one, two in together(lark):
        _compare(notation, lark, one, two, languages)


def _compare(
    notation: Notation, lark: "Lark", one: str, two: str, languages: dict[str, Language]
) -> None:
    first, second = languages[one], languages[two]
    if isinstance(first, Lit) and isinstance(second, Lit):
        return
    found = _decide(notation, lark, one, partial(clash, first, second))
    if found is None and not isinstance(first, Lit):
        found = _decide(notation, lark, one, partial(clash, first, second, prefixes=True))
    if found is None:
        return
    left, right = _shown(lark, one), _shown(lark, two)
    if found.kind == "same":
        why = f"{left} and {right} can stand at the same place and both match {found.text!r}"
        fix = "give one of them a first character the other cannot have, such as $"
    else:
        why = f"{left} matches {found.text!r}, and {right} at the same place goes on from there"
        fix = "let them start with different characters, or make them one terminal"
    notation.refuse(_place(notation, lark, one), why, fix)


def _decide(notation: Notation, lark: "Lark", name: str, question: Callable[[], _T]) -> _T:
    try:
        return question()
    except TooLarge:
        why = f"{_shown(lark, name)} is too large to check"
        notation.refuse(_place(notation, lark, name), why, "lower the bounds of its repeats")


def _terminals(lark: "Lark") -> Iterator[tuple[str, Language]]:
    for terminal in lark.terminals:
        literal = terminal.pattern.type == "str"
        value = terminal.pattern.value
        yield terminal.name, Lit(value) if literal else read_pattern(value, compiled=True)


def together(lark: "Lark") -> list[tuple[str, str]]:
    """Ordered pairs of terminals that some parse state accepts both of, in a fixed order."""
    known = {terminal.name for terminal in lark.terminals}
    ignored = set(cast(Any, lark).lexer_conf.ignore)
    table = cast(Any, lark.parser).parser._parse_table
    found: set[tuple[str, str]] = set()
    for actions in table.states.values():
        found.update(permutations(sorted((known & set(actions)) | ignored), 2))
    return sorted(found)


def _shown(lark: "Lark", name: str) -> str:
    """A terminal as its author knows it: by name, or by its literal text."""
    pattern = lark.get_terminal(name).pattern
    return f'"{pattern.value}"' if pattern.type == "str" else name


def _place(notation: Notation, lark: "Lark", name: str) -> int:
    if name in notation.places:
        return notation.places[name]
    text = lark.get_terminal(name).pattern.value
    nodes = [*notation.rules.values(), *(node for _, node in notation.ignored)]
    for node in (part for root in nodes for part in parts(root)):
        if isinstance(node, Text) and node.text == text:
            return node.at
    return notation.ignored[0][0] if notation.ignored else 0
