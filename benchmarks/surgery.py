"""What gradient surgery costs a training step of the builder, against the same step without.

One batch of real examples, the builder's own network, every constraint priced alike. Interleaved
repetitions of whole steps (forward, backward, surgery, clip, AdamW), medians of the pairs:

task          the task's heads alone, one backward: the plain step all others are measured by
joint         all losses, one backward of their sum
hidden        PCGrad on the gradients at the decoder's output, then one backward
hidden_ca     the same with CAGrad
memory_two    PCGrad of task and constraints' sum at the scene memory, below the decoder
memory        PCGrad of all at the scene memory: the decoder is differentiated once a loss
params_two    PCGrad of task and constraints' sum on all parameters
params        PCGrad of all on all parameters: one backward a loss
torchjd_*     torchjd's PCGrad, by mtl_backward at the scene memory and on all parameters

Beside it the cosine of the trunk's gradient by `hidden`, and by the plain sum, with `params`; the
step of a LoRA on the base that learns to write the same plans as text; and what a step adds to
memory at its peak, each arm in a process of its own.

usage: python benchmarks/surgery.py [--repeats N] [--arm NAME]
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from report import emit, say, skip
from torch import Tensor, nn
from workload import EMBEDDED, Workload, workload

from bb_nn.base import load_base
from bb_nn.builder.loss import losses
from bb_nn.builder.network import Outcome
from bb_nn.fetch import fetched
from bb_train.losses.build import Composer
from bb_train.losses.reuse import Usage
from bb_train.objective import Library, raw_losses
from bb_train.surgery.combine import Method
from bb_train.surgery.parameters import parameter_backward
from bb_train.surgery.shared import surgery_backward

SEED, BAR, PRICE = 0, 2.0, 0.5
CONSTRAINTS = ("cfs", "g2g", "calibration", "information", "build", "reuse")
WEIGHED = ("task", "hidden", "params", "torchjd_params", "lora")
"""Arms whose memory is measured."""


@dataclass
class Training:
    """What one arm trains: a copy of its own, so that no arm leans on another's steps."""

    work: Workload
    composer: nn.Module
    gates: nn.Parameter
    optimiser: torch.optim.Optimizer

    @property
    def parameters(self) -> list[Tensor]:
        """Everything the losses reach."""
        builder = [p for p in self.work.builder.parameters() if p.requires_grad]
        return [*builder, *self.composer.parameters(), self.gates]


Backward = Callable[[Training, Mapping[str, Tensor], Outcome], object]


def shared(point: str, method: Method = "pcgrad", two: bool = False) -> Backward:
    """Surgery at a shared tensor of the outcome."""

    def backward(_: Training, parts: Mapping[str, Tensor], outcome: Outcome) -> object:
        tensor = getattr(outcome, point)
        return surgery_backward(parts, tensor, method=method, groups=_groups(two))

    return backward


def exact(two: bool) -> Backward:
    """Surgery on all parameters."""

    def backward(training: Training, parts: Mapping[str, Tensor], _: Outcome) -> object:
        return parameter_backward(parts, training.parameters, groups=_groups(two))

    return backward


def plain(_: Training, parts: Mapping[str, Tensor], __: Outcome) -> object:
    """One backward of the sum."""
    return torch.stack(list(parts.values())).sum().backward()


def peer(at_memory: bool) -> Backward:
    """torchjd, the losses one at a time: its vectorised backward has no rule for some kernels.

    Its `mtl_backward` refuses the decoder's output as the shared point, since the heads also read
    the memory below it; so it meets `memory` and `params`.
    """
    from torchjd.aggregation import PCGrad
    from torchjd.autojac import backward as all_backward
    from torchjd.autojac import jac_to_grad, mtl_backward

    def backward(one: Training, parts: Mapping[str, Tensor], outcome: Outcome) -> object:
        rows = list(parts.values())
        if at_memory:
            mtl_backward(rows, outcome.memory, retain_graph=True, parallel_chunk_size=1)
        else:
            all_backward(rows, inputs=one.parameters, parallel_chunk_size=1)
        return jac_to_grad([p for p in one.parameters if hasattr(p, "jac")], PCGrad())

    return backward


def _groups(two: bool) -> list[list[str]] | None:
    return [["task"], list(CONSTRAINTS)] if two else None


ARMS: dict[str, Backward] = {
    "task": plain,
    "joint": plain,
    "hidden": shared("hidden"),
    "hidden_ca": shared("hidden", "cagrad"),
    "memory_two": shared("memory", two=True),
    "memory": shared("memory"),
    "params_two": exact(True),
    "params": exact(False),
    "torchjd_memory": peer(at_memory=True),
    "torchjd_params": peer(at_memory=False),
}


def training(seed: int = SEED) -> Training:
    """A fresh network, composer and optimiser."""
    torch.manual_seed(seed)
    work = workload(EMBEDDED, SEED)
    composer = Composer(work.builder.config.width)
    gates = nn.Parameter(torch.zeros(len(work.builder.space.skills) + 1))
    found = Training(work, composer, gates, torch.optim.AdamW([gates]))
    found.optimiser = torch.optim.AdamW(found.parameters, 1e-3)
    return found


