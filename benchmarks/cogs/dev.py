"""A development split inside COGS's training file, where choices are made: new uses, more nesting.

    new_use   twelve nouns, names and verbs, drawn by lot, are each seen in one sentence only
    deeper    no sentence to train on has two content clauses (places in places stay: from one place
              alone nobody could know to which thing a second one belongs)

Test sentences are those left out, but for a new verb that stands with one role alone: whether that
one acts or is acted upon cannot be known from another use. The kinds of generalisation of the test
set are not looked at; only what COGS is about is: words in new places, and depth.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from folds import Record

from cogs.derive import Form

COUNT, LEAST = 12, 10
"""So many words, each of at least so many sentences."""
OPEN = 3
"""A word of at least so many letters."""


def split(rows: Sequence[Record], seed: int = 0) -> tuple[list[Record], list[Record]]:
    """Sentences to train on and sentences to be judged by."""
    deep = {row.id for row in rows if row.target.count("ccomp") > 1}
    words = drawn([row for row in rows if row.id not in deep], seed)
    seen, test, met = list[Record](), list[Record](), set[str]()
    for row in rows:
        mine = words & set(row.words)
        if row.id in deep:
            test += [] if mine else [replace(row, kind="deeper")]
        elif len(mine) == 1 and not mine <= met:
            met |= mine
            seen.append(row)
        elif mine:
            test += [] if unclear(row, mine) else [replace(row, kind="new_use")]
        else:
            seen.append(row)
    return seen, test


def unclear(row: Record, words: set[str]) -> bool:
    """Whether one of the words is a verb with one role alone, and no passive."""
    form = Form(row.words, row.target)
    return any(
        row.words[verb] in words and len(form.roles[verb]) == 1 and row.words[verb - 1] != "was"
        for verb in form.verbs
    )


def drawn(rows: Sequence[Record], seed: int) -> set[str]:
    """Words by lot among those that the file neither uses always nor hardly ever."""
    sentences = defaultdict[str, int](int)
    for row in rows:
        for word in set(row.words):
            sentences[word] += 1
    common = len(rows) // 50
    some = sorted(w for w, n in sentences.items() if LEAST <= n <= common and len(w) >= OPEN)
    return set(Random(seed).sample(some, COUNT))
