"""A review written anew, in the words of the one before wherever both say the same.

So comments and layout of entries that stay are kept. A comment belongs to the entry it stands in or
just above; those of entries that changed or went are handed back, for a person to be told.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

from bb_core.errors import DomainError
from bb_core.yaml_lines import Path, read_yaml


class Section(NamedTuple):
    """One key of the review, or one tool: its lines, and its value."""

    text: str
    value: Any


def kept_words(made: str, before: str) -> tuple[str, tuple[str, ...]]:
    """The made review in the words of the one before, and the comments that went."""
    if read_yaml(made, "review").value == read_yaml(before, "review").value:
        return before, ()
    words, new = sections(before), sections(made)
    kept = {at for at, one in new.items() if at in words and words[at].value == one.value}
    text = "".join(words[at].text if at in kept else one.text for at, one in new.items())
    if not words or not _says_the_same(text, made):
        still = set(comments(made))
        return made, tuple(one for one in comments(before) if one not in still)
    gone = [one.text for at, one in words.items() if at not in kept]
    return text, tuple(comment for one in gone for comment in comments(one))


def _says_the_same(text: str, made: str) -> bool:
    try:
        return read_yaml(text, "review").value == read_yaml(made, "review").value
    except DomainError:
        return False


def sections(text: str) -> dict[Path, Section]:
    """The review's lines by what they say; empty when it is not laid out line by line."""
    document = read_yaml(text, "review")
    places = [at for at in document.lines if len(at) == 1 or (len(at) == 2 and at[0] == "tools")]
    starts = [document.lines[at] - 1 for at in places]
    if not all(one < other for one, other in pairwise(starts)):
        return {}
    lines = [line + "\n" for line in text.splitlines()]
    cuts = _cuts(lines, starts)
    found = zip(places, cuts, [*cuts[1:], len(lines)], strict=True)
    return {at: Section("".join(lines[a:b]), _value(document.value, at)) for at, a, b in found}


def _cuts(lines: list[str], starts: list[int]) -> list[int]:
    """Where each section begins: at the comments above its key that stand no deeper than it."""
    cuts = [0]
    for before, start in pairwise(starts):
        at = start
        while at - 1 > before and _stands_above(lines[at - 1], lines[start]):
            at -= 1
        cuts.append(at)
    return cuts


def _stands_above(line: str, key: str) -> bool:
    bare = line.lstrip()
    deep = len(line) - len(bare) > len(key) - len(key.lstrip())
    return not bare or (bare.startswith("#") and not deep)


def _value(top: Any, at: Path) -> Any:
    """What a section says; of `tools` only that it is there."""
    if at == ("tools",):
        return isinstance(top["tools"], dict)
    return top[at[0]] if len(at) == 1 else top["tools"][at[1]]


def comments(text: str) -> Iterator[str]:
    """Every comment in a YAML text, from its # to the end of its line."""
    at = 0
    spans = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken)
    ]
    for start, end in [*spans, (len(text), len(text))]:
        for line in text[at:start].splitlines():
            _, mark, comment = line.partition("#")
            if mark:
                yield f"# {comment.strip()}"
        at = end
