"""Laws of the library of skills: its caps, its hashes, and skills exchanged in a served model."""

import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from bb_nn.errors import CapError, LibraryError, RailError, SwapError
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.hyper_bank import HyperBank
from bb_nn.programs.library import (
    Caps,
    Library,
    Record,
    added,
    promoted,
    removed,
    replaced,
    used,
)
from bb_nn.programs.live import Live, beside, record
from bb_nn.programs.pack import Pack, load, newborn, save, take

torch.set_num_threads(1)
NAMES = ("look", "pay", "tell")


class Net(nn.Module):
    """A trunk with two banks and a buffer."""

    def __init__(self, kind: type[SkillBank] | type[HyperBank] = SkillBank) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 6)
        self.register_buffer("shift", torch.randn(6))
        self.first, self.second = kind(3, 6, 6, 2), kind(3, 6, 4, 2)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        y = self.trunk(x) + self.first(x, z) + self.get_buffer("shift")
        return y[..., :4] + self.second(y, z)


def served(kind: type[SkillBank] | type[HyperBank] = SkillBank) -> Live[Net]:
    torch.manual_seed(0)
    net = Net(kind)
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    packs = [take(net, row, name, (name,)) for row, name in enumerate(NAMES)]
    return Live(net, Library(tuple(record(pack) for pack in packs)))


def learnt(net: Net, name: str) -> Pack:
    pack = newborn(net, name, ("look", "pay"))
    return replace(pack, tensors={k: torch.randn_like(t) for k, t in pack.tensors.items()})


def answers(net: Net, rows: tuple[int, ...] = (0, 1, 2)) -> list[Tensor]:
    x = torch.linspace(-1, 1, 30).view(1, 5, 6)
    with torch.no_grad():
        return [net(x, torch.tensor([k])) for k in rows]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_add_remove_and_roll_back(kind: type[SkillBank] | type[HyperBank]) -> None:
    live = served(kind)
    first = live.version
    before = answers(first.model)
    pack = learnt(first.model, "look_pay")
    grown = live.add(pack, pack.digest, parents=("look", "pay"))
    assert grown.library.names == (*NAMES, "look_pay")
    assert grown.library.records[-1].parents == ("look", "pay")
    assert same(answers(grown.model), before)
    assert take(grown.model, 3, pack.name, pack.tools).digest == pack.digest
    less = live.remove("look")
    assert less.library.names == ("pay", "tell", "look_pay")
    assert same(answers(less.model, (0, 1)), before[1:])
    assert live.rollback() is grown
    assert live.rollback() is first and same(answers(first.model), before)
    with pytest.raises(SwapError, match="no version before"):
        live.rollback()


def test_a_survivor_of_a_merge_keeps_its_names_when_its_bytes_are_exchanged() -> None:
    first = served()
    shares = used(first.version.library, {"look": 0.5, "pay": 0.25})
    live = Live(first.version.model, shares)
    pack = learnt(live.version.model, "look")
    joined = live.merge(pack, pack.digest, "pay").library
    again = learnt(live.version.model, "look")
    after = live.replace(again, again.digest).library
    assert after.records[0] == replace(joined.records[0], digest=again.digest)
    assert after.records[0].serves == ("pay",) and after.records[0].usage == 0.75
    assert after.records[0].parents == ("look", "pay") and after.row("pay") == 0
    told = live.replace(pack, pack.digest, parents=("tell",)).library
    assert told.records[0].parents == ("tell",)


def test_a_name_that_another_skill_serves_for_has_no_row_of_its_own() -> None:
    live = served()
    pack = learnt(live.version.model, "look")
    joined = live.merge(pack, pack.digest, "pay")
    alias = replace(pack, name="pay")
    for change in (
        lambda: live.remove("pay"),
        lambda: live.replace(alias, alias.digest),
        lambda: live.merge(alias, alias.digest, "tell"),
    ):
        with pytest.raises(LibraryError, match=r"'pay' was merged into 'look'.* Name 'look'"):
            change()
    assert live.version is joined
    assert live.remove("look").library.names == ("tell",)


def test_a_newborn_skill_does_what_the_trunk_does() -> None:
    live = served()
    pack = newborn(live.version.model, "new", ("look",))
    model = live.add(pack, pack.digest).model
    assert same(answers(model, (3,)), answers(model, (-1,)))


