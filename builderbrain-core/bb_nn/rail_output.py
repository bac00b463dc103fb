"""What a call of a base with a rail gives, and the loss of a ladder's logits."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.modeling_outputs import CausalLMOutputWithPast


@dataclass
class RailOutput(CausalLMOutputWithPast):
    """Logits of both rails together, and with a ladder the base's own.

    `stream` is the rail's state after its last tap, [B, T, r]; None where the base ran alone.
    `aux_loss` and `router_logits` are a mixture of experts' own.
    """

    base_logits: Tensor | None = None
    stream: Tensor | None = None
    aux_loss: Tensor | None = None
    router_logits: Any = None


def told(
    out: Any,
    logits: Tensor,
    loss: Tensor | None = None,
    base: Tensor | None = None,
    stream: Tensor | None = None,
) -> RailOutput:
    """The base's output with these logits in place of its own."""
    return RailOutput(
        loss=loss,
        logits=logits,
        past_key_values=out.past_key_values,
        hidden_states=out.hidden_states,
        attentions=out.attentions,
        base_logits=base,
        stream=stream,
        aux_loss=getattr(out, "aux_loss", None),
        router_logits=getattr(out, "router_logits", None),
    )


def next_token_loss(logits: Tensor, aims: dict[str, Any]) -> Tensor | None:
    """The base's loss on other logits; None without labels.

    `aims` are what a call brings to be judged by: labels, shift_labels, num_items_in_batch.
    """
    from transformers.loss.loss_utils import ForCausalLMLoss

    if aims["labels"] is None and aims.get("shift_labels") is None:
        return None
    found: Tensor = ForCausalLMLoss(logits, **aims, vocab_size=logits.shape[-1])
    return found
