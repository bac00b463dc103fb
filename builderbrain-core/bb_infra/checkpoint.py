"""Signed checkpoints: what a ledger was when its keeper last looked, in C2SP signed-note form.

    builderbrain/3f2c…                     origin: names this log by its first line
    2000                                   how many records
    pm2p…=                                 root hash of the tree over them, base64

    — builderbrain.local Az3g…=            Ed25519 signature; the key's hash comes first

A note can be kept anywhere (another host, a git repository, a transparency log): any later ledger
that does not extend it is caught. The signing key is made on first use, readable by its owner only.

What this does not cover: whoever holds the key can sign another history, and a history cut off
behind the last note held elsewhere is not missed. Only notes held by somebody else help there. A
public key read from beside the log proves no more than that the two belong together.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bb_core.cache import write_new, write_whole
from bb_infra.errors import LedgerError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_NAME = "builderbrain.local"
EVERY = 256
"""A ledger is signed whenever it has so many more records, and when it is closed."""

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A claim: the log of this origin had `size` records under `root`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class SigningKey:
    """An Ed25519 key with a name, in the text form of signed notes."""

    def __init__(self, text: str, where: str = "") -> None:
        fields = text.strip().split("+", 4)
        if len(fields) != 5 or fields[:2] != ["PRIVATE", "KEY"]:
            raise LedgerError("this is not a signing key", where=where, fix=_NEW_KEY)
        try:
            seed = _decode(fields[4], 33, where)
        except LedgerError:  # which would show the secret
            found = "the signing key is damaged"
            raise LedgerError(found, where=where, fix=_NEW_KEY) from None
        self.name = fields[2]
        self._key = _private(seed[1:])
        public = _ED25519 + self._key.public_key().public_bytes_raw()
        self._hash = _key_hash(self.name, public)
        if self._hash.hex() != fields[3] or seed[:1] != _ED25519:
            raise LedgerError(
                "the signing key does not match its own hash", where=where, fix=_NEW_KEY
            )
        self.public = f"{self.name}+{self._hash.hex()}+{base64.b64encode(public).decode()}"

    def sign(self, text: str) -> str:
        """The signature line over a note's text."""
        return (
            _DASH
            + f"{self.name} "
            + base64.b64encode(self._hash + self._key.sign(text.encode())).decode()
        )

    def note(self, checkpoint: Checkpoint) -> str:
        """The whole signed note."""
        return f"{checkpoint.text}\n{self.sign(checkpoint.text)}\n"


_NEW_KEY = "move the file aside; the next run makes a new key"


def own_key(state: Path) -> SigningKey:
    """The key in the user's state folder, made there with mode 0600 if there is none yet.

    Its public half is put beside it as `ledger.pub`, for whoever verifies.
    """
    path = state / "ledger.key"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Two first runs at once: one key is kept, and both read that.
            write_new(path, new_key().encode() + b"\n")
        if not path.is_file():
            raise LedgerError("this is not a signing key", where=str(path), fix=_NEW_KEY)
        if path.stat().st_mode & 0o077:
            raise LedgerError(
                "others can read the signing key", where=str(path), fix=f"run: chmod 600 {path}"
            )
        key = SigningKey(path.read_text("utf-8", "replace"), str(path))
        public, text = path.with_suffix(".pub"), f"{key.public}\n".encode()
        if not public.exists() or public.read_bytes() != text:
            write_whole(public, text)
        return key
    except OSError as error:
        found = f"no signing key can be kept there ({error.strerror})"
        fix = "name another folder as [run] state, or see that this one can be written"
        raise LedgerError(found, where=str(path), fix=fix) from error


def read_public(path: Path) -> str:
    """The public key in a file; raises LedgerError for a file that holds none."""
    text = path.read_text("utf-8", "replace").strip()
    try:
        public_fields(text)
    except LedgerError as error:
        raise LedgerError(error.found, where=str(path), fix=error.fix) from error
    return text


