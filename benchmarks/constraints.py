"""Does a constraint hold the builder inside the plan language, and at what price?

A quarter of the training plans is spoilt: a step that must come first (finding the customer,
looking at the order, asking) is left out, so that a later skill comes before it may. The builder is
trained on these traces without masks, and asked without masks:

none       the task alone
repaired   the energy of the skill decisions under a budget, by the repaired multiplier
ascend     the same budget by plain dual ascent: the multiplier that does not come to rest

sampled    share of plans, skills drawn at temperature 1, with a skill that may not come next
greedy     the same for the likeliest skill each time
right      greedy under the masks, carried out: it ends in exactly the state asked for
right_free the same without masks
ece        of the confidences in the decisions of the dev plans, each after the right ones before
           it and without masks, debiased

usage: python benchmarks/constraints.py [--steps N] [--seeds N …] [--train N] [--tasks N]
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from random import Random
from statistics import fmean
from typing import Any

import torch
from interval import interval
from likeliest import Likeliest
from report import emit, say, skip
from spoilt import Drawn, Free, lesson, spoil, violations
from workload import EMBEDDED, Ground, ground

from bb_core.calibration import Calibration, calibration
from bb_core.decision import Decision
from bb_core.duals import RULES, Constraint, Duals, RuleName, Warmup, duals, step
from bb_core.scene import Scene
from bb_nn.builder.batch import Batch
from bb_nn.builder.beam import Beam
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.encoded import Encoded
from bb_nn.builder.loss import losses
from bb_nn.builder.option_head import Query
from bb_nn.builder.question import Tokens
from bb_nn.builder.script import clause_spots
from bb_nn.fetch import fetched
from bb_nn.tapped import Tapped
from bb_train.audits.windup import Point, at_rest, windup
from bb_train.evaluate import Evaluator
from bb_train.example import Example
from bb_train.lagrangian import lagrangian
from bb_train.losses.cfs_energy import budget
from bb_train.losses.option_energy import option_energy
from bb_train.statistics import discordant, mcnemar

SPOILT, VIOLATIONS, DECISIONS = 0.25, 0.04, 8
LIMIT, CEILING = budget(VIOLATIONS, DECISIONS), 60.0
ARMS: dict[str, RuleName | None] = {"none": None, "repaired": "repaired", "ascend": "ascend"}
FALL, COST, ECE = 4.0, 0.02, 0.05
HOW = [
    "Chosen on seed 0: examples, steps, budget and ceiling. On 400 examples a builder without the "
    "constraint breaks the plan language less often than its traces do (.08 of plans), so that a "
    "budget asks little of it; on 1,200 it does as they do (.24). There, in 1,500 to 2,000 steps, "
    "a budget of .05 came to rest with .056 of plans (.846 right; .875 without), one of .02 was at "
    ".035 and still rising. The one taken lies between them.",
    "The ECE is of dev plans. Before, it was of the second half of training, and the bar asked "
    "that plain ascent trip the windup audit; it did so by a ceiling that it does not have.",
]


@dataclass(frozen=True)
class Run:
    """One trained arm: its builder, the multiplier's path, and the multiplier's ceiling."""

    builder: PlanBuilder
    path: tuple[Point, ...]
    ceiling: float | None


def controller(rule: RuleName | None) -> Duals:
    """The multiplier of an arm. Plain ascent as it was: no warm-up, eta 1, no ceiling."""
    if rule == "ascend":
        cfs = Constraint("cfs", LIMIT, eta=1.0, lambda_max=1e9)
        return duals(cfs, warmup=Warmup(at_least=0, fraction=1.0))
    return duals(Constraint("cfs", LIMIT, 0.1, CEILING), warmup=Warmup(at_least=100))


def train(
    builder: PlanBuilder, told: Sequence[Tapped], lessons: Sequence[Encoded],
    rule: RuleName | None, steps: int, seed: int,
) -> Run:  # fmt: skip
    """AdamW, batch 8; no mask in the task, the energy of the skills at its multiplier's price."""
    torch.manual_seed(seed)
    rows = list(range(len(lessons)))
    Random(seed).shuffle(rows)
    stream = islice(cycle(rows), 8 * steps)
    optimiser = torch.optim.AdamW(builder.parameters(), 1e-3)
    state, path = controller(rule), list[Point]()
    for number in range(steps):
        chosen = list(islice(stream, 8))
        batch = builder.batch([told[i] for i in chosen], [lessons[i] for i in chosen])
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1.0, (number + 1) / 50, (steps - number) / (0.3 * steps))
        outcome, asked = builder.network(batch), batch.questions
        found = losses(outcome, unmasked(batch))
        energy = option_energy(outcome.options, asked.group, len(asked.action), asked.allowed)
        cfs = energy[asked.query == Query.SKILL].mean()
        optimiser.zero_grad()
        lagrangian(found.task, {"cfs": cfs}, state).backward()
        torch.nn.utils.clip_grad_norm_(builder.parameters(), 1.0)
        optimiser.step()
        price, task = state.multipliers["cfs"], float(found.task.detach())
        state = step(state, {"cfs": float(cfs.detach())}, task, RULES[rule or "repaired"])
        if rule is None:
            state = replace(state, duals=(replace(state.duals[0], multiplier=0.0),))
        path.append(Point(state.duals[0].ema or 0.0, LIMIT, price, task))
    return Run(builder.eval(), tuple(path), CEILING if rule == "repaired" else None)


