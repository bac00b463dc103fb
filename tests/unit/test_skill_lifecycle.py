"""Laws of birth, merge and distillation, on small models that really learn."""

from collections.abc import Sequence

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bb_nn.errors import LibraryError
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.library import Caps, Library, promoted
from bb_nn.programs.live import Live, Version, beside, record
from bb_nn.programs.pack import newborn, take
from bb_train.skills.accept import Verdict, judged, tried
from bb_train.skills.birth import clusters, contexts, needs
from bb_train.skills.distill import distilled
from bb_train.skills.merge import cosine, exchangeable, inputs_of, merged
from bb_train.skills.rows import train_rows

torch.set_num_threads(1)
WIDTH, RANK = 8, 3
NAMES = ("first", "second", "third")
CAPS = Caps()


class Net(nn.Module):
    """A fixed trunk and a bank: the answer to x under skill z."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(WIDTH, WIDTH)
        self.bank = SkillBank(len(NAMES), WIDTH, WIDTH, RANK)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        out: Tensor = self.trunk(x) + self.bank(x, z)
        return out


def live(net: Net, caps: Caps = CAPS) -> Live[Net]:
    packs = [take(net, row, name, (name,)) for row, name in enumerate(NAMES)]
    return Live(net, Library(tuple(map(record, packs)), caps))


def net(seed: int = 0) -> Net:
    torch.manual_seed(seed)
    made = Net()
    for up in made.bank.up:
        nn.init.normal_(up)
    return made


def test_only_the_rows_that_are_trained_change() -> None:
    model = net()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    x, target = torch.randn(32, 4, WIDTH), torch.randn(32, 4, WIDTH)
    z = torch.randint(0, 3, (32,))
    losses = train_rows(model, [1], lambda _: (model(x, z) - target).square().mean(), 50)
    assert losses[-1] < losses[0]
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {"bank.down.1", "bank.up.1"}
    assert all(p.requires_grad for p in model.parameters())


def test_a_skill_is_alike_to_itself_and_to_its_double() -> None:
    model = net()
    with torch.no_grad():
        model.bank.put(1, {"down": model.bank.down[0] * 2, "up": model.bank.up[0]})
        model.bank.up[2].zero_()
    x = {"bank": torch.randn(100, WIDTH)}
    assert cosine(model, 0, 1, x) == pytest.approx(1.0)
    assert cosine(model, 0, 2, x) == 0.0
    assert cosine(model, 2, 2, x) == 0.0
    assert abs(cosine(net(1), 0, 1, x)) < 0.9


def test_likeness_is_judged_where_the_skills_are_used() -> None:
    """Two maps that differ only on directions nobody feeds them are one skill."""
    model = net()
    with torch.no_grad():
        down = model.bank.down[0].clone()
        down[:, WIDTH // 2 :] = torch.randn(RANK, WIDTH // 2)
        model.bank.put(1, {"down": down, "up": model.bank.up[0]})
    x = torch.randn(10, 5, WIDTH)
    x[..., WIDTH // 2 :] = 0
    z = torch.zeros(10, dtype=torch.long)
    inputs = inputs_of(model, lambda: model(x, z), 0)
    assert inputs["bank"].shape == (50, WIDTH)
    assert cosine(model, 0, 1, inputs) == pytest.approx(1.0)
    assert cosine(model, 0, 1, {"bank": torch.randn(50, WIDTH)}) < 0.99
    assert inputs_of(model, lambda: model(x, z), 2) == {}


def test_exchangeable_use() -> None:
    plans = [("open", skill, "close") for skill in ("a", "b") * 20] + [("open", "c", "a")] * 15
    assert exchangeable(contexts(plans[:40], "a"), contexts(plans, "b")) > 0.5
    assert exchangeable(contexts(plans[:40], "a"), contexts(plans, "c")) < 0.01
    assert contexts([("a",)], "a") == [("", "")]


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_merging_is_the_best_of_its_rank(seed: int) -> None:
    """No random pair of the same rank is nearer to the mean; equal skills merge to themselves."""
    model = net(seed)
    mean = 0.5 * (model.bank.delta(0) + model.bank.delta(1)).detach()
    pack = merged(model, 0, 1, "first", ("first",))
    found = pack.tensors["bank/up"] @ pack.tensors["bank/down"]
    singular = torch.linalg.svdvals(mean)
    assert float((found - mean).square().sum()) == pytest.approx(
        float(singular[RANK:].square().sum()), rel=1e-3, abs=1e-5
    )
    same = merged(model, 2, 2, "third", ("third",))
    delta = same.tensors["bank/up"] @ same.tensors["bank/down"]
    torch.testing.assert_close(delta, model.bank.delta(2).detach(), atol=1e-4, rtol=1e-4)


def test_distilling_beats_the_mean_on_what_is_read() -> None:
    """Skills that read different halves of the state are both kept whole by one, if the rank
    suffices; the mean of their matrices halves each."""
    torch.manual_seed(0)
    model = Net()
    for up, down in zip(model.bank.up[:2], model.bank.down[:2], strict=True):
        nn.init.normal_(up)
        with torch.no_grad():
            up[:, 1:] = 0
            down[1:] = 0
    left, right = torch.randn(200, WIDTH), torch.randn(200, WIDTH)
    left[:, WIDTH // 2 :] = 0
    right[:, : WIDTH // 2] = 0
    usage = [{"bank": left}, {"bank": right}]
    born = merged(model, 0, 1, "first", ("first",))
    better = distilled(model, (0, 1), usage, born)

    def error(pack_up: Tensor, pack_down: Tensor) -> float:
        delta = pack_up @ pack_down
        gaps = [x["bank"] @ (delta - model.bank.delta(k)).T for k, x in enumerate(usage)]
        return float(sum((gap.square().mean() for gap in gaps), torch.zeros(())).detach())

    spread = error(torch.zeros(WIDTH, RANK), torch.zeros(RANK, WIDTH))
    assert error(better.tensors["bank/up"], better.tensors["bank/down"]) < 1e-6 * spread
    assert error(born.tensors["bank/up"], born.tensors["bank/down"]) > 0.1 * spread


def test_distilling_is_the_best_of_its_rank() -> None:
    """Gradient descent from it finds nothing better."""
    model = net()
    usage = [{"bank": torch.randn(300, WIDTH) * torch.rand(WIDTH)} for _ in range(2)]
    pack = distilled(model, (0, 1), usage, merged(model, 0, 1, "first", ("first",)))
    goals = [x["bank"] @ model.bank.delta(k).detach().T for k, x in enumerate(usage)]
    up = pack.tensors["bank/up"].clone().requires_grad_()
    down = pack.tensors["bank/down"].clone().requires_grad_()

    def error() -> Tensor:
        gaps = [x["bank"] @ (up @ down).T - y for x, y in zip(usage, goals, strict=True)]
        return torch.stack([gap.square().sum() for gap in gaps]).sum()

    start = float(error().detach())
    optimiser = torch.optim.LBFGS([up, down], max_iter=200)

    def closure() -> float:
        optimiser.zero_grad()
        value = error()
        torch.autograd.backward(value)
        return float(value.detach())

    optimiser.step(closure)
    assert float(error().detach()) > 0.999 * start


def right(version: Version[Net], x: Tensor, names: Sequence[str], target: Tensor) -> list[bool]:
    z = torch.tensor([version.library.row(name) for name in names])
    with torch.no_grad():
        gap = (version.model(x, z) - target).square().mean((1, 2))
    return [bool(g < 0.05) for g in gap]


def test_a_merge_of_doubles_is_kept_and_of_strangers_is_not() -> None:
    """Two skills that learnt one map become one that serves both names; two that learnt two maps
    stay, and the served bytes stay with them."""
    model = net()
    with torch.no_grad():
        doubled = {"down": model.bank.down[0] + 1e-3, "up": model.bank.up[0]}
        model.bank.put(1, doubled)
    served = live(model)
    names = [NAMES[k % 3] for k in range(300)]
    x = torch.randn(300, 2, WIDTH)
    with torch.no_grad():
        target = model(x, torch.tensor([k % 3 for k in range(300)]))

    def outcomes(version: Version[Net]) -> list[bool]:
        return right(version, x, names, target)

    def join(first: int, second: int) -> Verdict:
        pack = merged(served.version.model, first, second, NAMES[first], (NAMES[first],))
        return tried(served, lambda on: on.merge(pack, pack.digest, NAMES[second]), outcomes)

    before = served.version
    refused = join(0, 2)
    assert not refused.accepted and refused.lost > 100
    assert served.version is before
    kept = join(0, 1)
    assert kept.accepted and kept.lost == 0
    assert served.version.library.names == ("first", "third")
    assert served.version.library.row("second") == 0
    assert served.version.library.records[0].parents == ("first", "second")
    pack = take(served.version.model, 0, "first", ("first",))
    with pytest.raises(LibraryError, match="already"):
        served.merge(pack, pack.digest, "second")
    assert served.rollback() is before


def test_a_birth_learns_what_the_library_cannot_and_costs_nobody() -> None:
    """Failures of a new map form a cluster no skill fixes; a skill is born, trained alone, kept."""
    served = live(net())
    served = Live(served.version.model, promoted(served.version.library))
    model = served.version.model
    fourth = torch.randn(WIDTH, RANK) @ torch.randn(RANK, WIDTH)
    x = torch.randn(400, 2, WIDTH)
    names = [NAMES[k % 3] for k in range(200)] + ["fourth"] * 200
    with torch.no_grad():
        old = model(x[:200], torch.tensor([k % 3 for k in range(200)]))
        target = torch.cat([old, model.trunk(x[200:]) + x[200:] @ fourth.T])

    def fixes(item: int, row: int) -> bool:
        with torch.no_grad():
            got = model(x[200 + item][None], torch.tensor([row]))[0]
        return bool((got - target[200 + item]).square().mean() < 0.05)

    states = torch.ones(200, 4) + 0.01 * torch.randn(200, 4)
    (need,) = needs(states, fixes, 3)
    assert len(need.failures) == 200 and need.fixed == 0.0
    grown = beside(model)
    row = grown.bank.grow()
    z = torch.full((200,), row)
    train_rows(
        grown, [row], lambda _: (grown(x[200:], z) - target[200:]).square().mean(), 800, 2e-2
    )
    pack = take(grown, row, "fourth", ("first", "third"))

    def outcomes(version: Version[Net]) -> list[bool]:
        known = version.library.names
        return right(version, x, [n if n in known else "first" for n in names], target)

    verdict = tried(served, lambda on: on.add(pack, pack.digest), outcomes)
    assert verdict.accepted and verdict.gained == 200 and verdict.lost == 0
    born = served.version.library.records[-1]
    assert (born.name, born.born, born.tools) == ("fourth", 1, ("first", "third"))


def test_no_birth_where_a_skill_only_was_not_chosen_or_failures_are_few() -> None:
    states = torch.eye(3).repeat_interleave(torch.tensor([30, 25, 10]), dim=0)
    found = needs(states, lambda item, row: row == 1 and item < 30, 2, minimum=20)
    assert [need.failures for need in found] == [tuple(range(30, 55))]
    assert needs(torch.zeros(0, 3), lambda *_: False, 2) == []


def test_clusters_are_chains_of_neighbours() -> None:
    angles = torch.tensor([0.0, 0.4, 0.8, 2.5, 2.6])
    states = torch.stack([angles.cos(), angles.sin()], -1)
    assert clusters(states, near=0.9) == [[0, 1, 2], [3, 4]]


def test_a_verdict_needs_items() -> None:
    assert not judged([], []).accepted
    assert not judged([True] * 100, [True] * 100).accepted
    assert judged([True] * 150, [True] * 150).accepted
    assert not judged([False] * 10 + [True] * 290, [True] * 300).accepted
    assert judged([True] * 300, [False] * 10 + [True] * 290).accepted


def test_what_raises_changes_nothing() -> None:
    served = live(net(), Caps(skills=3))
    before = served.version
    pack = newborn(before.model, "fourth", ("first",))
    with pytest.raises(LibraryError):
        tried(served, lambda on: on.add(pack, pack.digest), lambda _: [True])
    assert served.version is before
