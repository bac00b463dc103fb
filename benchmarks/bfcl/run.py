"""BFCL, one turn: which of the functions on offer are called, with which arguments, or none.

Folds by function: no function that a record is judged by was in training, nor any that was ever on
offer beside one. Every record is judged once, by a builder trained on the other folds.

overlap     the function whose words the request has most of; figures in order, closed values that
            the request has; never nothing
builder     a plan builder on the frozen base: no clauses, the whole request at once
embeddings  the same builder on the base's token embeddings alone
lora        the base, taught by PEFT to write the calls as text, in one pass; no masks

right: the calls wanted and no others, in any order, each argument in one of its accepted ways, as
BFCL compares them; where no function helps, no call.

usage: python benchmarks/bfcl/run.py [--arms A,B] [--seeds 0,1,2] [--folds 3] [--examples N]
           [--data DIR]

`examples` is how many a builder sees in training, again and again. Bar: the builder is right more
often than overlap in every group that asks for a call, and over these together (`calls`; McNemar,
p < .05), on every seed. `nothing` is in neither: overlap always calls something.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from zlib import crc32

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.remove(str(HERE)) if str(HERE) in sys.path else None

import torch  # noqa: E402
from interval import interval  # noqa: E402
from item_by_item import hits as hits_of  # noqa: E402
from nearest import nearest  # noqa: E402
from offered import offered  # noqa: E402
from packs import pack  # noqa: E402
from report import emit, say  # noqa: E402
from traces import fit, options, states, unsegmented  # noqa: E402
from workload import EMBEDDED, STRANGERS  # noqa: E402
from written import written  # noqa: E402

from bb_core.actions import assemble  # noqa: E402
from bb_core.errors import PlanError  # noqa: E402
from bb_core.scene import scene  # noqa: E402
from bb_core.space import Space  # noqa: E402
from bb_nn.base import load_base  # noqa: E402
from bb_nn.builder.builder import PlanBuilder  # noqa: E402
from bb_nn.builder.described import describe  # noqa: E402
from bb_nn.builder.words import words_of  # noqa: E402
from bb_nn.tapped import Tapped, default_layers  # noqa: E402
from bb_train.learner import Lesson, lessons  # noqa: E402
from bb_train.statistics import discordant, mcnemar  # noqa: E402
from bfcl.domain import (  # noqa: E402
    LONGEST,
    Call,
    Function,
    Record,
    calls_of,
    domain,
    example,
    records,
    right,
)
from bfcl.written_calls import calls, offer, target  # noqa: E402

GROUPS = ("simple", "multiple", "parallel", "nothing")
CALLS = tuple(group for group in GROUPS if group != "nothing")
BAR = (
    "the builder is right more often than the overlap of words in every group that asks for a call "
    "and in `calls`, these together (McNemar, p < .05), on every seed"
)
HOW = (
    "Python functions of the visible part, three folds by function; functions that were ever on "
    "offer together are in one fold, the largest such set has a third of all records.",
    "`unsayable`: taught records with a value that is not in the request as it stands, or an "
    "object; held-out ones count as missed. `nothing`: no function helps, and none may be called.",
    "A builder is offered the record's own functions; it has seen none of them. Of their arguments "
    "it is told names, types and descriptions.",
    "`overlap` calls the function on offer that shares the rarest words with the request: numbers "
    "are the request's figures in order, closed values the first that it has; nothing else is "
    "filled. It cannot call nothing, and is right in `nothing` only where no function on offer "
    "could be said. So `nothing` is no part of `calls`, which the bar is about; `all` has it.",
    f"Of a request, the last {LONGEST:,} characters are read.",
    "Width, depth and rate are api_json's; no choice was made on these records.",
    f"In training {STRANGERS:.0%} of the functions on offer are strangers at each step: a builder "
    "is told of them by what the request says of their words and values alone. When it is judged, "
    "all are strangers.",
)
LORA = (
    "LoRA reads the functions on offer before the request: names, sentences, arguments with types "
    "or closed values. It is shown every function and taught every record, objects and values that "
    "are not in the request too, each once; its rank and rate are the best that `lora_sweep.py` "
    "tried, on api_json.",
)
"""Told where it was an arm."""
LONGEST_CALLS = 200
"""Tokens that LoRA may write: of 2,158 records' calls 99 % are at most 144."""
States = Callable[[str], Tapped]
Spaces = Mapping[str, Space]
"""The space of every offer."""
Made = tuple[list[bool], dict[str, Any]]
"""Whether each record is right, and the cost."""


