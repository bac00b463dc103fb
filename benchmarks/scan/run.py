"""SCAN by plans: commands of the compositional splits, judged by the actions carried out.

    addprim_jump   trained on its own training file, where "jump" is never modified or joined
    around_right   trained on its own, where "around right" never stands
    length         trained on the length split's visible commands of at most 14 actions, tested on
                   those of more than 16: a stand-in, for that split has no visible test part

No plan and no word's meaning is given for training; see `derive` for what is supplied by hand. No
command is renamed. Right is a plan that the checker lets pass and whose execution gives exactly the
actions. The data is read from --data, $BB_DATA or ../shared/data; nothing of it is in this
repository.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.remove(str(HERE)) if str(HERE) in sys.path else None

from folds import Record, Trial, budget, domain, records, table, try_out  # noqa: E402
from report import emit, skip  # noqa: E402

from bb_core.canonical import Json  # noqa: E402
from bb_nn.base import load_base  # noqa: E402
from bb_nn.fetch import fetched  # noqa: E402
from bb_nn.folding.tree import Node  # noqa: E402
from scan.derive import derivations, learn, likeliest, verbs  # noqa: E402

EMBEDDED, BAR = "smollm2-135m", 0.99
SHORT, LONG = 14, 16
"""Actions of the length split's training and test commands: at most, more than."""


def main() -> int:
    """Derive, train, judge, print one line."""
    folder, spent = budget(__doc__, texts=1500, steps=200, batch=256, test=10**9)
    if folder is None or not (folder / "scan").is_dir():
        return skip("scan", "no data pack: give --data DIR or set BB_DATA")
    if fetched(EMBEDDED) is None:
        return skip("scan", f"run: bb models fetch {EMBEDDED}")
    tried = {}
    base = load_base(EMBEDDED)
    for name in ("addprim_jump", "around_right", "length"):
        rows = records(folder / "scan" / f"{name}.train.jsonl.gz")
        if name == "length":
            seen = [r for r in rows if len(r.target.split()) <= SHORT]
            test = [r for r in rows if len(r.target.split()) > LONG]
        else:
            seen, test = rows, records(folder / "scan" / f"{name}.dev.jsonl.gz")
        tried[name] = try_out(base, trial(name, some(seen, spent.texts), test[: spent.test]), spent)
    least = min(one.row()["right"] for rows_ in tried.values() for one in rows_)
    return emit(
        "scan",
        least >= BAR,
        versions=("torch", "transformers"),
        bar=f"at least {BAR:.0%} of the commands of each split carried out exactly, by every seed",
        seeds=list(spent.seeds),
        layers=list(spent.layers),
        skins="none",
        splits=table(tried),
    )


def some(rows: Sequence[Record], count: int) -> list[Record]:
    """So many of the commands, and every short one: words are learnt from those."""
    rows = list({row.text: row for row in rows}.values())
    short = [row for row in rows if len(row.words) <= 2]
    Random(0).shuffle(rows)
    return short + [row for row in rows if len(row.words) > 2][: count - len(short)]


def trial(name: str, rows: Sequence[Record], test: Sequence[Record]) -> Trial:
    """Plans for the commands to train on, found from their actions."""
    known = learn((r.words, r.target.split()) for r in rows)
    plans: list[Node | None] = []
    for row in rows:
        found = likeliest(derivations(row.words, row.target.split(), known), known)
        whole = {"actions": found.node} if found else {}
        plans.append(Node("perform", {}, whole, last=len(row.words)) if found else None)
    world = {"verbs": verbs(known)}
    return Trial(name, domain("scan"), rows, plans, test, [done(r) for r in test], world)


def done(row: Record) -> Json:
    """The record after the actions of a command."""
    return {str(place): action for place, action in enumerate(row.target.split())}


if __name__ == "__main__":
    sys.exit(main())
