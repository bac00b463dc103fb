"""Wordings without who is speaking: in a request of several clauses it is said once.

A fragment that says nothing else is dropped ("I'm …", "(…)", "… here:"); inside a sentence the
person becomes "the same person". English glue words decide; what they miss is not dropped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from bb_train.data.blanks import Piece

SAME = "\x00"
"""Where a wording without its speaker still needs a word for them."""

_GLUE = frozenset(
    [
        "a",
        "account",
        "address",
        "am",
        "and",
        "are",
        "as",
        "best",
        "best,",
        "by",
        "calling",
        "called",
        "can",
        "caller",
        "cheers",
        "client",
        "code",
        "contact",
        "customer",
        "e",
        "e-mail",
        "email",
        "find",
        "for",
        "from",
        "got",
        "greetings",
        "hello",
        "here",
        "hey",
        "hi",
        "i",
        "i'm",
        "id",
        "im",
        "in",
        "is",
        "it",
        "it's",
        "kind",
        "login",
        "logged",
        "mail",
        "me",
        "mine",
        "my",
        "name",
        "name's",
        "on",
        "our",
        "profile",
        "regards",
        "registered",
        "sent",
        "sincerely",
        "someone",
        "speaking",
        "thank",
        "thanks",
        "that",
        "that's",
        "the",
        "their",
        "them",
        "this",
        "to",
        "under",
        "user",
        "username",
        "we",
        "with",
        "you",
        "yours",
        "zip",
        "zipcode",
        "postcode",
        "postal",
    ]
)
_MARKS = re.compile(r"(?<=[.!?:;,])\s+|\s+(?:--?|\u2013)\s+|(?=\()|(?<=\))\s*")
_WORDS = re.compile(r"[^\W\d_][\w'-]*")
_GAP = 28


def without_speaker(pieces: Sequence[Piece], who: frozenset[int]) -> tuple[Piece, ...]:
    """The pieces with the speaker's blanks gone, and SAME where they could not just be dropped."""
    if not who & {piece for piece in pieces if isinstance(piece, int)}:
        return tuple(pieces)
    joined, blanks = _marked(_merged(pieces, who))
    kept = [part for part in _fragments(joined) if not _only_speaker(part) and not _greets(part)]
    text = _tidy("".join(kept))
    text = text if _WORDS.search(text) else joined
    return tuple(_unmarked(text, blanks))


def _merged(pieces: Sequence[Piece], who: frozenset[int]) -> list[Piece]:
    """The pieces with each run of the speaker's values, and the little between them, as one."""
    out: list[Piece] = []
    opened = False
    for piece in pieces:
        if isinstance(piece, int) and piece in who:
            gap = out[-1] if len(out) > 1 and out[-2] == -1 else None
            if isinstance(gap, str) and len(gap) <= _GAP and _glue(gap):
                opened = "(" in gap
                out.pop()
            else:
                out.append(-1)
        elif opened and isinstance(piece, str):
            out.append(piece.removeprefix(")"))
            opened = False
        else:
            out.append(piece)
    return out


def _marked(pieces: Iterable[Piece]) -> tuple[str, list[int]]:
    """One text: the speaker as SAME, every other blank as a character nobody writes."""
    blanks: list[int] = []
    out = []
    for piece in pieces:
        if isinstance(piece, str):
            out.append(piece)
        elif piece == -1:
            out.append(SAME)
        else:
            out.append(chr(0xE000 + len(blanks)))
            blanks.append(piece)
    return "".join(out), blanks


def _unmarked(text: str, blanks: Sequence[int]) -> Iterator[Piece]:
    at = 0
    for match in re.finditer("[\ue000-\uf8ff]", text):
        if match.start() > at:
            yield text[at : match.start()]
        yield blanks[ord(match[0]) - 0xE000]
        at = match.end()
    if at < len(text):
        yield text[at:]


def _fragments(text: str) -> list[str]:
    """The text cut where a remark may begin or end; nothing is lost."""
    cuts = [0, *(match.end() for match in _MARKS.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]


def _only_speaker(fragment: str) -> bool:
    return SAME in fragment and not re.search("[\ue000-\uf8ff]", fragment) and _glue(fragment)


def _greets(fragment: str) -> bool:
    """Nothing but glue words: what introduced or closed the speaker's remark."""
    bare = SAME not in fragment and not re.search("[\ue000-\uf8ff]", fragment)
    return bare and bool(_WORDS.search(fragment)) and _glue(fragment)


def _glue(text: str) -> bool:
    return all(word.lower().rstrip(".,") in _GLUE for word in _WORDS.findall(text))


def _tidy(text: str) -> str:
    """Blanks and marks left over where a fragment went."""
    text = re.sub(r"\(\s*\)", "", text)
    text = re.sub(r"\s+([.,;!?])", r"\1", text.strip())
    text = re.sub(r"\s+--?$|[\s,:;(\u2013-]+$", "", text)
    if not text:
        return text
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?\"'" else text + "."
