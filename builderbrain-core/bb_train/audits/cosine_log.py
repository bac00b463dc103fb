"""Which losses pull apart, over a run: pairwise cosines as logged before surgery."""

from collections.abc import Sequence

from bb_train.surgery.shared import Surgery

Pair = tuple[str, str]


def cosine_row(surgery: Surgery) -> dict[str, float]:
    """{"a|b": cosine} over all pairs, a flat record for JSONL or TensorBoard."""
    return {f"{a}|{b}": cos for (a, b), cos in pairs(surgery).items()}


def pairs(surgery: Surgery) -> dict[Pair, float]:
    """The cosine of every pair of losses, in the losses' order."""
    return {
        (surgery.names[j], surgery.names[i]): surgery.cosines[i][j]
        for i in range(len(surgery.names))
        for j in range(i)
    }


def conflicts(log: Sequence[Surgery], below: float = 0.0) -> dict[Pair, float]:
    """Over a run, the share of steps each pair's cosine was under `below`, where both pulled.

    A gradient that is 0 has no direction: such steps do not count for its pairs.
    """
    seen, apart = dict[Pair, int](), dict[Pair, int]()
    for surgery in log:
        norms = dict(zip(surgery.names, surgery.norms, strict=True))
        for (a, b), cos in pairs(surgery).items():
            if norms[a] > 0 and norms[b] > 0:
                seen[a, b] = seen.get((a, b), 0) + 1
                apart[a, b] = apart.get((a, b), 0) + (cos < below)
    return {pair: apart[pair] / count for pair, count in seen.items()}
