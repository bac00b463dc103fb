"""Two skills that do the same to the same become one."""

import random
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from bb_nn.errors import SwapError
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.pack import Pack, banks

ALIKE = 0.9
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two skills are: of what they do (cosine), and of where they are used (p)."""

    cosine: float
    exchangeable: float

    @property
    def mergeable(self) -> bool:
        """Alike in what they do, and not seen to differ in where they are used."""
        return self.cosine > ALIKE and self.exchangeable >= LEVEL


def cosine(model: nn.Module, first: int, second: int, inputs: Mapping[str, Tensor]) -> float:
    """cos of (Delta_i X, Delta_j X), all banks as one vector; X [N, d_in] by bank path.

    inputs: what the banks read where either is used. 0 if either does nothing: two newborn skills
    are not yet alike.
    """
    dot = left = right = 0.0
    with torch.no_grad():
        for path, bank in banks(model).items():
            if path not in inputs:
                continue
            a, b = (inputs[path] @ bank.delta(k).T for k in (first, second))
            dot += float((a * b).sum())
            left, right = left + float(a.square().sum()), right + float(b.square().sum())
    size = (left * right) ** 0.5
    return dot / size if size else 0.0


def exchangeable(
    first: Sequence[Hashable], second: Sequence[Hashable], draws: int = 2000, seed: int = 0
) -> float:
    """Permutation p that two lists of contexts come from one distribution.

    Statistic: total variation sum_c |p_c - q_c| / 2. Small p: they are used in different places.
    With few uses it is rarely small, so ask for enough of them first.
    """
    if not first or not second:
        return 1.0
    pool, n, source = [*first, *second], len(first), random.Random(seed)
    seen = _variation(first, second)
    hits = 1
    for _ in range(draws):
        source.shuffle(pool)
        hits += _variation(pool[:n], pool[n:]) >= seen - 1e-12
    return hits / (draws + 1)


def merged(
    model: nn.Module,
    first: int,
    second: int,
    name: str,
    tools: tuple[str, ...],
    shares: tuple[float, float] = (0.5, 0.5),
) -> Pack:
    """The best rank-r stand-in for the mean of two skills: SVD of w_i Delta_i + w_j Delta_j.

    `shares` weigh them, as their usage does. Singular values are split evenly over A and B. Only
    SkillBanks can be merged; raises SwapError.
    """
    tensors: dict[str, Tensor] = {}
    for path, bank in banks(model).items():
        if not isinstance(bank, SkillBank):
            raise SwapError(f"{path} is a hypernetwork's", where=name, fix="merge the codes")
        with torch.no_grad():
            mean = shares[0] * bank.delta(first) + shares[1] * bank.delta(second)
            u, s, v = torch.linalg.svd(mean / bank.scale, full_matrices=False)
        root = s[: bank.rank].sqrt()
        tensors[f"{path}/up"] = (u[:, : bank.rank] * root).contiguous()
        tensors[f"{path}/down"] = (root[:, None] * v[: bank.rank]).contiguous()
    return Pack(name, tools, tensors)


def inputs_of(model: nn.Module, run: Callable[[], object], row: int) -> dict[str, Tensor]:
    """What each bank reads where a skill is used, while `run()` runs: [N, d_in] by bank path.

    Banks that never read for it are left out. z must be hard.
    """
    seen: dict[str, list[Tensor]] = {path: [] for path in banks(model)}

    def keep(path: str, _: nn.Module, args: tuple[Tensor, ...]) -> None:
        x, z = args
        here = (z if z.dim() == 2 else z[:, None].expand(x.shape[:2])) == row
        seen[path].append(x.detach()[here])

    hooks = [bank.register_forward_pre_hook(partial(keep, p)) for p, bank in banks(model).items()]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return {path: torch.cat(parts) for path, parts in seen.items() if sum(map(len, parts))}


def _variation(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    p, q = Counter(first), Counter(second)
    return sum(abs(p[c] / len(first) - q[c] / len(second)) for c in p.keys() | q.keys()) / 2
