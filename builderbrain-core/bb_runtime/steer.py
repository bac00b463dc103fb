"""Steering: one row's way through the plan language, a segment at a time.

Two engines read every token. llguidance answers which tokens may come next; the automaton knows the
shortest way to the end of the whole plan. Both are made from the same language, once per sequence
of tools, and kept. A token never spans two segments, so a segment's end is seen exactly.
"""

from collections.abc import Sequence

import llguidance

from bb_core.automaton import State
from bb_core.language import to_lark
from bb_core.next_step import CLOSE, NextStep, Segment
from bb_runtime.errors import BudgetError, DecodeError, SteerError
from bb_runtime.vocabulary import Vocabulary

_KEPT = 256
OPEN_MASKS = '%llguidance {"no_forcing": true}\n'
"""Where bytes are forced llguidance would allow one token only, by a guess at how they are cut."""


class Steering:
    """A domain's plan language over one vocabulary; shared by all rows."""

    def __init__(self, steps: NextStep, vocabulary: Vocabulary) -> None:
        self.steps, self.vocabulary = steps, vocabulary
        self._matchers: dict[tuple[str, ...], llguidance.LLMatcher] = {}
        self._deepest: dict[tuple[str, ...], int] = {}
        self.minimum: int = len(vocabulary.spell(steps.shortest))

    def row(self) -> "Row":
        """A row at the start of a plan."""
        return Row(self)

    def require(self, budget: int) -> None:
        """Raise BudgetError when no plan fits into this many tokens."""
        if budget < self.minimum:
            raise BudgetError(budget, self.minimum, where=self.steps.schema.domain)

    def matcher(self, tools: tuple[str, ...]) -> llguidance.LLMatcher:
        """A fresh matcher for the segment after steps with these tools."""
        if tools not in self._matchers:
            text = OPEN_MASKS + to_lark(self.segment(tools).language)
            grammar = llguidance.LLMatcher.grammar_from_lark(text)
            made = llguidance.LLMatcher(self.vocabulary.ll, grammar)
            if made.is_error():
                raise DecodeError(f"the mask was not built: {made.get_error()[:200]}")
            if len(self._matchers) >= _KEPT:
                del self._matchers[next(iter(self._matchers))]
            self._matchers[tools] = made
        return self._matchers[tools].deep_copy()

    def longest_closing(self, tools: tuple[str, ...]) -> int:
        """No way to the end from inside the segment after these tools takes more tokens."""
        if tools not in self._deepest:
            self._deepest[tools] = self.segment(tools).longest_closing
        return self._deepest[tools]

    def segment(self, tools: tuple[str, ...]) -> Segment:
        """The segment after steps with these tools."""
        return self.steps.segment(tools)


