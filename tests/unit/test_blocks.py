"""Blocks become plain steps that run exactly as the blocks say, whatever the results are."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bb_core.blocks import Branch, Node, Par, Retry, Seq, steps_of
from bb_core.errors import PlanError
from bb_core.plan import Ref, Step, When, needs

A, B, C = (Step(name, f"t_{name}", {}) for name in "abc")
OK = "/ok"


def when(step: str, value: bool = True) -> When:
    return When(Ref(step, OK), "==", value)


def shown(*nodes: Node) -> list[str]:
    """Each plain step as `tool after when`."""
    return [
        " ".join(
            [s.tool, *s.after, *([f"{s.when.ref}{s.when.op}{s.when.value}"] if s.when else [])]
        )
        for s in steps_of(nodes)
    ]


GOLDEN: list[tuple[tuple[Node, ...], list[str]]] = [
    ((Seq((A, B, C)),), ["t_a", "t_b n1", "t_c n2"]),
    ((Seq((A, Par((B, C)), A)),), ["t_a", "t_b n1", "t_c n1", "t_a n2 n3"]),
    ((Seq((A, Branch(when("a"), (B,), None), C)),), ["t_a", "t_b n1/ok==True", "t_c n2"]),
    (
        (Seq((A, Branch(when("a"), (B,), (C,)), A)),),
        ["t_a", "t_b n1/ok==True", "t_a n2", "t_c n1/ok!=True", "t_a n4"],
    ),
    (
        (Seq((Retry(2, Ref("a", OK), (A,), (C,)), B)),),
        [
            "t_a",
            "t_b n1/ok==True",
            "t_a n1/ok!=True",
            "t_b n3/ok==True",
            "t_c n3/ok!=True",
            "t_b n5",
        ],
    ),
    ((A, Seq((B, C))), ["t_a", "t_b", "t_c n2"]),
]


@pytest.mark.parametrize(("nodes", "wanted"), GOLDEN)
def test_what_blocks_come_to(nodes: tuple[Node, ...], wanted: list[str]) -> None:
    assert shown(*nodes) == wanted


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (Seq((A, Par((B, Branch(when("a"), (C,), None))))), "a branch inside a parallel block"),
        (
            Seq((A, B, Branch(when("a"), (Branch(when("b"), (C,), None),), None))),
            "two conditions, on n1/ok and on n2/ok, meet",
        ),
        (
            Seq((A, Branch(when("a"), (Step("d", "t_d", {}, when=when("a")),), None))),
            "d has a condition of its own",
        ),
        (
            Seq((A, *(Branch(when("a"), (B,), (C,)) for _ in range(9)))),
            "more than 512 steps|two conditions",
        ),
    ],
)
def test_what_cannot_be_written_as_steps_is_refused(node: Node, found: str) -> None:
    with pytest.raises(PlanError, match=found):
        steps_of([node])


class Draw:
    """A random program; every step has a tool of its own, so that copies can be told."""

    def __init__(self, seed: int) -> None:
        self.random, self.count = Random(seed), 0

    def step(self) -> Step:
        self.count += 1
        return Step(f"s{self.count}", f"t{self.count}", {})

    def body(self, depth: int) -> tuple[Node, ...]:
        return tuple(node for _ in range(self.random.randint(1, 3)) for node in self.node(depth))

    def node(self, depth: int) -> Sequence[Node]:
        kind = self.random.choice(["step", "step", "par", "branch", "retry", "seq"])
        if depth == 0 or kind == "step":
            return [self.step()]
        if kind == "seq":
            return [Seq(self.body(depth - 1))]
        if kind == "par":
            return [Par(tuple(self.step() for _ in range(self.random.randint(1, 3))))]
        other = self.body(depth - 1) if self.random.random() < 0.6 else None
        first = self.step()
        if kind == "branch":
            cond = When(Ref(first.id, OK), "==", self.random.random() < 0.5)
            return [first, Branch(cond, self.body(depth - 1), other)]
        return [Retry(self.random.randint(1, 3), Ref(first.id, OK), (first,), other)]


class Results:
    """What a tool's call gives: by the tool and how often it was called, the same in any order."""

    def __init__(self, seed: int) -> None:
        self.seed, self.calls = seed, dict[str, int]()

    def call(self, tool: str) -> bool:
        self.calls[tool] = self.calls.get(tool, 0) + 1
        return Random(f"{self.seed} {tool} {self.calls[tool]}").random() < 0.5


def play(nodes: Sequence[Node], results: Results, said: dict[str, bool], ran: list[str]) -> bool:
    """Run blocks as they read; whether what comes after them runs too."""
    for node in nodes:
        match node:
            case Step():
                ran.append(node.tool)
                said[node.id] = results.call(node.tool)
            case Seq(items) | Par(items):
                if not play(items, results, said, ran):
                    return False
            case Branch(cond, yes, no):
                good = said[cond.ref.step] is cond.value
                way = yes if good else no
                if way is None or not play(way, results, said, ran):
                    return False
            case Retry(times, until, body, no):
                for _ in range(times):
                    play(body, results, said, ran)
                    if said[until.step]:
                        break
                else:
                    if no is None or not play(no, results, said, ran):
                        return False
    return True


def run(steps: Sequence[Step], results: Results) -> list[str]:
    """Run plain steps as the executor does: all it needs has run, and its condition holds."""
    said, ran = dict[str, bool](), list[str]()
    for step in steps:
        good = needs(step) <= said.keys()
        if good and step.when:
            same = said[step.when.ref.step] is step.when.value
            good = same is (step.when.op == "==")
        if good:
            ran.append(step.tool)
            said[step.id] = results.call(step.tool)
    return ran


@settings(max_examples=400)
@given(program=st.integers(0, 10**6), outcomes=st.integers(0, 10**6))
def test_the_steps_run_as_the_blocks_say(program: int, outcomes: int) -> None:
    node = Seq(Draw(program).body(3))
    try:
        steps = steps_of([node])
    except PlanError:
        assume(False)
    assert [s.id for s in steps] == [f"n{i}" for i in range(1, len(steps) + 1)]
    wanted: list[str] = []
    play([node], Results(outcomes), {}, wanted)
    assert run(steps, Results(outcomes)) == wanted
