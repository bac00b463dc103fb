"""The typed language of the next step: what may follow the steps already written.

A plan is written in segments. Segment i is step i from its tool on, and what comes after it: the
closing text (the plan is whole), or the separator and all of the next step that is known by now:

    (open ID)? TOOL args after? when?  (sep ID | close)

So a segment ends where tokens end by themselves, just before a tool's name. Ending it at the step's
last brace would forbid the tokens that span the brace and the separator, which a model has seen in
every example, and a small one then loses its place.

Inside it each tool stands with its literal name and its own arguments, each value is a literal of
its type or a reference to an earlier result that fits, `after` lists earlier ids in order, and
`when` compares an earlier scalar with a literal of that scalar's type. So no unknown tool, wrong
argument, dangling or ill-typed reference and no cycle can be written at all. Not covered: facts,
effects, budgets and guards; those are the checker's, on the finished plan.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bb_core.automaton import Automaton, Exit
from bb_core.errors import SchemaError
from bb_core.fit import INDEX, at, fit, paths
from bb_core.known import Known, askers, offered
from bb_core.language import EMPTY, NOTHING, Language, Lit, Repeat, alt, deepest, seq
from bb_core.numerals import integers
from bb_core.plan import escape
from bb_core.schema import PlanSchema
from bb_core.surface_shape import Piece, Slot, Surface
from bb_core.typed import MAX_ITEMS, Spelling, compact, language, members_in_order
from bb_core.typestate import APPROVED

_ORDERED = ("==", "!=", "<", "<=", ">", ">=")
_KEPT = 256
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})


Fill: TypeAlias = Mapping[str, Language]
CLOSE, MORE = "close", "more"
"""The names of a segment's two exits."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its texts as a language, and the automaton that reads them.

    The automaton's completions run to the end of the plan: the exit that promises another step
    owes that step and the closing text.
    """

    language: Language
    automaton: Automaton
    owed: int = 0

    @property
    def longest_closing(self) -> int:
        """No completion from inside this segment has more bytes than this."""
        return deepest(self.language)[1] + self.owed


def step_id(index: int) -> str:
    """The id of the step at this place, from 0: n1, n2, ..."""
    return f"n{index + 1}"


class NextStep:
    """A domain's segments. They are made once per sequence of tools and kept."""

    def __init__(self, surface: Surface, schema: PlanSchema, known: Known | None = None) -> None:
        self.surface, self.schema, self.known = surface, schema, known
        self._segments: dict[tuple[str, ...], Segment] = {}
        self._fits: dict[tuple[str, str], Language] = {}
        self._groups: dict[str, dict[str, Language]] = {}
        self._values: dict[tuple[tuple[str, ...], str], Language] = {}
        self._args_of = {
            tool: {name: schema.arg(tool, name) for name in spec.args}
            for tool, spec in schema.tools.items()
        }

    def given(self, known: Known) -> "NextStep":
        """The same domain's segments, narrowed by what is known before the plan is written."""
        narrowed = NextStep(self.surface, self.schema, known)
        narrowed._fits, narrowed._groups = self._fits, self._groups
        return narrowed

    def segment(self, tools: tuple[str, ...] = ()) -> Segment:
        """What the next segment may be, after steps with these tools."""
        if tools not in self._segments:
            if len(self._segments) >= _KEPT:
                del self._segments[next(iter(self._segments))]
            body = self._body(len(tools), tools, self._offered(tools))
            exits = self._exits(tools)
            whole = seq(body, alt(*(way.text for way in exits)))
            self._segments[tools] = Segment(
                whole, Automaton(body, exits), max(len(way.owed) for way in exits)
            )
        return self._segments[tools]

    def tool(self, tools: tuple[str, ...], text: str) -> str:
        """The tool that a text of `segment(tools)` calls; raises ValueError for any other text."""
        whole = self._lead(len(tools)) + text if tools else text
        named = [t for t in self.schema.tools if self._slot("TOOL", t) in whole]
        if len(named) == 1:
            return named[0]
        for tool in named:
            body = self._body(len(tools), tools, (tool,))
            if Automaton(body, self._exits(tools)).reads(text.encode()):
                return tool
        raise ValueError(f"not a step after {list(tools)}: {text!r}")

    def warm(self) -> None:
        """Find out now which results fit which arguments, so that no later segment has to."""
        for tool in self.schema.tools:
            for name in self.schema.tools:
                self._args(name, (tool,))
            self._scalars(tool)
        self._values.clear()

    def forget(self) -> None:
        """Drop the segments made so far; they are made again when asked for."""
        self._segments.clear()
        self._values.clear()

    @property
    def shortest(self) -> bytes:
        """A shortest whole plan; its tokens are the smallest budget a decode can have."""
        return self.segment().automaton.start.completion

    def _exits(self, tools: tuple[str, ...]) -> tuple[Exit, ...]:
        plan, count = self.surface.plan, len(tools) + 1
        close = Exit(plan.close, b"", CLOSE)
        if count >= self.schema.limits.steps:
            return (close,)
        return (close, Exit(plan.sep + self._lead(count), self._owed(count), MORE))

    def _lead(self, index: int) -> str:
        """The text a step at this place starts with whatever its tool, up to the tool's name."""
        words, quote = list[str](), '"' if "TOOL" in self.surface.quoted else ""
        for piece in self.surface.step:
            if isinstance(piece, Slot) and piece.name != "ID":
                return "".join(words) + (quote if piece.name == "TOOL" else "")
            words.append(piece if isinstance(piece, str) else self._slot("ID", step_id(index)))
        raise AssertionError("a surface's step has a TOOL")

    def _owed(self, index: int) -> bytes:
        """A short step at this place that needs nothing of the steps before it, and the close."""
        body = self._body(index, (), self._offered(()))
        return Automaton(body, (Exit(self.surface.plan.close),)).start.completion

    def _body(self, index: int, tools: tuple[str, ...], names: Sequence[str]) -> Language:
        pieces = self.surface.step
        own = [i for i, piece in enumerate(pieces) if isinstance(piece, Slot) and _of_tool(piece)]
        start, stop = own[0], own[-1] + 1
        begun = self._begun if index else 0
        fixed = {
            "ID": Lit(self._slot("ID", step_id(index))),
            "after": self._after(len(tools)),
            "when": self._when(tools),
        }
        waiting = {**fixed, "after": self._after(len(tools), self._askers(tools))}
        calls = {True: list[Language](), False: list[Language]()}
        for name in names:
            waits = self.known is not None and APPROVED in self.schema.tools[name].requires
            calls[waits].append(self._call(pieces[start:stop], name, tools, fixed, bool(index)))
        arms = ((calls[False], fixed), (calls[True], waiting))
        return seq(
            "" if index else self.surface.plan.open,
            *(_piece(piece, fixed) for piece in pieces[begun:start]),
            alt(
                *(
                    seq(alt(*own), *(_piece(p, fill) for p in pieces[stop:]))
                    for own, fill in arms
                    if own
                )
            ),
        )

    def _offered(self, tools: tuple[str, ...]) -> tuple[str, ...]:
        known, spec = self.known, self.schema.tools
        names = offered(self.schema, known, tools) if known else tuple(spec)
        return tuple(name for name in names if not spec[name].unratified)

    def _askers(self, tools: tuple[str, ...]) -> tuple[int, ...]:
        return askers(self.schema, tools) if self.known else ()

    @property
    def _begun(self) -> int:
        """How many pieces of a later step the segment before it has written."""
        others = (
            i for i, p in enumerate(self.surface.step) if isinstance(p, Slot) and p.name != "ID"
        )
        return next(others)

    def _call(
        self,
        pieces: Sequence[Piece],
        tool: str,
        tools: tuple[str, ...],
        fixed: Fill,
        begun: bool,
    ) -> Language:
        own = {"TOOL": Lit(self._name(tool, begun)), "args": self._args(tool, tools)}
        return seq(*(_piece(piece, {**fixed, **own}) for piece in pieces))

    def _name(self, tool: str, begun: bool) -> str:
        """A tool's name as it stands in the text, less what has been written of it."""
        text = self._slot("TOOL", tool)
        opened = begun and self._lead(0).endswith('"') and "TOOL" in self.surface.quoted
        return text[1:] if opened else text

    def _slot(self, name: str, text: str) -> str:
        return compact(text) if name in self.surface.quoted else text

    def _args(self, tool: str, tools: tuple[str, ...]) -> Language:
        spec, args = self.schema.tools[tool], self.surface.args
        members = [(self._arg(tool, name, tools), name not in spec.optional) for name in spec.args]
        return seq(args.open, members_in_order(members, args.sep) if members else EMPTY, args.close)

    def _arg(self, tool: str, name: str, tools: tuple[str, ...]) -> Language:
        want = self._args_of[tool][name]
        key = (tools, _key(want))
        if key not in self._values:
            where = f"{self.schema.domain}: {tool}.{name}"
            self._values[key] = language(want, where, self._spelling(tools))
        return self._pair(self.surface.arg, name, self._values[key])

    def _spelling(self, tools: tuple[str, ...]) -> Spelling:
        surface = self.surface
        return Spelling(
            array=surface.array,
            object=surface.object,
            pair=lambda name, value: self._pair(surface.pair, name, value),
            refs=lambda want: self._refs(want, tools),
            known=self.known.values if self.known else lambda want: (),
        )

    def _pair(self, pieces: Sequence[Piece], name: str, value: Language) -> Language:
        key = Lit(self._slot("KEY", name))
        return seq(
            *(p if isinstance(p, str) else key if p.name == "KEY" else value for p in pieces)
        )

    def _refs(self, want: Mapping[str, Any], tools: tuple[str, ...]) -> Language:
        key = _key(want)
        places = ((step_id(i), self._fitting(tool, key, want)) for i, tool in enumerate(tools))
        found = alt(*(seq(step, pointers) for step, pointers in places if pointers != NOTHING))
        return NOTHING if found == NOTHING else self._ref(found)

    def _fitting(self, tool: str, key: str, want: Mapping[str, Any]) -> Language:
        """The pointers into a tool's result that lead to a value that fits."""
        if (tool, key) not in self._fits:
            fits = (pointer for pointer, have in self._places(tool) if fit(have, want) != "no")
            self._fits[tool, key] = alt(*fits)
        return self._fits[tool, key]

    def _ref(self, target: Language) -> Language:
        fill = {"REF": self._quoted("REF", target)}
        return seq(*(_piece(piece, fill) for piece in self.surface.ref))

    def _quoted(self, name: str, lang: Language) -> Language:
        return seq('"', lang, '"') if name in self.surface.quoted else lang

    def _places(self, tool: str) -> Iterator[tuple[Language, dict[str, Any]]]:
        """Every place in a tool's result: the pointer text that names it, and its schema."""
        result = self.schema.result(tool)
        for path, sub in paths(result) if result else ():
            yield seq(*_pointer(result, path)), sub

    def _after(self, count: int, needed: tuple[int, ...] = ()) -> Language:
        """Earlier ids in order; one of the needed ones among them, if there are any."""
        after = self.surface.after
        ids: list[tuple[Language, bool]] = [
            (Lit(self._slot("ID", step_id(index))), False) for index in range(count)
        ]
        if needed:
            last = needed[-1]
            ids[last] = (ids[last][0], True)
            return seq(after.open, members_in_order(ids, after.sep), after.close)
        listed = alt(
            *(members_in_order([(ids[i][0], True), *ids[i + 1 :]], after.sep) for i in range(count))
        )
        return Repeat(seq(after.open, listed, after.close), 0, 1) if count else EMPTY

    def _when(self, tools: tuple[str, ...]) -> Language:
        groups: dict[str, list[Language]] = {}
        for index, tool in enumerate(tools):
            for key, pointers in self._scalars(tool).items():
                groups.setdefault(key, []).append(seq(step_id(index), pointers))
        choices = [self._condition(json.loads(key), alt(*refs)) for key, refs in groups.items()]
        found = alt(*choices)
        return EMPTY if found == NOTHING else Repeat(found, 0, 1)

    def _scalars(self, tool: str) -> dict[str, Language]:
        """The pointers to scalars in a tool's result, by the scalar's schema."""
        if tool not in self._groups:
            groups: dict[str, list[Language]] = {}
            for pointer, have in self._places(tool):
                if _scalar(have):
                    groups.setdefault(_key(have), []).append(pointer)
            self._groups[tool] = {key: alt(*pointers) for key, pointers in groups.items()}
        return self._groups[tool]

    def _condition(self, have: dict[str, Any], refs: Language) -> Language:
        try:
            scalar = language(have, self.schema.domain)
        except SchemaError:
            return NOTHING  # a result no literal can be written for cannot be compared with one
        ops = _ORDERED if have.get("type") in ("integer", "number") else _ORDERED[:2]
        fill = {
            "REF": self._quoted("REF", refs),
            "OP": alt(*(self._slot("OP", op) for op in ops)),
            "scalar": scalar,
        }
        return seq(*(_piece(piece, fill) for piece in self.surface.when))


def _piece(piece: Piece, fill: Fill) -> Language:
    return Lit(piece) if isinstance(piece, str) else fill[piece.name]


def _key(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


def _of_tool(slot: Slot) -> bool:
    return slot.name in ("TOOL", "args")


def _scalar(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return "enum" in schema or "const" in schema or set(kinds) <= _SCALARS


def _pointer(result: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Language | str]:
    for depth, token in enumerate(path):
        if token == INDEX:
            array = at(result, ["0" if t == INDEX else t for t in path[:depth]]) or {}
            yield "/"
            yield integers(0, min(array.get("maxItems", MAX_ITEMS), MAX_ITEMS) - 1)
        else:
            yield "/" + escape(token)
