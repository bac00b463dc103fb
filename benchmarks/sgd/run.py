"""SGD: which call a service gets next, out of a dialogue. Dialogues of the dev part; every arm sees
the same ones. `seen` services are those of the training dialogues, `new` ones no arm was taught.

nearest     the call of the training dialogue that shares the rarest words, of the offered tools
builder     a plan builder on the frozen base: no clauses, the whole dialogue at once
embeddings  the same builder on the base's token embeddings alone
lora        the base, taught by PEFT to write the call as text, in one pass; no masks

tool: the right tool. exact: and every argument as the dialogue's state has it, in one of its ways,
none missing and none more. f1: over (argument, value), a mean over calls.

usage: python benchmarks/sgd/run.py [--arms A,B] [--seeds 0,1,2] [--calls N] [--examples N]
           [--data DIR]

`calls` are learnt from; `examples` is how many a builder sees in training, again and again. Bar:
the builder is better than `nearest` on all figures, seen or new, on every seed.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.remove(str(HERE)) if str(HERE) in sys.path else None

import torch  # noqa: E402
from interval import interval  # noqa: E402
from item_by_item import hits  # noqa: E402
from nearest import nearest  # noqa: E402
from offered import offered  # noqa: E402
from packs import pack  # noqa: E402
from report import emit, say  # noqa: E402
from traces import beats, fit, only_step, options, states, unsegmented  # noqa: E402
from workload import EMBEDDED  # noqa: E402
from written import written  # noqa: E402

from bb_core.compiled import Compiled  # noqa: E402
from bb_core.space import Space  # noqa: E402
from bb_nn.base import load_base  # noqa: E402
from bb_nn.builder.builder import PlanBuilder  # noqa: E402
from bb_nn.tapped import Tapped, default_layers  # noqa: E402
from bb_train.learner import Lesson, lessons  # noqa: E402
from bb_train.statistics import discordant, mcnemar  # noqa: E402
from sgd.domain import (  # noqa: E402
    Record,
    asked,
    domain,
    drawn,
    example,
    others,
    records,
    schemas,
    wanted,
)

DEV = 300
BAR = (
    "the builder is better than the nearest dialogue's call on every figure and seed, for services "
    "that it was taught and for new ones"
)
HOW = (
    "A call turn: the dialogue so far, its last 1,000 characters in whole turns; what is to be "
    "said is the call and its arguments.",
    "A value counts as right in any of the ways in which the dialogue's state has it: a service's "
    "own form of a date or a time would be its adapter's business.",
    "Every arm knows which services a dialogue has, as the task has it: a builder is offered their "
    "tools alone. The base tells it what tools and arguments are described as.",
    "Where no offered tool was taught, `nearest` is the tool whose words the dialogue has most of, "
    "without arguments.",
    "`unsayable`: taught calls with a value that is not in the text as it stands.",
    "Dev calls were used to see that the scripts work; no choice of the builder's was made on "
    "them: width, depth and rate are api_json's.",
)
LORA = (
    "LoRA reads the tools of the dialogue's services first: their sentences, arguments and closed "
    "values, not what arguments are described as. It sees each call once; its rank and rate are "
    "the best that `lora_sweep.py` tried, on api_json.",
)
"""Told where it was an arm."""
Call = tuple[str, Mapping[str, str]]
NOTHING: Call = ("", {})
Made = tuple[list[Call], dict[str, Any]]


def main() -> int:
    """Train the arms, judge them, print one line."""
    wished = options(__doc__, ARMS, calls=2000, examples=8000)
    folder = pack("sgd", wished.data, "sgd")
    if folder is None:
        return 0
    torch.set_num_threads(1)
    compiled = domain(folder)
    taught, held = _parts(folder, wished.calls)
    beaten = retrieved(compiled, taught, held)
    rows = {f"nearest, {name}": row for name, row in judged(beaten, held).items()}
    each = dict[str, str]()
    for arm in wished.arms:
        for seed in wished.seeds:
            began = perf_counter()
            found, cost = ARMS[arm](compiled, taught, held, wished.examples, seed)
            own, p = judged(found, held), better(found, beaten, held)
            rows |= {f"{arm}, {k}, seed {seed}": own[k] | {"p": p[k], **cost} for k in own}
            each |= {f"{arm}, {k}, seed {seed}": told for k, told in kept(found, held).items()}
            say(f"{arm}, seed {seed}: {own} ({perf_counter() - began:.0f} s in all)")
    ours = [(name.split(", ")[1], row) for name, row in rows.items() if name.startswith("builder")]
    return emit(
        "sgd",
        all(beats(row, rows[f"nearest, {part}"], ("tool", "exact", "f1")) for part, row in ours),
        seeds=wished.seeds,
        versions=("torch", "transformers", *(("peft",) if "lora" in wished.arms else ())),
        claim="SGD: the next call of a dialogue, with its arguments",
        **({"bar": BAR} if ours else {}),
        recipe=f"{len(taught)} calls to learn from, {len(held)} held out; batch 8, "
        f"{wished.examples} examples seen; arguments told by what they are described as",
        how=HOW + (LORA if "lora" in wished.arms else ()),
        arms=rows,
        hits=each,
    )


def _parts(folder: Path, calls: int) -> tuple[list[Record], list[Record]]:
    """What is learnt from, and as many held-out calls of seen services as of new ones."""
    seen = frozenset(one["service_name"] for one in schemas(folder, "train"))
    held = list(records(folder, "dev", seen))
    parts = ([one for one in held if one.seen is wanted] for wanted in (True, False))
    return drawn(records(folder, "train", seen), calls, 0), [
        one for part in parts for one in drawn(part, DEV, 0)
    ]


def retrieved(compiled: Compiled, taught: Sequence[Record], held: Sequence[Record]) -> list[Call]:
    """The nearest dialogue's call among the offered tools; the tool whose words the dialogue has
    most of where none of them was taught."""
    found: list[Call] = []
    texts = {name: f"{name} {tool.does}" for name, tool in compiled.schema.tools.items()}
    for one in held:
        offered = texts.keys() - others(compiled, one)
        known = [other for other in taught if other.tool in offered]
        if known:
            best = known[nearest([other.text for other in known], [one.text])[0]]
            found.append((best.tool, wanted(best)))
        else:
            names = sorted(offered)
            told = [texts[name].replace("_", " ") for name in names]
            found.append((names[nearest(told, [one.text])[0]], {}))
    return found


def built(
    compiled: Compiled, taught: Sequence[Record], held: Sequence[Record], examples: int, seed: int,
    *, layers: tuple[int, ...] | None = None,
) -> Made:  # fmt: skip
    """A builder trained on the frozen states."""
    base = load_base(EMBEDDED)
    layers = layers or default_layers(base)
    read = states(base, layers, [one.text for one in (*taught, *held)])
    torch.manual_seed(seed)
    builder = PlanBuilder.of(unsegmented(base, layers), Space.of(compiled), base)
    offers = Offered(compiled, builder)
    known: list[Lesson] = []
    for one in taught:
        known += lessons(offers.of(one), [example(compiled, one)], read).lessons
    cost = fit(builder, known, read, examples, seed)
    found = [_call(offers.of(one), read(one.text), one) for one in held]
    return found, cost | {"unsayable": len(taught) - len(known)}


class Offered:
    """The builder as each dialogue has it: the tools of its services."""

    def __init__(self, compiled: Compiled, builder: PlanBuilder) -> None:
        self.compiled, self.builder = compiled, builder
        self.kept: dict[frozenset[str], PlanBuilder] = {}

    def of(self, one: Record) -> PlanBuilder:
        """The builder for a record's services."""
        if one.services not in self.kept:
            space = self.builder.space.without(*others(self.compiled, one))
            self.kept[one.services] = offered(self.builder, space)
        return self.kept[one.services]


