"""Convert a GGUF file once to what transformers loads fastest: safetensors, tokenizer, config.

The quantised blocks are written out as bf16. In llama files q and k rows are stored in the order
llama.cpp rotates them in and are put back. Not covered: architectures other than llama and qwen2.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bb_nn.errors import FetchError

Progress = Callable[[str, float], None]
"""Told a stage and how much of it is done, from 0 to 1."""

_PERMUTED = "llama"
_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}


def convert(source: Path, folder: Path, progress: Progress) -> None:
    """Write model.safetensors, config.json and the tokenizer's files into an existing folder."""
    import gguf  # slow to import, and wanted once in a model's life

    reader = gguf.GGUFReader(source)
    architecture = _field(reader, "general.architecture")
    if architecture not in _ARCHITECTURES:
        raise FetchError(
            f"a {architecture!r} model cannot be converted",
            where=source.name,
            fix=f"known: {', '.join(_ARCHITECTURES)}",
        )
    tied = _weights(reader, architecture, folder, progress)
    config = _config(reader, architecture, tied)
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    progress("reading the tokenizer", 0.0)
    _tokenizer(source, folder)


def _weights(reader: Any, architecture: str, folder: Path, progress: Progress) -> bool:
    """Write the weights; whether the output layer is the embedding itself."""
    import gguf
    import torch
    from safetensors.torch import save_file

    heads = _field(reader, f"{architecture}.attention.head_count")
    kv_heads = _field(reader, f"{architecture}.attention.head_count_kv")
    tensors: dict[str, torch.Tensor] = {}
    for index, tensor in enumerate(reader.tensors):
        weight = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        if architecture == _PERMUTED and ".attn_q." in tensor.name:
            weight = _unpermuted(weight, heads)
        if architecture == _PERMUTED and ".attn_k." in tensor.name:
            weight = _unpermuted(weight, kv_heads)
        tensors[_name(tensor.name)] = weight.to(torch.bfloat16).contiguous()
        progress("converting", (index + 1) / len(reader.tensors))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return "lm_head.weight" not in tensors


def _unpermuted(weight: Any, heads: int) -> Any:
    """Rows back from rotated pairs side by side to halves one after the other."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _name(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in _TOP:
        return f"{_TOP[stem]}.{kind}"
    _, layer, part = stem.split(".", 2)
    return f"model.layers.{layer}.{_NAMES[part]}.{kind}"


def _config(reader: Any, architecture: str, tied: bool) -> dict[str, Any]:
    def of(key: str) -> Any:
        return _field(reader, f"{architecture}.{key}")

    return {
        "architectures": [_ARCHITECTURES[architecture]],
        "model_type": architecture,
        "hidden_size": of("embedding_length"),
        "intermediate_size": of("feed_forward_length"),
        "num_hidden_layers": of("block_count"),
        "num_attention_heads": of("attention.head_count"),
        "num_key_value_heads": of("attention.head_count_kv"),
        "max_position_embeddings": of("context_length"),
        "rms_norm_eps": of("attention.layer_norm_rms_epsilon"),
        "rope_parameters": {"rope_type": "default", "rope_theta": of("rope.freq_base")},
        "vocab_size": len(_field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": tied,
        "hidden_act": "silu",
        "dtype": "bfloat16",
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _field(reader, "tokenizer.ggml.eos_token_id"),
    }


def _field(reader: Any, key: str) -> Any:
    field = reader.fields.get(key)
    if field is None:
        raise FetchError(f"the file has no {key!r}", fix="it is not a language model's GGUF file")
    return field.contents()


def _tokenizer(source: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
    tokenizer.save_pretrained(str(folder))
