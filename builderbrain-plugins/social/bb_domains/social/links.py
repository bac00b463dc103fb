"""The hosts a text points at, whether its links are written out or not, in any script.

A host is found with a scheme, without one, and with the usual disguises (full-width dots, `[.]`,
`hxxp`, letters nobody sees). Hosts are given in IDNA form (`xn--…`), so that a letter which only
looks like another is another. Where readers of a link disagree (a `\\` before an `@`), each one's
host is given.

Without a scheme, a word run onto the next by a dot is a host to it (`end.Next`). Not covered: a
shortener that leads elsewhere; a host spelt out in words; without a scheme, hosts of signs that are
no letters (`i❤.ws`), and a `。` after Chinese or Japanese, where it ends a sentence.
"""

import re
import unicodedata

import idna

_DOT = re.compile(r"\s?[\[({]\s?(?:[.。]|dot)\s?[\])}]\s?", re.IGNORECASE)
_STOP = re.compile("(?<![\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])。")
_LABEL = r"(?:[^\W_]|-){1,63}"
_BARE = re.compile(
    rf"(?<![\w@.-])((?:{_LABEL}\.)+(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_]{{2,24}})"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w@-])",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(?:https?|hxxps?|ftps?)://(?=([^\s/?#]+))", re.IGNORECASE)
_QUOTED, _PORT = re.compile(r"[\\\"'<>]"), re.compile(r"[:\\\"'<>]")
_PLAIN = re.compile(r"[a-z0-9_.-]+")
LONGEST_HOST = 253
NOWHERE = "?"
"""What ends a host that no name can have, so that it is none of those reviewed nor under one."""


def hosts(text: str) -> list[str]:
    """Every host the text points at, each once, in the form it is compared in."""
    plain = _DOT.sub(".", _seen(unicodedata.normalize("NFKC", text)))
    found = [host for match in _SCHEME.finditer(plain) for host in _authority(match[1])]
    words = _STOP.sub(".", plain)
    found += [words[slice(*match.span(1))] for match in _BARE.finditer(_lettered(words))]
    return list(dict.fromkeys(compared(host) for host in found if host.strip(".")))


def compared(host: str) -> str:
    """The form in which hosts are compared: lower case, and IDNA where it is not ASCII.

    A host that has no such form ends in `?`, and so is none that anybody reviewed.
    """
    bare = host.replace("。", ".").rstrip(".").lower()
    try:
        name = bare if bare.isascii() else idna.encode(bare, uts46=True).decode().rstrip(".")
    except UnicodeError:
        name = bare + NOWHERE
    if len(name) > LONGEST_HOST or not _PLAIN.fullmatch(name):
        return name[: LONGEST_HOST - 1].rstrip(NOWHERE) + NOWHERE
    return name


def _authority(found: str) -> list[str]:
    """The host behind a scheme: a browser ends it at a backslash, others after the last `@`."""
    readings = (_QUOTED.split(found)[0], found)
    return [_PORT.split(reading.rpartition("@")[2])[0] for reading in readings]


def _seen(text: str) -> str:
    """The text without what nobody sees, which no name keeps either."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def _lettered(text: str) -> str:
    """The text with a letter for each mark on one, since marks are part of a name's words."""
    return "".join("x" if unicodedata.category(c)[0] == "M" else c for c in text)