def unmasked(batch: Batch) -> Batch:
    """The batch with every option allowed."""
    asked = batch.questions
    return replace(batch, questions=replace(asked, allowed=torch.ones_like(asked.allowed)))


@torch.no_grad()
def sureness(
    here: Ground, builder: PlanBuilder, tests: Sequence[Example], told: Sequence[Tapped]
) -> Calibration:
    """How far the confidences in the decisions of the reference plans mean what they say."""
    confidences, hits = list[float](), list[bool]()
    for example, states in zip(tests, told, strict=True):
        batch = builder.batch([states], [lesson(here, example, example.plan, states)])
        found = losses(builder.network(batch), unmasked(batch))
        confidences += found.confidence.tolist()
        hits += [hit > 0.5 for hit in found.hit.tolist()]
    return calibration(confidences, hits, draws=50)


@torch.no_grad()
def decisions_of(
    here: Ground,
    builder: PlanBuilder,
    seen: Scene,
    told: Tapped,
    *,
    free: bool,
    draw: Random | None,
) -> tuple[Decision, ...]:
    """What the builder decides: with or without masks, drawn or the best."""
    asker = Free(here, seen) if free else builder.asker(seen)
    memory = builder._memory(told)
    parts = (builder.network, asker, Tokens(told.offsets), memory)
    beam = Drawn(*parts, chance=draw) if draw else Beam(*parts)
    plans = beam.search(clause_spots(seen, builder.starts(told, seen)), 1)
    return plans[0].progress.done if plans else ()


def likeliest(
    here: Ground, builder: PlanBuilder, free: bool, told: Tapped, seen: Scene
) -> tuple[Decision, ...]:
    """The best plan's decisions, with or without masks."""
    return decisions_of(here, builder, seen, told, free=free, draw=None)


def judge(
    here: Ground, run: Run, tests: Sequence[Example], told: Sequence[Tapped], seed: int
) -> dict[str, Any]:
    """An arm's figures on the test examples."""
    draw, sampled, greedy = Random(seed), 0, 0
    for example, states in zip(tests, told, strict=True):
        for _ in range(2):
            made = decisions_of(here, run.builder, example.scene, states, free=True, draw=draw)
            sampled += violations(here, example.scene, made) > 0
        made = decisions_of(here, run.builder, example.scene, states, free=True, draw=None)
        greedy += violations(here, example.scene, made) > 0
    evaluator = Evaluator(here.domain)
    right = {}
    for name, free in (("right", False), ("right_free", True)):
        decide = partial(likeliest, here, run.builder, free)
        right[name] = [s.right for s in evaluator.score(tests, Likeliest(here, decide))]
    known = sureness(here, run.builder, tests, told)
    return {
        "sampled": sampled / (2 * len(tests)),
        "greedy": greedy / len(tests),
        "right": right["right"],
        "right_free": right["right_free"],
        "energy": run.path[-1].ema,
        "lambda": curve(run.path, lambda point: point.multiplier),
        "held": curve(run.path, lambda point: point.ema),
        "lambda_peak": max(p.multiplier for p in run.path),
        "lambda_end": run.path[-1].multiplier,
        "at_rest": at_rest(run.path),
        "alarms": [a.kind for a in windup(run.path, ceiling=run.ceiling)],
        "ece": known.ece,
        "ece_debiased": known.debiased,
    }


