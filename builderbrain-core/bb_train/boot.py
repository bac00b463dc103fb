"""Stage 0: everything a training run stands on, made or found, checked and written down.

The base is loaded and named by its digest; the examples are made; their frozen states are kept;
every plan to be learnt is shown to come back from its decisions; and reading the base is shown to
leave it as it was, to the bit. `manifest.json` says what all of it is.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bb_core.actions import Space
from bb_core.cache import cache_home, write_whole
from bb_core.canonical import digest, digest_json
from bb_core.compiled import Compiled
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.warm_start import WarmStart
from bb_nn.tapped import tap
from bb_train.config import TrainConfig
from bb_train.corpus import Corpus, corpus
from bb_train.data.coverage import shown
from bb_train.errors import DataError, TrainError
from bb_train.grounds import MANIFEST, Grounds, Tell, grounds, require_made_from
from bb_train.learner import Lessons, lessons, says
from bb_train.lift_tasks import require_judgeable
from bb_train.state_cache import SHARD, StateCache
from bb_train.storing import stored

_ENOUGH = 0.5
"""With fewer of its examples expressible, a run is stopped: something is wrong with them."""

_REASONS = 3
"""So many reasons why examples are left out are told."""


@dataclass(frozen=True)
class Booted:
    """A run ready to train. `unshown`: the tools that nothing showed it, nor what it began with.
    `made_from`: digests of all that must be the same to go on with it."""

    config: TrainConfig
    folder: Path
    compiled: Compiled
    base: Base
    space: Space
    corpus: Corpus
    cache: StateCache
    builder: PlanBuilder
    lessons: Lessons
    unshown: tuple[str, ...]
    made_from: Mapping[str, str]


def boot(config: TrainConfig, tell: Tell, ground: Grounds | None = None) -> Booted:
    """Carry stage 0 out, or find it done; raises what its parts raise, before anything trains.

    Raises ResumeError, with the folder as it was, where it holds a run made from something else.
    """
    folder = Path(config.run.folder)
    ground = ground or grounds(config, tell)
    compiled, base, builder = ground.compiled, ground.base, ground.builder
    require_made_from(ground.made_from, folder)  # what was found before the folder was held
    found = corpus(compiled, config.data, config.run.seed, folder / "examples", tell)
    require_judgeable(found.dev, config, tell)
    root = Path(config.cache.folder) if config.cache.folder else cache_home() / "states"
    cache = StateCache(root, base, ground.layers, int(config.cache.gigabytes * 2**30))
    _tap(cache, found, tell)
    require_untouched(base, ground.layers, found.train[0].scene.text)
    taught = _lessons(builder, found, cache, config.data.recuts, tell)
    unshown = _unshown(config, builder.space, found, taught, ground.begun)
    if config.builder.strangers:
        _estrange(builder, unshown, tell)
    made_from = {**ground.made_from, "space": builder.space.digest, "data": found.digest}
    require_made_from(made_from, folder)
    booted = Booted(
        config,
        folder,
        compiled,
        base,
        builder.space,
        found,
        cache,
        builder,
        taught,
        unshown,
        made_from,
    )
    _write_manifest(booted)
    return booted


def _tap(cache: StateCache, found: Corpus, tell: Tell) -> None:
    texts = [example.scene.text for example in (*found.train, *found.dev, *found.rank)]
    for begin in range(0, len(texts), 4 * SHARD):
        if cache.fill(texts[begin : begin + 4 * SHARD]):
            tell(f"states: {min(begin + 4 * SHARD, len(texts))} of {len(texts)} texts")


def _lessons(
    builder: PlanBuilder, found: Corpus, cache: StateCache, recuts: float, tell: Tell
) -> Lessons:
    def told(done: int) -> None:
        if done % 1000 == 0 or done == len(found.train):
            tell(f"lessons: {done} of {len(found.train)}")

    wrong = [one.id for one in found.train if not says(builder, one)]
    taught = lessons(builder, found.train, cache.get, told, recuts=recuts)
    left_out = len(taught.left_out)
    if left_out > (1 - _ENOUGH) * len(found.train):
        raise DataError(
            f"{left_out} of {len(found.train)} plans cannot be said: {_reasons(taught.left_out)}",
            where=builder.space.compiled.name,
            fix="check the examples against the domain's schema",
        )
    if left_out:
        tell(f"{left_out} of {len(found.train)} plans are left out: {_reasons(taught.left_out)}")
    known = {ident for ident, _ in taught.left_out}
    if lost := [ident for ident in wrong if ident not in known]:
        raise DataError(
            f"the plan of {lost[0]} does not come back from its decisions",
            where=builder.space.compiled.name,
            fix="leave that example out of train_file, or out of the battery if it was made",
        )
    return taught


def _unshown(
    config: TrainConfig, space: Space, found: Corpus, taught: Lessons, begun: WarmStart | None
) -> tuple[str, ...]:
    """The tools that nothing is learnt of, and that a warm start had not learnt."""
    left_out = {ident for ident, _ in taught.left_out}
    learnt = (example for example in found.train if example.id not in left_out)
    known = {*(shown(learnt) if config.optimiser.steps else ()), *(begun.known if begun else ())}
    return tuple(tool for tool in space.schema.tools if tool not in known)


def _estrange(builder: PlanBuilder, unshown: Sequence[str], tell: Tell) -> None:
    """Make strangers of the tools that nothing showed."""
    builder.estrange(unshown)
    if unshown:
        tell(
            f"strangers, which no example shows: {', '.join(unshown)}. A request for one may be "
            "built with another tool: give the battery tasks with it"
        )


def _reasons(left_out: Sequence[tuple[str, str]]) -> str:
    """Why examples are left out, the most frequent reasons first."""
    counts = Counter(reason for _, reason in left_out)
    told = [f"{reason} ({n})" if n > 1 else reason for reason, n in counts.most_common(_REASONS)]
    return "; ".join([*told, "and others"] if len(counts) > _REASONS else told)


def require_untouched(base: Base, layers: tuple[int, ...], text: str) -> None:
    """Raise TrainError unless the base's logits are the same to the bit after it has been read."""
    ids = torch.tensor([base.tokenizer(text)["input_ids"]], device=base.model.device)
    with torch.no_grad():
        before = base.model(input_ids=ids).logits
        tap(base, [text], layers)
        after = base.model(input_ids=ids).logits
    if not torch.equal(before, after):
        raise TrainError("reading the base changed what it says", where=base.name)


def _write_manifest(booted: Booted) -> None:
    told = manifest(booted)
    data = json.dumps(told, indent=1).encode() + b"\n"
    with stored(booted.folder, "free some space, or name another folder as [run] folder"):
        write_whole(booted.folder / MANIFEST, data)


def manifest(booted: Booted) -> dict[str, Any]:
    """What the run is made of, and how many of its examples can be learnt."""
    dev_said = sum(says(booted.builder, one) for one in booted.corpus.dev)
    learnt = len(booted.corpus.train) - len(booted.lessons.left_out)
    return {
        "made_from": dict(booted.made_from),
        "config": booted.config.to_json(),
        "layers": list(booted.cache.layers),
        "grammar": digest(booted.compiled.grammar.text.encode()),
        "builder": digest_json(booted.builder.config.to_json()),
        "parameters": parameters(booted.builder),
        "examples": {
            "train": len(booted.corpus.train),
            "lessons": learnt,
            "recut": len(booted.lessons.lessons) - learnt,
            "left_out": [list(row) for row in booted.lessons.left_out[:20]],
            "dev": len(booted.corpus.dev),
            "dev_said": dev_said,
        },
    }


def parameters(builder: PlanBuilder) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in builder.parameters() if p.requires_grad)
