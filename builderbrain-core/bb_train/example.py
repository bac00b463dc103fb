"""One example: what a builder reads, the plan it is to build, and what proves that it was right.

Examples are written as JSON lines under a first line that says what made them:

    {"made_from": {...}, "examples": "sha256:..."}
    {"id": "train-0", "domain": "api_json", "split": "train", "family": "indist", ...}
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

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
    except (KeyError, TypeError, ValueError, RecursionError, BuilderbrainError) as error:
        said = f"without {error}" if isinstance(error, KeyError) else str(error)
        fix = "write it with bb_train.example"
        raise DataError(f"this is no example ({said})", fix=fix) from error


def _read(data: Any) -> Example:
    split, family, at = data["split"], data["family"], data["scene"]
    if split not in SPLITS or family not in FAMILIES:
        raise ValueError(f"no split {split}/{family}")
    text = _text(at["text"], "scene.text")
    end = _whole(at["end"], "scene.end", len(text))
    return Example(
        id=_text(data["id"], "id"),
        domain=_text(data["domain"], "domain"),
        split=split,
        scene=Scene(text, end, frozenset(_texts(at["facts"], "scene.facts"))),
        plan=from_json(data["plan"]),
        clauses=_clauses(data["clauses"], end),
        task=_read_task(data["task"]),
        tags=_texts(data["tags"], "tags"),
        skinned=_texts(data["skinned"], "skinned"),
        family=family,
        round=_whole(data["round"], "round", _ROUNDS),
    )


_ROUNDS = 9999


def _fail(value: Any, name: str, wanted: str) -> NoReturn:
    raise ValueError(f"{name} must be {wanted}, found {repr(value)[:60]}")


def _text(value: Any, name: str) -> str:
    """A text that can be written as UTF-8: half a character is none."""
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        _fail(value, name, "text")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        _fail(value, name, "a list of texts")
    return tuple(_text(one, f"{name}/{place}") for place, one in enumerate(value))


def _whole(value: Any, name: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        _fail(value, name, f"a whole number from 0 to {most}")
    return value


def _clauses(value: Any, end: int) -> tuple[int, ...]:
    """Places in the request, which ends at `end`."""
    places = value if isinstance(value, list) else [value]
    plain = all(type(place) is int and 0 <= place < end for place in places)
    if not isinstance(value, list) or not plain or places != sorted(set(places)):
        _fail(value, "clauses", f"a rising list of whole numbers below {end}")
    return tuple(value)


def _task_json(task: Task | None) -> Json:
    return None if task is None else json.loads(json.dumps(asdict(task)))


def _read_task(data: Any) -> Task | None:
    if data is None:
        return None
    if not isinstance(data, dict):
        _fail(data, "task", "an object or null")
    canonical(data)  # what has no canonical form cannot be carried out to the byte
    rounds, expect = data["rounds"], data.get("expect", "done")
    if not isinstance(rounds, list):
        _fail(rounds, "task.rounds", "a list of plans")
    if expect not in ("done", "refuse"):
        _fail(expect, "task.expect", "done or refuse")
    return Task(
        id=_text(data["id"], "task.id"),
        prompt=_text(data["prompt"], "task.prompt"),
        rounds=tuple(rounds),
        diff=_object(data.get("diff", {}), "task.diff"),
        world=_object(data.get("world", {}), "task.world"),
        expect=expect,
        rule=_text(data.get("rule", ""), "task.rule"),
        tags=_texts(data.get("tags", []), "task.tags"),
        also=_texts(data.get("also", []), "task.also"),
    )


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _fail(value, name, "an object")
    return value


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


def read_examples(path: Path, fix: str = "generate them again") -> tuple[Example, ...]:
    """The examples of a file.

    Raises DataError, with the line where there is one, for a file that is not whole, holds
    anything but examples, or is not what its digest says; `fix` says what to do about such a file.
    """
    try:
        lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(f"cannot be read: {reason}", where=str(path), fix=fix) from error
    wanted = _digest_in(lines, path, fix)
    examples = tuple(_line(line, f"{path}:{at}", fix) for at, line in enumerate(lines[1:], 2))
    if digest_of(examples) != wanted:
        raise DataError("is not what its digest says", where=str(path), fix=fix)
    return examples


def _digest_in(lines: Sequence[str], path: Path, fix: str) -> str:
    """What the first line says the digest is."""
    try:
        return str(json.loads(lines[0])["examples"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        found = "the first line names no digest of examples"
        raise DataError(found, where=f"{path}:1", fix=fix) from error


def _line(line: str, where: str, fix: str) -> Example:
    try:
        return read_example(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON ({error})", where=where, fix=fix) from error
    except DataError as error:
        raise DataError(error.found, where=where, fix=fix) from error
