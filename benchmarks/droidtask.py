"""Do recorded flows on real Android apps replay as phone plans, touch by touch?

DroidTask (100 visible tasks, 10 apps) holds, for each step, the screen as a list of elements and
the element a person chose. Each task becomes one plan: open, then a tap, a press under consent (for
what commits) or typed text for every step, each with the sight that the next recorded screen
gives. The plan is printed and parsed, checked, and carried out by the executor on a phone that
shows the recording: the selector has to find, anew, the very element that was chosen.

The pack's UI graphs are the second witness: whether they have the same touch on the same screen.
Where it leads they do not say: `next_state` is the hash of a row's own screen (the share is
printed), so that is left to other recordings of the same touch. What neither has is counted.

usage: python benchmarks/droidtask.py [--data FOLDER]
"""

import argparse
import gzip
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from droid_recording import Element, Moment, Recording, elements, moments
from packs import data
from report import emit, say, skip

from bb_core import discover
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import PlanError
from bb_core.verdict import Checked
from bb_domains.phone.commits import commit
from bb_domains.phone.screen import Node
from bb_domains.phone.world import PhoneWorld
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute

APPS = {
    "calendar": "agenda",
    "contacts": "address_book",
    "firefox": "browser",
    "filemanager": "files",
    "musicplayer": "music",
    "applauncher": "launcher",
}
"""Other apps than the phone's own of the same name, so under other names."""

YES = by_policy(lambda request: True, "recording")
BAR = {"plans": 0.95, "steps": 0.9}


def sight(before: Recording, after: Recording) -> tuple[str, bool]:
    """What to expect on the next screen, and whether it tells that screen from the last."""
    old = [*before.nodes()] if before.at >= 0 else []
    new = [node for node in after.nodes() if node not in old and sayable(node)]
    rest = [node for node in after.nodes() if sayable(node)]
    for node in (*new, *rest):
        if node.value and len(node.value) <= 60 and not re.search(r"=", node.value):
            return f"{node.key}={node.value}", bool(new)
        return node.key, bool(new)
    return "", False


def sayable(node: Node) -> bool:
    """Whether a selector can say the name."""
    return bool(node.name) and len(node.name) <= 120 and not re.search(r"[=\x00-\x1f]", node.name)


@dataclass
class Written:
    """A task as a plan, as far as it can be said."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    weak: int = 0
    unsaid: list[str] = field(default_factory=list)
    consents: int = 0

    def add(self, tool: str, **args: Any) -> None:
        after = [self.steps[-1]["id"]] if self.steps else []
        ident = f"n{len(self.steps) + 1}"
        self.steps.append({"id": ident, "tool": tool, "args": args, "after": after})


def written(app: str, steps: Sequence[Moment]) -> Written:
    """The plan that does what was recorded; what a plan cannot say is noted and left out."""
    out, shown = Written(), Recording(app, steps, at=-1)
    out.add("open", app=app, see=_next(out, shown))
    for place, moment in enumerate(steps[:-1]):
        chosen = moment.chosen
        node = shown.named(chosen.node) if chosen else None
        why = unsaid(shown, node, moment)
        if why or node is None:
            out.unsaid.append(why)
            return out
        if moment.text is not None:
            shown.typed[moment.text] = node.name
            out.add("type", app=app, into=node.key, text=moment.text)
            shown.at = place + 1
            continue
        see = _next(out, shown)
        if commit(app, node):
            out.consents += 1
            out.add("confirm", question=f"Press {node.name[:100]}?")
            out.add("press", app=app, on=node.key, see=see)
        else:
            out.add("tap", app=app, on=node.key, see=see)
    return out


def _next(out: Written, shown: Recording) -> str:
    after = Recording(shown.app, shown.moments, shown.at + 1, shown.typed)
    see, tells = sight(shown, after)
    out.weak += not tells
    shown.at += 1
    return see


def unsaid(shown: Recording, node: Node | None, moment: Moment) -> str:
    if node is None:
        return "the record names an element that its screen does not have"
    if not sayable(node):
        return "a name that no selector can say"
    if sum(other.key == node.key for other in shown.nodes()) != 1:
        return "more than one thing of this role and name"
    if moment.text is not None and node.role != "textbox":
        return "text into something that is no field"
    return ""


Shown = tuple[tuple[str, str, str], ...]
Touch = tuple[str, Shown, int, str | None]


def shown_as(elements: Sequence[Element]) -> Shown:
    """A screen by what stands on it, not by the pack's own ids."""
    return tuple((e.node.role, e.node.name, e.node.value) for e in elements)


