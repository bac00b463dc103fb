"""Join clauses to one request and one plan: who is speaking once, then each clause's steps.

Steps are numbered anew and what identifies the speaker comes first. A clause waits until the one
before it is done: what is asked for in turn happens in turn, and no two clauses race.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bb_core.compiled import Compiled
from bb_core.plan import Plan, Ref, Step, needs, refs
from bb_train.data.clause import Clause, Said
from bb_train.data.fill import fill, filling
from bb_train.data.template import speaks


@dataclass(frozen=True)
class Text:
    """A request of several clauses: each clause's first character, and where its values stand.

    `spans` are (start, end, clause, blank).
    """

    text: str
    starts: tuple[int, ...]
    spans: tuple[tuple[int, int, int, int], ...]


def join_texts(said: Sequence[Said], joins: Sequence[str]) -> Text:
    """The clauses' texts with what joins each to the one before."""
    text, starts, spans = "", [], []
    for number, part in enumerate(said):
        words = part.text
        if number:
            text, between, words = _meet(text, joins[number - 1], words, _plain(part))
            starts.append(len(text) + len(between) - len(between.lstrip()))
            text += between
        else:
            starts.append(0)
        moved = len(text) + len(words) - len(part.text)
        spans += [(start + moved, end + moved, number, blank) for start, end, blank in part.spans]
        text += words
    return Text(text, tuple(starts), tuple(spans))


def _plain(said: Said) -> bool:
    """Whether it starts with a word of its own and not with a value."""
    return not said.spans or said.spans[0][0] > 0


def _meet(text: str, between: str, words: str, plain: bool) -> tuple[str, str, str]:
    """End one clause and begin the next as the words between them ask for."""
    if between.startswith(";"):
        text = text.rstrip(".")
        between = between if text[-1:] not in "!?\"'" else between.replace(";", ",", 1)
    elif text and text[-1] not in ".!?\"'\n":
        text += "."
    inside = between.rstrip().endswith((",", "and", "then", "Then", "And", ";"))
    return text, between, _lowered(words) if inside and plain else words


def _lowered(words: str) -> str:
    """Without the capital of a sentence; "I" keeps its own."""
    first = words.split(" ", 1)[0]
    ordinary = len(first) > 1 and first[0].isupper() and first[1:].islower() and "'" not in first
    return words[0].lower() + words[1:] if ordinary else words


def join_plans(
    compiled: Compiled, clauses: Sequence[Clause], speaker: int, number: int = 0
) -> Plan:
    """One plan for all clauses; `speaker` is the clause that identifies, `number` the round."""
    parts = [_filled(compiled, clause, number) for clause in clauses]
    first = [step for step in parts[speaker] if speaks(compiled.schema, step)]
    steps = [replace(step, id=f"n{at}") for at, step in enumerate(first, 1)]
    for place, part in enumerate(parts):
        known = {s.id: "n1" for s in part if speaks(compiled.schema, s)}
        body = [step for step in part if step.id not in known]
        own = {step.id for step in body}
        known |= {step.id: f"n{at}" for at, step in enumerate(body, len(steps) + 1)}
        ends = _ends(steps) if place else ()
        steps += [
            _waiting(_renamed(step, known), ends if not own & needs(step) else ()) for step in body
        ]
    return Plan(compiled.name, compiled.digest, tuple(steps))


def _ends(steps: Sequence[Step]) -> tuple[str, ...]:
    """The steps that no other waits for."""
    awaited = {name for step in steps for name in needs(step)}
    return tuple(step.id for step in steps if step.id not in awaited)


def _waiting(step: Step, ends: tuple[str, ...]) -> Step:
    """The step, after these unless its data makes it wait for them anyway."""
    if not ends:
        return step
    given = {ref.step for _, ref in refs(step.args)}
    return replace(step, after=tuple(end for end in ends if end not in given))


def _filled(compiled: Compiled, clause: Clause, number: int) -> list[Step]:
    given = filling(clause.template, clause.values, clause.names)
    plans = clause.template.plans
    return [fill(compiled.schema, step, given) for step in plans[number].steps]


def _renamed(step: Step, known: Mapping[str, str]) -> Step:
    when = step.when
    if when is not None:
        when = replace(when, ref=replace(when.ref, step=known[when.ref.step]))
    args = {name: _refs(value, known) for name, value in step.args.items()}
    after = tuple(dict.fromkeys(known[name] for name in step.after if name in known))
    return replace(step, id=known[step.id], args=args, after=after, when=when)


def _refs(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Ref):
        return replace(value, step=known[value.step])
    if isinstance(value, Mapping):
        return {key: _refs(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_refs(item, known) for item in value]
    return value
