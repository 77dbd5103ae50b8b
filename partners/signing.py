"""Signatures on what we ask, on what is answered, and on what partners tell us.

HMAC-SHA256 over the exact bytes, with the time and a nonce: a question is good for
half a minute, and an answer for the one question that carried its nonce.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from partners.ports import Incoming

HEADER = "Partner-Signature"
WINDOW_SECONDS = 30
SECRET_LENGTH_MIN = 16
_NONCE_LENGTH_MAX = 64
_VERSION = "v1"


class Signer(Protocol):
    """Signs for us and knows the partner's signature."""

    def sign(self, question: Incoming, *, nonce: str, at: int) -> dict[str, str]:
        """Return the headers that make a question of ours genuine."""

    def is_answer(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        nonce: str,
        at: int,
    ) -> bool:
        """Whether the partner answered so, and to the question with this nonce."""

    def is_genuine(self, incoming: Incoming, *, at: int) -> bool:
        """Whether the partner asked or told this, and just now."""

    def sign_answer(
        self, incoming: Incoming, *, status: int, body: bytes, at: int
    ) -> dict[str, str]:
        """Return the headers that make an answer of ours genuine."""


@dataclass(frozen=True, slots=True)
class HmacSigner:
    """Shares a secret with a partner.

    The sender's name is signed too, so that nothing of ours can be sent back to us.
    """

    secret: str = field(repr=False)
    ours: str  # how we call ourselves there
    theirs: str

    def __post_init__(self) -> None:
        """Refuse a secret that can be guessed."""
        if len(self.secret) < SECRET_LENGTH_MIN:
            raise ValueError(f"a secret has {SECRET_LENGTH_MIN} characters or more")

    def sign(self, question: Incoming, *, nonce: str, at: int) -> dict[str, str]:
        """Return the headers that make a question of ours genuine."""
        about = _about(question)
        return {HEADER: self._signature(self.ours, about, question.body, nonce, at)}

    def sign_answer(
        self, incoming: Incoming, *, status: int, body: bytes, at: int
    ) -> dict[str, str]:
        """Return the headers that make an answer of ours genuine."""
        nonce = nonce_of(incoming.headers)
        signature = self._signature(self.ours, f"answer {status}", body, nonce, at)
        return {HEADER: signature}

    def is_answer(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        nonce: str,
        at: int,
    ) -> bool:
        """Whether the partner answered so, and to the question with this nonce."""
        parts = _parts(headers)
        return parts.get("n") == nonce and self._holds(
            parts, f"answer {status}", body, at=at
        )

    def is_genuine(self, incoming: Incoming, *, at: int) -> bool:
        """Whether the partner asked or told this, and just now."""
        parts = _parts(incoming.headers)
        return self._holds(parts, _about(incoming), incoming.body, at=at)

    def _holds(
        self, parts: Mapping[str, str], about: str, body: bytes, *, at: int
    ) -> bool:
        told_at, nonce = parts.get("t", ""), parts.get("n", "")
        # Digits of other scripts are decimal too; `isascii` keeps them out.
        if not (told_at.isascii() and told_at.isdecimal() and nonce):
            return False
        if len(told_at) > len(str(at)) or len(nonce) > _NONCE_LENGTH_MAX:
            return False
        if abs(at - int(told_at)) > WINDOW_SECONDS:
            return False
        signed = self._digest(self.theirs, about, body, nonce, int(told_at))
        return hmac.compare_digest(signed.encode(), parts.get(_VERSION, "").encode())

    def _signature(
        self, sender: str, about: str, body: bytes, nonce: str, at: int
    ) -> str:
        digest = self._digest(sender, about, body, nonce, at)
        return f"t={at},n={nonce},{_VERSION}={digest}"

    def _digest(self, sender: str, about: str, body: bytes, nonce: str, at: int) -> str:
        head = "\n".join((_VERSION, sender, str(at), nonce, about, ""))
        return hmac.new(
            self.secret.encode(), head.encode() + body, hashlib.sha256
        ).hexdigest()


def new_nonce() -> str:
    """Return a nonce that nobody has used."""
    return secrets.token_hex(16)


def nonce_of(headers: Mapping[str, str]) -> str:
    """Return the nonce of what was signed; empty: there is none."""
    return _parts(headers).get("n", "")


def _about(question: Incoming) -> str:
    return f"{question.method} {question.target}"


def _parts(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of the signature, whatever the case of the header's name."""
    found = [value for name, value in headers.items() if name.lower() == HEADER.lower()]
    if len(found) != 1:
        return {}
    pairs = (part.strip().partition("=") for part in found[0].split(","))
    return {name: value for name, _, value in pairs}
