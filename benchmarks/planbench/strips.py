"""PDDL (STRIPS with types) -> values, and a plan schema whose typestate is the PDDL domain's.

    :precondition (on ?x ?y)     requires:    on(args.x, args.y)
    :effect (not (clear ?y))     kills:       clear(args.y)
    :effect (holding ?x)         establishes: holding(args.x)
    :goal (on a b)               a last step  want_on(a, b), which requires on(args.a0, args.a1)

Not covered: negative preconditions, disjunction, quantifiers, numbers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Atom = tuple[str, ...]
"""A predicate's name, then what it is about."""


@dataclass(frozen=True)
class Action:
    """One action: its parameters with their types, and atoms over the parameters' names."""

    name: str
    params: tuple[tuple[str, str], ...]
    needs: tuple[Atom, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]


@dataclass(frozen=True, eq=False)
class Strips:
    """A domain: its actions, and the parent of each type."""

    name: str
    actions: tuple[Action, ...]
    parents: Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """A problem: what there is, what holds at first, what is wanted."""

    objects: Mapping[str, str]
    init: frozenset[Atom]
    goal: tuple[Atom, ...]


def read_domain(text: str) -> Strips:
    """The STRIPS domain in a PDDL text; raises ValueError where it is more than that."""
    parts = _tree(text)
    fields = {part[0]: part[1:] for part in parts[2:] if part[0] != ":action"}
    actions = tuple(_action(part) for part in parts if part[0] == ":action")
    return Strips(parts[1][1], actions, dict(_typed(fields.get(":types", []))))


def read_problem(text: str) -> Problem:
    """The problem in a PDDL text."""
    fields = {part[0]: part[1:] for part in _tree(text)[2:]}
    goal = tuple(_atoms(fields[":goal"][0]))
    return Problem(dict(_typed(fields[":objects"])), frozenset(map(_atom, fields[":init"])), goal)


def read_step(text: str) -> Atom:
    """`(stack a b)` as a name and what it is called with."""
    return _atom(_tree(text))


def schema(strips: Strips) -> dict[str, Any]:
    """The plan schema of a domain, as plan_schema.yaml would have it read."""
    facts: dict[str, int] = {}
    for action in strips.actions:
        for name, *about in (*action.needs, *action.adds, *action.deletes):
            facts[name] = len(about)
    facts |= {kind_fact(kind): 1 for action in strips.actions for _, kind in action.params if kind}
    tools = {"look": _tool({"thing": _THING}, "read")}
    tools |= {slug(action.name): _action_tool(action) for action in strips.actions}
    tools |= {f"want_{name}": _wanting(name, count) for name, count in facts.items()}
    return {
        "plan_schema": 1,
        "domain": "planbench",
        "types": {"Thing": {"type": "string", "pattern": "^[a-z0-9_-]{1,40}$"}},
        "entities": {"thing": {"key": "Thing", "read": "look", "arg": "thing"}},
        "facts": {name: {"entity": "thing"} for name in facts},
        "limits": {"steps": 200, "depth": 200, "writes": 200},
        "tools": tools,
    }


def kinds(strips: Strips, problem: Problem) -> Iterator[Atom]:
    """Every object's types, as atoms: `crate0` is a crate, a surface and a locatable."""
    for name, kind in problem.objects.items():
        while kind and kind != "object":
            yield kind_fact(kind), name
            kind = strips.parents.get(kind, "")


def kind_fact(kind: str) -> str:
    """The fact that something is of a type."""
    return f"is_{slug(kind)}"


def slug(name: str) -> str:
    """A PDDL name as one of ours."""
    return name.replace("-", "_").lstrip("?")


_THING = {"type-name": "Thing"}


def _tool(args: Mapping[str, Any], effect: str, **more: Any) -> dict[str, Any]:
    waived = {"waives": {"compensation": "a benchmark"}} if effect == "write" else {}
    return {"does": "Do it", "effect": effect, "args": dict(args), **waived, **more}


def _action_tool(action: Action) -> dict[str, Any]:
    typed = [call((kind_fact(kind), name)) for name, kind in action.params if kind]
    return _tool(
        {slug(name): _THING for name, _ in action.params},
        "write",
        requires=typed + [call(atom) for atom in action.needs],
        establishes=[call(atom) for atom in action.adds],
        kills=[call(atom) for atom in action.deletes],
    )


def _wanting(fact: str, count: int) -> dict[str, Any]:
    names = [f"a{i}" for i in range(count)]
    return _tool(dict.fromkeys(names, _THING), "read", requires=[call((fact, *names))])


def call(atom: Atom) -> str:
    """An atom over parameters as a fact of the schema."""
    name, *about = atom
    paths = ", ".join(f"args.{slug(one)}" for one in about)
    return f"{slug(name)}({paths})" if about else slug(name)


def _action(part: list[Any]) -> Action:
    fields = dict(zip(part[2::2], part[3::2], strict=True))
    effects = _conjuncts(fields[":effect"])
    return Action(
        name=part[1],
        params=tuple(_typed(fields[":parameters"])),
        needs=tuple(_atoms(fields.get(":precondition", ["and"]))),
        adds=tuple(_atom(e) for e in effects if e[0] != "not"),
        deletes=tuple(_atom(e[1]) for e in effects if e[0] == "not"),
    )


def _atoms(node: list[Any]) -> list[Atom]:
    return [_atom(part) for part in _conjuncts(node)]


def _conjuncts(node: list[Any]) -> list[list[Any]]:
    return node[1:] if node and node[0] == "and" else [node]


def _atom(node: list[Any]) -> Atom:
    if not all(isinstance(word, str) for word in node) or node[0] in ("not", "or", "forall", "="):
        raise ValueError(f"not a plain atom: {node}")
    return slug(node[0]), *node[1:]


def _typed(words: list[str]) -> Iterator[tuple[str, str]]:
    """`a b - truck c` -> (a, truck), (b, truck), (c, ''); everything is an `object`."""
    waiting: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-":
            kind = next(rest)
            yield from ((name, "" if kind == "object" else kind) for name in waiting)
            waiting = []
        else:
            waiting.append(word)
    yield from ((name, "") for name in waiting)


def _tree(text: str) -> list[Any]:
    bare = re.sub(r";[^\n]*", "", text).lower()
    stack: list[list[Any]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", bare):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError("brackets do not match")
    tree: list[Any] = stack[0][0]
    return tree
