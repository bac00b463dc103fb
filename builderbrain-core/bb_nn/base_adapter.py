"""What a rail needs to find in a base model, and the trial call that shows it is all there.

The usual shape is asked for, not a family: a decoder with a list of layers that each return one
tensor and pass unknown keywords on, a final norm, a head. A base that differs is refused.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from bb_nn.errors import RailError
from bb_nn.in_path import install_path
from bb_nn.taps import Trial, install

_LAYERS = ("layers", "h", "blocks")
_NORMS = ("norm", "final_layernorm", "ln_f", "final_layer_norm", "norm_f", "embedding_norm")
_EXACT = {torch.float32: 1e-5, torch.float64: 1e-5}
_ROUGH = 2e-2  # of half-precision types


def inner(base: Any) -> Any:
    """The Hugging Face model inside a PEFT wrapper, or the base itself."""
    return base.get_base_model() if hasattr(base, "get_base_model") else base


def causal_model(base: Any) -> Any:
    """The base, if it is a causal language model with its weights; raises RailError if not."""
    model = inner(base)
    parts = isinstance(model, PreTrainedModel) and hasattr(model, "get_decoder")
    if not parts or model.get_output_embeddings() is None:
        raise RailError(
            "not a causal language model", where=_name(base), fix="load it with load_base"
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise RailError("the base has no weights (meta)", where=_name(base), fix="load its weights")
    return base


def decoder(base: Any) -> Any:
    """The module that runs the layers and ends with the final norm."""
    return inner(base).get_decoder()


def decoder_layers(base: Any) -> nn.ModuleList:
    """The decoder's layers in order; raises RailError where there is no such list."""
    found = decoder(base)
    for name in _LAYERS:
        if isinstance(getattr(found, name, None), nn.ModuleList):
            layers: nn.ModuleList = getattr(found, name)
            return layers
    raise RailError("no list of decoder layers", where=_name(base), fix="use another base")


def hidden_size(base: Any) -> int:
    """The width of the base's residual stream."""
    return int(inner(base).config.get_text_config(decoder=True).hidden_size)


def normed(base: Any, state: Tensor) -> Tensor:
    """The final norm of the last layer's state."""
    found = decoder(base)
    for name in _NORMS:
        if isinstance(getattr(found, name, None), nn.Module):
            result: Tensor = getattr(found, name)(state)
            return result
    raise RailError("no final norm", where=_name(base), fix="use the coupling inject")


def logits_of(base: Any, state: Tensor) -> Tensor:
    """The head over normed states, and what some families do to logits (a cap, a scale)."""
    model = inner(base)
    config = model.config.get_text_config(decoder=True)
    logits: Tensor = model.get_output_embeddings()(state)
    if scale := getattr(config, "logit_scale", None):
        logits = logits * scale
    if divisor := getattr(config, "logits_scaling", None):
        logits = logits / divisor
    if cap := getattr(config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits


@torch.no_grad()
def probe(base: Any, taps: tuple[int, ...], *, ladder: bool, in_path: tuple[str, ...] = ()) -> None:
    """Call the base once on four tokens; raises RailError if it cannot carry a rail.

    Seen: that it fills a DynamicCache, that each tapped layer returns one tensor and was given
    `rail_ctx`; that the named projections of every layer are called; for a ladder, that the base
    reads nothing but text, and that the final norm and the head make its own logits of the last
    layer's state.
    """
    layers = decoder_layers(base)
    config = inner(base).config
    if ladder and config.get_text_config(decoder=True) is not config:
        raise RailError(
            "a ladder passes by what is not text", where=_name(base), fix="use the coupling inject"
        )
    install(layers)
    for index, layer in enumerate(layers if in_path else ()):
        install_path(layer, index, in_path)
    if getattr(getattr(base, "active_peft_config", None), "is_prompt_learning", False):
        raise RailError("prompts learnt by PEFT are not carried", where=_name(base), fix="use LoRA")
    reading = Trial((*taps, len(layers) - 1))
    logits = _called(base, reading)
    _require_bent(base, reading, len(layers), in_path)
    missed = sorted(set(taps) - set(reading.states))
    if missed:
        raise RailError(
            f"layers {missed} were not given rail_ctx", where=_name(base), fix="use another base"
        )
    if ladder and not _same(logits_of(base, normed(base, reading.states[len(layers) - 1])), logits):
        raise RailError(
            "the head does something to its logits that a ladder cannot repeat",
            where=_name(base),
            fix="use the coupling inject",
        )


def _require_bent(base: Any, trial: Trial, depth: int, names: tuple[str, ...]) -> None:
    unused = sorted({(n, name) for n in range(depth) for name in names} - trial.bent)
    if unused:
        raise RailError(
            f"projections that no call passes: {unused[:3]}", where=_name(base), fix="leave them"
        )


def _called(base: Any, reading: Trial) -> Tensor:
    """The logits of a trial call with a cache."""
    model = inner(base)
    vocabulary = model.get_input_embeddings()
    ids = torch.arange(4, device=vocabulary.weight.device)[None] % vocabulary.num_embeddings
    try:
        cache = DynamicCache(config=model.config.get_text_config(decoder=True))
        out = base(input_ids=ids, past_key_values=cache, use_cache=True, rail_ctx=reading)
    except (TypeError, ValueError, AttributeError) as error:
        line = str(error).partition("\n")[0].rstrip(".")
        raise RailError(
            f"it does not take the usual call: {line}", where=_name(base), fix="use another base"
        ) from error
    logits: Tensor = out.logits
    return logits


def _same(ours: Tensor, theirs: Tensor) -> bool:
    error = (ours.double() - theirs.double()).norm() / theirs.double().norm().clamp_min(1e-12)
    return bool(error <= _EXACT.get(theirs.dtype, _ROUGH))


def _name(base: Any) -> str:
    return type(inner(base)).__name__
