"""Sign a folder and verify it, with model-signing (sigstore's bundle format) and a local EC key.

A signature covers every file of the folder by name and sha256; a byte changed, a file added or one
taken away is found. The key is made on first use, readable by its owner only.

Not covered: whoever holds the private key signs what they like. Keep it where only the gate runs;
everybody else needs the public half.
"""

from pathlib import Path
from typing import Any

from bb_core.cache import write_new, write_whole
from bb_safety.errors import ArtifactError

SIGNATURE = "artifact.sig"
_EXTRA = "run: pip install 'builderbrain-core[sign]'"


def sign(folder: Path, private: Path) -> None:
    """Leave `artifact.sig` in a folder, over everything else in it."""
    signing, _, hashing = _model_signing()
    folder = folder.resolve()  # the library tells a relative path from what it ignores
    target = folder / SIGNATURE
    try:
        config = signing.Config().use_elliptic_key_signer(private_key=private)
        config.set_hashing_config(_hashed(hashing, target)).sign(folder, target)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"cannot be signed ({error})", where=str(folder)) from error


def verify(folder: Path, public: Path) -> None:
    """Raise ArtifactError unless a folder is exactly what the key's holder signed."""
    _, verifying, hashing = _model_signing()
    folder = folder.resolve()  # the library tells a relative path from what it ignores
    target = folder / SIGNATURE
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=public)
        config.set_hashing_config(_hashed(hashing, target)).verify(folder, target)
    except Exception as error:  # the library raises many kinds; any of them is a no
        found = f"its signature does not hold ({' '.join(str(error).split())[:200]})"
        raise ArtifactError(found, where=str(folder), fix=_ADD_AGAIN) from error


_ADD_AGAIN = "do not use it; add it again from where it was made: bb artifacts add"


def own_key(root: Path) -> Path:
    """The registry's private key, made there (mode 0600) if need be, its public half beside it."""
    private = root / "registry.key"
    if not private.exists():
        root.mkdir(parents=True, exist_ok=True)
        write_new(private, _new_key())  # two first runs at once: one key is kept, and both use that
    if private.stat().st_mode & 0o077:
        fix = f"run: chmod 600 {private}"
        raise ArtifactError("others can read the signing key", where=str(private), fix=fix)
    if not public_key(root).exists():
        write_whole(public_key(root), _public(private))
    return private


def public_key(root: Path) -> Path:
    """Where the public half lies."""
    return root / "registry.pub"


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public(private: Path) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private.read_bytes(), None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _hashed(hashing: Any, signature: Path) -> Any:
    return hashing.Config().set_ignored_paths(paths=[signature], ignore_git_paths=False)


def _model_signing() -> tuple[Any, Any, Any]:
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        what = f"signing artifacts needs {error.name or 'model-signing'}, which is not installed"
        raise ArtifactError(what, fix=_EXTRA) from None
    return signing, verifying, hashing
