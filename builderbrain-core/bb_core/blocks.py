"""Blocks: sequence, parallel, branch and retry, as a person writes them, become plain steps.

    do { a b c }                    b waits for a, c for b
    together { a b } c              a and b run side by side, c waits for both
    if n1/ok == true { a } c        a, then c, and neither if it is false: a guard
    if … { a } else { b } c         a c, or b c: c is written once more for the other branch
    retry 3 until n4/held { a } c   a, and c if n4/held is true; else a again, three times at most
    retry … { a } else { b }        b when no attempt did

A plan has no joins after a branch (a step whose forerunner was skipped does not run), so what
comes after a branch is repeated in each. Steps are numbered anew; a reference means the copy above.

Refused: a branch inside `together`, which has no single end to wait for; two conditions that meet
at one step; more than MOST steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bb_core.errors import PlanError
from bb_core.exclusive import opposite
from bb_core.plan import Ref, Step, Value, When

WORDS = frozenset({"seq", "par", "branch", "retry"})
"""The rules of a grammar that are blocks."""
MOST = 512


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Par:
    """Side by side."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way or the other; None: no other way, so nothing goes on."""

    when: When
    yes: tuple["Node", ...]
    no: tuple["Node", ...] | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Again until a result is true, so many times at most; then the other way, if there is one."""

    times: int
    until: Ref
    body: tuple["Node", ...]
    no: tuple["Node", ...] | None


Node = Step | Seq | Par | Branch | Retry
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the next step waits for, and the condition it runs under."""

    after: tuple[str, ...] = ()
    when: When | None = None


def steps_of(nodes: Sequence[Node]) -> tuple[Step, ...]:
    """The plain steps of a text with blocks; raises PlanError where one cannot be written so."""
    made: list[Step] = []
    lower, names = _Lowering(made), dict[str, str]()
    for node in nodes:
        lower.follow([node], _Entry(), names)
    return tuple(made)


class _Lowering:
    def __init__(self, made: list[Step]) -> None:
        self.made = made

    def follow(self, nodes: Sequence[Node], entry: _Entry, names: dict[str, str]) -> _Entry:
        """Write the nodes one after the other; what the step after them would wait for."""
        if not nodes:
            return entry
        head, rest = nodes[0], nodes[1:]
        match head:
            case Step():
                return self.follow(rest, self.step(head, entry, names), names)
            case Seq(items):
                return self.follow([*items, *rest], entry, names)
            case Par(items):
                return self.follow(rest, self.together(items, entry, names), names)
            case Branch(when, yes, no):
                asked = replace(when, ref=_ref(when.ref, names))
                self.branch([*yes, *rest], entry, asked, names)
                if no is not None:
                    self.branch([*no, *rest], entry, opposite(asked), names)
                return _Entry()
            case Retry():
                return self.follow([*head.body, _again(head), *rest], entry, names)

    def branch(self, nodes: Sequence[Node], entry: _Entry, when: When, names: Names) -> None:
        """One way of a branch, with names of its own from here on."""
        if entry.when is not None:
            found = f"two conditions, on {entry.when.ref} and on {when.ref}, meet at one step"
            raise PlanError(found, where="plan", fix="put a step between the two")
        if nodes:
            after = tuple(a for a in entry.after if a != when.ref.step)
            self.follow(nodes, _Entry(after, when), dict(names))

    def together(self, items: Sequence[Node], entry: _Entry, names: dict[str, str]) -> _Entry:
        ends: list[str] = []
        for item in items:
            if _forks(item):
                fix = "put it behind the block, or make it a sequence"
                raise PlanError("a branch inside a parallel block", where="plan", fix=fix)
            ends += self.follow([item], entry, names).after
        return _Entry(tuple(dict.fromkeys(ends)))

    def step(self, step: Step, entry: _Entry, names: dict[str, str]) -> _Entry:
        """One step, under a new name that later references in this branch mean."""
        if len(self.made) >= MOST:
            raise PlanError(f"written out it has more than {MOST} steps", where="plan")
        if step.when and entry.when:
            found = f"{step.id} has a condition of its own and stands first in a branch"
            raise PlanError(found, where="plan", fix="put a step between the two")
        after = [names.get(a, a) for a in step.after]
        own = replace(step.when, ref=_ref(step.when.ref, names)) if step.when else entry.when
        waits = dict.fromkeys([*entry.after, *after])
        if step.when and own:
            waits.pop(own.ref.step, None)
        name = f"n{len(self.made) + 1}"
        args = {key: _value(value, names) for key, value in step.args.items()}
        self.made.append(Step(name, step.tool, args, tuple(waits), own))
        names[step.id] = name
        return _Entry((name,))


def _again(retry: Retry) -> Branch:
    """What an attempt is followed by: on if it did, another attempt if one is left."""
    less = replace(retry, times=retry.times - 1)
    return Branch(When(retry.until, "==", True), (), (less,) if less.times else retry.no)


def _forks(node: Node) -> bool:
    match node:
        case Seq(items) | Par(items):
            return any(map(_forks, items))
        case Step():
            return False
        case _:
            return True


def _ref(ref: Ref, names: Names) -> Ref:
    return Ref(names.get(ref.step, ref.step), ref.pointer)


def _value(value: Value, names: Names) -> Value:
    if isinstance(value, Ref):
        return _ref(value, names)
    if isinstance(value, Mapping):
        return {key: _value(item, names) for key, item in value.items()}
    return [_value(item, names) for item in value] if isinstance(value, list | tuple) else value
