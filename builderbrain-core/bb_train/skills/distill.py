"""A survivor learns to do what both of the skills it stands for did."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from bb_nn.programs.bank import SkillBank
from bb_nn.programs.pack import Pack, banks


def distilled(
    model: nn.Module, rows: Sequence[int], usage: Sequence[Mapping[str, Tensor]], born: Pack
) -> Pack:
    """min over rank-r M of sum_k |M X_k - Delta_k X_k|^2, in closed form, for every bank.

    rows: the skills it stands for; usage: what each bank read while each was used, [N_k, d_in] by
    bank path; born: gives the name, the tools, and the bytes of a bank that read nothing. Reduced
    rank regression: with C = sum X_k^T X_k = R^T R and S = sum Delta_k X_k^T X_k,
    M = [S R^-1]_r R^-T. What a skill does to inputs it never reads does not count.
    """
    tensors = dict(born.tensors)
    for path, bank in banks(model).items():
        if not isinstance(bank, SkillBank) or not any(path in part for part in usage):
            continue
        down, up = _reduced(bank, rows, [part.get(path) for part in usage])
        tensors[f"{path}/down"], tensors[f"{path}/up"] = down, up
    return Pack(born.name, born.tools, tensors)


def _reduced(
    bank: SkillBank, rows: Sequence[int], inputs: Sequence[Tensor | None]
) -> tuple[Tensor, Tensor]:
    """A [r, d_in] and B [d_out, r] of the best M / scale, in float64 for the inverse."""
    second = torch.zeros(bank.d_in, bank.d_in, dtype=torch.float64)
    wanted = torch.zeros(bank.d_out, bank.d_in, dtype=torch.float64)
    for row, x in zip(rows, inputs, strict=True):
        if x is None:
            continue
        moment = x.double().T @ x.double()
        second += moment
        wanted += (bank.delta(row).detach().double() / bank.scale) @ moment
    values, vectors = torch.linalg.eigh(second)
    kept = values > values.max() * 1e-10
    root, vectors = values[kept].sqrt(), vectors[:, kept]
    u, s, v = torch.linalg.svd((wanted @ vectors) / root, full_matrices=False)
    rank = min(bank.rank, len(s))
    down = torch.zeros(bank.rank, bank.d_in, dtype=torch.float64)
    up = torch.zeros(bank.d_out, bank.rank, dtype=torch.float64)
    half = s[:rank].sqrt()
    up[:, :rank] = u[:, :rank] * half
    down[:rank] = half[:, None] * ((v[:rank] / root) @ vectors.T)
    like = bank.down[0]
    return down.to(like.dtype), up.to(like.dtype)