def test_a_request_keeps_the_version_it_started_with() -> None:
    """Threads ask while skills are exchanged; every answer is one version's, whole."""
    live = served()
    packs = {k: learnt(live.version.model, "pay") for k in range(6)}
    expected = {0: answers(live.version.model)}
    wrong, stop = [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            version = live.version
            first, again = answers(version.model), answers(version.model)
            if not same(first, again):
                wrong.append(version.number)
            if version.number in expected and not same(first, expected[version.number]):
                wrong.append(version.number)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for pack in packs.values():
        version = live.replace(pack, pack.digest)
        expected[version.number] = answers(version.model)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len({float(a[1].sum()) for a in expected.values()}) == len(packs) + 1


def test_versions_share_all_but_the_banks() -> None:
    live = served()
    model, other = live.version.model, beside(live.version.model)
    assert other.trunk.weight is model.trunk.weight
    assert other.get_buffer("shift") is model.get_buffer("shift")
    assert other.first.up[0] is not model.first.up[0]
    nn.init.zeros_(other.first.up[0])
    assert model.first.up[0].any()


def test_other_bytes_than_the_approved_are_refused() -> None:
    live = served()
    before = live.version
    pack = learnt(before.model, "pay")
    digest = pack.digest
    key = next(iter(pack.tensors))
    pack.tensors[key].view(-1)[0] += 1e-6
    for change in (live.replace, live.add):
        with pytest.raises(SwapError, match="not the approved ones"):
            change(replace(pack), digest)
    assert live.version is before


def test_what_does_not_fit_is_refused() -> None:
    live = served()
    pack = learnt(live.version.model, "pay")
    for tensors, found in (
        ({k: t for k, t in pack.tensors.items() if k != "first/up"}, "first/up is missing"),
        ({k: t for k, t in pack.tensors.items() if "first" in k}, "1 banks' tensors.* 2 banks"),
        ({**pack.tensors, "first/up": torch.zeros(3, 3)}, r"first/up is \(3, 3\), not \(6, 2\)"),
        ({**pack.tensors, "third/up": torch.zeros(3, 3)}, "3 banks' tensors"),
        ({**pack.tensors, "first/more": torch.zeros(2)}, "first/more is no bank's tensor"),
    ):
        bad = replace(pack, tensors=tensors)
        with pytest.raises(SwapError, match=found):
            live.replace(bad, bad.digest)
    assert live.version.number == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_a_skill_whose_weights_are_no_numbers_is_refused(
    kind: type[SkillBank] | type[HyperBank], value: float
) -> None:
    live = served(kind)
    for name, change in (("pay", live.replace), ("new", live.add)):
        pack = learnt(live.version.model, name)
        key = max(pack.tensors)
        pack.tensors[key].view(-1)[0] = value
        with pytest.raises(RailError, match=f"{name}: the weights '{key}' hold a number"):
            change(pack, pack.digest)
    assert live.version.number == 0


def test_no_two_versions_have_one_number() -> None:
    live = served()
    seen = [live.version]
    for name in ("one", "two", "three"):
        pack = learnt(live.version.model, name)
        seen.append(live.add(pack, pack.digest))
        live.rollback()
    assert [version.number for version in seen] == [0, 1, 2, 3]
    assert live.version.number == 0


def test_a_version_made_from_what_no_longer_serves_is_not_put() -> None:
    live = served()
    now = live.version
    trial = Live(now.model, now.library)
    for place, name in ((trial, "mine"), (live, "theirs")):
        pack = learnt(now.model, name)
        place.add(pack, pack.digest)
    with pytest.raises(SwapError, match="made from version 0, and 1 serves"):
        live.put(trial.version, now)
    assert live.version.library.names == (*NAMES, "theirs")
    live.rollback()
    assert live.put(trial.version, now).library.names == (*NAMES, "mine")
    assert live.version.number == 2


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_a_skill_of_another_type_is_refused(kind: type[SkillBank] | type[HyperBank]) -> None:
    live = served(kind)
    for name, change in (("pay", live.replace), ("new", live.add)):
        pack = learnt(live.version.model, name)
        half = replace(pack, tensors={k: t.half() for k, t in pack.tensors.items()})
        with pytest.raises(SwapError, match=r"is torch\.float16, not torch\.float32"):
            change(half, half.digest)
    assert live.version.number == 0
    born = newborn(Net(kind).half(), "new", ("look",))
    assert all(tensor.dtype is torch.float16 for tensor in born.tensors.values())


@pytest.mark.parametrize("kind", [SkillBank, HyperBank])
def test_a_skill_is_put_where_the_bank_is(kind: type[SkillBank] | type[HyperBank]) -> None:
    with torch.device("meta"):
        bank = kind(2, 6, 6, 2)
    given = kind(1, 6, 6, 2).tensors(0)
    bank.put(0, given)
    bank.grow(given)
    assert {p.device.type for p in bank.parameters()} == {"meta"}


def test_bytes_changed_under_a_version_are_found() -> None:
    live = served()
    with torch.no_grad():
        live.version.model.first.up[1][0, 0] += 1
    pack = learnt(live.version.model, "new")
    with pytest.raises(SwapError, match="not the library's"):
        live.add(pack, pack.digest)


def test_a_skill_on_disk_is_the_same_or_refused(tmp_path: Path) -> None:
    pack = learnt(served().version.model, "pay")
    path = tmp_path / "pay.safetensors"
    assert save(pack, path) == load(path).digest == pack.digest
    assert load(path).tools == pack.tools
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(SwapError, match="not what its digest says"):
        load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(SwapError, match="no skill"):
        load(path)


def skill(name: str, parameters: int = 10) -> Record:
    return Record(name, (name,), "sha256:0", parameters)


def test_caps() -> None:
    library = Library((), Caps(skills=3, parameters=35, births=1))
    for name in NAMES:
        library = added(library, skill(name))
    with pytest.raises(CapError, match="4 skills, the cap is 3"):
        added(library, skill("more"))
    with pytest.raises(CapError, match="36 parameters"):
        replaced(library, skill("pay", 16))
    with pytest.raises(LibraryError, match="there already"):
        added(library, skill("pay"))
    with pytest.raises(LibraryError, match="Known: look, pay, tell"):
        removed(library, "nothing")


def test_one_birth_a_promotion() -> None:
    library = promoted(Library(tuple(map(skill, NAMES))))
    library = added(library, skill("first"))
    with pytest.raises(CapError, match="births"):
        added(library, skill("second"))
    with pytest.raises(CapError, match="births"):
        added(removed(library, "look"), skill("second"))
    later = added(promoted(library), skill("second"))
    assert [r.born for r in later.records] == [0, 0, 0, 1, 2]