def arms(here: Ground, seed: int, wanted: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All arms of one seed, on the same examples and in the same order."""
    examples = here.examples(wanted.train, "train", seed, plain=True)
    tests = here.examples(wanted.tasks, "dev", seed, plain=True)
    told, seen, draw = here.states(examples), here.states(tests), Random(seed)
    plans = [(spoil(here, e, draw) if draw.random() < SPOILT else None) or e.plan for e in examples]
    lessons = [lesson(here, *row) for row in zip(examples, plans, told, strict=True)]
    share = fmean(p is not e.plan for p, e in zip(plans, examples, strict=True))
    found: dict[str, dict[str, Any]] = {}
    for name, rule in ARMS.items():
        began = time.perf_counter()
        builder = here.builder(seed, width=wanted.width)
        run = train(builder, told, lessons, rule, wanted.steps, seed)
        found[name] = {"spoilt": share, **judge(here, run, tests, seen, seed)}
        found[name]["seconds"] = round(time.perf_counter() - began, 1)
        short = {k: v for k, v in found[name].items() if not isinstance(v, list) or k == "alarms"}
        say(f"seed {seed} {name}: {short}")
    return found


def curve(path: Sequence[Point], of: Callable[[Point], float]) -> list[tuple[int, float]]:
    """Forty points of a path."""
    return [(at, round(of(path[at]), 5)) for at in range(0, len(path), max(1, len(path) // 40))]


def pooled(runs: Sequence[dict[str, dict[str, Any]]], arm: str) -> dict[str, Any]:
    """An arm's figures over the seeds."""
    rows = [run[arm] for run in runs]
    hits = [hit for row in rows for hit in row["right"]]
    means = ("sampled", "greedy", "energy", "lambda_peak", "lambda_end", "ece", "ece_debiased")
    return {
        **interval("right", hits, 4),
        "right_free": round(fmean(hit for row in rows for hit in row["right_free"]), 4),
        **{key: round(fmean(row[key] for row in rows), 4) for key in means},
        "at_rest": [row["at_rest"] for row in rows],
        "alarms": [alarm for row in rows for alarm in row["alarms"]] or "none",
    }


def each(
    runs: Sequence[dict[str, dict[str, Any]]], seeds: Sequence[int]
) -> dict[str, dict[str, float]]:
    """Every arm of every seed."""
    return {
        f"{arm}, seed {seed}": {
            "sampled": round(row["sampled"], 4),
            "right": round(fmean(row["right"]), 4),
            "lambda_end": round(row["lambda_end"], 4),
            "seconds": row["seconds"],
        }
        for seed, run in zip(seeds, runs, strict=True)
        for arm, row in run.items()
    }


def curves(
    runs: Sequence[dict[str, dict[str, Any]]], seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """The multiplier and what it holds, arm by arm."""
    found: dict[str, dict[str, Any]] = {}
    for key, title, label in (
        ("lambda", "The multiplier", "lambda"),
        ("held", f"Energy of the skills, limit {LIMIT:.4f}", "nats a decision"),
    ):
        lines = {
            f"{arm}, seed {s}": row[key]
            for s, run in zip(seeds, runs, strict=True)
            for arm, row in run.items()
        }
        found[title] = {"x": "step", "y": label, "log": key == "held", "lines": lines}
    return found


def main() -> int:
    """Train the arms, judge them, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--steps", type=int, default=2000)
    asked.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    asked.add_argument("--train", type=int, default=1200)
    asked.add_argument("--tasks", type=int, default=240)
    asked.add_argument("--width", type=int, default=128)
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("constraints", f"run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    runs = [arms(here, seed, wanted) for seed in wanted.seeds]
    none, repaired, ascend = (pooled(runs, arm) for arm in ARMS)
    pairs = [discordant(run["repaired"]["right"], run["none"]["right"]) for run in runs]
    wins, lost = (sum(pair[k] for pair in pairs) for k in (0, 1))
    fall = none["sampled"] / max(repaired["sampled"], 1e-9)
    passed = (
        fall >= FALL
        and none["right"] - repaired["right"] <= COST
        and all(repaired["at_rest"])
        and repaired["alarms"] == "none"
        and not any(ascend["at_rest"])
        and repaired["ece_debiased"] <= ECE
    )
    return emit(
        "constraints",
        passed,
        seeds=wanted.seeds,
        versions=("torch", "transformers"),
        claim="Constraints: fewer violations without masks, and multipliers that come to rest",
        bar=f"sampled violations fall {FALL:g} times at {COST:.0%} of success; the repaired "
        f"multiplier comes to rest, plain ascent's does not; debiased ECE at most {ECE}",
        recipe=f"{wanted.train} examples of api_json, {wanted.steps} steps of 8, width "
        f"{wanted.width}, {wanted.tasks} dev tasks, multiplier at most {CEILING:g}",
        how=HOW,
        spoilt=round(fmean(run["none"]["spoilt"] for run in runs), 3),
        limit=round(LIMIT, 5),
        violations_fall=round(fall, 2),
        repaired_against_none={"won": wins, "lost": lost, "p": round(mcnemar(wins, lost), 4)},
        arms={"none": none, "repaired": repaired, "ascend": ascend},
        every_seed=each(runs, wanted.seeds),
        curves=curves(runs, wanted.seeds),
    )


if __name__ == "__main__":
    sys.exit(main())
