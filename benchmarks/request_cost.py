"""What does a plan cost: built beside the base, or written by the base?

The same requests, the same plans, free texts aside (the base writes those either way):

builder    the base reads the request once, up to the deepest tap; the shipped rail builds the plan,
           which is assembled and printed
beam       the same with four plans under way
written    the base reads the request and the domain's prompt is left out; then it decodes the very
           tokens of the printed plan, one after the other, with its cache and without masks: the
           least that writing can cost
compact    the same for the plan in the tokens of the text arms' short language

Batch 1: each request by itself. Batch 32: one pass of reading, or of a decoded token, for all; the
builder builds them in turn. Interleaved pairs, CPU time of one thread; the figure is the median of
the pairs' ratio, written over built. `pairs` says how many: six of batch 1, and with the requests
given one of batch 32, for a pair takes minutes. Memory: what an arm adds to the loaded base at its
peak over two requests, in a process of its own.

usage: python benchmarks/request_cost.py [--requests N] [--batch 1 32] [--pairs N]
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from report import emit, say, skip
from text_arms.compact import Written
from workload import EMBEDDED

from bb_core import discover
from bb_core.actions import assemble
from bb_core.compiled import Compiled, compile_domain
from bb_core.shipped import shipped
from bb_nn.base import Base, load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import load_rail
from bb_nn.fetch import fetched
from bb_nn.tapped import tap
from bb_train.data.generator import Generator, GeneratorConfig
from bb_train.example import Example

SEED, BAR = 0, 1.0
ARMS = ("builder", "beam", "written", "compact")


@dataclass(frozen=True)
class Bench:
    """What all arms share."""

    compiled: Compiled
    base: Base
    builder: PlanBuilder
    examples: tuple[Example, ...]
    targets: Mapping[str, Mapping[str, tuple[int, ...]]]

    def build(self, batch: Sequence[Example], k: int) -> None:
        """Read, build, assemble, print."""
        read = tap(self.base, [e.scene.text for e in batch], self.builder.config.layers, len(batch))
        for one, states in zip(batch, read, strict=True):
            built = self.builder.build(states, one.scene, k)
            self.compiled.print(assemble(self.builder.space, one.scene, built[0].decisions))

    @torch.no_grad()
    def write(self, batch: Sequence[Example], arm: str) -> None:
        """Read, then decode the targets' tokens, padded to the longest."""
        tokenizer, model = self.base.tokenizer, self.base.model
        heads = [tokenizer(e.scene.text).input_ids for e in batch]
        width = max(map(len, heads))
        ids = torch.tensor([[0] * (width - len(h)) + h for h in heads])
        mask = torch.tensor([[0] * (width - len(h)) + [1] * len(h) for h in heads])
        out = model(input_ids=ids, attention_mask=mask, use_cache=True, logits_to_keep=1)
        rows = [self.targets[arm][e.id] for e in batch]
        for at in range(max(map(len, rows))):
            step = torch.tensor([[row[at] if at < len(row) else 0] for row in rows])
            mask = torch.cat([mask, mask.new_ones(len(batch), 1)], dim=1)
            out = model(
                input_ids=step,
                attention_mask=mask,
                past_key_values=out.past_key_values,
                use_cache=True,
                logits_to_keep=1,
            )
            out.logits[:, -1].argmax(-1)

    def run(self, arm: str, batch: Sequence[Example]) -> float:
        """CPU seconds of one batch."""
        began = time.process_time()
        if arm in ("builder", "beam"):
            self.build(batch, 1 if arm == "builder" else 4)
        else:
            self.write(batch, arm)
        return time.process_time() - began


def bench(count: int) -> Bench:
    """Short and long requests of the dev split, with the plans that they ask for."""
    compiled, base = compile_domain(discover().get("api_json")), load_base(EMBEDDED)
    folder = shipped(compiled.source)
    assert folder is not None
    builder = load_rail(folder, base, compiled)
    config = GeneratorConfig(count=count, split="dev", family="indist", seed=SEED, execute=False)
    examples = tuple(Generator(compiled).examples(config))
    written, tokenizer = Written.of(compiled), base.tokenizer
    texts = {
        "written": {e.id: compiled.print(e.plan) for e in examples},
        "compact": {e.id: written.target(e) for e in examples},
    }
    targets = {
        arm: {ident: tuple(tokenizer(text).input_ids) for ident, text in rows.items()}
        for arm, rows in texts.items()
    }
    return Bench(compiled, base, builder, examples, targets)


def main() -> int:
    """Time the arms in turn, print one line."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--requests", type=int, default=32)
    asked.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    asked.add_argument("--pairs", type=int, default=6, help="at most so many batches of a size")
    asked.add_argument("--arm", choices=ARMS)
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("request_cost", f"run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = bench(wanted.requests)
    if wanted.arm:
        return alone(here, wanted.arm)
    rows = {f"batch {size}": timed(here, size, wanted.pairs) for size in wanted.batch}
    lengths = {arm: median(map(len, rows.values())) for arm, rows in sorted(here.targets.items())}
    return emit(
        "request_cost",
        all(row["written over builder"] >= BAR for row in rows.values()),
        seed=SEED,
        versions=("torch", "transformers"),
        claim="A plan built beside the base costs less than the same plan written by it",
        bar="built is not dearer than written, batch 1 and batch 32",
        requests=wanted.requests,
        tokens_of_a_plan=lengths,
        request_cost=rows,
        megabytes={arm: memory(arm) for arm in ARMS},
    )


def timed(here: Bench, size: int, pairs: int) -> dict[str, float]:
    """Milliseconds a request, and how many times as long writing takes."""
    took: dict[str, list[float]] = {arm: [] for arm in ARMS}
    batches = [here.examples[i : i + size] for i in range(0, len(here.examples), size)][:pairs]
    for arm in ("builder", "beam"):
        here.run(arm, batches[0])  # the first pays for allocation; writing's steps are hundreds
    for batch in batches:
        for arm in ARMS:
            took[arm].append(here.run(arm, batch) / len(batch))
        say(f"batch {size}: { ({arm: round(1e3 * row[-1]) for arm, row in took.items()}) }")
    found: dict[str, float] = {"pairs": len(batches)}
    found |= {f"{arm}, ms": round(1e3 * median(row), 1) for arm, row in took.items()}
    for arm in ("written", "compact"):
        for built in ("builder", "beam"):
            both = zip(took[arm], took[built], strict=True)
            found[f"{arm} over {built}"] = round(median(a / b for a, b in both), 2)
    return found


def memory(arm: str) -> float:
    """Megabytes that an arm adds at its peak, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--arm", arm, "--requests", "2"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["megabytes"])


def alone(here: Bench, arm: str) -> int:
    """So many requests of one arm, one by one."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _resident("VmRSS")
    for one in here.examples:
        here.run(arm, [one])
    print(json.dumps({"megabytes": round(_resident("VmHWM") - before, 1)}))
    return 0


def _resident(name: str) -> float:
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(name)) / 1024


if __name__ == "__main__":
    sys.exit(main())
