"""The mask's side of the fuzz gate: llguidance over single bytes, as acceptor and as walker."""

from importlib.metadata import version
from random import Random
from typing import Any

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from bb_core import cache
from bb_core.cache_limit import read_or_make
from bb_core.canonical import digest_json
from bb_core.compiled import Compiled
from bb_core.errors import GrammarError
from bb_core.fuzz import FuzzReport, fuzz, require_safe
from bb_core.grammar import Grammar, mask_text
from bb_core.lint import admit

_END = 256
_WALK_BYTES = 240


class _Bytes:
    """A tokenizer of one byte a token, in the form llguidance wraps."""

    eos_token_id = _END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(_END)), b"<end>")
    special_token_ids = (_END,)

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


class MaskAcceptor:
    """What llguidance makes of a grammar, a byte at a time."""

    def __init__(self, grammar: Grammar) -> None:
        wrapper: Any = TokenizerWrapper(_Bytes())
        self.tokenizer = LLTokenizer(wrapper, n_vocab=_END + 1)
        lark = LLMatcher.grammar_from_lark(mask_text(grammar))
        self.fresh = LLMatcher(self.tokenizer, lark, log_level=0)
        if self.fresh.is_error():
            found = f"llguidance refuses the grammar: {self.fresh.get_error()}"
            raise GrammarError(found, where=grammar.source, fix="stay inside the fence")

    def accepts(self, text: str) -> bool:
        """Whether the mask allows every byte of the text and then its end."""
        data = text.encode("utf-8", "surrogatepass")
        matcher = self.fresh.deep_copy()
        return matcher.try_consume_tokens(list(data)) == len(data) and matcher.is_accepting()

    def walk(self, rng: Random) -> str:
        """A random text along the mask, cut where it gets long; half characters are dropped."""
        matcher, out = self.fresh.deep_copy(), bytearray()
        while len(out) < _WALK_BYTES and not matcher.is_stopped():
            allowed = _allowed(matcher)
            if not allowed or (matcher.is_accepting() and rng.random() < 0.2):
                break
            plain = [byte for byte in allowed if 0x20 <= byte < 0x7F]
            byte = rng.choice(plain if plain and rng.random() < 0.9 else allowed)
            matcher.consume_token(byte)
            out.append(byte)
        return out.decode("utf-8", "ignore")


def _allowed(matcher: LLMatcher) -> list[int]:
    bits = matcher.compute_bitmask()
    return [byte for byte in range(_END) if bits[byte >> 3] >> (byte & 7) & 1]


def run_gate(grammar: Grammar, n: int, seed: int = 0) -> FuzzReport:
    """Fence, lints and `n` texts of the fuzz gate; raises GrammarError at the first thing wrong."""
    lark, mask = admit(grammar), MaskAcceptor(grammar)
    return require_safe(grammar, fuzz(grammar, lark, mask.accepts, n, seed, mask.walk))


def require_gated(compiled: Compiled, n: int = 1000) -> None:
    """Raise GrammarError unless the domain's mask has passed the gate, now or on an earlier day.

    A pass is remembered under the digest of grammar and engine, so it costs seconds once.
    """
    engine = version("llguidance")
    key = digest_json({"grammar": compiled.grammar.text, "llguidance": engine, "texts": n})
    folder = cache.cache_home() / "gates" / key.removeprefix("sha256:")
    read_or_make(folder, lambda: _passed(run_gate(compiled.grammar, n)))


def _passed(report: FuzzReport) -> dict[str, bytes]:
    return {"passed.txt": f"{report.texts} texts\n".encode()}


def gate_domain(compiled: Compiled, n: int = 400) -> str:
    """One line on a compiled domain's mask: `ok` and the count, or what it wrongly allows."""
    mask = MaskAcceptor(compiled.grammar)
    report = fuzz(compiled.grammar, compiled.parser, mask.accepts, n, walk=mask.walk)
    if report.counterexample is None:
        return f"ok   {report.texts:,} texts"
    return f"{report.mask_only} of {report.texts:,} unsafe, as {report.counterexample!r}"
