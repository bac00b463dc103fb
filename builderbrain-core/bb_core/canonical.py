"""Canonical JSON (RFC 8785) and the digests made from it."""

import hashlib
from typing import Any

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def canonical(value: Any) -> bytes:
    """The one byte string that stands for a JSON value (RFC 8785)."""
    import rfc8785  # most listings of domains canonicalise nothing

    return rfc8785.dumps(value)


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """Digest of a JSON value, whatever the order of its keys."""
    return digest(canonical(value))
