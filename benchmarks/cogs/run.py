"""COGS by plans: logical forms of sentences that generalise in 21 ways, by exact form.

Trained on part of the training file, tested on the visible part of the generalisation set. Right is
a plan that the checker lets pass and whose execution writes exactly the variable-free form. Lexical
and structural kinds are told apart; plans come from the forms, see `derive` for what is supplied by
hand. No word is renamed. The data is read from --data, $BB_DATA or ../shared/data; nothing of it is
in this repository.
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
    domain,
    records,
    share,
    table,
    try_out,
)
from report import emit, skip  # noqa: E402

from bb_nn.base import load_base  # noqa: E402
from bb_nn.fetch import fetched  # noqa: E402
from cogs.derive import lemmas, plan  # noqa: E402

EMBEDDED, BAR = "smollm2-135m", 0.95
STRUCTURAL = ("cp_recursion", "pp_recursion", "obj_pp_to_subj_pp")
PLAIN = "in_distribution"


def main() -> int:
    """Derive, train, judge, print one line."""
    folder, spent = budget(__doc__, texts=6000, steps=500, batch=256, test=10**9)
    if folder is None or not (folder / "cogs").is_dir():
        return skip("cogs", "no data pack: give --data DIR or set BB_DATA")
    if fetched(EMBEDDED) is None:
        return skip("cogs", f"run: bb models fetch {EMBEDDED}")
    every = records(folder / "cogs" / "train.jsonl.gz")
    test = records(folder / "cogs" / "gen_dev.jsonl.gz")
    Random(0).shuffle(test)
    made = trial(every, some(every, spent.texts), test[: spent.test])
    tried = try_out(load_base(EMBEDDED), made, spent)
    judged = {t.seed: t.judged for t in tried}
    kinds = {kind: {} for kind in sorted({one.kind for one in tried[0].judged})}
    for seed, rows in judged.items():
        for kind, row in by_kind(rows).items():
            kinds[kind] |= {f"seed {seed}": row["right"], "texts": row["texts"]}
    parts = {
        f"{name}, seed {seed}": share([r for r in rows if (r.kind in STRUCTURAL) == inside])
        for seed, rows in judged.items()
        for name, inside in (("lexical", False), ("structural", True))
    }
    return emit(
        "cogs",
        min(t.row()["right"] for t in tried) >= BAR,
        versions=("torch", "transformers"),
        bar=f"at least {BAR:.0%} of the generalisation sentences written exactly, by every seed",
        seeds=list(spent.seeds),
        layers=list(spent.layers),
        skins="none",
        all_kinds=table({"gen_dev": tried}),
        parts=parts,
        kinds=kinds,
    )


def some(rows: Sequence[Record], count: int) -> list[Record]:
    """Every sentence that introduces a word on its own, and some of the others."""
    rest = [row for row in rows if row.kind == PLAIN]
    Random(0).shuffle(rest)
    first = [row for row in rows if row.kind != PLAIN]
    return first + rest[: count - len(first)]


def trial(every: Sequence[Record], rows: Sequence[Record], test: Sequence[Record]) -> Trial:
    """Plans for the sentences to train on; the verbs' lemmas are those of the whole file."""
    plans = [plan(row.words, row.target) for row in rows]
    world = {"lemmas": lemmas((row.words, row.target) for row in every)}
    wanted = [{"form": row.varfree} for row in test]
    return Trial("cogs", domain("cogs"), rows, plans, test, wanted, world)


if __name__ == "__main__":
    sys.exit(main())
