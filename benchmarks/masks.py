"""Do the masks ever allow what the parser refuses, and what does a mask cost?

Fuzz: sampled, mutated and walked texts of every installed grammar, judged by llguidance and by the
parser; and random walks of the typed language, judged by the parser. Speed: along the battery's
reference plans, ours (typed, rebuilt for every step) beside raw llguidance and xgrammar on the
plain grammar, with the embedded model's vocabulary and with one of 200,000 tokens. CPU time of the
one thread, engines interleaved plan by plan, what is loaded kept out of the garbage collector's
rounds. xgrammar is given 30 seconds for each vocabulary; `masks` says how far it came.

The large vocabulary is synthetic: the model's tokens and joined pairs of them.

usage: python benchmarks/masks.py [--texts N] [--walks N] [--plans N]
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import llguidance
from report import emit, say, skip
from workload import EMBEDDED

from bb_core import discover
from bb_core.automaton import Automaton
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import PlanError
from bb_core.fuzz import fuzz
from bb_core.grammar import Grammar, mask_text
from bb_core.lint import admit
from bb_core.next_step import CLOSE, NextStep
from bb_nn.base import load_base
from bb_nn.fetch import fetched
from bb_runtime.mask_gate import MaskAcceptor
from bb_runtime.prompt import example
from bb_runtime.steer import Steering
from bb_runtime.vocabulary import Vocabulary, vocabulary_of

LARGE, SEED = 200_000, 0
PEER_SECONDS = 30.0
FIRST_MS = 100.0
MASK_US = (310, 1550)  # p50 and p99: 1 % and 5 % of the model's decode step on a quiet CPU, 31 ms
GRAMMARS = Path(__file__).parent.parent / "tests" / "golden" / "grammars"


def main() -> int:
    """Fuzz, measure, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--texts", type=int, default=20_000)
    asked.add_argument("--walks", type=int, default=2_000)
    asked.add_argument("--plans", type=int, default=40)
    wanted = asked.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("masks", f"run: bb models fetch {EMBEDDED}")
    domains = [compile_domain(one) for one in discover().ready]
    fuzzed = {domain.name: fuzzing(domain, wanted.texts, wanted.walks) for domain in domains}
    fuzzed |= {path.stem: plain(path, wanted.texts) for path in sorted(GRAMMARS.glob("*.lark"))}
    unsafe = sum(one["mask_only"] + one.get("typed_only", 0) for one in fuzzed.values())
    domain = next(domain for domain in domains if domain.name == "api_json")
    model = vocabulary_of(load_base(f"random:llama@{EMBEDDED}"))
    gc.collect()
    gc.freeze()
    speed = {
        f"vocabulary_{vocabulary.size}": measure(domain, vocabulary, wanted.plans)
        for vocabulary in (model, enlarged(model))
    }
    ours = speed[f"vocabulary_{model.size}"]["ours"]
    quick = ours["first_ms_p99"] <= FIRST_MS
    quick = quick and ours["mask_us_p50"] <= MASK_US[0]
    quick = quick and ours["mask_us_p99"] <= MASK_US[1]
    return emit(
        "masks",
        not unsafe and quick,
        seed=SEED,
        versions=("llguidance", "xgrammar", "lark"),
        bar=f"mask yes / parser no = 0; first mask of a step p99 <= {FIRST_MS:g} ms; with the "
        f"model's vocabulary mask p50 <= {MASK_US[0]} us and p99 <= {MASK_US[1]} us",
        fuzz=fuzzed,
        **speed,
    )


def plain(path: Path, texts: int) -> dict[str, int]:
    """How mask and parser judge the same texts of a grammar that is no domain's."""
    grammar = Grammar.read(path, "soft" if path.stem == "posts" else "strict")
    mask = MaskAcceptor(grammar)
    report = fuzz(grammar, admit(grammar), mask.accepts, texts, SEED, mask.walk)
    say(f"{path.stem}: {report}")
    return {"texts": report.texts, "mask_only": report.mask_only, "parser_only": report.parser_only}


