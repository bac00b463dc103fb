"""The base rail: any causal language model of Hugging Face, frozen, with its tokenizer.

smollm2-135m            a model of the catalogue, after `bb models fetch smollm2-135m`
./folder                a model saved by save_pretrained
owner/name              a Hub model; from the local cache unless offline=False
random:llama            tiny random weights over bytes, for tests; never chosen silently
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bb_core.canonical import digest_json
from bb_nn.catalogue import CATALOGUE
from bb_nn.errors import ModelError, UnknownModelError
from bb_nn.fetch import RECORD, fetched, folder_digest

RANDOM = "random:"
_FAST_BF16 = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True)
class Base:
    """A loaded base model. `digest` names its exact weights, tokenizer and configuration."""

    model: Any
    tokenizer: Any
    digest: str
    dtype: torch.dtype
    name: str


def load_base(
    ref: str, dtype: torch.dtype | None = None, *, offline: bool = True, seed: int = 0
) -> Base:
    """Load a base model for inference; raises UnknownModelError or ModelError.

    Without `dtype` it is bf16 where the processor computes in it, else fp32.
    """
    wanted = dtype or best_dtype()
    if ref.startswith(RANDOM):
        return _random(ref, wanted, seed)
    folder = _folder(ref)
    digest = _digest(ref, folder) if folder else ""
    model, tokenizer = _load(str(folder) if folder else ref, wanted, offline)
    return Base(model, tokenizer, digest or _hub_digest(ref, model), wanted, ref)


def best_dtype() -> torch.dtype:
    """bf16 on a GPU or a processor with bf16 instructions, fp32 elsewhere."""
    if torch.cuda.is_available():
        return torch.bfloat16
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return torch.float32
    return torch.bfloat16 if any(flag in flags for flag in _FAST_BF16) else torch.float32


def _folder(ref: str) -> Path | None:
    """The folder a reference names; None for a Hub name."""
    if ref in CATALOGUE:
        folder = fetched(ref)
        if folder is None:
            raise UnknownModelError(
                f"model {ref!r} is not here yet", fix=f"run: bb models fetch {ref}"
            )
        return folder
    folder = Path(ref)
    if (folder / "config.json").is_file():
        return folder
    if folder.is_dir() or ref.startswith((".", "/")) or ref.count("/") != 1:
        raise UnknownModelError(
            f"{ref!r} is neither a catalogue model nor a folder with a config.json",
            fix=f"known: {', '.join(sorted(CATALOGUE))}; or give a folder or owner/name",
        )
    return None


def _digest(ref: str, folder: Path) -> str:
    """The digest of a folder's files; a catalogue model's are those recorded when it was made."""
    digest = folder_digest(folder)
    if ref not in CATALOGUE:
        return digest
    try:
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        recorded = "nothing"
    if recorded != digest:
        raise ModelError(
            "the files are not what was converted",
            where=str(folder),
            fix=f"delete the folder and run: bb models fetch {folder.name}",
        )
    return digest


def _load(source: str, dtype: torch.dtype, offline: bool) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    quiet: Any = logging.disable_progress_bar
    quiet()  # loading takes a second; the bar is for the fetch
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=offline)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, local_files_only=offline)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fix = "allow downloads (offline=False) or give a folder" if offline else "check the name"
        fix = "save the model there again" if Path(source).is_dir() else fix
        raise ModelError(f"cannot be loaded: {line.rstrip('.')}", where=source, fix=fix) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return _frozen(model, torch.device(device)), tokenizer


def _frozen(model: Any, to: torch.device | torch.dtype) -> Any:
    return model.to(to).eval().requires_grad_(False)


def _hub_digest(ref: str, model: Any) -> str:
    commit = getattr(model.config, "_commit_hash", None)
    if not commit:
        raise ModelError("the Hub gave no commit for it", where=ref, fix="give a folder instead")
    return digest_json({"hub": ref, "commit": commit})


def _random(ref: str, dtype: torch.dtype, seed: int) -> Base:
    """A model of two small layers: `random:llama`, or `random:llama@FOLDER` for its tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    architecture, _, source = ref.removeprefix(RANDOM).partition("@")
    if architecture != "llama":
        raise UnknownModelError(f"no random model {architecture!r}", fix="use random:llama")
    folder = _folder(source) if source else None
    if source and folder is None:
        raise UnknownModelError(f"no folder {source!r}", where=ref, fix=f"use {RANDOM}llama@FOLDER")
    tokenizer = AutoTokenizer.from_pretrained(str(folder)) if folder else byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1 << 14,  # a token a byte: tools and rules alone are thousands
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _frozen(LlamaForCausalLM(config), dtype)
    digest = digest_json({"random": ref, "seed": seed, "torch": torch.__version__})
    return Base(model, tokenizer, digest, dtype, ref)


def byte_tokenizer() -> Any:
    """A tokenizer of the 256 bytes and an end token: every text can be spelled, slowly."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: index for index, char in enumerate(alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
