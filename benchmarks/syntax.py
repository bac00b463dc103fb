"""Is every decode a whole, structurally right plan, whatever the model and the budget?

Random weights and the embedded model write plans at temperature 1 under the masks, over budgets
from 32 to 512 tokens. Each text goes to the reference parser and to the checker's structure rules
(known tool, arguments right, references earlier and fitting, no cycle). Beside it the same models
without masks, for contrast.

usage: python benchmarks/syntax.py [--random N] [--embedded N] [--contrast N]
"""

import argparse
import sys
import time
from collections import Counter
from typing import Any

import torch
from report import emit, say, skip
from workload import EMBEDDED

from bb_core import discover
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import PlanError
from bb_core.known import Known
from bb_core.next_step import NextStep
from bb_core.state import State
from bb_core.verdict import Refused
from bb_nn.base import Base, load_base
from bb_nn.fetch import fetched
from bb_runtime.decode import Forward, decode
from bb_runtime.prompt import request
from bb_runtime.steer import Steering
from bb_runtime.vocabulary import vocabulary_of

BUDGETS = (32, 40, 48, 64, 96, 128, 192, 256, 384, 512)


def main() -> int:
    """Decode, judge, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--random", type=int, default=2000)
    asked.add_argument("--embedded", type=int, default=500)
    asked.add_argument("--contrast", type=int, default=50)
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("syntax", f"run: bb models fetch {EMBEDDED}")
    domain = compile_domain(discover().get("api_json"))
    figures: dict[str, Any] = {}
    passed = True
    for name, ref, count in (
        ("random", f"random:llama@{EMBEDDED}", wanted.random),
        ("embedded", EMBEDDED, wanted.embedded),
    ):
        if not count:
            continue
        base = load_base(ref)
        torch.set_num_threads(1 if name == "random" else torch.get_num_threads())
        found = masked(domain, base, count)
        bad = found["incomplete"] + found["parser_refused"] + found["structure"]
        passed = passed and bad == 0 and found["decodes"] == count
        figures[name] = found
        figures[f"{name}_without_masks"] = bare(domain, base, min(wanted.contrast, count))
    return emit(
        "syntax",
        passed,
        versions=("torch", "transformers", "llguidance"),
        bar="0 incomplete, 0 refused by the parser, 0 structural violations",
        budgets=list(BUDGETS),
        temperature=1,
        **figures,
    )


def masked(domain: Compiled, base: Base, count: int) -> dict[str, Any]:
    """`count` decodes under the masks, over all budgets and the battery's requests."""
    steps = NextStep(domain.surface, domain.schema)
    steering = Steering(steps, vocabulary_of(base))
    forward, tally = Forward(base.model), Counter[str]()
    tokens, masks, began = 0, list[float](), time.perf_counter()
    for index in range(count):
        budget = BUDGETS[index % len(BUDGETS)]
        # Every other decode is narrowed by its request, as a run's are.
        known = Known((domain.battery[index % len(domain.battery)].prompt,))
        held = Steering(steps.given(known), vocabulary_of(base)) if index % 2 else steering
        done = decode(forward, ids(domain, base, index), held, budget, temperature=1.0, seed=index)
        tokens += len(done.tokens)
        masks += done.mask_us
        tally["over_budget"] += len(done.tokens) > budget
        tally["closed_by_budget"] += done.closed
        tally[judge(domain, done.text)] += 1
        if index % 50 == 49:
            say(f"{base.name}: {index + 1} of {count}, {dict(tally)}")
    masks.sort()
    return {
        "decodes": count,
        "minimum_budget": steering.minimum,
        "incomplete": tally["incomplete"] + tally["over_budget"],
        "parser_refused": tally["refused"],
        "structure": tally["structure"],
        "closed_by_budget": tally["closed_by_budget"],
        "tokens_per_plan": round(tokens / count, 1),
        "mask_us_p50": round(masks[len(masks) // 2], 1),
        "mask_us_p99": round(masks[int(len(masks) * 0.99)], 1),
        "seconds": round(time.perf_counter() - began, 1),
    }


def bare(domain: Compiled, base: Base, count: int) -> dict[str, int]:
    """The same model, prompts and budgets with nothing to hold it."""
    tally = Counter[str]()
    for index in range(count):
        torch.manual_seed(index)
        prompt = torch.tensor([ids(domain, base, index)])
        out = base.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=BUDGETS[index % len(BUDGETS)],
            do_sample=True,
            temperature=1.0,
            top_k=0,
            pad_token_id=base.tokenizer.eos_token_id,
        )
        written = out[0, prompt.shape[1] :].tolist()
        tally[judge(domain, base.tokenizer.decode(written, skip_special_tokens=True))] += 1
    return {"decodes": count, "right": tally["right"], "wrong": count - tally["right"]}


def ids(domain: Compiled, base: Base, index: int) -> list[int]:
    """A request of the battery as a short prompt: form is judged here, not sense."""
    text = request(domain.battery[index % len(domain.battery)].prompt) + "\n"
    found: list[int] = base.tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def judge(domain: Compiled, text: str) -> str:
    """What the reference parser and the structure rules say of a text."""
    try:
        plan = domain.parse(text)
    except PlanError:
        return "refused" if text.endswith(domain.surface.plan.close) else "incomplete"
    verdict = check(domain, plan, State())
    if isinstance(verdict, Refused):
        faults = [v for v in verdict.violations if v.rule.startswith("S.")]
        for fault in faults:
            say(f"{fault}: {text}")
        return "structure" if faults else "right"
    return "right"


if __name__ == "__main__":
    sys.exit(main())
