"""Requests that nobody may carry out: the battery's own, and what its skins turn into such.

The right outcome is that nothing changes. The plan of such an example does what was asked, and the
rule it names stops it: on the twin, with the example's values, before it is given out.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from bb_core.compiled import Compiled
from bb_core.scene import scene
from bb_train.data.generator_config import GeneratorConfig
from bb_train.data.join import join_plans
from bb_train.data.request import Requests, Wish
from bb_train.data.shares import share_of_value
from bb_train.data.template import Template, kind_of, template, wordings
from bb_train.data.worlds import Worlds, task_of
from bb_train.errors import DataError
from bb_train.example import Example


def refusals(
    requests: Requests, worlds: Worlds, wish: Wish, config: GeneratorConfig
) -> Iterator[Example]:
    """Requests to refuse, dev's and the test's from different wordings; raises DataError for train.

    There are as many as asked for, or as many as can be told apart.
    """
    if config.split == "train":
        raise DataError("nothing is learnt from refusals", fix="ask for dev or test")
    rng = Random(f"{config.split}/refuse/{config.seed}")
    found = [t for t in refused(requests.compiled) if _of(t, config.split)]
    rng.shuffle(found)
    found = _by_turns(found)
    seen: set[str] = set()
    for number in range(4 * config.count):
        if len(seen) == config.count or not found:
            return
        example = _example(requests, worlds, wish, config, found[number % len(found)], rng)
        if example and example.scene.text not in seen:
            seen.add(example.scene.text)
            yield replace(example, id=f"{config.split}-refuse-{config.seed}-{len(seen) - 1}")


def refused(compiled: Compiled) -> Iterator[Template]:
    """A template for every wording that must be refused, by itself or in a skin."""
    for task in compiled.battery:
        for number, text in enumerate(wordings(task) if task.rounds else ()):
            plain = replace(task, prompt=text, also=())
            name, kind = f"{task.id}.{number}", kind_of(compiled, task)
            if task.expect == "refuse":
                yield template(compiled, plain, name, kind, "test")
                continue
            for skin in compiled.skins:
                worn = skin.apply(plain)
                if worn is not None and worn.expect == "refuse" and worn.rounds:
                    made = template(compiled, worn, f"{name}.{skin.name}", kind, "test")
                    yield replace(made, skinned=(skin.name,))


def _by_turns(found: list[Template]) -> list[Template]:
    """One of each skin, then the next of each, so that no skin is most of them."""
    places: dict[tuple[str, ...], int] = {}
    turns = []
    for each in found:
        places[each.skinned] = places.get(each.skinned, 0) + 1
        turns.append((places[each.skinned], each.skinned, each))
    return [each for _, _, each in sorted(turns, key=lambda turn: turn[:2])]


def _of(template: Template, split: str) -> bool:
    """A third of the wordings is dev's, the rest the test's."""
    return (share_of_value("refusal", template.text) != "train") == (split == "dev")


def _example(
    requests: Requests,
    worlds: Worlds,
    wish: Wish,
    config: GeneratorConfig,
    chosen: Template,
    rng: Random,
) -> Example | None:
    request = requests.of((chosen,), 0, replace(wish, elsewhere=0.0, skins=0.0), rng)
    count = len(chosen.plans)
    plans = [join_plans(requests.compiled, request.clauses, 0, n) for n in range(count)]
    world = worlds.world(request.clauses, 0)
    text = request.text.text
    task = task_of(chosen.id, text, plans, world, chosen.task.tags)
    task = replace(task, expect="refuse", rule=chosen.task.rule)
    if not worlds.refused(task):
        return None
    return Example(
        id=chosen.id,
        domain=requests.compiled.name,
        split=config.split,
        scene=scene(text),
        plan=plans[0],
        clauses=request.text.starts,
        task=task,
        tags=request.tags,
        skinned=chosen.skinned,
        family="refuse",
    )
