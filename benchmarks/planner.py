"""What the embedded base model makes of the battery on its own: the figure the builder has to beat.

Greedy, first draft, three examples from other tasks, the masks narrowed by the request, every
consent given. Each plan is checked and, if it passes, carried out on a fresh twin.

exact          step for step the reference plan
checked        the checker let it pass
right          it ended in exactly the state the task asks for
acted_wrongly  it changed something, and not what was asked: permitted, and unwise

usage: python benchmarks/planner.py [--tasks N]
"""

import argparse
import sys
import time
from collections import Counter
from random import Random

from report import emit, say, skip
from workload import EMBEDDED

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_core.distance import by_id
from bb_nn.base import load_base
from bb_nn.fetch import fetched
from bb_runtime.planner import ModelPlanner
from bb_runtime.rounds import Ask
from bb_runtime.trial import attempt

SEED, FLOOR = 1, 0.2


def main() -> int:
    """Plan, check, carry out, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tasks", type=int, default=50)
    wanted = asked.parse_args().tasks
    if fetched(EMBEDDED) is None:
        return skip("planner", f"run: bb models fetch {EMBEDDED}")
    domain = compile_domain(discover().get("api_json"))
    planner, adapters = ModelPlanner(load_base(EMBEDDED), domain), domain.adapters()
    tasks = [task for task in domain.battery if task.expect == "done" and len(task.rounds) == 1]
    Random(SEED).shuffle(tasks)
    tally, began = Counter[str](), time.perf_counter()
    for task in tasks[:wanted]:
        plan = domain.parse(planner(Ask(task.prompt)).text)
        tally["exact"] += by_id(plan, domain.read(task.rounds[0])) == 0
        trial = attempt(domain, adapters, task, [plan])
        tally["checked"] += trial.caught != "static"
        tally["right"] += trial.caught == "nothing"
        tally["acted_wrongly"] += trial.caught == "oracle" and bool(trial.diff)
        say(f"{task.id}: {trial.caught}")
    count = len(tasks[:wanted])
    return emit(
        "planner",
        tally["right"] >= FLOOR * count,
        seed=SEED,
        versions=("torch", "transformers", "llguidance"),
        bar=f"at least {FLOOR:.0%} of the tasks end in the state they ask for",
        tasks=count,
        **{name: tally[name] for name in ("exact", "checked", "right", "acted_wrongly")},
        seconds_per_plan=round((time.perf_counter() - began) / count, 1),
    )


if __name__ == "__main__":
    sys.exit(main())