def _call(builder: PlanBuilder, tapped: Tapped, one: Record) -> Call:
    step = only_step(builder, tapped, asked(one))
    return (step.tool, {slot: str(v) for slot, v in step.args.items()}) if step else NOTHING


def embedded(*given: Any) -> Made:
    """The control: the builder on token embeddings."""
    return built(*given, layers=(0,))


def lora(
    compiled: Compiled, taught: Sequence[Record], held: Sequence[Record], examples: int, seed: int
) -> Made:
    """The base taught to write the call, by each one once whatever `examples` is."""
    pairs = [(_told(compiled, one), _written(one.tool, wanted(one))) for one in taught]
    texts = [_told(compiled, one) for one in held]
    found, cost = written(pairs, texts, 120, seed)
    return [_read(text) for text in found], cost


def _told(compiled: Compiled, one: Record) -> str:
    hidden = others(compiled, one)
    shown = (_shown(compiled, name) for name in compiled.schema.tools if name not in hidden)
    return "\n".join([*shown, one.text])


def _shown(compiled: Compiled, name: str) -> str:
    """A tool as LoRA reads it: its sentence, its arguments, their closed values."""
    schema, args = compiled.schema, list[str]()
    for arg in schema.tools[name].args:
        values = schema.arg(name, arg).get("enum", ())
        args.append(f"{arg}: {' | '.join(map(str, values))}" if values else arg)
    return f"{name}({', '.join(args)}): {schema.tools[name].does}"


