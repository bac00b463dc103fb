"""The intent to make a call, and its business idempotency key."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bb_core.canonical import Json, digest_json
from bb_core.schema import Tool
from bb_runtime.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that may be made: everything it needs is known, and every guard held at `at`.

    `by` is the incarnation that formed it; another one cannot know how far that got.
    """

    step: str
    tool: str
    args: Mapping[str, Any]
    key: str
    at: float
    by: str
    consents: tuple[str, ...] = ()
    undoes: str = ""

    def to_json(self) -> dict[str, Json]:
        """The intent as JSON; `read_prepared` reads it back."""
        return {**asdict(self), "consents": list(self.consents)}


Prepared = Intent | Outcome


def prepared_json(prepared: Prepared) -> Json:
    """An intent or an early outcome as one JSON value."""
    return {"intent" if isinstance(prepared, Intent) else "outcome": prepared.to_json()}


def read_prepared(data: Any) -> Prepared:
    """Read what `prepared_json` wrote."""
    if "outcome" in data:
        return Outcome.from_json(data["outcome"])
    return Intent(**{**data["intent"], "consents": tuple(data["intent"]["consents"])})


def intent_key(domain: str, name: str, spec: Tool, args: Mapping[str, Any], run: str) -> str:
    """The same for the same intent: neither the attempt, nor the step, nor the plan changes it.

    A tool that names its key fields says what makes its effect unique in the business, so the key
    holds across runs. A tool that names none is unique by all its arguments within one run: a
    second plan for the same request repeats no effect, while next week's equal message is sent.
    """
    if spec.key:
        values = [args.get(field) for field in spec.key]
        return digest_json(["intent", domain, name, values]).removeprefix("sha256:")
    return digest_json(["intent", domain, name, dict(args), run]).removeprefix("sha256:")


def fresh_key(key: str, undone: frozenset[str]) -> str:
    """The key, or a new one made from it if the call with this key was undone: doing it again is
    another effect, and a system that knows keys would take it for the first."""
    while key in undone:
        key = digest_json(["again", key]).removeprefix("sha256:")
    return key


def undo_key(key: str) -> str:
    """The key of the call that undoes the call with this key."""
    return digest_json(["undo", key]).removeprefix("sha256:")
