"""Keys for what must not be read at rest, all derived from one secret."""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loyalty.errors import Refused
from loyalty.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
SECRET_LENGTH_MIN = 32


class SecretTooShort(Refused):
    """JIFEN_SECRET_KEY must have 32 characters or more, made by chance."""

    code = "secret_too_short"


class SealBroken(Refused):
    """Sealed data was made with another key, or has been changed."""

    code = "seal_broken"


class Keyring:
    """Seals, hashes and signs; what is made for one purpose fails for another."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Take the secret of the settings, or the one kept in the data folder.

        Raises `SecretTooShort`.
        """
        if settings.secret_key is not None:
            if len(settings.secret_key) < SECRET_LENGTH_MIN:
                raise SecretTooShort
            return cls(settings.secret_key.encode())
        return cls(_kept(settings.data_dir / "secret.key"))

    def key(self, purpose: str) -> bytes:
        """Return a key of 32 bytes that serves one purpose only (RFC 5869)."""
        derivation = HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode())
        return derivation.derive(self._secret)

    def digest(self, purpose: str, value: str) -> bytes:
        """Return the keyed hash by which a secret value is found or compared."""
        return hmac.new(self.key(purpose), value.encode(), hashlib.sha256).digest()

    def seal(self, purpose: str, value: str) -> bytes:
        """Encrypt a value with AES-256-GCM; the purpose is authenticated with it."""
        nonce = os.urandom(NONCE_BYTES)
        box = AESGCM(self.key(purpose))
        return nonce + box.encrypt(nonce, value.encode(), purpose.encode())

    def unseal(self, purpose: str, sealed: bytes) -> str:
        """Decrypt a sealed value.

        Raises `SealBroken` if it is not one of ours for this purpose.
        """
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            opened = AESGCM(self.key(purpose)).decrypt(nonce, body, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken from error
        return opened.decode()


def _kept(path: Path) -> bytes:
    """Return the secret in a file, made on first use and readable by us alone."""
    with suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        made = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES))
        # Linked into place whole: nobody can read half of it.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        try:
            os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_bytes()
