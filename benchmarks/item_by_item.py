"""Which items each arm had right, kept in a benchmark's line: runs are compared item by item.

An arm that takes an hour need not be run again beside every other one. A row of `hits` is
`DIGEST:0110…`: a digit an item, and the digest of the items' names in that order. Rows of other
items have another digest and are never compared.
"""

from collections.abc import Mapping, Sequence

from bb_core.canonical import digest_json
from bb_train.statistics import discordant, mcnemar

OURS, THEIRS = "builder", "lora"


def hits(items: Sequence[str], right: Sequence[bool]) -> str:
    """Which of these items are right, as a row keeps it."""
    digits = "".join(str(int(hit)) for _, hit in zip(items, right, strict=True))
    return f"{digest_json(list(items)).removeprefix('sha256:')[:12]}:{digits}"


def paired(rows: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Each row of the builder's against each of LoRA's of the same part and the same items.

    Rows are named `ARM, PART, seed N`, the part left out where there is one alone. Won, lost, and
    the p of an exact McNemar test that the builder is right more often.
    """
    found: dict[str, dict[str, str]] = {}
    for ours, own in rows.items():
        for other, theirs in rows.items():
            if _arm(ours) == OURS and _arm(other) == THEIRS and _same(ours, own, other, theirs):
                won, lost = discordant(_right(own), _right(theirs))
                p = f"{won}:{lost}, p {mcnemar(won, lost, 'greater'):.2g}"
                found[f"{ours} against {THEIRS}, {_seed(other)}"] = {"right alone": p}
    return found


def _same(ours: str, own: str, other: str, theirs: str) -> bool:
    parts = ours.split(", ")[1:-1] == other.split(", ")[1:-1]
    return parts and own.split(":")[0] == theirs.split(":")[0]


def _arm(row: str) -> str:
    return row.split(", ")[0]


def _seed(row: str) -> str:
    return row.split(", ")[-1]


def _right(row: str) -> list[bool]:
    return [digit == "1" for digit in row.split(":")[1]]
