"""SLOG by plans: forms of sentences with questions, relative clauses and deep nesting, exactly.

Trained on part of the training file, tested on the development file, which is drawn as the training
file is: this measures fit, not generalisation, whose sets the data's authors keep out of training
packs. With --on dev tested on sentences of the training file that are not trained on. Plans come
from the forms, see `derive`. No word is renamed. The data is read from --data, $BB_DATA or
../shared/data; nothing of it is in this repository.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.remove(str(HERE)) if str(HERE) in sys.path else None

from folds import (  # noqa: E402
    Record,
    Trial,
    budget,
    by_kind,
    curves,
    domain,
    records,
    table,
    try_out,
)
from report import emit  # noqa: E402
from workload import EMBEDDED  # noqa: E402

from bb_nn.base import load_base  # noqa: E402
from slog.derive import lemmas, plan, senses, verb_labels  # noqa: E402

BAR = 0.95
DEV = 2000
"""Sentences held out of the training file, with --on dev."""
HOW = (
    "Supplied by hand, as the domain's tools: how a form is spelled; the gap of a question and of "
    "a relative clause; that a step says which role is written first and last.",
    "Found from the training file: the word of each label, by how often a word's sentences have "
    "it. Sentences where two words could be meant are left out of training, never of the test.",
    "Learnt by the builder: which words are nouns, names, verbs and questions, what belongs to "
    "what, in which role, and when a phrase is over.",
    "The development file is drawn as the training file is: this is fit, not generalisation.",
)


def main() -> int:
    """Derive, train, judge, print one line."""
    folder, spent = budget("slog", __doc__, texts=10000, steps=600, batch=256, test=10**9)
    if folder is None:
        return 0
    every = records(folder / "train.jsonl.gz")
    test = records(folder / "dev.jsonl.gz")
    Random(0).shuffle(every)
    Random(0).shuffle(test)
    if spent.on == "dev":
        every, test = every[DEV:], every[:DEV]
    tried = try_out(load_base(EMBEDDED), trial(every, spent.texts, test[: spent.test]), spent)
    told = spent.told(
        "slog",
        "SLOG: questions, relative clauses and nesting",
        f"at least {BAR:.0%} of the development sentences written exactly, by every seed",
    )
    return emit(
        told.pop("name"),
        min(t.row()["right"] for t in tried) >= BAR,
        versions=("torch", "transformers"),
        **told,
        how=HOW,
        skins="none",
        all_kinds=table({spent.on: tried}),
        kinds={
            f"{kind}, seed {t.seed}": row for t in tried for kind, row in by_kind(t.judged).items()
        },
        curves=curves({"slog": tried}),
    )


def trial(every: Sequence[Record], count: int, test: Sequence[Record]) -> Trial:
    """Plans for the first of the sentences; what a word means is counted over all of them."""
    verbs = verb_labels(row.target for row in every)
    sense = senses((row.words, row.target) for row in every)
    rows = every[:count]
    plans = [plan(row.words, row.target, sense, verbs) for row in rows]
    wanted = [{"form": row.target} for row in test]
    world = {"lemmas": lemmas(sense, verbs)}
    return Trial("slog", domain("slog"), rows, plans, test, wanted, world)


if __name__ == "__main__":
    sys.exit(main())