def priced(one: Training, arm: str) -> tuple[dict[str, Tensor], Outcome]:
    """The losses of a fresh forward pass, every constraint at the same price."""
    outcome = one.work.builder.network(one.work.batch)
    found = losses(outcome, one.work.batch)
    if arm == "task":
        return {"task": found.task}, outcome
    width = found.skill_logits.shape[-1]
    usage = Usage(torch.zeros(width))
    library = Library(usage, one.gates[:width], [10_000] * width, 10_000)
    raw = raw_losses(found, one.composer, library)
    return {n: raw[n] if n == "task" else PRICE * raw[n] for n in ("task", *CONSTRAINTS)}, outcome


def step(one: Training, arm: str) -> float:
    """Processor seconds of one whole step, which other work on the machine hardly changes."""
    began = time.process_time()
    one.optimiser.zero_grad()
    parts, outcome = priced(one, arm)
    ARMS[arm](one, parts, outcome)
    torch.nn.utils.clip_grad_norm_(one.parameters, 1.0)
    one.optimiser.step()
    return time.process_time() - began


def direction(arm: str) -> tuple[Tensor, Any]:
    """The trunk's gradient by an arm, from the same weights and batch, and what it reported."""
    one = training()
    one.work.builder.eval()
    parts, outcome = priced(one, arm)
    report = ARMS[arm](one, parts, outcome)
    network = one.work.builder.network
    trunk = [*network.decoder.parameters(), *network.memory.parameters()]
    return torch.cat([p.grad.reshape(-1).double() for p in trunk if p.grad is not None]), report


def memory(arm: str) -> float:
    """Megabytes that three steps of an arm add at their peak, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--arm", arm], stdout=subprocess.PIPE, text=True, check=True
    )
    return float(json.loads(done.stdout.splitlines()[-1])["megabytes"])


def alone(arm: str) -> int:
    """Three steps of one arm; prints what they add at their peak to what was there before."""
    take = lora_step() if arm == "lora" else partial(step, training(), arm)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _resident("VmRSS")
    for _ in range(3):
        take()
    print(json.dumps({"megabytes": round(_resident("VmHWM") - before, 1)}))
    return 0


def _resident(name: str) -> float:
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(name)) / 1024


def lora_step() -> Callable[[], float]:
    """One step of a LoRA (rank 16, every projection of attention) that writes the plans as text."""
    from peft import LoraConfig, get_peft_model

    work, base = workload(EMBEDDED, SEED), load_base(EMBEDDED)
    shape = LoraConfig(r=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
    model = get_peft_model(base.model, shape).train()
    tokenizer = base.tokenizer
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    inputs = tokenizer(list(work.texts), return_tensors="pt", padding=True)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, 1e-3)

    def take() -> float:
        began = time.process_time()
        optimiser.zero_grad()
        model(**inputs, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        return time.process_time() - began

    return take


def arms_table(
    seconds: Mapping[str, Sequence[float]], lora: float, ratios: Mapping[str, float]
) -> dict[str, dict[str, float | str]]:
    """Each arm's step: its time, times the plain step, and what it adds to memory where asked."""
    took = {name: median(row) for name, row in seconds.items()} | {"lora": lora}
    return {
        name: {
            "milliseconds": round(1e3 * one, 1),
            "times the plain step": round(ratios.get(name, one / took["task"]), 2),
            "megabytes": memory(name) if name in WEIGHED else "",
        }
        for name, one in took.items()
    }


def main() -> int:
    """Time the arms in turn, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--repeats", type=int, default=15)
    asked.add_argument("--arm", choices=[*ARMS, "lora"])
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("surgery", f"run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    if wanted.arm:
        return alone(wanted.arm)
    arms = {name: training() for name in ARMS}
    seconds: dict[str, list[float]] = {name: [] for name in ARMS}
    for turn in range(wanted.repeats + 2):
        for name, one in arms.items():
            took = step(one, name)
            if turn >= 2:  # the first steps pay for allocation
                seconds[name].append(took)
        say(f"{turn + 1} of {wanted.repeats + 2}")
    ratios = {
        name: median(a / b for a, b in zip(row, seconds["task"], strict=True))
        for name, row in seconds.items()
    }
    take = lora_step()
    lora = median([take() for _ in range(4)][1:])
    (near, report), (sums, _), (params, _) = (direction(a) for a in ("hidden", "joint", "params"))
    cosine = torch.nn.functional.cosine_similarity
    return emit(
        "surgery",
        ratios["hidden"] <= BAR and ratios["hidden_ca"] <= BAR,
        seed=SEED,
        versions=("torch", "torchjd"),
        bar=f"a step with all losses and surgery takes at most {BAR} plain steps",
        batch=len(arms["task"].work.batch.texts.lengths),
        losses=1 + len(CONSTRAINTS),
        arms=arms_table(seconds, lora, ratios),
        cosine_with_params={
            "hidden": round(float(cosine(near, params, dim=0)), 4),
            "sum": round(float(cosine(sums, params, dim=0)), 4),
        },
        pairs_in_conflict=round(report.conflicts, 3),
    )


if __name__ == "__main__":
    sys.exit(main())
