"""A training run on the tiny shop, booted in no time: what its stages keep, not what it learns."""

from pathlib import Path
from typing import Any, cast

import torch

from bb_core.record import no_ledger
from bb_core.space import Space
from bb_train.boot import Booted
from bb_train.config import read_train_config
from bb_train.corpus import Corpus
from bb_train.learner import lessons
from bb_train.offline import Offline, offline
from bb_train.scribe import Scribe
from bb_train.training_log import Progress
from tests.unit.tiny_rail import base, builder, made, shop, states

STEPS = 6
TEXT = f"""
[run]
folder = "FOLDER"
[base]
name = "random:llama"
dtype = "float32"
layers = [1, 2]
[builder]
width = 16
heads = 2
[optimiser]
steps = {STEPS}
warmup = 1
batch = 2
[measure]
log = 1
dev = 2
checkpoint = 1
items = 0
lift = 0
"""


class States:
    """The base's states, in memory."""

    get = staticmethod(states)


def booted(folder: Path, dev: int = 0) -> Booted:
    """Four examples to learn from, none or some to measure."""
    config = read_train_config(TEXT.replace("FOLDER", str(folder)), "tiny.toml")
    one = builder().requires_grad_(True)
    corpus = Corpus(made()[:4], made()[4 : 4 + dev])
    taught = lessons(one, corpus.train, states)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("config", "base", "domain", "space", "data", "torch")
    made_from = {name: f"sha256:{name}" for name in names}
    return Booted(
        config, folder, shop(), base(), Space.of(shop()), corpus, cast(Any, States()), one, taught,
        (), made_from,
    )  # fmt: skip


def quiet(text: str) -> None:
    """Nobody listens."""


def scribe(run: Booted) -> Scribe:
    return Scribe.of(run, no_ledger)


def trained(run: Booted) -> Offline:
    """The run's stage 1, to its end."""
    torch.set_num_threads(1)
    return offline(run, Progress(STEPS), scribe(run))