@dataclass
class Offers:
    """The builder as each record has it: the functions on offer."""

    spaces: Spaces
    builder: PlanBuilder

    def of(self, one: Record) -> PlanBuilder:
        """The builder for a record's functions."""
        return offered(self.builder, self.spaces[one.offer])

    def estrange(self, one: Record) -> None:
        """Tell its functions as strangers from here on, to every record."""
        if one.functions:
            self.of(one).estrange(self.spaces[one.offer].schema.tools)


def main() -> int:
    """Train in folds, judge, print one line."""
    wished = options(__doc__, ARMS, folds=3, examples=4000)
    folder = pack("bfcl", wished.data, "bfcl")
    if folder is None:
        return 0
    torch.set_num_threads(1)
    found = records(folder)
    spaces = spaces_of(found) if set(wished.arms) - {"lora"} else {}
    beaten = [right(overlap(one), one) for one in found]
    rows, passed = judged("overlap", found, beaten), True
    each = dict[str, str]()
    for arm in wished.arms:
        for seed in wished.seeds:
            began = perf_counter()
            hits, cost = ARMS[arm](found, spaces, wished, seed)
            p = against(found, hits, beaten)
            passed &= arm != "builder" or all(p[name] < 0.05 for name in (*CALLS, "calls"))
            own = judged(arm, found, hits, f", seed {seed}")
            rows |= {
                name: {**row, "p": p[name.split(", ")[1]], **cost} for name, row in own.items()
            }
            each |= kept(f"{arm}, {{}}, seed {seed}", found, hits)
            say(f"{arm}, seed {seed}: {own} ({perf_counter() - began:.0f} s in all)")
    return emit(
        "bfcl",
        passed,
        seeds=wished.seeds,
        versions=("torch", "transformers", *(("peft",) if "lora" in wished.arms else ())),
        claim="BFCL: calls of functions that training never showed, or none",
        **({"bar": BAR} if "builder" in wished.arms else {}),
        recipe=f"{len(found)} records, {wished.folds} folds by function; batch 8, "
        f"{wished.examples} examples seen for each; arguments told by what they are described as, "
        "functions as strangers",
        how=HOW + (LORA if "lora" in wished.arms else ()),
        arms=rows,
        hits=each,
    )


def spaces_of(found: Sequence[Record]) -> dict[str, Space]:
    """The space of every offer, each made once."""
    spaces: dict[str, Space] = {}
    for number, one in enumerate(found, 1):
        if one.functions and one.offer not in spaces:
            spaces[one.offer] = Space.of(domain(one))
        if number % 500 == 0:
            say(f"functions of {number} of {len(found)} records")
    return spaces


def fold(found: Sequence[Record], count: int) -> list[int]:
    """The fold of each record: sets of functions that share an offer, the largest dealt first."""
    head: dict[str, str] = {}

    def root(name: str) -> str:
        while head.setdefault(name, name) != name:
            name = head[name]
        return name

    for one in found:
        for name in one.named:
            head[root(name)] = root(one.named[0])
    sets: dict[str, list[int]] = {}
    for place, one in enumerate(found):
        sets.setdefault(root(one.named[0]), []).append(place)
    sizes, dealt = [0] * count, [0] * len(found)
    for name in sorted(sets, key=lambda name: (-len(sets[name]), crc32(name.encode()))):
        least = sizes.index(min(sizes))
        sizes[least] += len(sets[name])
        for place in sets[name]:
            dealt[place] = least
    return dealt


def built(
    found: Sequence[Record], spaces: Spaces, wished: Any, seed: int,
    *, layers: tuple[int, ...] | None = None,
) -> Made:  # fmt: skip
    """The builder that saw none of a record's functions."""
    base = load_base(EMBEDDED)
    layers = layers or default_layers(base)
    read = states(base, layers, [one.text for one in found])
    words = tuple(dict.fromkeys(word for space in spaces.values() for word in words_of(space)))
    described = describe(base, words, layers)
    say(f"{len(words)} words described")
    folds, hits = fold(found, wished.folds), dict[int, bool]()
    cost: dict[str, Any] = {"seconds": 0, "unsayable": 0}
    for number in range(wished.folds):
        torch.manual_seed(seed)
        shape = unsegmented(base, layers, STRANGERS)
        offers = Offers(spaces, PlanBuilder(shape, next(iter(spaces.values())), described))
        taught = [one for one, own in zip(found, folds, strict=True) if own != number]
        known = [lesson for one in taught for lesson in _lessons(offers, one, read)]
        once = fit(offers.builder, known, read, wished.examples, seed)
        cost = {**once, "seconds": cost["seconds"] + once["seconds"]} | {
            "unsayable": cost["unsayable"] + len(taught) - len(known)
        }
        held = [place for place, own in enumerate(folds) if own == number]
        for place in held:
            offers.estrange(found[place])
        hits |= {place: right(_calls(offers, found[place], read), found[place]) for place in held}
        say(f"fold {number}: {sum(hits[place] for place in held)} of {len(held)}")
    cost["unsayable"] //= wished.folds - 1
    return [hits[place] for place in range(len(found))], cost


