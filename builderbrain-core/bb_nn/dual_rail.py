"""DualRail: a frozen causal language model and a small trained stream beside it.

    model = DualRail.attach(load_base("smollm2-135m"), RailConfig(coupling="ladder"))
    out = model(input_ids=ids)            # out.logits, out.base_logits (ladder), out.stream
    model.generate(ids, max_new_tokens=20)
    with model.base_only(): ...           # the base alone, bit for bit
    model.gates.set_(0.0)                 # likewise, until the gates are opened again
    model.save_pretrained(folder)         # the rail only; the base by name and digest
    DualRail.from_pretrained(folder)

Not covered: packed sequences (the rail reads a row as one text), and text padded on the right and
then continued from its cache.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from bb_nn import rail_file
from bb_nn.base import Base, load_base
from bb_nn.base_adapter import decoder, decoder_layers, hidden_size, inner, logits_of, normed, probe
from bb_nn.errors import RailError
from bb_nn.gates import Gates
from bb_nn.in_path import install_path
from bb_nn.rail import Call, Injection, Rail
from bb_nn.rail_cache import rail_states
from bb_nn.rail_config import RailConfig
from bb_nn.taps import Reading


@dataclass
class RailOutput(CausalLMOutputWithPast):
    """What a call gives: logits of both rails together, and with a ladder the base's own.

    `stream` is the rail's state after its last tap, [B, T, r]; None where the base ran alone.
    """

    base_logits: Tensor | None = None
    stream: Tensor | None = None


class DualRail(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """A base and one rail on it. Only `.rail` is trained; `.base` is as it was."""

    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = True
    _supports_attention_backend = _can_compile_fullgraph = True
    supports_gradient_checkpointing = True

    def __init__(self, base: Any, config: RailConfig, source: Base | None = None) -> None:
        super().__init__(_unset(inner(base).config))
        self.config = copy.deepcopy(inner(base).config)
        self.generation_config = copy.deepcopy(inner(base).generation_config)
        layers = decoder_layers(base)
        self.base = base
        self.rail = Rail(config, layers, hidden_size(base)).to(next(base.parameters()).device)
        self.source = source and rail_file.identify(source)
        self._alone = False
        for index, layer in enumerate(layers if config.in_path else ()):
            install_path(layer, index, config.in_path)

    @classmethod
    def attach(cls, base: Base | Any, config: RailConfig | None = None) -> "DualRail":
        """A new rail on a loaded base: a Base, or any Hugging Face causal LM, PEFT included.

        Several rails may share one base. Raises RailError where the family cannot carry a rail.
        """
        config = config or RailConfig()
        source = base if isinstance(base, Base) else None
        model: Any = source.model if source else base
        if not hasattr(model, "peft_config"):
            model.requires_grad_(False)
        taps = config.layers(len(decoder_layers(model)))
        probe(model, taps, ladder=config.coupling == "ladder")
        made = cls(model, config, source)
        made.train(False)
        return made

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, base: Base | Any = None, *, offline: bool = True
    ) -> "DualRail":
        """The rail saved in a folder, on its base; raises BaseMismatchError on another base.

        Without `base` the one it names is loaded.
        """
        config, saved, tensors = rail_file.read(Path(folder))
        if base is None and not saved.name:
            raise RailError(
                "the rail's base has no name to load it by", where=str(folder), fix="give base="
            )
        base = load_base(saved.name, offline=offline) if base is None else base
        rail_file.require(rail_file.identify(base), saved, Path(folder))
        model = cls.attach(base, config)
        model.rail.load_state_dict(tensors)
        return model

    def save_pretrained(self, folder: str | Path) -> None:  # type: ignore[override]
        """Write rail.safetensors and rail.json; the base is named by its digest, not written."""
        cap = self.gates.cap
        config = replace(self.rail.config, cap=cap, alpha=min(self.rail.config.alpha, cap))
        identity = self.source or rail_file.identify(self.base)
        rail_file.write(Path(folder), config, identity, self.rail.state_dict())

    @property
    def gates(self) -> Gates:
        """The gates: set_, project_, cap."""
        return self.rail.gates

    @contextmanager
    def base_only(self) -> Iterator["DualRail"]:
        """Inside it the model is its base: same logits, bit for bit, same cache.

        It holds for this object, in every thread.
        """
        before, self._alone = self._alone, True
        try:
            yield self
        finally:
            self._alone = before

    @property
    def is_base(self) -> bool:
        """Whether the next call is the base alone: inside base_only, or every gate shut."""
        return self._alone or self.gates.is_shut()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Any = None,
        past_key_values: Any = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skill: Tensor | None = None,
        want_base: bool = True,
        rail_mask: Tensor | None = None,
        **more: Any,
    ) -> RailOutput:
        """Logits [B, T, V] of both rails together; `base_logits` too, free, with a ladder.

        `skill` [B] or [B, T] picks the skill adapter. `want_base=False` saves the second head.
        `rail_mask` [B, any + T] says which tokens are real where attention_mask has four axes.
        With gradients a cache is kept only if asked for.
        """
        given = {"input_ids": input_ids, "attention_mask": attention_mask, **more}
        if self.is_base:
            out = self.base(
                past_key_values=past_key_values,
                use_cache=use_cache,
                logits_to_keep=logits_to_keep,
                **given,
            )
            return _output(out, out.logits, labels, base=out.logits if want_base else None)
        if use_cache is None:
            use_cache = past_key_values is not None or not torch.is_grad_enabled()
        call = Call(_real(given, rail_mask), skill=skill)
        if use_cache:
            past_key_values = past_key_values or self._new_cache()
            call.memory = rail_states(past_key_values, self.rail.depth, len(self.rail.taps))
        given |= {"past_key_values": past_key_values, "use_cache": use_cache}
        if self.rail.config.coupling == "inject":
            return self._inject(given, call, labels, logits_to_keep)
        return self._ladder(given, call, labels, logits_to_keep, want_base)

    def _inject(
        self, given: dict[str, Any], call: Call, labels: Tensor | None, keep: int | Tensor
    ) -> RailOutput:
        injection = Injection(self.rail, call)
        out = self.base(**given, logits_to_keep=keep, rail_ctx=injection)
        last = injection.streams[len(self.rail.taps) - 1]
        return _output(out, out.logits, labels, stream=last)

    def _ladder(
        self,
        given: dict[str, Any],
        call: Call,
        labels: Tensor | None,
        keep: int | Tensor,
        want_base: bool,
    ) -> RailOutput:
        reading = Reading((*self.rail.taps, self.rail.depth - 1))
        out = decoder(self.base)(**given, rail_ctx=reading)
        base = logits_of(self.base, _kept(out.last_hidden_state, keep)) if want_base else None
        stream = self.rail.climb(reading.states, call)
        top = _kept(reading.states[self.rail.depth - 1], keep)
        fused = normed(self.base, self.rail.into(0, top, _kept(stream, keep)))
        return _output(out, logits_of(self.base, fused), labels, base=base, stream=stream)

    def _new_cache(self) -> DynamicCache:
        cache: Any = DynamicCache
        made: DynamicCache = cache(config=self.config.get_text_config(decoder=True))
        return made

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, **kwargs: Any
    ) -> dict[str, Any]:
        """The base's own, and the two-axis mask, which static caches turn into four."""
        made: dict[str, Any] = inner(self.base).prepare_inputs_for_generation(input_ids, **kwargs)
        mask = kwargs.get("attention_mask")
        mask = input_ids.new_ones(input_ids.shape) if mask is None else mask
        return made | {"rail_mask": mask, "want_base": False}

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """As in transformers. Assisted and prompt-lookup decoding are refused: they take tokens
        back, which a recurrence cannot; inside base_only they work."""
        config = kwargs.get("generation_config") or self.generation_config
        assisted = kwargs.get("assistant_model") is not None or any(
            kwargs.get(name) or getattr(config, name, None)
            for name in ("prompt_lookup_num_tokens", "assistant_early_exit")
        )
        if assisted and not self.is_base:
            raise RailError("a rail cannot be decoded with an assistant", fix="use base_only()")
        plain: Any = super()
        return plain.generate(*args, **kwargs)

    def train(self, mode: bool = True) -> "DualRail":
        """Train the rail; the base stays in eval unless it learns or recomputes its layers.

        So call it after gradient checkpointing was switched on, not before.
        """
        super().train(mode)
        recomputes = any(getattr(m, "gradient_checkpointing", False) for m in self.base.modules())
        if mode and not (_learns(self.base) or recomputes):
            self.base.eval()
        return self

    def get_input_embeddings(self) -> Any:
        """The base's."""
        return inner(self.base).get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """The base's."""
        return inner(self.base).get_output_embeddings()


