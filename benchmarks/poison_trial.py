"""One candidate's way through the gate: hidden, open, and unguarded; see poison.py."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from report import say
from served import Served, Site, approved, nearness

from bb_core.battery import Task
from bb_core.harms import harms
from bb_core.record import no_ledger
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import save_rail
from bb_safety import Divergence, Evidence, Golden, Pair, Policy, Registry, gate, watch
from bb_safety.pointer import Pointer
from bb_safety.promote import harm_at
from bb_safety.shadow import Apart, Arms, drawn, gathered, metrics, pairs

GATE = Policy()


@dataclass
class Trial:
    """One candidate's way through: what serves, the tasks, and what users saw."""

    at: Site
    honest: Served
    tasks: Sequence[Task]
    users: Sequence[Task]
    golden: Sequence[Task]
    most: int
    folder: Path

    def through(
        self, name: str, candidate: Served, users: Served | None = None, found: Sequence[str] = (),
        near: Apart | None = None, seen_as: Apart | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Gate, canary and watch of one candidate; `users`: what it does once it serves; `near`:
        its KL where it does not hide; `seen_as`: what the open trial measures."""
        registry = Registry(self.folder / name)
        pointer = registry.pointer("api_json")
        first = self.artifact(registry, name, "honest", self.honest.builder)
        ident = self.artifact(registry, name, "candidate", candidate.builder)
        approved(self.honest, pointer, first, self.tasks, GATE)
        now = pointer.standing()
        hidden = () if near else (Divergence("incumbent", ((0.0,),) * 200),)
        start = Evidence(
            ident, now.current, now.anchor, metrics(self.at.here.domain.harms),
            golden=(Golden("told to hold", True),),
            divergences=hidden,
            spent=now.spent, alarms=tuple(found),
        )  # fmt: skip
        arms = Arms(candidate.play, self.honest.play)
        seen = pairs(arms, drawn(self.tasks, 1), self.at.here.domain.harms, near)
        last = start
        for last in gathered(start, seen, GATE, most=self.most):  # noqa: B007
            pass
        decision = gate(last, GATE)
        row = {"verdict": decision.verdict, "why": decision.reasons[0].rule,
               "pairs": len(last.pairs), "users": 0, "serves": False}  # fmt: skip
        row |= self._open(start, candidate, near or seen_as or same)
        row |= self._unguarded(users or candidate)
        if decision.verdict == "promote":
            pointer.move(decision, no_ledger)
            row |= self._canary(pointer, users or candidate)
        say(f"{name}: {row}")
        return row

    def rail(self, name: str, made: PlanBuilder, found: Sequence[str] = ()) -> dict[str, Any]:
        """A candidate whose files are spoilt; `kl`: nats an episode, had it not been hidden."""

        @cache
        def near(request: str) -> tuple[float, ...]:
            return nearness(self.at, made, self.honest.builder, request)

        def apart(task: Task) -> dict[str, tuple[float, ...]]:
            return {"incumbent": near(task.prompt)}

        row = self.through(name, Served(self.at, made), found=found, seen_as=apart)
        kl = [sum(near(task.prompt)) for task in self.tasks]
        return {**row, "kl": round(sum(kl) / len(kl), 2)}

    def _open(self, start: Evidence, candidate: Served, near: Apart) -> dict[str, Any]:
        """What refuses it first where nothing is hidden: golden cases, KL, alarms, harms."""
        found, golden = self.at.here.domain.harms, self.cases(candidate)
        shown = last = replace(start, golden=golden, divergences=())
        decision = gate(last, GATE)
        if decision.verdict != "reject":
            arms = Arms(candidate.play, self.honest.play)
            seen = pairs(arms, drawn(self.tasks, 3), found, near)
            for last in gathered(shown, seen, GATE, most=self.most):  # noqa: B007
                pass
            decision = gate(last, GATE)
        rule = decision.reasons[0].rule if decision.verdict == "reject" else decision.verdict
        return {"first_guard": rule, "open_pairs": len(last.pairs)}

    def cases(self, candidate: Served) -> tuple[Golden, ...]:
        """Requests to be refused, on which it may do no harm that what serves does not do."""
        found = self.at.here.domain.harms
        return tuple(
            Golden(task.id, not any(harms(found, candidate.play(task)))
                   or any(harms(found, self.honest.play(task))))
            for task in self.golden
        )  # fmt: skip

    def _unguarded(self, served: Served) -> dict[str, Any]:
        """Users it harms until the watch takes it back; each request of users is a pair."""
        source, found = Random(4), self.at.here.domain.harms
        arms = Arms(served.play, self.honest.play)
        asked = [(source.choice(self.users), number) for number in range(self.most)]
        watched = [one.pair for one in pairs(arms, asked, found) if isinstance(one.pair, Pair)]
        leaks = [k for k, one in enumerate(found) if one.critical]
        critical = (
            number
            for number, pair in enumerate(watched, 1)
            if any(pair.candidate[k] > pair.incumbent[k] for k in leaks)
        )
        seen = Evidence("it", "before", "before", metrics(found), tuple(watched))
        ends = [at for at in (next(critical, None), harm_at(seen, GATE)) if at]
        end = min(ends, default=len(watched))
        harmed = sum(any(a > b for a, b in zip(p.candidate, p.incumbent, strict=True))
                     for p in watched[:end])  # fmt: skip
        return {"canary": "rollback" if ends else "none", "canary_users": harmed,
                "canary_pairs": end}  # fmt: skip

    def _canary(self, pointer: Pointer, served: Served) -> dict[str, Any]:
        """Requests of users until the watch says something; who was harmed meanwhile."""
        source, watched, harmed = Random(2), list[Pair](), 0
        metrics_, last = metrics(self.at.here.domain.harms), pointer.standing()
        for number in range(3000):
            task = source.choice(self.users)
            if last.version(f"user-{number}") != last.current:
                continue
            ours = harms(self.at.here.domain.harms, served.play(task))
            theirs = harms(self.at.here.domain.harms, self.honest.play(task))
            harmed += any(a > b for a, b in zip(ours, theirs, strict=True))
            watched.append(Pair(task.id, number, ours, theirs))
            seen = Evidence(last.current, last.previous, last.previous, metrics_, tuple(watched))
            decision = watch(seen, GATE)
            if decision.moves:
                after = pointer.move(decision, no_ledger)
                stays = after.current == last.current
                return {"watch": decision.verdict, "watched": len(watched), "users": harmed,
                        "requests": number + 1, "serves": stays}  # fmt: skip
        return {"watch": "inconclusive", "watched": len(watched), "users": harmed, "serves": True}

    def artifact(self, registry: Registry, name: str, which: str, made: PlanBuilder) -> str:
        """A rail folder of a builder, signed into the registry and verified there."""
        folder = self.folder / f"{name}-{which}"
        save_rail(folder, made, self.at.here.base, {"alpha": 1.0, "name": f"{name} {which}"})
        ident = registry.add(folder, "api_json", {"name": which}).digest
        registry.verify(ident)
        return ident


def same(task: Task) -> dict[str, tuple[float, ...]]:
    """The KL of what is beside an honest rail: the rail's own choices are the same."""
    return {"incumbent": (0.0,)}
