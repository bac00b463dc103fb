"""Free text inside a plan that is otherwise given: the base writes it where it stands.

The plan's own text is forced up to each string, the base writes the string under the domain's mask,
and so on to the end. What it writes can therefore not break the plan, whatever it is.

Not covered: what the text says; flow rules and consent are for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bb_runtime.decode import Forward
from bb_runtime.errors import SteerError
from bb_runtime.masks import candidates
from bb_runtime.steer import Row, Steering

LONGEST = 48
"""The most tokens a text gets before it is ended as soon as it may be."""

_QUOTE, _ESCAPE = 0x22, 0x5C


@dataclass(frozen=True, slots=True)
class Written:
    """A plan with its texts filled in, and the log probability of what the base wrote (nats)."""

    text: str
    log_prob: float
    tokens: int


@torch.inference_mode()
def write_texts(
    forward: Forward, prompt: Sequence[int], steering: Steering, pieces: Sequence[str]
) -> Written:
    """The pieces of a plan with a text written between each two of them.

    A piece ends with the quote that opens a string and the next begins with the one that closes
    it. Raises SteerError for pieces that are not of the language.
    """
    if len(pieces) == 1:
        return Written(pieces[0], 0.0, 0)
    row, pending = steering.row(), forward.prime(prompt)
    total, count, rest = 0.0, 0, pieces[0].encode()
    for piece in pieces[1:]:
        pending += row.force(rest)
        before = len(row.tokens)
        log_prob, read, pending = _write(forward, pending, row, piece.encode())
        total, count, rest = (
            total + log_prob,
            count + len(row.tokens) - before,
            piece.encode()[read:],
        )
    row.force(rest)
    return Written(row.text.decode(), total, count)


def _write(
    forward: Forward, pending: list[int], row: Row, behind: bytes
) -> tuple[float, int, list[int]]:
    """One string: its log probability, how much of `behind` its last token read, what to feed."""
    total, escaped = 0.0, False
    for place in range(100 * LONGEST):
        tokens, scores = candidates(forward(pending), row.mask())
        wanted = place >= LONGEST
        chosen = None
        for index in scores.argsort()[::-1]:
            token = int(tokens[index])
            ends = _ends(row.steering.vocabulary.bytes_of(token), escaped)
            if ends is not None and not behind.startswith(ends):
                continue  # it would end the string and go on as this plan does not
            if chosen is None or (wanted and ends is not None):
                chosen = (token, float(scores[index]), ends)
                if not wanted or ends is not None:
                    break
        if chosen is None:
            break
        token, score, ends = chosen
        escaped = _escaped(row.steering.vocabulary.bytes_of(token), escaped)
        row.consume(token)
        total, pending = total + score, [token]
        if ends is not None:
            return total, len(ends), pending
    raise SteerError("the text has no end here")


def _ends(data: bytes, escaped: bool) -> bytes | None:
    """What follows the text in a token's bytes, from the closing quote on; None: it goes on."""
    for place, byte in enumerate(data):
        if escaped:
            escaped = False
        elif byte == _ESCAPE:
            escaped = True
        elif byte == _QUOTE:
            return data[place:]
    return None if data else b"?"


def _escaped(data: bytes, escaped: bool) -> bool:
    """Whether the next byte is escaped."""
    for byte in data:
        escaped = not escaped and byte == _ESCAPE
    return escaped