def fuzzing(domain: Compiled, texts: int, walks: int) -> dict[str, int]:
    """How mask and parser judge the same texts, and the parser the typed language's."""
    mask = MaskAcceptor(domain.grammar)
    report = fuzz(domain.grammar, domain.parser, mask.accepts, texts, SEED, mask.walk)
    say(f"{domain.name}: {report}")
    rng, steps, wrong = Random(SEED), NextStep(domain.surface, domain.schema), 0
    for _ in range(walks):
        text = walk(steps, rng)
        try:
            domain.parse(text)
        except PlanError as error:
            wrong += 1
            say(f"typed only: {text}: {error}")
    return {
        "texts": report.texts,
        "both": report.both,
        "mask_only": report.mask_only,
        "parser_only": report.parser_only,
        "typed_walks": walks,
        "typed_only": wrong,
    }


def walk(steps: NextStep, rng: Random) -> str:
    """A random plan of the typed language, closed after a few hundred characters."""
    tools, text, most = tuple[str, ...](), b"", rng.randrange(40, 400)
    while True:
        automaton = steps.segment(tools).automaton
        state, start = automaton.start, len(text)
        while not state.final:
            if len(text) > most:
                return (text + state.completion).decode()
            byte = rng.choice(following(automaton, state))
            after = automaton.step(state, byte)
            assert after is not None
            state, text = after, text + byte
        if CLOSE in state.exits:
            return text.decode()
        tools = (*tools, steps.tool(tools, text[start:].decode()))


def following(automaton: Automaton, state: Any) -> list[bytes]:
    """The bytes that may come next, printable ones where there are any."""
    every = [bytes([b]) for b in range(256) if automaton.step(state, bytes([b]))]
    return [b for b in every if b.isascii()] or every


class _Joined:
    """The model's tokens and joined pairs of them, spelled greedily, for llguidance to wrap."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        rng = Random(SEED)
        special = [t for t in range(vocabulary.size) if not vocabulary.bytes_of(t)]
        own = [vocabulary.bytes_of(t) or b"\xff<%d>" % t for t in range(vocabulary.size)]
        words = [word for word in own if word.isalpha() or word[:1] == b" "]
        known = set(own)
        while len(own) < LARGE:
            pair = rng.choice(words) + rng.choice(words)
            if pair not in known:
                known.add(pair)
                own.append(pair)
        self.tokens, self.special_token_ids = own, special
        self.eos_token_id = vocabulary.eos
        self.ids = {word: index for index, word in enumerate(own)}

    def __call__(self, text: str | bytes) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        out, at = list[int](), 0
        while at < len(data):
            size = next(
                n for n in range(min(24, len(data) - at), 0, -1) if data[at : at + n] in self.ids
            )
            out.append(self.ids[data[at : at + size]])
            at += size
        return out


def enlarged(vocabulary: Vocabulary) -> Vocabulary:
    """A vocabulary of 200,000 tokens that begins with the model's."""
    joined: Any = llguidance.TokenizerWrapper(_Joined(vocabulary))
    return Vocabulary(llguidance.LLTokenizer(joined, n_vocab=LARGE))


Engine = Callable[[Sequence[str]], tuple[list[float], list[float]]]


def measure(domain: Compiled, vocabulary: Vocabulary, plans: int) -> dict[str, Any]:
    """First masks and masks of each engine along the same plans, in CPU time."""
    engines: dict[str, Engine] = {
        "ours": ours(domain, vocabulary),
        "raw_llguidance": raw(domain, vocabulary),
        "xgrammar": peer(domain, vocabulary),
    }
    figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in engines}
    texts = [example(domain, task.rounds[0]) for task in domain.battery[: plans * 4 : 4]]
    for text in (text for text in texts if text):
        for name, engine in engines.items():
            first, masks = engine(split(domain, text))
            figures[name][0].extend(first)
            figures[name][1].extend(masks)
    return {name: summary(*pair) for name, pair in figures.items()}


