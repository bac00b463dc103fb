"""Tools that training never showed, all on offer at once: does one work, can one be learnt?

as_is    told as strangers, by what a request says of their words and values; no number is learnt
carried  the same plans, carried out: they end in exactly the state asked for
fitted   a tool's vector and its adapter are learnt, the trunk frozen; `numbers` is how many
learnt   whether fitting helps, by a paired test on other items than those of the shares
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from interval import intervals
from lab import Lab, changed, drawn, fit
from report import say

from bb_nn.builder.builder import PlanBuilder
from bb_train.statistics import discordant, mcnemar

NEW = ("issue_credit", "modify_payment", "exchange_items", "capture_payment")
ITEMS = 25
"""A tool's items that are reported; as many more to say whether it was learnt, twice to learn."""
LEVEL = 0.05
HOW = (
    "New tools are barred in training, and all on offer afterwards: `as_is` a builder knows each "
    "by what the request says of its words and values alone. `carried`: the plan, carried out with "
    "every consent given, ends in exactly the state asked for; there is more than one such plan.",
    f"Each new tool has {2 * ITEMS} examples to fit it, {ITEMS} to say whether it was learnt "
    f"(McNemar, p < {LEVEL}), {ITEMS} others of which the shares are; all of the training split. "
    "`numbers` are a tool's if it is fitted, learnt or not; `all` has their mean.",
)


@dataclass(frozen=True)
class Tried:
    """A tool's hits as it is, carried out and fitted, p of fitting not helping, its numbers."""

    as_is: Sequence[bool]
    carried: Sequence[bool]
    fitted: Sequence[bool]
    p: float
    numbers: int

    def row(self) -> dict[str, Any]:
        """The tool's figures."""
        told = shares(self.as_is, self.carried, self.fitted) | {"numbers": self.numbers}
        return told | {"p": float(f"{self.p:.2g}"), "learnt": self.p < LEVEL}


def tried(lab: Lab, steps: int, seed: int) -> dict[str, dict[str, Any]]:
    """A row for each new tool, and all of them. The lab's builder has them on offer afterwards."""
    lab.builder.space = lab.here.space
    lab.builder.estrange(NEW)
    found = {}
    for tool in NEW:
        found[tool] = one(lab, tool, steps, seed)
        say(f"new tool {tool}: {found[tool].row()}")
    each = [
        [hit for own in found.values() for hit in hits(own)]
        for hits in (lambda own: own.as_is, lambda own: own.carried, lambda own: own.fitted)
    ]
    whole = shares(*each) | {"numbers": round(fmean(own.numbers for own in found.values()))}
    return {tool: own.row() for tool, own in found.items()} | {"all": whole}


def one(lab: Lab, tool: str, steps: int, seed: int) -> Tried:
    """A tool that the lab's builder was never shown; the builder stays as it is."""
    hidden = [other for other in NEW if other != tool]
    some = drawn(lab.here, 4 * ITEMS, "train", seed + 1, hidden, tool, execute=True)
    if len(some) < 4 * ITEMS:
        raise SystemExit(f"{tool}: {len(some)} examples of {4 * ITEMS}; draw more of them")
    lab.tap(some)
    taught, asked, test = some[: 2 * ITEMS], some[2 * ITEMS : 3 * ITEMS], some[3 * ITEMS :]
    learnt = changed(lab.builder, {})
    place = next(i for i, skill in enumerate(learnt.space.skills) if skill.name == tool)
    fit(lab, learnt, [place], taught, steps)
    won, lost = discordant(lab.right(learnt, asked), lab.right(lab.builder, asked))
    return Tried(
        lab.right(lab.builder, test),
        lab.carried(lab.builder, test),
        lab.right(learnt, test),
        mcnemar(won, lost, "greater"),
        size(learnt, place),
    )


def size(builder: PlanBuilder, place: int) -> int:
    """The numbers of a skill's vector and adapter."""
    banks = (block.bank for block in builder.network.decoder.blocks)
    adapter = sum(t.numel() for bank in banks for t in bank.tensors(place).values())
    return int(builder.network.words.shape[1] + adapter)


def shares(
    as_is: Sequence[bool], carried: Sequence[bool], fitted: Sequence[bool]
) -> dict[str, Any]:
    """The shares with their intervals."""
    return {"n": len(as_is), **intervals({"as_is": as_is, "carried": carried, "fitted": fitted})}