def _unset(config: Any) -> Any:
    """A copy of a config that names no implementation of attention or experts.

    PreTrainedModel checks those names and writes its own choice over them; a base that then reads
    the choice from a shared config loses its causal mask without a word.
    """
    own = copy.deepcopy(config)
    own._attn_implementation_internal = own._experts_implementation_internal = None
    return own


def _learns(base: Any) -> bool:
    return any(parameter.requires_grad for parameter in base.parameters())


def _kept(states: Tensor, keep: int | Tensor) -> Tensor:
    """The positions whose logits are wanted, as transformers reads `logits_to_keep`."""
    if isinstance(keep, Tensor):
        return states[:, keep]
    return states[:, -keep:] if keep else states


def _real(given: dict[str, Any], rail_mask: Tensor | None) -> Tensor | None:
    """Which of the new tokens [B, T] are real; None: all."""
    mask = given["attention_mask"] if rail_mask is None else rail_mask
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or mask.dim() != 2:
        raise RailError("the mask does not say which tokens are real", fix="give rail_mask [B, T]")
    first = given["input_ids"] if given["input_ids"] is not None else given["inputs_embeds"]
    return mask[:, -first.shape[1] :].bool()


def _output(
    out: Any,
    logits: Tensor,
    labels: Tensor | None,
    base: Tensor | None = None,
    stream: Tensor | None = None,
) -> RailOutput:
    from transformers.loss.loss_utils import ForCausalLMLoss

    loss = None
    if labels is not None:
        loss = ForCausalLMLoss(logits, labels, vocab_size=logits.shape[-1])
    return RailOutput(
        loss=loss,
        logits=logits,
        past_key_values=out.past_key_values,
        hidden_states=out.hidden_states,
        attentions=out.attentions,
        base_logits=base,
        stream=stream,
    )
