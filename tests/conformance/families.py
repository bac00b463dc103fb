"""Tiny random bases of many families, and a rail whose weights are not zero."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from bb_nn.dual_rail import DualRail
from bb_nn.rail_config import RailConfig

torch.set_num_threads(1)

FULL = ("gpt_oss", "llama", "qwen3", "smollm3", "gemma3_text")
"""The families that every row of the table is held to."""

ALSO = (
    *("qwen2", "mistral", "gemma", "gemma2", "phi", "phi3", "olmo2", "starcoder2", "stablelm"),
    *("cohere", "cohere2", "granite", "glm4", "exaone4", "seed_oss", "opt", "gpt2", "gpt_neox"),
    *("mixtral", "qwen3_moe", "granitemoe", "olmoe", "lfm2", "qwen3_next"),
)
"""Families that carry a rail as well, held to the rows that catch a wrong shape."""

COUPLINGS = {
    "ladder": RailConfig(coupling="ladder", every=2, heads=2, window=4),
    "inject": RailConfig(coupling="inject", every=2, heads=2, window=4),
    "hybrid": RailConfig(
        coupling="inject", every=2, heads=2, window=4, in_path=("q_proj", "v_proj", "o_proj")
    ),
}

_TINY = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": None,
    "max_position_embeddings": 256,
}
_EXTRA: dict[str, dict[str, Any]] = {
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "granitemoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
    "qwen3_next": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "gemma3_text": {"head_dim": 8, "sliding_window": 8},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


def tiny(family: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> Any:
    """A random base of four layers of 32, frozen by nobody yet."""
    config = AutoConfig.for_model(family, **_TINY | _EXTRA.get(family, {}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).to(dtype).eval()


def shaken(model: DualRail, seed: int = 0, gates: float = 0.5) -> DualRail:
    """The model with random weights in every part of its rail and all gates at `gates`."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.rail.named_parameters():
        if not name.startswith("gates"):
            parameter.data.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.gates.set_(gates)
    return model


def railed(family: str, coupling: str, **changes: Any) -> DualRail:
    """A shaken rail on a tiny base, the same in every process."""
    base = tiny(family, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return shaken(DualRail.attach(base, COUPLINGS[coupling]))


def ids(length: int = 14, rows: int = 1) -> torch.Tensor:
    """Token ids [rows, length], no two rows alike, none of them padding."""
    generator = torch.Generator().manual_seed(length)
    return torch.randint(3, 96, (rows, length), generator=generator)
