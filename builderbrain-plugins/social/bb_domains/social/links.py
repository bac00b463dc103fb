"""The hosts a text points at, whether its links are written out or not.

A host is found with a scheme, without one, and with the usual disguises (full-width dots, `[.]`,
`hxxp`). Not covered: a shortener that leads elsewhere; a host spelt out in words.
"""

import re
import unicodedata

_DOT = re.compile(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?", re.IGNORECASE)
_HOST = re.compile(
    r"(?:\b(?:https?|hxxps?|ftp|ftps)://|(?<![\w@.-]))"
    r"((?:[a-z0-9-]{1,63}\.)+(?:xn--[a-z0-9-]{2,59}|[a-z]{2,24})|[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
    r"(?![\w@-])",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(?:https?|hxxps?|ftps?)://([^\s/?#\"'<>]{1,253})", re.IGNORECASE)


def hosts(text: str) -> list[str]:
    """Every host the text points at, each once, in lower case."""
    plain = _DOT.sub(".", unicodedata.normalize("NFKC", text))
    found = [match[1] for match in _SCHEME.finditer(plain)]
    found += [match[1] for match in _HOST.finditer(plain)]
    bare = (host.rpartition("@")[2].partition(":")[0].rstrip(".").lower() for host in found)
    return list(dict.fromkeys(host for host in bare if host))
