"""The fence: the part of Lark's notation that Lark's LALR parser and llguidance read alike.

`fence` reads a grammar and refuses, with file, line, column, caret, reason and remedy, whatever
is outside. It looks at the text only. Whether the lexers agree is for lint.py, and whether the two
engines really do is for fuzz.py. Not covered: how long a plan may get, which is the token budget's.
"""

from collections.abc import Iterator

from bb_core.grammar import START, Grammar
from bb_core.language import UNBOUNDED, Alt, Language, Lit, Repeat, lengths, seq
from bb_core.notation import Choice, Many, Node, Notation, Pattern, Row, Text, Use, read_notation


def fence(grammar: Grammar) -> Notation:
    """The grammar as a tree; raises GrammarError at the first place outside the fence."""
    notation = read_notation(grammar.text, grammar.source)
    _names(notation)
    for name in notation.terminals:
        language = terminal_language(notation, name)
        if lengths(language)[0] == 0:
            _at(notation, name, "an empty terminal: Lark cannot read it", "require one character")
        if grammar.mode == "strict" and lengths(language)[1] >= UNBOUNDED:
            why = f"{name} has no longest text, and a strict grammar bounds its words"
            _at(notation, name, why, "write {0,200} for * and {1,200} for +")
    for place, node in notation.ignored:
        language = node_language(notation, node, ())
        if lengths(language)[1] >= UNBOUNDED:
            why = "%ignore without a bound lets a model fill its budget with blanks"
            notation.refuse(place, why, "write / {1,4}/")
    return notation


def parts(node: Node) -> Iterator[Node]:
    """A node and every node inside it."""
    yield node
    if isinstance(node, Row | Choice):
        for item in node.items:
            yield from parts(item)
    elif isinstance(node, Many):
        yield from parts(node.item)


def terminal_language(notation: Notation, name: str, within: tuple[str, ...] = ()) -> Language:
    """The exact language of a terminal; raises GrammarError when it refers to itself."""
    if name in within:
        why = f"{name} refers to itself: a terminal is a regular language"
        _at(notation, name, why, "make it a rule")
    return node_language(notation, notation.terminals[name], (*within, name))


def node_language(notation: Notation, node: Node, within: tuple[str, ...]) -> Language:
    """The language of a terminal's definition."""
    match node:
        case Text(text):
            return Lit(text)
        case Pattern(language):
            return language
        case Use(name):
            return terminal_language(notation, name, within)
        case Row(items):
            return seq(*(node_language(notation, item, within) for item in items))
        case Choice(items):
            return Alt(tuple(node_language(notation, item, within) for item in items))
        case Many(item, least, most):
            return Repeat(node_language(notation, item, within), least, most)


def _names(notation: Notation) -> None:
    if START not in notation.rules:
        notation.refuse(0, f"no rule {START!r}", f"name the first rule {START}")
    if "start" in notation.rules:
        why = "'start' is the mask's own rule"
        _at(notation, "start", why, f"name the first rule {START}")
    for name, node in notation.rules.items():
        for use in parts(node):
            if isinstance(use, Use) and use.name not in notation.places:
                notation.refuse(use.at, f"{use.name} in {name} is not defined", "define it")
            if isinstance(use, Many) and use.most < max(use.least, 1):
                _at(notation, name, f"a repeat in {name} runs backwards", "write ~least..most")
    nodes = [*notation.terminals.values(), *(node for _, node in notation.ignored)]
    for use in (part for node in nodes for part in parts(node)):
        if isinstance(use, Use) and use.name not in notation.terminals:
            notation.refuse(use.at, f"{use.name} is not a terminal", "define it in upper case")


def _at(notation: Notation, name: str, found: str, fix: str) -> None:
    notation.refuse(notation.places[name], found, fix)
