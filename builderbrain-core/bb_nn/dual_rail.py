"""DualRail: a frozen causal language model and a small trained stream beside it.

    model = DualRail.attach(load_base("smollm2-135m"), RailConfig(coupling="ladder"))
    out = model(input_ids=ids)            # out.logits, out.base_logits (ladder), out.stream
    model.generate(ids, max_new_tokens=20)
    with model.base_only(): ...           # the base alone, bit for bit
    model.gates.set_(0.0)                 # likewise, until the gates are opened again
    model.save_pretrained(folder)         # the rail only; the base by name and digest
    DualRail.from_pretrained(folder)

Not covered: packed sequences (the rail reads a row as one text), text padded on the right and then
continued from its cache, and tokens given to a rail's cache by calling `model.base` itself.
"""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationMixin, PreTrainedModel

from bb_nn import rail_file
from bb_nn.base import Base, load_base
from bb_nn.base_adapter import (
    causal_model,
    decoder,
    decoder_layers,
    hidden_size,
    inner,
    logits_of,
    normed,
    probe,
)
from bb_nn.errors import RailError
from bb_nn.gates import Gates, project
from bb_nn.rail import Call, Injection, Rail, real_tokens
from bb_nn.rail_cache import passed_by, rail_states
from bb_nn.rail_config import RailConfig
from bb_nn.rail_output import RailOutput, next_token_loss, told
from bb_nn.taps import Reading, is_tapped

