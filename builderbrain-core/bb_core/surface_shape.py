"""A domain's plan language as values: the literal pieces of the skeleton, and its slots.

    plan: open step (sep step)* close      args: open (arg (sep arg)*)? close
    step: ID, TOOL, args, after?, when?    after: open ID (sep ID)* close
    arg:  KEY … value                      when: REF, OP, scalar      ref: before REF after

A piece is a literal text or a Slot. surface_reader.py reads a Surface out of grammar.lark,
plan_printer.py writes plans with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bb_core.language import Language


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to fill: ID, TOOL, KEY, REF, OP, or one of args, after, when, value, scalar."""

    name: str
    optional: bool = False


Piece = str | Slot


@dataclass(frozen=True, slots=True)
class Listing:
    """`open item sep item close`; `empty` says whether no item at all is allowed."""

    open: str
    sep: str
    close: str
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Surface:
    """All a printer, a parser or a mask has to know of a domain's plan language.

    `terminals` holds the exact language of each slot terminal, quotes included; `quoted` names
    the ones that are written as JSON strings.
    """

    plan: Listing
    step: tuple[Piece, ...]
    args: Listing
    arg: tuple[Piece, ...]
    ref: tuple[Piece, ...]
    after: Listing
    when: tuple[Piece, ...]
    array: Listing | None
    object: Listing | None
    pair: tuple[Piece, ...]
    terminals: Mapping[str, Language]
    quoted: frozenset[str]
    blanks: bool = False
    """Whether the grammar ignores blanks, so that one plan has more than one spelling."""
