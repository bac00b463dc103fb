"""A gold plan as arrays: every question of every clause, its options, and the right ones."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bb_nn.builder.edge_head import EDGE_FEATURES
from bb_nn.builder.option_head import FEATURES, Kind, Query
from bb_nn.builder.question import BEGIN, Option, Question, Spot, Tokens


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its gold answer: the options that mean it, the spans elsewhere that do.

    `free`: the characters of a free text. `before` is the answer before it in this clause, `copied`
    the spots this clause has copied so far, in order.
    """

    question: Question
    gold: tuple[int, ...]
    gold_elsewhere: tuple[int, ...] = ()
    free: Spot | None = None
    before: Option = BEGIN
    copied: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Whether the step that answers a clause's action waits for an earlier step, by its place."""

    action: int
    step: int
    waits: bool
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A step of the plan: the row of its tool's text, the spots it copied, its actions.

    `asked`: the action that chose its skill; `action`: the last one.
    """

    word: int
    spots: tuple[Spot, ...]
    asked: int
    action: int


@dataclass
class Script:
    """A gold plan as it is built. Actions are counted over all clauses.

    clauses: characters from and to; `first_action` and `earlier` (steps before it) of each.
    """

    request_end: int
    starts: tuple[int, ...]
    clauses: list[Spot] = field(default_factory=list)
    first_action: list[int] = field(default_factory=list)
    earlier: list[int] = field(default_factory=list)
    actions: list[Answered] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


Encoded = dict[str, Any]
"""Arrays by name, all counted within one example; see `encode`."""


def encode(script: Script, tokens: Tokens) -> Encoded:
    """The arrays of one gold plan.

    clause [C, 4]: first and last token, first action, steps before. action [A, 8]: query, word,
    adapter, the answer before as kind, a, b, the last token copied, clause. copied [., 3]: action,
    tokens from and to. group [G, 3]: action, elsewhere or not, query. option [O, 4]: group, kind,
    a, b; with features, allowed, gold. free [F, 3]: action, tokens from and to. node [N, 4]: word,
    clause, action, the question that chose it; node_span [., 3]: node, tokens from and to.
    edge [E, 3]: action, step, waits; with edge_features. start, known [T].
    """
    clause_of = np.zeros(len(script.actions), dtype=int)
    for index, first in enumerate(script.first_action):
        clause_of[first:] = index
    rows = [_action(i, a, tokens, script, clause_of) for i, a in enumerate(script.actions)]
    copied = [(i, *tokens.span(spot)) for i, a in enumerate(script.actions) for spot in a.copied]
    spans = [(n, *tokens.span(spot)) for n, node in enumerate(script.nodes) for spot in node.spots]
    groups = _groups(script, tokens)
    chosen = {int(action): g for g, (action, second, _) in enumerate(groups["group"]) if not second}
    nodes = [(n.word, clause_of[n.action], n.action, chosen[n.asked]) for n in script.nodes]
    free = [(i, *tokens.span(a.free)) for i, a in enumerate(script.actions) if a.free]
    edges = [(e.action, e.step, e.waits) for e in script.edges]
    return {
        "clause": _ints(_clauses(script, tokens), 4),
        "action": _ints(rows, 8),
        "copied": _ints(copied, 3),
        "free": _ints(free, 3),
        "node": _ints(nodes, 4),
        "node_span": _ints(spans, 3),
        "edge": _ints(edges, 3),
        "edge_features": _floats([e.features for e in script.edges], EDGE_FEATURES),
        **groups,
        **_starts(script, tokens),
    }


def option_row(option: Option, tokens: Tokens) -> tuple[int, int, int]:
    """kind, a, b: a span's characters become its first and last token."""
    if option.kind is Kind.SPAN:
        return int(option.kind), *tokens.span((option.a, option.b))
    return int(option.kind), option.a, option.b


def padded(features: tuple[float, ...], width: int = FEATURES) -> tuple[float, ...]:
    """The features, with zeros behind them."""
    return features + (0.0,) * (width - len(features))


def _clauses(script: Script, tokens: Tokens) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for i, (begin, end) in enumerate(script.clauses):
        first, last = tokens.span((begin, end))
        found.append((first, last, script.first_action[i], script.earlier[i]))
    return found


def _action(
    index: int, answered: Answered, tokens: Tokens, script: Script, clause_of: Any
) -> tuple[int, ...]:
    clause = int(clause_of[index])
    last = tokens.span(answered.copied[-1])[1] if answered.copied else -1
    first = tokens.at(script.clauses[clause][0])
    asked = answered.question
    before = option_row(answered.before, tokens)
    return int(asked.query), asked.word, asked.adapter, *before, max(last, first), clause


def _groups(script: Script, tokens: Tokens) -> Encoded:
    group: list[tuple[int, int, int]] = []
    option: list[tuple[int, ...]] = []
    features, allowed, gold = [], [], []
    for index, answered in enumerate(script.actions):
        asked = answered.question
        for second, options, right in (
            (0, asked.options, answered.gold),
            (1, asked.elsewhere, answered.gold_elsewhere),
        ):
            if not right:
                continue
            query = Query.ELSEWHERE if second else asked.query
            group.append((index, second, int(query)))
            for place, one in enumerate(options):
                option.append((len(group) - 1, *option_row(one, tokens)))
                features.append(padded(one.features))
                allowed.append(one.allowed)
                gold.append(place in right)
    return {
        "group": _ints(group, 3),
        "option": _ints(option, 4),
        "features": _floats(features, FEATURES),
        "allowed": np.array(allowed, dtype=bool),
        "gold": np.array(gold, dtype=bool),
    }


def _starts(script: Script, tokens: Tokens) -> Encoded:
    start = np.zeros(len(tokens), dtype=np.float32)
    known = np.zeros(len(tokens), dtype=np.float32)
    if script.starts:
        start[[tokens.at(char) for char in script.starts]] = 1.0
        known[1:] = (tokens.starts < script.request_end)[1:]
    return {"start": start, "known": known}


def _ints(rows: list[Any], width: int) -> Any:
    return np.array(rows, dtype=np.int32).reshape(-1, width)


def _floats(rows: list[Any], width: int) -> Any:
    return np.array(rows, dtype=np.float16).reshape(-1, width)