class Row:
    """Where one plan being written stands. `text` is all of it so far, `tools` its whole steps."""

    def __init__(self, steering: Steering) -> None:
        self.steering = steering
        self.tools: tuple[str, ...] = ()
        self.tokens: list[int] = []
        self.text = b""
        self.is_done = False
        self._ending: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self._start = len(self.text)
        self._matcher = self.steering.matcher(self.tools)
        self._state: State = self.steering.segment(self.tools).automaton.start

    def fork(self) -> "Row":
        """A row of its own that stands at the same place."""
        twin = object.__new__(Row)
        twin.__dict__.update(self.__dict__)
        twin.tokens = list(self.tokens)
        twin._matcher = self._matcher.deep_copy()
        return twin

    def mask(self) -> bytes:
        """The allowed tokens, one bit each; only the end token once the plan is done."""
        bits = bytearray(self._matcher.compute_bitmask())
        eos = self.steering.vocabulary.eos
        if self.is_done:
            bits = bytearray(len(bits))
        if CLOSE in self._state.exits:
            bits[eos >> 3] |= 1 << (eos & 7)
        else:
            bits[eos >> 3] &= ~(1 << (eos & 7)) & 0xFF
        if self._matcher.is_error():
            raise SteerError(f"the mask failed: {self._matcher.get_error()[:200]}")
        return bytes(bits)

    def forced(self) -> list[int]:
        """Tokens that every continuation starts with; none where there is a choice.

        The last run of like characters is left to the model: how a tokenizer cuts `"}},{"` shows
        only when the run is whole, and a cut that it never makes leads a model astray.
        """
        if self.is_done:
            return []
        return self.steering.vocabulary.spell(settled(self._matcher.compute_ff_bytes()))

    @property
    def longest_closing(self) -> int:
        """No way to the end from this segment takes more tokens than this."""
        return self.steering.longest_closing(self.tools)

    def closing(self) -> list[int]:
        """The tokens of a shortest text from here to the end of the plan.

        Asked again on the way, it gives the rest of the same tokens: a rest spelled anew may take
        more of them.
        """
        if not self.is_done and not self._ending:
            self._ending = self._spell(self._state)
        return [] if self.is_done else list(self._ending)

    def _spell(self, state: State) -> list[int]:
        end = len(state.completion) - state.owed
        spell = self.steering.vocabulary.spell
        return spell(state.completion[:end]) + spell(state.completion[end:])

    def fits(self, tokens: Sequence[int], left: int) -> bool:
        """Whether the plan can still be ended within `left` tokens once these are written."""
        state = self._after(tokens)
        if state is None:
            raise SteerError(
                f"{self.steering.vocabulary.ll.dbg_tokens(list(tokens))} is not allowed"
            )
        if state.final and CLOSE not in state.exits:
            state = self._beyond(tokens)
        room = left - len(tokens)
        # A byte never needs more than one token, so most checks end here.
        return len(state.completion) <= room or len(self._spell(state)) <= room

    def _after(self, tokens: Sequence[int]) -> State | None:
        vocabulary, automaton = (
            self.steering.vocabulary,
            self.steering.segment(self.tools).automaton,
        )
        if list(tokens) == [vocabulary.eos] and CLOSE in self._state.exits:
            return self._state
        return automaton.step(self._state, b"".join(vocabulary.bytes_of(t) for t in tokens))

    def _beyond(self, tokens: Sequence[int]) -> State:
        """The start of the segment that these tokens lead to."""
        data = b"".join(self.steering.vocabulary.bytes_of(token) for token in tokens)
        tool = self.steering.steps.tool(self.tools, (self.text[self._start :] + data).decode())
        return self.steering.segment((*self.tools, tool)).automaton.start

    def consume(self, token: int) -> None:
        """Write one token; raises SteerError, and changes nothing, when it is not allowed."""
        vocabulary = self.steering.vocabulary
        state = None if self.is_done else self._after([token])
        ends = token == vocabulary.eos
        if state is None or not (ends or self._matcher.consume_token(token)):
            raise SteerError(f"{vocabulary.ll.dbg_tokens([token])} is not allowed here")
        self.tokens.append(token)
        self._ending = self._ending[1:] if self._ending[:1] == [token] else []
        self.text += vocabulary.bytes_of(token)
        self._state = state
        if ends or (state.final and CLOSE in state.exits):
            self.is_done = True
        elif state.final:
            written = self.text[self._start :].decode()
            self.tools = (*self.tools, self.steering.steps.tool(self.tools, written))
            self._begin()

    def force(self, text: bytes) -> list[int]:
        """Write a text that is given; gives its tokens. SteerError where the language ends it."""
        written: list[int] = []
        while text:
            here = self.within(text)
            if not here:
                raise SteerError(f"{text[:40]!r} is not allowed here")
            tokens = self.steering.vocabulary.spell(text[:here])
            for token in tokens:
                self.consume(token)
            written += tokens
            text = text[here:]
        return written

    def within(self, text: bytes) -> int:
        """How many bytes of a text belong to this segment; none if it does not go on like that."""
        automaton, state = self.steering.segment(self.tools).automaton, self._state
        for place in range(len(text)):
            after = None if self.is_done else automaton.step(state, text[place : place + 1])
            if after is None:
                return 0
            state = after
            if state.final:
                return place + 1
        return len(text)

    def close(self) -> list[int]:
        """End the plan by the shortest way; gives the tokens written for it."""
        tokens = self.closing()
        self.tokens += tokens
        self.text += b"".join(map(self.steering.vocabulary.bytes_of, tokens))
        self.is_done = True
        return tokens


def settled(data: bytes) -> bytes:
    """Forced bytes without their last run of letters, digits, blanks or other marks."""
    text = data.decode(errors="ignore")
    end = len(text)
    while end > 0 and _kind(text[end - 1]) == _kind(text[-1]):
        end -= 1
    return text[:end].encode()


def _kind(char: str) -> str:
    if char.isalpha():
        return "letter"
    return "digit" if char.isdigit() else "blank" if char.isspace() else "mark"