def summary(first: list[float], masks: list[float]) -> dict[str, float]:
    """Percentiles: first masks in milliseconds, masks in microseconds."""
    if not masks:
        return {}
    first, masks = sorted(first), sorted(masks)
    return {
        "first_ms_p50": round(first[len(first) // 2] / 1e3, 2),
        "first_ms_p99": round(first[int(len(first) * 0.99)] / 1e3, 2),
        "mask_us_p50": round(masks[len(masks) // 2], 1),
        "mask_us_p99": round(masks[int(len(masks) * 0.99)], 1),
        "mask_us_max": round(masks[-1], 1),
        "masks": len(masks),
    }


def split(domain: Compiled, text: str) -> list[str]:
    """A plan's text cut where its segments end."""
    steps, parts = NextStep(domain.surface, domain.schema), list[str]()
    tools, data, at = tuple[str, ...](), text.encode(), 0
    while at < len(data):
        automaton = steps.segment(tools).automaton
        state, start = automaton.start, at
        while not state.final:
            after = automaton.step(state, data[at : at + 1])
            assert after is not None
            state, at = after, at + 1
        parts.append(data[start:at].decode())
        tools = (*tools, steps.tool(tools, parts[-1]))
    return parts


def clock(work: Callable[[], Any]) -> float:
    """CPU microseconds of this thread."""
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e3


def ours(domain: Compiled, vocabulary: Vocabulary) -> Engine:
    """Typed steering, each segment's language, automaton and matcher built anew."""
    types = NextStep(domain.surface, domain.schema)
    types.warm()

    def run(parts: Sequence[str]) -> tuple[list[float], list[float]]:
        types.forget()
        steering = Steering(types, vocabulary)
        first, masks, row = list[float](), list[float](), None
        for part in parts:
            for index, token in enumerate(vocabulary.spell(part.encode())):
                if row is None:
                    began = time.thread_time_ns()
                    types.forget()
                    row = steering.row()
                    row.mask()
                    first.append((time.thread_time_ns() - began) / 1e3)
                else:
                    masks.append(clock(row.mask))
                took = clock(lambda row=row, token=token: row.consume(token))
                if index and row.tools and row._start == len(row.text):
                    first.append(took + masks[-1])
        return first, masks

    return run


def raw(domain: Compiled, vocabulary: Vocabulary) -> Engine:
    """llguidance on the domain's grammar as it is, with no types."""
    grammar = llguidance.LLMatcher.grammar_from_lark(mask_text(domain.grammar))

    def run(parts: Sequence[str]) -> tuple[list[float], list[float]]:
        began = time.thread_time_ns()
        matcher = llguidance.LLMatcher(vocabulary.ll, grammar)
        matcher.compute_bitmask()
        first, masks = [(time.thread_time_ns() - began) / 1e3], list[float]()
        for part in parts:
            for token in vocabulary.spell(part.encode()):
                masks.append(clock(matcher.compute_bitmask))
                matcher.consume_token(token)
        return first, masks

    return run


def peer(domain: Compiled, vocabulary: Vocabulary) -> Engine:
    """xgrammar on the same grammar text, compiled once: for every plan it would take minutes."""
    import torch
    import xgrammar

    words = [vocabulary.bytes_of(t) or b"<%d>" % t for t in range(vocabulary.size)]
    info = xgrammar.TokenizerInfo(words, stop_token_ids=[vocabulary.eos])
    bits = xgrammar.allocate_token_bitmask(1, vocabulary.size)
    started = time.process_time_ns()  # it compiles in threads of its own
    grammar = xgrammar.Grammar.from_lark(mask_text(domain.grammar))
    compiled = xgrammar.GrammarCompiler(info, max_threads=1).compile_grammar(grammar)
    xgrammar.GrammarMatcher(compiled).fill_next_token_bitmask(bits)
    once = [(time.process_time_ns() - started) / 1e3]
    assert torch.is_tensor(bits)

    spent = 0.0

    def run(parts: Sequence[str]) -> tuple[list[float], list[float]]:
        nonlocal spent
        if spent > PEER_SECONDS:
            return once, []
        matcher, masks = xgrammar.GrammarMatcher(compiled), list[float]()
        for part in parts:
            for token in vocabulary.spell(part.encode()):
                masks.append(clock(lambda: matcher.fill_next_token_bitmask(bits)))
                spent += masks[-1] / 1e6
                if spent > PEER_SECONDS or not matcher.accept_token(token):
                    return once, masks
        return once, masks

    return run


if __name__ == "__main__":
    sys.exit(main())
