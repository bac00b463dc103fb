"""Batteries as inspect-ai tasks: the same twins, checker and oracle in another team's harness.

    inspect eval bb_infra/battery -T domain=api_json --model openai/…

The model writes plans as text, round after round, and is told why one was refused; a run is scored
as `bb battery run` scores it. An episode that the twin loses is an error of the sample, never a
wrong answer. Not covered: the masks, which need a model in this process; without them a model can
write what is no plan, and that counts against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio.from_thread
import anyio.to_thread
from inspect_ai import Task as InspectTask
from inspect_ai import task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    get_model,
)
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from bb_core.battery import Task
from bb_core.compiled import compile_domain
from bb_core.harms import harms
from bb_core.registry import discover
from bb_infra.battery_export import row
from bb_infra.battery_run import solves
from bb_infra.domain_checks import Domain, open_domain
from bb_runtime.episode import Played, play
from bb_runtime.prompt import messages
from bb_runtime.rounds import Ask, Draft

PLAYED = "builderbrain"
ROLES: dict[str, Any] = {
    "system": ChatMessageSystem,
    "user": ChatMessageUser,
    "assistant": ChatMessageAssistant,
}


@task
def battery(domain: str, skin: str = "", tag: str = "") -> InspectTask:
    """A domain's battery: in one of its skins, if one is named; the tasks with a tag, if one is."""
    home = open_domain(compile_domain(discover().get(domain)))
    tasks = _chosen(home, skin, tag)
    samples = [Sample(**row(home.compiled, one)) for one in tasks]
    by_id = {one.id: one for one in tasks}
    return InspectTask(
        dataset=MemoryDataset(samples, name=f"{domain} {skin}".strip()),
        solver=plans(home, by_id),
        scorer=exact_change(),
        metadata={"domain": domain, "digest": home.compiled.digest, "skin": skin},
    )


def _chosen(home: Domain, skin: str, tag: str) -> Sequence[Task]:
    tasks = [one for one in home.tasks if not tag or tag in one.tags]
    if not skin:
        return tasks
    worn = next(one for one in home.compiled.skins if one.name == skin)
    return [dressed for one in tasks if (dressed := worn.apply(one))]


@solver
def plans(home: Domain, tasks: dict[str, Task]) -> Solver:
    """Plan, check, carry out on a fresh twin, and plan again, as a run does."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        one = tasks[str(state.sample_id)]
        adapters = home.adapters or home.compiled.adapters()
        asked = _Asked(home, state)
        run = partial(play, home.compiled, adapters, one, asked)
        played = await anyio.to_thread.run_sync(run)
        if asked.failed is not None:
            raise asked.failed
        state.metadata[PLAYED] = _told(home, one, played)
        return state

    return solve


@dataclass
class _Asked:
    """The model that inspect was given, as a planner; called from the run's own thread.

    `failed` is why it could not be asked: an error of the sample, never a wrong answer.
    """

    home: Domain
    state: TaskState
    failed: Exception | None = None

    def __call__(self, ask: Ask) -> Draft:
        if self.failed is not None:
            raise self.failed
        told = messages(self.home.compiled, ask)
        chat: list[ChatMessage] = [ROLES[said["role"]](content=said["content"]) for said in told]
        try:
            output = anyio.from_thread.run(get_model().generate, chat)
        except Exception as error:
            self.failed = error
            raise
        self.state.messages = [*chat, output.message]
        self.state.output = output
        return Draft(output.completion.strip(), output.stop_reason == "max_tokens", "inspect")


def _told(home: Domain, one: Task, played: Played) -> dict[str, Any]:
    tried = [attempt for step in played.run.rounds for attempt in step.attempts]
    counted = harms(home.compiled.harms, played.episode)
    return {
        "passed": solves(home, one, played),
        "end": played.episode.end,
        "diff": dict(played.episode.diff),
        "drafts": [attempt.draft.text for attempt in tried],
        "refused": [str(getattr(a.verdict, "violations", ""))[:400] for a in tried],
        "harms": {h.id: v for h, v in zip(home.compiled.harms, counted, strict=True)},
    }


@scorer(metrics=[accuracy(), stderr()])
def exact_change() -> Scorer:
    """Correct: the run ended in exactly the state the task asks for."""

    async def score(state: TaskState, target: Target) -> Score:
        told = state.metadata[PLAYED]
        value = CORRECT if told["passed"] else INCORRECT
        answer = told["drafts"][-1] if told["drafts"] else ""
        return Score(value=value, answer=answer, explanation=told["end"], metadata=told)

    return score
