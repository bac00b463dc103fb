"""A model's tokens as bytes, and llguidance's view of them. Built once per tokenizer."""

from typing import Any

import llguidance

from bb_nn.base import Base
from bb_runtime.errors import DecodeError


class Vocabulary:
    """The tokens of one tokenizer: their bytes, how to spell bytes with them, and the end token."""

    def __init__(self, ll: llguidance.LLTokenizer) -> None:
        self.ll = ll
        self.size: int = ll.vocab_size
        self.eos: int = ll.eos_token
        self._bytes: dict[int, bytes] = {}

    @classmethod
    def of(cls, tokenizer: Any, n_vocab: int | None = None) -> "Vocabulary":
        """The vocabulary of a fast Hugging Face tokenizer; raises DecodeError for a slow one.

        `n_vocab` is the width of the model's logits, where that is larger than the tokenizer.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None or tokenizer.eos_token_id is None:
            raise DecodeError(
                f"{type(tokenizer).__name__} is not a fast tokenizer with an end token",
                fix="load it with AutoTokenizer and use_fast=True",
            )
        known = max(backend.get_vocab().values()) + 1
        width = max(known, n_vocab or 0)
        text = backend.to_str()
        ll = llguidance.LLTokenizer(text, n_vocab=width, eos_token=tokenizer.eos_token_id)
        return cls(ll)

    def bytes_of(self, token: int) -> bytes:
        """The bytes a token stands for; none for a special one."""
        if token not in self._bytes:
            special = self.ll.is_special_token(token)
            self._bytes[token] = b"" if special else self.ll.decode_bytes([token])
        return self._bytes[token]

    def spell(self, data: bytes) -> list[int]:
        """Tokens whose bytes are exactly these; raises DecodeError where a byte has no token."""
        tokens: list[int] = self.ll.tokenize_bytes(data)
        if b"".join(self.bytes_of(token) for token in tokens) != data:
            raise DecodeError(
                f"the tokenizer cannot spell {data!r}", fix="use a byte-level tokenizer"
            )
        return tokens


def vocabulary_of(base: Base) -> Vocabulary:
    """A base's tokens as the masks see them, as wide as the model's logits."""
    return Vocabulary.of(base.tokenizer, base.model.config.vocab_size)
