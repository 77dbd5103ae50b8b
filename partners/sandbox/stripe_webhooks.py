"""Webhooks, signed as Stripe signs them."""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from partners.sandbox.deliveries import Deliveries
from partners.sandbox.stripe_shapes import Refusal, new_id

API_VERSION = "2025-09-30.clover"


def signature(payload: bytes, secret: str, *, at: int) -> str:
    """Return the `Stripe-Signature` of a payload, scheme v1."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, payload), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


class Webhooks(Deliveries):
    """Tells Stripe's events to one endpoint."""

    def __init__(
        self, *, url: str | None, secret: str | None, clock: Callable[[], int]
    ) -> None:
        super().__init__(url=url)
        self.secret = secret  # None: nobody is told
        self._clock = clock

    @property
    def is_mute(self) -> bool:
        """Whether nobody is to be told."""
        return self.url is None or self.secret is None

    def dress(self, payload: bytes, url: str) -> dict[str, str]:  # noqa: ARG002 - Stripe signs no address
        """Return the headers with which a payload goes out now."""
        secret = self.secret or ""
        return {
            "Stripe-Signature": signature(payload, secret, at=int(time.time())),
            "User-Agent": "Stripe/1.0 (sandbox)",
        }

    def emit(self, kind: str, subject: dict[str, Any]) -> str:
        """Tell what happened; return the event's name."""
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self._clock(),
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        name = str(event["id"])
        self.put(name, event)
        return name

    def resend(self, name: str) -> None:
        """Deliver an event once more.

        Raises `Refusal`.
        """
        try:
            super().resend(name)
        except LookupError as error:
            raise Refusal(f"No such event: '{name}'", status=404) from error
