"""Parse a plan from a domain's language, with errors that point at the place.

The tree is read by the names of rules and terminals, so any grammar that follows the conventions
is read by the same code. Blanks before and after a plan do not matter.
"""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

from bb_core.blocks import WORDS, Branch, Node, Par, Retry, Seq, steps_of
from bb_core.caret import pointed, position
from bb_core.errors import PlanError
from bb_core.plan import OPS, Plan, Ref, Step, Value, When

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput

_RULES = WORDS | {"step", "args", "arg", "after", "when", "ref", "array", "object", "pair"}
_JSON = {"true": True, "false": False, "null": None}
_BLANKS = " \t\r\n"
_SHORT = 24
"""The longest pattern that an error spells out."""
_SHOWN = 16
_THE_END = "the end of the text"
WHERE = "plan"


def parse_plan(parser: "Lark", text: str, domain: str, schema_digest: str) -> Plan:
    """The plan a text is; raises PlanError with line, column, caret and what was expected."""
    return _Reading(parser, text).plan(domain, schema_digest)


class _Reading:
    def __init__(self, parser: "Lark", text: str) -> None:
        self.parser, self.text = parser, text
        self.skipped = len(text) - len(text.lstrip(_BLANKS))

    def plan(self, domain: str, schema: str) -> Plan:
        from lark.exceptions import UnexpectedInput

        try:
            tree = self.parser.parse(self.text.strip(_BLANKS))
            plan = Plan(domain, schema, self.steps(tree))
            _ = plan.digest  # what has none, a huge integer or half a character, is no plan
        except UnexpectedInput as error:
            self.unexpected(error)
        except RecursionError:
            raise PlanError("a value nests too deep to read", where=WHERE) from None
        except ValueError as error:
            raise PlanError(f"a value is not JSON: {error}", where=WHERE) from error
        return plan

    def steps(self, tree: "Tree[Token]") -> tuple[Step, ...]:
        """The plain steps; where the text has blocks, what they come to."""
        nodes = self.nodes(tree)
        if all(isinstance(node, Step) for node in nodes):
            return tuple(node for node in nodes if isinstance(node, Step))
        return steps_of(nodes)

    def nodes(self, tree: "Tree[Token]") -> tuple[Node, ...]:
        """The nearest steps and blocks of a tree."""
        return tuple(map(self.node, _parts(tree.children)))

    def node(self, tree: "Tree[Token]") -> Node:
        if tree.data == "step":
            return self.step(tree)
        if tree.data in ("seq", "par"):
            items = self.nodes(tree)
            return Seq(items) if tree.data == "seq" else Par(items)
        cut = next((i for i, child in enumerate(tree.children) if _is_else(child)), None)
        inner = tuple(map(self.node, _parts(tree.children[:cut])))
        other = None if cut is None else tuple(map(self.node, _parts(tree.children[cut:])))
        if tree.data == "branch":
            return Branch(self.when(tree), inner, other)
        times, until = next(_words(tree, "TIMES")), _plain(next(_words(tree, "REF")))
        return Retry(int(times), Ref.parse(until), inner, other)

    def step(self, tree: "Tree[Token]") -> Step:
        args: dict[str, Value] = {}
        for group in _trees(tree, "args"):
            for arg in _trees(group, "arg"):
                self.pair(arg, args)
        after = [_plain(word) for group in _trees(tree, "after") for word in _words(group, "ID")]
        when = [self.when(node) for node in _trees(tree, "when")]
        ident, tool = next(_words(tree, "ID")), next(_words(tree, "TOOL"))
        return Step(_plain(ident), _plain(tool), args, tuple(after), when[0] if when else None)

    def pair(self, tree: "Tree[Token]", into: dict[str, Value]) -> None:
        word = next(_words(tree, "KEY"))
        key = _plain(word)
        if key in into:
            self.refuse(word.start_pos or 0, f"{key!r} is given twice", "give each name once")
        into[key] = self.value(tree)

    def when(self, tree: "Tree[Token]") -> When:
        ref, op = _plain(next(_words(tree, "REF"))), _plain(next(_words(tree, "OP")))
        if op not in OPS:
            raise PlanError(f"{op!r} is no comparison", where=WHERE, fix=f"use {' '.join(OPS)}")
        return When(Ref.parse(ref), op, self.value(tree))

    def value(self, tree: "Tree[Token]") -> Value:
        """The one value below a tree that is no value itself."""
        return self.read(next(_values(tree)))

    def read(self, node: "Tree[Token] | Token") -> Value:
        if isinstance(node, str):
            return _JSON[node] if node in _JSON else json.loads(node)
        if node.data == "ref":
            return Ref.parse(_plain(next(_words(node, "REF"))))
        if node.data == "array":
            return [self.read(item) for item in _values(node)]
        if node.data == "object":
            out: dict[str, Value] = {}
            for pair in _trees(node, "pair"):
                self.pair(pair, out)
            return out
        return self.value(node)

    def unexpected(self, error: "UnexpectedInput") -> NoReturn:
        body = self.text.strip(_BLANKS)
        at = error.pos_in_stream
        ended = at is None or getattr(getattr(error, "token", None), "type", "") == "$END"
        at = len(body) if ended or at is None else at
        names = getattr(error, "accepts", None) or getattr(error, "expected", None)
        names = names or getattr(error, "allowed", None) or ()
        wanted = sorted(self.shown(name) for name in names)
        if at >= len(body):
            found, fix = _THE_END, "finish the plan there"
        else:
            found = repr(body[at : at + _SHOWN])
            fix = "delete it" if wanted == [_THE_END] else f"write {wanted[0]} there"
        self.refuse(at, f"found {found}, expected one of {', '.join(wanted)}", fix)

    def shown(self, name: str) -> str:
        """A terminal as the grammar's author wrote it: a word, or a name with a short pattern."""
        if name in ("$END", "<END-OF-FILE>"):
            return _THE_END
        pattern = self.parser.get_terminal(name).pattern
        if pattern.type == "str":
            return repr(pattern.value)
        return f"{name} /{pattern.value}/" if len(pattern.value) <= _SHORT else name

    def refuse(self, at: int, found: str, fix: str) -> NoReturn:
        line, column = position(self.text, self.skipped + at)
        where = f"{WHERE}:{line}:{column}"
        raise PlanError(found, where=where, fix=f"{fix}\n{pointed(self.text, self.skipped + at)}")


