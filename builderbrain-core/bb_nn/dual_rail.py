"""DualRail: a frozen causal language model and a small trained stream beside it.

model = DualRail.attach(load_base("smollm2-135m"), RailConfig(coupling="ladder"))
out = model(input_ids=ids)            # out.logits, out.base_logits (ladder), out.rail_state
model.generate(ids, max_new_tokens=20)
with model.base_only(): ...           # the base alone, bit for bit
model.gates.set_(0.0)                 # likewise, until the gates are opened again
model.save_pretrained(folder)         # the rail only; the base by name and digest
DualRail.from_pretrained(folder)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationMixin, PreTrainedModel

from bb_nn.base import Base
from bb_nn.rail_config import RailConfig


class DualRail(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """A base and one rail on it. Only `.rail` is trained; `.base` is as it was."""

    @classmethod
    def attach(cls, base: Base | Any, config: RailConfig | None = None) -> "DualRail":
        """A new rail on a loaded base (a Base, or any Hugging Face causal LM; PEFT included).

        Several rails may share one base. Raises RailError where the family cannot carry a rail.
        """
        raise NotImplementedError

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, base: Base | Any = None, *, offline: bool = True
    ) -> "DualRail":
        """The rail saved in a folder, on its base; raises BaseMismatchError on another base."""
        raise NotImplementedError

    def save_pretrained(self, folder: str | Path) -> None:  # type: ignore[override]
        """Write rail.safetensors and rail.json; the base is named by its digest, not written."""
        raise NotImplementedError

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: Any = None,
        past_key_values: Any = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        skill: torch.Tensor | None = None,
        want_base: bool = True,
        **more: Any,
    ) -> Any:
        """Logits [B, T, V] of both rails together; `base_logits` too, free, with a ladder.

        `skill` [B] or [B, T] picks the skill adapter. `want_base=False` saves the second head.
        """
        raise NotImplementedError

    @contextmanager
    def base_only(self) -> Iterator["DualRail"]:
        """Inside it the model is its base: same logits, bit for bit, same cache."""
        yield self
