"""What may be learnt while a builder serves: its adapters, and nothing else, to the bit.

The trunk is every tensor of the builder but the skills' banks and the common changes (of every
question's state, and of how tokens are read), and what the base made of the domain's words.
`require_trunk` holds a candidate to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.words import skill_text
from bb_nn.tensor_digest import coloned, tensor_digest
from bb_train.errors import AdaptersOnly

RANK = 8
_ADAPTER = (".bank.", ".common.")


def with_adapters(builder: PlanBuilder, rank: int = RANK) -> PlanBuilder:
    """A copy with a row for each skill and the common changes; what it lacked is newborn.

    It builds what the builder built, to the bit, until its adapters have learnt something.
    """
    rows = max(builder.config.skills, len(builder.space.skills))
    has = builder.config.skills or builder.config.common or builder.config.reading
    kept = builder.config.rank if has else rank
    shape = replace(builder.config, skills=rows, common=True, reading=True, rank=kept)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = PlanBuilder(shape, builder.space, builder.described)
    missing, unexpected = made.load_state_dict(builder.state_dict(), strict=False)
    if unexpected or any(not is_adapter(name) for name in missing):
        raise AdaptersOnly(f"its tensors are others: {[*missing, *unexpected][:3]}")
    made.network.words = builder.network.words.clone()
    return made.eval().requires_grad_(False)


def is_adapter(name: str) -> bool:
    """Whether a tensor of a builder's state is an adapter's, by its name."""
    return any(part in f".{name}" for part in _ADAPTER)


def adapters(builder: nn.Module) -> dict[str, nn.Parameter]:
    """The builder's adapter parameters by name."""
    return {n: p for n, p in builder.named_parameters() if is_adapter(n)}


def adapter_state(builder: nn.Module) -> dict[str, Tensor]:
    """Copies of the adapters' tensors, to put back with `load_adapters`."""
    return {name: p.detach().clone() for name, p in adapters(builder).items()}


def load_adapters(builder: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put these tensors in the place of the builder's adapters."""
    with torch.no_grad():
        for name, parameter in adapters(builder).items():
            parameter.copy_(state[name])


def parameters_in_use(builder: PlanBuilder) -> int:
    """How many numbers of the adapters say something: those of rows whose B is not all 0."""
    found = adapters(builder)
    return sum(
        p.numel() + found[_mate(name)].numel()
        for name, p in found.items()
        if _is_up(name) and bool(p.detach().any())
    )


def trunk_digest(builder: PlanBuilder) -> str:
    """sha256 over every tensor that is not an adapter's, and over the vectors of the tools' words.

    A composite's own words are its adapter: they may be born and learnt.
    """
    return "sha256:" + tensor_digest(_trunk(builder), coloned)


def require_trunk(candidate: PlanBuilder, incumbent: PlanBuilder) -> str:
    """The trunk's digest; raises AdaptersOnly unless both builders have the same one."""
    ours, theirs = trunk_digest(candidate), trunk_digest(incumbent)
    if ours != theirs:
        found = f"the trunk is {ours[:19]}, what serves has {theirs[:19]}"
        raise AdaptersOnly(found, where="candidate", fix="learn adapters alone, or train anew")
    return ours


def _trunk(builder: PlanBuilder) -> Iterator[tuple[str, Tensor]]:
    yield from (row for row in sorted(builder.state_dict().items()) if not is_adapter(row[0]))
    own = {skill_text(builder.space, place) for place in _composites(builder)}
    kept = [row for text, row in builder.described.rows.items() if text not in own]
    yield "words", builder.network.words[kept]


def _composites(builder: PlanBuilder) -> list[int]:
    return [place for place, skill in enumerate(builder.space.skills) if skill.composite]


def _is_up(name: str) -> bool:
    return ".up." in name or name.endswith(".up")


def _mate(name: str) -> str:
    return name.replace(".up.", ".down.") if ".up." in name else name.removesuffix("up") + "down"
