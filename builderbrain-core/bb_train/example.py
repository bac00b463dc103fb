"""One example: what a builder reads, the plan it is to build, and what proves that it was right.

Examples are written as JSON lines under a first line that says what made them:

    {"made_from": {...}, "examples": "sha256:..."}
    {"id": "train-0", "domain": "api_json", "split": "train", "family": "indist", ...}
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from bb_core.battery import Task
from bb_core.canonical import Json, canonical, digest, digest_json
from bb_core.errors import BuilderbrainError
from bb_core.plan import Plan, from_json, to_json
from bb_core.scene import Scene
from bb_train.errors import DataError

Split = Literal["train", "dev", "test"]
Family = Literal["indist", "values", "combo", "long", "phrase", "tool", "cross", "refuse"]
SPLITS: tuple[Split, ...] = get_args(Split)
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True, slots=True)
class Example:
    """One scene with its plan.

    `clauses` are the character offsets in `scene.text` at which a clause starts, ascending; empty
    where nobody knows. `task` is there when the plan can be carried out: its rounds hold this
    plan, its world and diff are what the twin starts with and must end with. `round` says which of
    the task's rounds the plan is; the scene holds what the rounds before it saw. `family` names
    what a test asks beyond training; `skinned` the skins worn, in the order they were put on.
    """

    id: str
    domain: str
    split: Split
    scene: Scene
    plan: Plan
    clauses: tuple[int, ...] = ()
    task: Task | None = None
    tags: tuple[str, ...] = ()
    skinned: tuple[str, ...] = ()
    family: Family = "indist"
    round: int = 0

    @property
    def digest(self) -> str:
        """The example's hash: sha256 over its canonical JSON."""
        return digest_json(example_json(self))


def example_json(example: Example) -> dict[str, Json]:
    """The example as JSON; `read_example` reads it back to an equal example."""
    scene = example.scene
    facts: list[Json] = [*sorted(scene.facts)]
    return {
        "id": example.id,
        "domain": example.domain,
        "split": example.split,
        "family": example.family,
        "scene": {"text": scene.text, "end": scene.request_end, "facts": facts},
        "plan": to_json(example.plan),
        "clauses": list(example.clauses),
        "task": _task_json(example.task),
        "tags": list(example.tags),
        "skinned": list(example.skinned),
        "round": example.round,
    }


def read_example(data: Any) -> Example:
    """The example `example_json` wrote; raises DataError for anything else."""
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, BuilderbrainError) as error:
        found = f"this is no example ({type(error).__name__}: {error})"
        raise DataError(found, fix="write it with bb_train.example") from error


def _read(data: Any) -> Example:
    split, family = data["split"], data["family"]
    if split not in SPLITS or family not in FAMILIES:
        raise ValueError(f"no split {split}/{family}")
    scene = data["scene"]
    return Example(
        id=data["id"],
        domain=data["domain"],
        split=split,
        scene=Scene(scene["text"], scene["end"], frozenset(scene["facts"])),
        plan=from_json(data["plan"]),
        clauses=tuple(data["clauses"]),
        task=_read_task(data["task"]),
        tags=tuple(data["tags"]),
        skinned=tuple(data["skinned"]),
        family=family,
        round=data["round"],
    )


def _task_json(task: Task | None) -> Json:
    return None if task is None else json.loads(json.dumps(asdict(task)))


def _read_task(data: Any) -> Task | None:
    if data is None:
        return None
    known = {field.name for field in fields(Task)}
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return Task(**{key: value for key, value in {**data, **lists}.items() if key in known})


def digest_of(examples: Iterable[Example]) -> str:
    """The hash of a sequence of examples, in order."""
    return digest(b"\n".join(canonical(example_json(example)) for example in examples))


def write_examples(path: Path, examples: Sequence[Example], made_from: Mapping[str, Any]) -> str:
    """Write examples as JSON lines and give their digest. `made_from` says what they came from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_of(examples, made_from))
    return digest_of(examples)


def file_of(examples: Sequence[Example], made_from: Mapping[str, Any]) -> bytes:
    """The bytes that `write_examples` writes."""
    head = {"made_from": dict(made_from), "examples": digest_of(examples)}
    lines = [canonical(head), *(canonical(example_json(example)) for example in examples)]
    return b"\n".join(lines) + b"\n"


def read_examples(path: Path) -> tuple[Example, ...]:
    """The examples of a file; raises DataError if it is not whole or not what its digest says."""
    try:
        head, *rows = list(_rows(path))
        wanted = head["examples"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"cannot be read as examples ({type(error).__name__}: {error})"
        raise DataError(found, where=str(path), fix="generate them again") from error
    examples = tuple(map(read_example, rows))
    if digest_of(examples) != wanted:
        fix = "generate them again"
        raise DataError("is not what its digest says", where=str(path), fix=fix)
    return examples


def _rows(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