@dataclass
class Graph:
    """The touches of the pack's UI graphs, and those of all recordings with where they led."""

    screens: set[Shown] = field(default_factory=set)
    touches: set[Touch] = field(default_factory=set)
    led: dict[Touch, dict[str, Shown]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


def graph(rows: Sequence[dict[str, Any]], tasks: Sequence[dict[str, Any]]) -> Graph:
    """Both witnesses, and what can be said of the graphs' own touches."""
    out, own, said = Graph(), 0, 0
    for row in rows:
        moment = Moment(elements(row["screen"]), row["choice"], row["text"])
        out.screens.add(shown_as(moment.elements))
        out.touches.add((row["app"], shown_as(moment.elements), moment.choice, moment.text))
        own += row["next_state"] == own_hash(row["screen"])
        chosen = moment.chosen.node if moment.chosen else None
        said += not unsaid(Recording(row["app"], [moment], at=0), chosen, moment)
    for task in tasks:
        for now, then in pairwise(moments(task)):
            touch = (task["app"], shown_as(now.elements), now.choice, now.text)
            out.led.setdefault(touch, {})[task["id"]] = shown_as(then.elements)
    out.figures = {
        "touches": len(rows),
        "sayable by role and name": said / len(rows),
        "with their own screen as next_state": own / len(rows),
    }
    return out


def own_hash(lines: Sequence[str]) -> str:
    """What the pack calls a screen."""
    text = "\n".join(line.strip() for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one file of the pack."""
    with gzip.open(folder / "phone" / f"{name}.dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass
class Tally:
    """What became of all tasks."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def task(self, domain: Compiled, task: dict[str, Any], known: Graph) -> None:
        """Write, parse, check and replay one task."""
        app, steps = APPS.get(task["app"], task["app"]), moments(task)
        plan = written(app, steps)
        whole = not plan.unsaid
        self.counts.update(tasks=1, steps=len(steps) - 1, consents=plan.consents, weak=plan.weak)
        self.reasons.update(plan.unsaid)
        self.counts["said"] += whole
        phone = Recording(app, steps)
        if not self._replayed(domain, plan, phone, task):
            whole = False
        self.counts["done"] += whole
        self.counts["touched"] += len(phone.touched)
        for at in phone.touched:
            self._witness(task, steps[at], shown_as(steps[at + 1].elements), known)

    def _replayed(
        self, domain: Compiled, plan: Written, phone: Recording, task: dict[str, Any]
    ) -> bool:
        try:
            parsed = domain.parse(domain.print(domain.read(plan.steps)))
        except PlanError as error:
            self.reasons[f"no plan: {error}"] += 1
            return False
        self.counts["parsed"] += not plan.unsaid
        verdict = check(domain, parsed)
        if not isinstance(verdict, Checked):
            self.reasons[f"refused: {verdict.violations[0]}"] += 1
            return False
        self.counts["checked"] += not plan.unsaid
        result = execute(verdict, domain.adapters(), PhoneWorld(phone), approve=YES, run=task["id"])
        if result.status != "done":
            why = next(out.why for out in result.outcomes.values() if out.status not in ("done",))
            self.reasons[f"stopped: {re.sub(r'n[0-9]+', 'n', why)[:90]}"] += 1
            say(f"{task['id']}: {why}")
        return result.status == "done"

    def _witness(self, task: dict[str, Any], now: Moment, then: Shown, known: Graph) -> None:
        made = (task["app"], shown_as(now.elements), now.choice, now.text)
        if made in known.touches:
            self.counts["in_graph"] += 1
        elif made[1] in known.screens:
            self.counts["no_such_touch"] += 1
        else:
            self.counts["no_such_screen"] += 1
        others = [led for name, led in known.led[made].items() if name != task["id"]]
        if others:
            self.counts["same_end" if then in others else "other_end"] += 1


def main() -> int:
    """Replay every task, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", help="the folder of the data packs")
    folder = data(asked.parse_args().data)
    if folder is None or not (folder / "phone").is_dir():
        return skip("droidtask", "no data pack; give --data")
    domain, tally = compile_domain(discover().get("phone")), Tally()
    tasks = load(folder, "droidtask")
    known = graph(load(folder, "utg"), tasks)
    for task in tasks:
        tally.task(domain, task, known)
    return report(tally, known)


def report(tally: Tally, known: Graph) -> int:
    """The line."""
    counts = tally.counts
    tasks, steps, touched = counts["tasks"], counts["steps"], counts["touched"]
    passed = counts["checked"] >= BAR["plans"] * tasks and touched >= BAR["steps"] * steps
    return emit(
        "droidtask",
        passed,
        bar=f"plans that pass the checker >= {BAR['plans']}, steps replayed >= {BAR['steps']}",
        tasks=tasks,
        steps=steps,
        tasks_said_whole=counts["said"] / tasks,
        plans_parsed=counts["parsed"] / tasks,
        plans_passed_by_the_checker=counts["checked"] / tasks,
        steps_replayed_as_recorded=touched / steps,
        tasks_replayed_to_the_end=counts["done"] / tasks,
        steps_under_consent=counts["consents"],
        post_conditions_that_do_not_tell_the_screens_apart=counts["weak"],
        replayed_steps={
            "the UI graph has the same touch on the same screen": {"steps": counts["in_graph"]},
            "it has the screen, without this touch": {"steps": counts["no_such_touch"]},
            "it has no such screen": {"steps": counts["no_such_screen"]},
            "another recording has the touch and ends there too": {"steps": counts["same_end"]},
            "another recording has it and ends elsewhere": {"steps": counts["other_end"]},
        },
        ui_graph=known.figures,
        not_replayed={why: {"tasks": n} for why, n in tally.reasons.most_common(12)},
    )


if __name__ == "__main__":
    sys.exit(main())
