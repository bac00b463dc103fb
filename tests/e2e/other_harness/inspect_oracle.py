"""In an environment with inspect-ai: a battery played by its own plans, and by a silent model.

usage: python inspect_oracle.py DOMAIN EXPORTED LOGS; prints one JSON line.
"""

import json
import sys
from collections import Counter
from typing import Any

from inspect_ai import eval as run
from inspect_ai.dataset import json_dataset
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi

from bb_core.compiled import compile_domain
from bb_core.registry import discover

HOME = compile_domain(discover().get(sys.argv[1]))


class Offline(ModelAPI):
    """A model of no provider; it counts words, since the counting of tokens needs the network."""

    asked: Counter[str] = Counter()

    async def count_text_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(
        self, input: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig
    ) -> ModelOutput:
        asked = next(said.text for said in reversed(input) if "Request: " in said.text)
        return ModelOutput.from_content(self.model_name, self.plan(asked))

    def plan(self, asked: str) -> str:
        if self.model_name == "silent":
            return ""
        told = " ".join(asked.split())
        fits = [t for t in HOME.battery if " ".join(t.prompt.split()) in told and t.rounds]
        task = max(fits, key=lambda t: len(t.prompt))
        round_ = min(self.asked[task.id], len(task.rounds) - 1)
        self.asked[task.id] += 1
        return HOME.print(HOME.read(task.rounds[round_]))


@modelapi(name="offline")
def offline() -> type[ModelAPI]:
    return Offline


def played(model: str) -> dict[str, Any]:
    (log,) = run(
        "bb_infra/battery",
        model=f"offline/{model}",
        task_args={"domain": sys.argv[1]},
        log_dir=sys.argv[3],
        display="none",
        max_samples=2,  # each has a shop of its own in this process
    )
    assert log.results is not None, (log.status, log.error)
    metrics = {m.name: m.value for s in log.results.scores for m in s.metrics.values()}
    wrong = [s.id for s in log.samples if s.scores["exact_change"].value != "C"]
    return {"status": log.status, "samples": len(log.samples), "wrong": wrong, **metrics}


rows = json_dataset(sys.argv[2])
about = {"exported": len(rows), "first": rows[0].input, "target": rows[0].target}
print(json.dumps({**about, "oracle": played("oracle"), "silent": played("silent")}))