_AIMS = ("shift_labels", "num_items_in_batch")
_COUNTING = threading.Lock()


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
        self.source = None if source is None else rail_file.identify(source)
        self._as_loaded = rail_file.marks(base)
        self._alone = 0

    @classmethod
    def attach(cls, base: Base | Any, config: RailConfig | None = None) -> "DualRail":
        """A new rail on a loaded base: a Base, or any Hugging Face causal LM, PEFT included.

        Several rails may share one base. Raises RailError where the family cannot carry a rail.
        """
        config = config or RailConfig()
        source = base if isinstance(base, Base) else None
        model = causal_model(source.model if source else base)
        layers = decoder_layers(model)
        first, taps = not is_tapped(layers), config.layers(len(layers))
        probe(model, taps, ladder=config.coupling == "ladder", in_path=config.in_path)
        if not hasattr(model, "peft_config"):
            model.requires_grad_(False)
        made = cls(model, config, source)
        made.training = False
        (made if first else made.rail).eval()  # a base that another rail trains on stays as it is
        return made

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, base: Base | Any = None, *, offline: bool = True
    ) -> "DualRail":
        """The rail saved in a folder, on its base; raises BaseMismatchError on another base, and
        RailError for a rail that is not whole.

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
        try:
            model.rail.to(tensors["gates.alpha"].dtype).load_state_dict(tensors)
        except (KeyError, RuntimeError) as error:
            found, fix = f"the rail is not whole: {error}", "save the rail again"
            raise RailError(found, where=str(folder), fix=fix) from error
        return model

    def save_pretrained(  # type: ignore[override]
        self, folder: str | Path, *, state_dict: dict[str, Tensor] | None = None, **_: Any
    ) -> None:
        """Write rail.safetensors and rail.json; the base is named by its digest, not written.

        Gates above their cap are written as `project_` would leave them. A base that was changed
        after it was loaded is named by its weights. `state_dict` is what a trainer gathered for the
        whole model; what else transformers' Trainer hands over is not needed.
        """
        cap = self.gates.cap
        alpha, skills = min(self.rail.config.alpha, cap), self.rail.skills
        config = replace(self.rail.config, cap=cap, alpha=alpha, skills=skills)
        identity = self.source
        if identity is None or rail_file.changed(self.base, self._as_loaded):
            identity = rail_file.identify(self.base)
        whole = self.state_dict() if state_dict is None else state_dict
        tensors = {k[5:]: tensor for k, tensor in whole.items() if k.startswith("rail.")}
        tensors["gates.alpha"] = project(tensors["gates.alpha"], cap)
        rail_file.write(Path(folder), config, identity, tensors)

    @property
    def gates(self) -> Gates:
        """The gates: set_, project_, cap."""
        return self.rail.gates

    @contextmanager
    def base_only(self) -> Iterator["DualRail"]:
        """Inside it the model is its base: same logits, bit for bit, same cache.

        It holds for this object, in every thread, until the last that entered has left.
        """
        self._count(1)
        try:
            yield self
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with _COUNTING:
            self._alone += change

    def __getstate__(self) -> dict[str, Any]:
        """What a copy starts from: it is inside no base_only."""
        return {**self.__dict__, "_alone": 0}

    @property
    def is_base(self) -> bool:
        """Whether the next call is the base alone: inside base_only, or every gate shut."""
        return self._alone > 0 or self.gates.is_shut()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Any = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skill: Tensor | None = None,
        want_base: bool = True,
        rail_mask: Tensor | None = None,
        return_dict: bool | None = None,
        **more: Any,
    ) -> RailOutput | tuple[Any, ...]:
        """Logits [B, T, V] of both rails together; `base_logits` too, free, with a ladder.

        `skill` [B] or [B, T] picks the skill adapter, below 0 none; floats with one more axis weigh
        all of them. `want_base=False` saves the second head. `rail_mask` [B, any + T] says which
        tokens are real where attention_mask has four axes. With gradients a cache is kept only if
        asked for or given. The loss is the base's; a ladder's lacks what a mixture of experts adds
        for its routing.
        """
        aims = {"labels": labels} | {name: more.pop(name) for name in _AIMS if name in more}
        given = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "inputs_embeds": inputs_embeds,
            "use_cache": use_cache,
            **_set({"position_ids": position_ids}),
            **more,
        }
        if self.is_base:
            passed_by(past_key_values)
            out = self.base(**given, **_set(aims), logits_to_keep=logits_to_keep)
            found = told(out, out.logits, out.loss, base=out.logits if want_base else None)
        else:
            call = self._call(given, rail_mask, skill)
            if self.rail.config.coupling == "inject":
                found = self._inject(given, call, aims, logits_to_keep)
            else:
                found = self._ladder(given, call, aims, logits_to_keep, want_base)
        return found.to_tuple() if return_dict is False else found

    def _call(self, given: dict[str, Any], rail_mask: Tensor | None, skill: Tensor | None) -> Call:
        """What the rail is told of a call; `given` gets a cache where one is to be kept."""
        past = given["past_key_values"]
        call = Call(real_tokens(given, rail_mask), skill=self.rail.picked(skill, given))
        if given["use_cache"] is None:
            given["use_cache"] = past is not None or not torch.is_grad_enabled()
        if past is None and given["use_cache"]:
            past = given["past_key_values"] = self._new_cache()
        if past is not None:
            call.memory = rail_states(past, self.rail.depth, len(self.rail.taps), self.rail.key)
        return call

    def _inject(
        self, given: dict[str, Any], call: Call, aims: dict[str, Any], keep: int | Tensor
    ) -> RailOutput:
        injection = Injection(self.rail, call)
        out = self.base(**given, **_set(aims), logits_to_keep=keep, rail_ctx=injection)
        last = injection.streams[len(self.rail.taps) - 1]
        return told(out, out.logits, out.loss, stream=last)

    def _ladder(
        self,
        given: dict[str, Any],
        call: Call,
        aims: dict[str, Any],
        keep: int | Tensor,
        want_base: bool,
    ) -> RailOutput:
        if given.get("adapter_names") is not None:
            raise RailError("a ladder cannot mix PEFT adapters", fix="use the coupling inject")
        reading = Reading((*self.rail.taps, self.rail.depth - 1))
        out = decoder(self.base)(**given, rail_ctx=reading)
        base = logits_of(self.base, _kept(out.last_hidden_state, keep)) if want_base else None
        stream = self.rail.climb(reading.states, call)
        top = _kept(reading.states[self.rail.depth - 1], keep)
        fused = normed(self.base, self.rail.into(0, top, _kept(stream, keep)))
        logits = logits_of(self.base, fused)
        return told(out, logits, next_token_loss(logits, aims), base=base, stream=stream)

    def _new_cache(self) -> DynamicCache:
        cache: Any = DynamicCache
        made: DynamicCache = cache(config=self.config.get_text_config(decoder=True))
        return made

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, inputs_embeds: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The base's own, and the two-axis mask, which static caches turn into four."""
        prepare = inner(self.base).prepare_inputs_for_generation
        made: dict[str, Any] = prepare(input_ids, inputs_embeds=inputs_embeds, **kwargs)
        mask = kwargs.get("attention_mask")
        if mask is None:
            first = made.get("inputs_embeds")
            mask = input_ids.new_ones((input_ids if first is None else first).shape[:2])
        return made | {"rail_mask": mask, "want_base": False}

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """As in transformers; `skill` [B] is for the whole text.

        Assisted and prompt-lookup decoding are refused: they take tokens back, which a recurrence
        cannot. Inside base_only they work, with a cache that no rail has written.
        """
        if getattr(kwargs.get("skill"), "ndim", 1) != 1:
            raise RailError("a text is written by one skill", fix="give skill [B]")
        config = kwargs.get("generation_config") or (args[1:] or (None,))[0]
        config = config or self.generation_config
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

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: the rail's base is the one it was made for."""
        raise RailError("a rail's base cannot be resized", fix="resize it, then attach a new rail")

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


def _set(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}
