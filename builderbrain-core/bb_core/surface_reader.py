"""Read a domain's Surface out of grammar.lark, by the names of its rules and terminals."""

from bb_core.fence import fence, terminal_language
from bb_core.grammar import Grammar
from bb_core.language import Alt, Language, Lit, Repeat, Seq
from bb_core.notation import Many, Node, Notation, Row, Text, Use
from bb_core.regular import shortest
from bb_core.surface_shape import Listing, Piece, Slot, Surface

LAYOUT = "LAYOUT"
"""A terminal whose texts all mean the same, such as the blanks before a step."""
_WORDS = ("ID", "TOOL", "KEY", "REF", "OP", "STRING", "NUMBER")
_STEP = ("ID", "TOOL", "args", "after", "when")


def read_surface(grammar: Grammar) -> Surface:
    """The surface of a grammar; raises GrammarError where it leaves the conventions."""
    reader = _Reader(fence(grammar))
    terminals = {
        name: terminal_language(reader.notation, name)
        for name in _WORDS
        if name in reader.notation.terminals
    }
    rules = reader.notation.rules
    return Surface(
        plan=reader.listing("plan"),
        step=reader.row("step", _STEP, ("args", "ID", "TOOL")),
        args=reader.listing("args"),
        arg=reader.row("arg", ("KEY", "value"), ("KEY", "value")),
        ref=reader.row("ref", ("REF",), ("REF",)),
        after=reader.listing("after"),
        when=reader.row("when", ("REF", "OP", "scalar"), ("REF", "OP", "scalar")),
        array=reader.listing("array") if "array" in rules else None,
        object=reader.listing("object") if "object" in rules else None,
        pair=reader.row("pair", (), ("KEY",)) if "pair" in rules else (),
        terminals=terminals,
        quoted=frozenset(name for name, language in terminals.items() if _quoted(language)),
        blanks=bool(reader.notation.ignored),
    )


class _Reader:
    def __init__(self, notation: Notation) -> None:
        self.notation = notation

    def rule(self, name: str) -> list[Node]:
        if name not in self.notation.rules:
            fix = f"write the rule {name}, see docs/grammar.md"
            self.notation.refuse(0, f"no rule {name!r}, which every plan language has", fix)
        return _items(self.notation.rules[name])

    def literal(self, node: Node) -> str | None:
        """The text of a part that can only be one text, or the shortest that is a LAYOUT."""
        if isinstance(node, Text):
            return node.text
        if isinstance(node, Use) and node.name in self.notation.terminals:
            language = terminal_language(self.notation, node.name)
            if node.name == LAYOUT:
                return shortest(language)
            return language.text if isinstance(language, Lit) else None
        return None

    def row(self, name: str, slots: tuple[str, ...], needed: tuple[str, ...]) -> tuple[Piece, ...]:
        """The pieces of a rule that is one fixed row of literals and slots."""
        out: list[Piece] = []
        for node in self.rule(name):
            text = self.literal(node)
            optional = isinstance(node, Many) and (node.least, node.most) == (0, 1)
            inner = node.item if isinstance(node, Many) and optional else node
            if text is not None and out and isinstance(out[-1], str):
                out[-1] += text
            elif text is not None:
                out.append(text)
            elif isinstance(inner, Use) and (not slots or inner.name in slots):
                out.append(Slot(inner.name, optional))
            else:
                fix = f"use literals and {', '.join(slots or needed)}, each once"
                self.notation.refuse(self.notation.places[name], f"{name} is not one row", fix)
        names = [piece.name for piece in out if isinstance(piece, Slot)]
        missing = [slot for slot in needed if slot not in names]
        if missing or len(set(names)) < len(names):
            why = f"{name} lacks {missing[0]}" if missing else f"{name} has a slot twice"
            fix = f"it has each of {', '.join(needed)} once"
            self.notation.refuse(self.notation.places[name], why, fix)
        return tuple(out)

    def listing(self, name: str) -> Listing:
        """The literals of a rule of the form `open item (sep item)* close`."""
        nodes, empty = self.rule(name), False
        for index, node in enumerate(nodes):
            if isinstance(node, Many) and (node.least, node.most) == (0, 1):
                nodes[index : index + 1] = _items(node.item)
                empty = True
                break
        open_, nodes = self.literals(nodes)
        if nodes and isinstance(nodes[0], Use):
            item, nodes = nodes[0].name, nodes[1:]
            sep = ""
            if nodes and isinstance(nodes[0], Many):
                sep, last = self.literals(_items(nodes[0].item))
                if [getattr(node, "name", "") for node in last] != [item]:
                    self.unlisted(name)
                nodes = nodes[1:]
        elif nodes and isinstance(nodes[0], Many) and isinstance(nodes[0].item, Use):
            sep, empty, nodes = "", empty or nodes[0].least == 0, nodes[1:]
        else:
            self.unlisted(name)
        close, rest = self.literals(nodes)
        if rest:
            self.unlisted(name)
        return Listing(open_, sep, close, empty)

    def literals(self, nodes: list[Node]) -> tuple[str, list[Node]]:
        """The literals a row begins with, and what is left of it."""
        text = ""
        for index, node in enumerate(nodes):
            literal = self.literal(node)
            if literal is None:
                return text, nodes[index:]
            text += literal
        return text, []

    def unlisted(self, name: str) -> None:
        why = f"{name} is not a list with one separator"
        fix = f'write {name}: "open" item ("sep" item)* "close"'
        self.notation.refuse(self.notation.places[name], why, fix)


def _items(node: Node) -> list[Node]:
    return list(node.items) if isinstance(node, Row) else [node]


def _quoted(language: Language) -> bool:
    """Whether every text of the language begins with a double quote."""
    match language:
        case Lit(text):
            return text.startswith('"')
        case Seq(items):
            return _quoted(items[0])
        case Alt(items):
            return all(_quoted(item) for item in items)
        case Repeat(item, least, _):
            return least > 0 and _quoted(item)
    return False
