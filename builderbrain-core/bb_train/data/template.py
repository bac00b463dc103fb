"""Templates: one wording of a battery task with its values blanked out, ready to be filled anew.

The steps of a plan are in two parts: those that establish an exclusive fact (who is speaking), and
the body. A request of several clauses says who is speaking once, so a template also has its
wording without that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bb_core.battery import Task
from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.schema import FactCall, PlanSchema
from bb_core.skins import Skin
from bb_train.data.blanks import Blank, Piece, blanks_of, pieces, unclear
from bb_train.data.shares import Share, shares_of_wordings
from bb_train.data.speaker import without_speaker


@dataclass(frozen=True)
class Template:
    """One wording of a task. `pieces` are its text, `bare` the same without who is speaking."""

    id: str
    task: Task
    kind: str
    share: Share
    plans: tuple[Plan, ...]
    blanks: tuple[Blank, ...]
    pieces: tuple[Piece, ...]
    bare: tuple[Piece, ...]
    who: frozenset[int]
    skinned: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The wording as it was written."""
        return self.task.prompt

    @property
    def tools(self) -> frozenset[str]:
        """Every tool of its plans."""
        return frozenset(step.tool for plan in self.plans for step in plan.steps)


def templates(
    compiled: Compiled, look: Callable[[Task], Task | None] = lambda t: t, expect: str = "done"
) -> tuple[Template, ...]:
    """The templates of a domain's battery: every wording, and every skin that rewrites one.

    A skin that only puts text around the request is left to whoever joins clauses; one that
    changes the plan gives a template of its own. `look` may give a task other rounds, or none: then
    nothing is made of it.
    """
    found = [task for task in compiled.battery if task.expect == expect and task.rounds]
    worded = [(task, number, text) for task in found for number, text in enumerate(wordings(task))]
    kinds = {task.id: kind_of(compiled, task) for task in found}
    shares = shares_of_wordings((kinds[task.id], text) for task, _, text in worded)
    out: list[Template] = []
    for task, number, text in worded:
        plain = replace(task, prompt=text, also=())
        looked = look(plain)
        if looked is None:
            continue
        base = template(compiled, looked, f"{task.id}.{number}", kinds[task.id], shares[text])
        worn = ((skin, look(dressed)) for skin, dressed in _dressed(compiled.skins, plain))
        out += [base, *_worn(compiled, base, worn)]
    return tuple(out)


def _worn(
    compiled: Compiled, base: Template, dressed: Iterable[tuple[Skin, Task | None]]
) -> Iterator[Template]:
    """The wording's templates in the skins that say no less than it does."""
    for skin, task in dressed:
        if task is None:
            continue
        worn = template(compiled, task, base.id, base.kind, base.share)
        if held(worn) >= held(base):
            yield replace(worn, skinned=(skin.name,))


def held(template: Template) -> int:
    """How many of its blanks the wording says."""
    return len({piece for piece in template.pieces if isinstance(piece, int)})


def wordings(task: Task) -> tuple[str, ...]:
    """Every wording of a task, its prompt first."""
    return (task.prompt, *task.also)


def template(compiled: Compiled, task: Task, ident: str, kind: str, share: Share) -> Template:
    """The template of one wording; raises PlanError for rounds that are no plans."""
    plans = tuple(map(compiled.read, task.rounds))
    steps = [step for plan in plans for step in plan.steps]
    speaking = [step for step in steps if speaks(compiled.schema, step)]
    body = [step for step in steps if not speaks(compiled.schema, step)]
    blanks = tuple(blanks_of(compiled.schema, [*speaking, *body]))
    in_body = {blank.key for blank in blanks_of(compiled.schema, _alone(body, steps))}
    told = {blank.key for blank in blanks_of(compiled.schema, speaking)}
    who = frozenset(i for i, b in enumerate(blanks) if b.key in told and b.key not in in_body)
    cut = pieces(task.prompt, blanks, unclear(compiled.schema, steps))
    bare = without_speaker(cut, who)
    return Template(ident, task, kind, share, plans, blanks, cut, bare, who)


def _alone(body: Sequence[Step], steps: Sequence[Step]) -> list[Step]:
    """Body steps whose conditions can be typed: those that look back at a step that is there."""
    known = {step.id for step in body}
    return (
        [replace(s, when=None) if s.when and s.when.ref.step not in known else s for s in body]
        if len(body) < len(steps)
        else list(body)
    )


def speaks(schema: PlanSchema, step: Step) -> bool:
    """Whether a step establishes an exclusive fact."""
    calls = map(FactCall.parse, schema.tools[step.tool].establishes)
    return any(schema.facts[call.name].exclusive for call in calls)


def kind_of(compiled: Compiled, task: Task) -> str:
    """What a task is an instance of: the tools that act, or those that read if none does."""
    tools = compiled.schema.tools
    steps = [step for plan in map(compiled.read, task.rounds) for step in plan.steps]
    acting = [step.tool for step in steps if tools[step.tool].effect.acts]
    reading = [step.tool for step in steps if not speaks(compiled.schema, step)]
    return "+".join(dict.fromkeys(acting or reading or [step.tool for step in steps]))


def _dressed(skins: Sequence[Skin], task: Task) -> Iterator[tuple[Skin, Task]]:
    """The task in every skin that leaves it a task to do and rewrites more than its ends."""
    for skin in skins:
        dressed = skin.apply(task)
        if dressed is None or dressed.expect != task.expect or skin.kind == "trap":
            continue
        same = dressed.rounds == task.rounds
        if same and (task.prompt in dressed.prompt or dressed.world != task.world):
            continue
        yield skin, dressed


@dataclass(frozen=True)
class Wrap:
    """A skin that puts text around a request and changes nothing else."""

    name: str
    before: str
    after: str


def wraps(compiled: Compiled, task: Task) -> tuple[Wrap, ...]:
    """The wrapping skins that apply to a task (its tags decide, its values do not)."""
    return tuple(_wraps(compiled.skins, task))


def _wraps(skins: Sequence[Skin], task: Task) -> Iterator[Wrap]:
    for skin in skins:
        dressed = skin.apply(task) if skin.kind == "invariant" else None
        if dressed is None or dressed.rounds != task.rounds or dressed.world != task.world:
            continue
        before, found, after = dressed.prompt.partition(task.prompt)
        if found and (before or after):
            yield Wrap(skin.name, before, after)
