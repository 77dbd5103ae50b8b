"""Why a call with a token is not let in, and how the caller is told (RFC 6750)."""

from typing import ClassVar

from loyalty.clients.signing import ALGORITHMS
from loyalty.errors import Refused


class NotLetIn(Refused):
    """The token does not open this."""

    code = "not_let_in"
    error: ClassVar[str | None] = None  # None: nothing was brought

    def __init__(self, *, scheme: str, fault: str | None = None, **facts: str) -> None:
        told = {"error_description": fault} if fault is not None else {}
        super().__init__(**told, **facts)
        self.scheme, self.fault, self.named = scheme, fault, facts

    @property
    def challenge(self) -> str:
        """What `WWW-Authenticate` says."""
        return self._challenge(self.scheme)

    def _challenge(self, scheme: str) -> str:
        told = {"realm": "jifen"}
        if scheme == "DPoP":
            told["algs"] = " ".join(ALGORITHMS)
        if self.error is not None:
            told["error"] = self.error
        if self.fault is not None:
            told["error_description"] = self.fault
        told |= self.named
        parts = ", ".join(f'{name}="{value}"' for name, value in told.items())
        return f"{scheme} {parts}"


class TokenMissing(NotLetIn):
    """An access token is needed."""

    code = "token_missing"

    @property
    def challenge(self) -> str:
        """What `WWW-Authenticate` says: both ways in which one may be brought."""
        return f"{self._challenge('Bearer')}, {self._challenge('DPoP')}"


class TokenMisplaced(NotLetIn):
    """An access token travels in the header alone, once, and never in an address."""

    code = "token_misplaced"
    error = "invalid_request"


class TokenRefused(NotLetIn):
    """The access token is not good, or is good no more."""

    code = "invalid_token"
    error = "invalid_token"


class ProofRefused(NotLetIn):
    """The token belongs to a key, and the proof of having it is not good."""

    code = "invalid_dpop_proof"
    error = "invalid_dpop_proof"


class ScopeMissing(NotLetIn):
    """The token does not carry a scope that this needs."""

    code = "insufficient_scope"
    error = "insufficient_scope"
