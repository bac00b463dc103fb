"""What the base alone thinks of a plan: the log probability of its text under the masks.

    log p(plan) = sum over its tokens of log p(token | prompt, tokens before; allowed here)

Tokens that no choice leads to count nothing, as in decoding. Texts are cut into tokens as the
tokenizer cuts them; other cuts of the same text are not added up.
"""

from collections.abc import Sequence

import torch

from bb_runtime.decode import Forward
from bb_runtime.masks import candidates
from bb_runtime.steer import Row, Steering


@torch.inference_mode()
def base_score(forward: Forward, prompt: Sequence[int], steering: Steering, text: str) -> float:
    """The log probability of a plan's text after a prompt (nats); SteerError if it is not one.

    One pass of the model over prompt and plan.
    """
    row, asked = steering.row(), list[tuple[int, bytes]]()
    rest = text.encode()
    while rest:
        tokens = _given(row, rest)
        if not tokens:
            asked.append((len(row.tokens), row.mask()))
            tokens = row.steering.vocabulary.spell(rest[: row.within(rest) or len(rest)])[:1]
        for token in tokens:
            row.consume(token)
            rest = rest[len(row.steering.vocabulary.bytes_of(token)) :]
    pending = forward.prime(prompt)
    logits = forward.last([*pending, *row.tokens[:-1]], len(row.tokens))
    total = 0.0
    for place, mask in asked:
        allowed, scores = candidates(logits[place], mask)
        total += float(scores[(allowed == row.tokens[place]).argmax()])
    return total


def _given(row: Row, rest: bytes) -> list[int]:
    """The tokens that leave no choice, if the text goes on with them."""
    tokens = row.forced()
    data = b"".join(map(row.steering.vocabulary.bytes_of, tokens))
    return tokens if rest.startswith(data) else []
