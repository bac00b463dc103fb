"""A bank whose matrices are written by a network from one short code per skill."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bb_nn.programs.bank import used, weighs
from bb_nn.programs.low_rank import chosen, mixed

CODE = 64


class HyperBank(nn.Module):
    """(A_k, B_k) = H_phi(e_k): a new skill costs 64 numbers instead of rank * (d_in + d_out).

    H is one hidden layer and two linear maps; the map to B is 0 at birth, so an untrained bank
    changes nothing. Unlike SkillBank a trained one does not: a new code already acts, which is the
    point (Text-to-LoRA, arXiv 2506.06105). H is shared, so a step on one skill moves all.
    """

    def __init__(
        self, n: int, d_in: int, d_out: int, rank: int = 8, *, code: int = CODE, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.d_in, self.d_out, self.rank, self.scale = d_in, d_out, rank, scale
        self.code = code
        self.codes = nn.ParameterList(nn.Parameter(torch.randn(code)) for _ in range(n))
        self.hidden = nn.Sequential(nn.LayerNorm(code), nn.Linear(code, code), nn.GELU())
        self.to_down = nn.Linear(code, rank * d_in)
        self.to_up = nn.Linear(code, rank * d_out)
        nn.init.zeros_(self.to_up.weight)
        nn.init.zeros_(self.to_up.bias)

    def __len__(self) -> int:
        return len(self.codes)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """As SkillBank.forward."""
        if weighs(z, len(self)):
            return self.scale * mixed(x, z, *self._written(list(range(len(self)))))
        rows, local = used(z)
        if not rows:
            return x.new_zeros(*x.shape[:-1], self.d_out)
        return self.scale * chosen(x, local, *self._written(rows))

    def delta(self, k: int) -> Tensor:
        """Delta_k as a matrix, [d_out, d_in]."""
        down, up = self._written([k])
        return self.scale * up[0] @ down[0]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of one skill's tensors."""
        return {"code": (self.code,)}

    @property
    def dtype(self) -> torch.dtype:
        """The type of the skills' tensors."""
        return self.to_up.weight.dtype

    def tensors(self, k: int) -> dict[str, Tensor]:
        """What makes skill k, as it stands: its `code`. H is every skill's and not in it."""
        return {"code": self.codes[k].detach()}

    def newborn(self) -> dict[str, Tensor]:
        """A random code; the bank is as before."""
        return {"code": torch.randn(self.code).to(self.to_up.weight)}

    def grow(self, given: Mapping[str, Tensor] | None = None) -> int:
        """Add a skill and give its index; best with the code of its description (`describe`)."""
        made = given or self.newborn()
        self.codes.append(nn.Parameter(made["code"].detach().to(self.to_up.weight).clone()))
        return len(self) - 1

    def put(self, k: int, given: Mapping[str, Tensor]) -> None:
        """Exchange skill k's code for a copy of the one given."""
        code = given["code"].detach().to(self.to_up.weight.device, copy=True)
        self.codes[k] = nn.Parameter(code)

    def drop(self, k: int) -> None:
        """Remove skill k; the skills behind it move up by one."""
        self.codes = nn.ParameterList(c for i, c in enumerate(self.codes) if i != k)

    def _written(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(torch.stack([self.codes[k] for k in rows]))
        down = self.to_down(hidden).view(len(rows), self.rank, self.d_in) / self.d_in**0.5
        return down, self.to_up(hidden).view(len(rows), self.d_out, self.rank)


def describe(descriptions: Tensor, code: int = CODE, seed: int = 0) -> Tensor:
    """Codes [n, code] of description embeddings [n, d]: a fixed random projection, unit variance.

    The same description gives the same code on any machine; near descriptions give near codes
    (Johnson-Lindenstrauss), so a new tool starts beside the tools it reads like.
    """
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(descriptions.shape[-1], code, generator=generator)
    unit = torch.nn.functional.normalize(descriptions.float().cpu(), dim=-1)
    return unit @ matrix