def embedded(*given: Any) -> Made:
    """The control: the builder on token embeddings."""
    return built(*given, layers=(0,))


def lora(found: Sequence[Record], spaces: Spaces, wished: Any, seed: int) -> Made:
    """The base that was taught to write calls, of none of a record's functions."""
    folds, hits = fold(found, wished.folds), dict[int, bool]()
    cost: dict[str, Any] = {"seconds": 0}
    for number in range(wished.folds):
        taught = [one for one, own in zip(found, folds, strict=True) if own != number]
        held = [place for place, own in enumerate(folds) if own == number]
        pairs = [(offer(one), target(one)) for one in taught]
        texts, once = written(pairs, [offer(found[place]) for place in held], LONGEST_CALLS, seed)
        cost = {**once, "seconds": cost["seconds"] + once["seconds"]}
        rows = zip(held, texts, strict=True)
        hits |= {place: right(calls(text), found[place]) for place, text in rows}
        say(f"fold {number}: {sum(hits[place] for place in held)} of {len(held)}")
    return [hits[place] for place in range(len(found))], cost


ARMS: dict[str, Callable[..., Made]] = {"builder": built, "embeddings": embedded, "lora": lora}


def _lessons(offers: Offers, one: Record, read: States) -> Sequence[Lesson]:
    if not one.functions:
        return ()
    view = offers.of(one)
    taught = example(view.space, one)
    return lessons(view, [taught], read).lessons if taught else ()


def _calls(offers: Offers, one: Record, read: States) -> list[Call]:
    if not one.functions:
        return []
    view, seen = offers.of(one), scene(one.text)
    made = view.build(read(one.text), seen, 1)
    try:
        plan = assemble(view.space, seen, made[0].decisions) if made else None
    except PlanError:
        plan = None
    return calls_of(one, plan)


def overlap(one: Record) -> list[Call]:
    """The function whose words the request has most of, filled with what is surely said."""
    if not one.functions:
        return []
    told = [f"{each.own} {each.told['does']}".replace("_", " ") for each in one.functions]
    best = one.functions[nearest(told, [one.text])[0]]
    return [(best.own, dict(_filled(best, one.text)))]


def _filled(function: Function, text: str) -> Any:
    figures = iter(re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)", text))
    for arg, own in function.names.items():
        schema = function.told["args"][arg]
        if schema.get("type") in ("integer", "number"):
            if (said := next(figures, None)) is not None:
                yield own, float(said)
        elif closed := [v for v in schema.get("enum", ()) if str(v).lower() in text.lower()]:
            yield own, closed[0]


def judged(
    arm: str, found: Sequence[Record], hits: Sequence[bool], seed: str = ""
) -> dict[str, dict[str, Any]]:
    """The figures of an arm, group by group."""
    groups = split(found, hits)
    return {f"{arm}, {group}{seed}": interval("right", rows, 4) for group, rows in groups}


def kept(row: str, found: Sequence[Record], hits: Sequence[bool]) -> dict[str, str]:
    """Which records are right, group by group; `row` has a place for the group's name."""
    names = dict(split(found, [one.id for one in found]))
    return {row.format(group): hits_of(names[group], own) for group, own in split(found, hits)}


def split(found: Sequence[Record], hits: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Every group's hits, then those of all that ask for a call, then all."""
    each = [
        (group, [hit for hit, one in zip(hits, found, strict=True) if one.group == group])
        for group in GROUPS
    ]
    calls = [hit for hit, one in zip(hits, found, strict=True) if one.group in CALLS]
    return [*each, ("calls", calls), ("all", list(hits))]


def against(
    found: Sequence[Record], ours: Sequence[bool], theirs: Sequence[bool]
) -> dict[str, float]:
    """p of ours being right more often, group by group."""
    pairs = zip(split(found, ours), split(found, theirs), strict=True)
    return {name: mcnemar(*discordant(a, b), "greater") for (name, a), (_, b) in pairs}


if __name__ == "__main__":
    sys.exit(main())