def new_key(name: str = KEY_NAME) -> str:
    """A fresh signing key's text."""
    seed = secrets.token_bytes(32)
    public = _ED25519 + _private(seed).public_key().public_bytes_raw()
    secret = base64.b64encode(_ED25519 + seed).decode()
    return f"PRIVATE+KEY+{name}+{_key_hash(name, public).hex()}+{secret}"


def verify_signature(text: str, signature: str, public: str) -> bool:
    """Whether a signature line was made over `text` by the holder of a public key."""
    name, hashed, key = public_fields(public)
    head, _, encoded = signature.rpartition(" ")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    if base64.b64encode(data).decode() != encoded:  # spare bits of the last digit
        return False
    if head != _DASH + name or data[:4] != hashed:
        return False
    invalid, ed25519 = _cryptography()
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(data[4:], text.encode())
    except invalid:
        return False
    return True


def public_fields(public: str) -> tuple[str, bytes, bytes]:
    """A public key's name, hash and bytes; raises LedgerError for text that is not one."""
    fields = public.strip().split("+", 2)
    if len(fields) != 3:
        raise LedgerError(f"{public[:60]!a} is not a public key", fix="give it as name+hash+base64")
    key = _decode(fields[2], 33, "public key")
    if _key_hash(fields[0], key).hex() != fields[1] or key[:1] != _ED25519:
        raise LedgerError("the public key does not match its own hash", fix="copy it again")
    return fields[0], bytes.fromhex(fields[1]), key


def note_blocks(text: str) -> Iterator[tuple[int, str]]:
    """The notes in a file of notes, unread, each with the number of its first line.

    A note ends with its signatures, the only lines that begin with a dash.
    """
    number, block = 1, ""
    signed = False
    for count, line in enumerate(re.findall(r"[^\n]*\n|[^\n]+", text), start=1):
        if signed and not line.startswith(_DASH):
            yield number, block
            number, block = count, ""
        signed = line.startswith(_DASH)
        block += line
    if block:
        yield number, block


def is_whole(block: str) -> bool:
    """Whether a note ends in a signature line, as one that was written to its end does."""
    return block.endswith("\n") and block[:-1].rpartition("\n")[2].startswith(_DASH)


def read_note(block: str, public: str) -> Checkpoint:
    """The checkpoint a note claims; raises LedgerError unless this public key signed it."""
    claim, text, signatures = _parts(block)
    if not any(verify_signature(text, signature, public) for signature in signatures):
        raise LedgerError(f"no signature by {public.split('+')[0]} holds", fix=_RESTORE)
    return claim


def read_claim(block: str) -> Checkpoint:
    """The checkpoint a note claims, signed or not; raises LedgerError."""
    return _parts(block)[0]


def _parts(block: str) -> tuple[Checkpoint, str, list[str]]:
    text, _, tail = block.partition("\n\n")
    lines, signatures = text.split("\n"), tail.split("\n")
    if len(lines) != 3 or len(signatures) < 2 or signatures.pop():
        raise LedgerError("this is not a whole signed note", fix=_RESTORE)
    origin, size, root = lines
    if not size.isascii() or not size.isdecimal() or str(int(size)) != size:
        raise LedgerError(f"{size[:40]!r} is not a record count", fix=_RESTORE)
    return Checkpoint(origin, int(size), _decode(root, 32, "")), text + "\n", signatures


_RESTORE = "restore the note from a copy"


def _decode(text: str, length: int, where: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != length or base64.b64encode(data).decode() != text:
        raise LedgerError(f"{text[:60]!r} is not {length} bytes of base64", where=where)
    return data


def _key_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + public).digest()[:4]


def _private(seed: bytes) -> "Ed25519PrivateKey":
    key: Ed25519PrivateKey = _cryptography()[1].Ed25519PrivateKey.from_private_bytes(seed)
    return key


def _cryptography() -> tuple[type[Exception], Any]:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise LedgerError(
            "signed checkpoints need the 'cryptography' package",
            fix="run: pip install 'builderbrain-core[durable]'",
        ) from error
    return InvalidSignature, ed25519