def _trees(tree: "Tree[Token]", name: str) -> Iterator["Tree[Token]"]:
    """The nearest trees of this name, looking through rules that have no meaning of their own."""
    for child in tree.children:
        if isinstance(child, str):
            continue
        if child.data == name:
            yield child
        elif child.data not in _RULES:
            yield from _trees(child, name)


def _parts(children: Iterable["Tree[Token] | Token"]) -> Iterator["Tree[Token]"]:
    """The nearest steps and blocks, in order."""
    for child in children:
        if isinstance(child, str):
            continue
        if child.data == "step" or child.data in WORDS:
            yield child
        elif child.data not in _RULES:
            yield from _parts(child.children)


def _is_else(child: "Tree[Token] | Token") -> bool:
    return isinstance(child, str) and "else" in child.split()


def _words(tree: "Tree[Token]", name: str) -> Iterator["Token"]:
    for child in tree.children:
        if isinstance(child, str):
            if child.type == name:
                yield child
        elif child.data not in _RULES:
            yield from _words(child, name)


def _values(tree: "Tree[Token]") -> Iterator["Tree[Token] | Token"]:
    for child in tree.children:
        if not isinstance(child, str) or child.type in ("STRING", "NUMBER") or child in _JSON:
            yield child


def _plain(word: "Token") -> str:
    return str(json.loads(word)) if word.startswith('"') else str(word)
