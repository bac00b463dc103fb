"""Whether what a plugin answered to a hook is what the hook promises."""

from collections.abc import Sequence
from typing import Any

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.errors import DomainError
from bb_core.grammar import Grammar
from bb_core.harms import Harm
from bb_core.schema import PlanSchema
from bb_core.skins import Skin

ONE: dict[str, type] = {"grammar": Grammar, "plan_schema": PlanSchema, "tool_adapters": Adapters}
MANY: dict[str, type] = {"invariance_skins": Skin, "eval_battery": Task, "ops_metrics": Harm}


def judge(name: str, hook: str, answer: Any) -> Any:
    """The answer, if it has the hook's type, or None to an optional hook; raises DomainError."""
    if answer is None and hook not in ("grammar", "plan_schema"):
        return None
    wanted = ONE.get(hook) or MANY[hook]
    if hook in ONE and not isinstance(answer, wanted):
        raise _wrong(name, hook, wanted.__name__, answer)
    if hook in MANY:
        if isinstance(answer, str) or not isinstance(answer, Sequence):
            raise _wrong(name, hook, f"a sequence of {wanted.__name__}", answer)
        for item in answer:
            if not isinstance(item, wanted):
                raise _wrong(name, hook, f"a sequence of {wanted.__name__}", item)
    if isinstance(answer, PlanSchema) and answer.domain != name:
        raise DomainError(
            f"plan_schema.yaml says domain: {answer.domain}, the entry point says {name}",
            where=name,
            fix="make them the same",
        )
    return answer


def _wrong(name: str, hook: str, wanted: str, found: Any) -> DomainError:
    return DomainError(f"{hook}() gave {type(found).__name__}, not {wanted}", where=name)
