"""Does the swept bound hold? Motions among people, judged by the guards, then simulated in MuJoCo.

Every episode draws a motion and one or two people, most of whom head straight for where the arm
goes. The guards of `move_to` judge it on the survey that a run would read; then it is carried out,
whatever they said, with the watch switched off. No motion that was let pass may come nearer to
anybody than the limit, and no motion at all nearer than the checker's bound for it.

usage: python benchmarks/near_miss.py [--episodes N] [--seed S]
"""

import argparse
import math
import sys
import time
from collections import Counter
from statistics import median

from report import emit, say, skip

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_core.schema import PlanSchema
from bb_domains.robots.cell.episodes import Episode, episode

LIMIT = 350.0
"""The separation the schema's guard asks for, mm."""


def main() -> int:
    """Run the episodes, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--episodes", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=0)
    args = asked.parse_args()
    schema = compile_domain(discover().get("robots")).schema
    try:
        import mujoco  # noqa: F401
    except ImportError:
        return skip("near_miss", "run: pip install 'builderbrain-robots[sim]'")
    began = time.perf_counter()
    done = [simulated(schema, args.seed + n) for n in range(args.episodes)]
    took = time.perf_counter() - began
    passed = [e for e in done if not e.refused_by]
    refused = [e for e in done if e.refused_by]
    broken = [e for e in passed if e.figures.least < LIMIT]
    below = [e for e in done if e.figures.least < min(e.bound, 4900)]
    for e in (*broken, *below):
        said = e.refused_by or "passed"
        say(f"seed {e.seed}: {said}, bound {e.bound}, least {e.figures.least:.0f}")
    by = Counter(e.refused_by for e in refused)
    slack = [e.figures.least - e.bound for e in done if math.isfinite(e.figures.least)]
    return emit(
        "near_miss",
        not broken and not below and len(passed) >= args.episodes // 10,
        seed=args.seed,
        versions=("mujoco",),
        bar="no motion that was let pass comes nearer than 350 mm, none at all nearer than its "
        "bound, and at least a tenth are let pass",
        episodes=len(done),
        let_pass=len(passed),
        let_pass_nearer_than_limit=len(broken),
        nearer_than_bound=len(below),
        least_mm_of_let_pass=round(min((e.figures.least for e in passed), default=math.inf)),
        near_misses_of_let_pass=sum(e.figures.episodes for e in passed),
        refused=len(refused),
        refused_and_nearer_than_limit=sum(e.figures.least < LIMIT for e in refused),
        near_misses_of_refused=sum(e.figures.episodes for e in refused),
        contacts_of_refused=sum(e.figures.contacts for e in refused),
        median_mm_above_bound=round(median(slack)) if slack else 0,
        episodes_per_s=round(len(done) / took, 1),
        refused_by={name: {"episodes": n} for name, n in sorted(by.items())},
    )


def simulated(schema: PlanSchema, seed: int) -> Episode:
    """One episode of the arm with its dynamics; the objects are left out, nobody touches them."""
    from bb_domains.robots.sim.body import SimBody

    return episode(seed, schema, lambda q, _, people: SimBody(q, {}, people))


if __name__ == "__main__":
    sys.exit(main())