def _written(tool: str, args: Mapping[str, str]) -> str:
    return "\n".join([tool, *(f"{slot} = {value}" for slot, value in args.items())])


def _read(text: str) -> Call:
    tool, *lines = text.strip().split("\n")
    return tool, dict(re.findall(r"^(\w+) = (.*)$", "\n".join(lines), re.M))


ARMS: dict[str, Callable[..., Made]] = {"builder": built, "embeddings": embedded, "lora": lora}


def right(found: Sequence[Call], held: Sequence[Record]) -> list[bool]:
    """Whether each call is exactly right."""
    return [
        tool == one.tool and args.keys() == one.said.keys() and len(_good(args, one)) == len(args)
        for (tool, args), one in zip(found, held, strict=True)
    ]


def _good(args: Mapping[str, str], one: Record) -> list[str]:
    """The arguments that are as the state has them."""
    ways = {slot: {way.lower() for way in said} for slot, said in one.said.items()}
    return [slot for slot, value in args.items() if value.lower() in ways.get(slot, ())]


def kept(found: Sequence[Call], held: Sequence[Record]) -> dict[str, str]:
    """Which calls are exactly right, part by part."""
    exact, places = right(found, held), parts(held)
    return {
        name: hits([held[i].id for i in at], [exact[i] for i in at]) for name, at in places.items()
    }


def parts(held: Sequence[Record]) -> dict[str, list[int]]:
    """The places of calls to services that were seen in training, and to new ones."""
    return {
        name: [place for place, one in enumerate(held) if one.seen is seen]
        for name, seen in (("seen", True), ("new", False))
    }


def judged(found: Sequence[Call], held: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """The figures of an arm, part by part."""
    exact = right(found, held)
    rows: dict[str, dict[str, Any]] = {}
    for name, at in parts(held).items():
        rows[name] = {
            "tool": round(fmean(found[i][0] == held[i].tool for i in at), 4),
            **interval("exact", [exact[i] for i in at], 4),
            "f1": round(fmean(_f1(found[i], held[i]) for i in at), 4),
        }
    return rows


def better(
    found: Sequence[Call], beaten: Sequence[Call], held: Sequence[Record]
) -> dict[str, float]:
    """p of more calls exactly right than by the other, part by part (McNemar)."""
    own, theirs = right(found, held), right(beaten, held)
    pairs = {
        name: discordant([own[i] for i in at], [theirs[i] for i in at])
        for name, at in parts(held).items()
    }
    return {name: mcnemar(won, lost, "greater") for name, (won, lost) in pairs.items()}


def _f1(call: Call, one: Record) -> float:
    """2 |right| / (|said| + |wanted|); nothing of a wrong tool is right."""
    tool, args = call
    if tool != one.tool:
        return 0.0
    whole = len(args) + len(one.said)
    return 2 * len(_good(args, one)) / whole if whole else 1.0


if __name__ == "__main__":
    sys.exit(main())
