"""What strangers can be asked, in our words: plain values in, a receipt out.

An adapter never raises for a business outcome. An answer that did not come is
UNKNOWN and is asked for again with the same reference; it is never a failure.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What we know after asking."""

    CONFIRMED = "confirmed"  # it was done
    DECLINED = "declined"  # it was refused, and will not be done
    PENDING = "pending"  # they are at it; ask again
    ABSENT = "absent"  # they never heard of it
    UNKNOWN = "unknown"  # no answer came; ask again


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of a partner, in our words."""

    outcome: Outcome
    partner_ref: str | None = None  # None: they gave it no name
    reason: str | None = None  # None: nothing to explain


@dataclass(frozen=True, slots=True)
class PolicyOrder:
    """A policy to be issued to a member; the reference is ours, for ever."""

    reference: str
    product: str
    quantity: int
    insured_name: str
    insured_id: str
    msisdn: str
    starts_on: date


class Insurer(Protocol):
    """Issues and cancels policies (domain.md 3.5)."""

    def issue(self, order: PolicyOrder) -> Receipt:
        """Ask for a policy; `partner_ref` of what is confirmed is its number."""

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an order; ABSENT if they never received it."""

    def cancel(self, reference: str, *, policy_no: str) -> Receipt:
        """Cancel a policy inside its free look."""


@dataclass(frozen=True, slots=True)
class PrepaidOrder:
    """Money to be credited to a line's prepaid balance, in fen."""

    reference: str
    msisdn: str
    amount_fen: int


class Billing(Protocol):
    """The operator's billing system."""

    def credit_prepaid(self, order: PrepaidOrder) -> Receipt:
        """Credit a line's prepaid balance, once per reference."""

    def take_back(self, order: PrepaidOrder) -> Receipt:
        """Take back what was credited under this reference."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words to a person."""

    to: str
    words: str


class Messenger(Protocol):
    """Sends short messages."""

    def send(self, message: Message) -> Receipt:
        """Send a message; the words may hold a code and are kept nowhere."""


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """A payment to be made on the provider's own page, in fen of CNY."""

    reference: str
    amount_fen: int
    title: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    language: str  # zh or en
    facts: dict[str, str]  # come back with every event


@dataclass(frozen=True, slots=True)
class CheckoutReceipt:
    """What the provider said of a checkout."""

    outcome: Outcome  # CONFIRMED: it is open; the payment itself comes later
    checkout_id: str | None = None
    url: str | None = None
    intent_id: str | None = None
    state: str | None = None  # open, paid or expired
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """Something the provider told us, verified."""

    event_id: str
    type: str
    happened_at: datetime
    checkout_id: str | None
    intent_id: str | None
    # paid, expired, refunded, refund_failed; None: nothing that concerns us
    state: str | None
    facts: dict[str, str]


class PaymentProvider(Protocol):
    """Takes money on pages of its own; no card number ever reaches us."""

    def open_checkout(self, order: CheckoutOrder) -> CheckoutReceipt:
        """Open a hosted page; the same reference gives the same page again."""

    def look_up(self, checkout_id: str) -> CheckoutReceipt:
        """Ask what became of a checkout."""

    def expire(self, checkout_id: str) -> CheckoutReceipt:
        """Close a checkout that nobody has paid; says `paid` if somebody has."""

    def refund(
        self, reference: str, *, intent_id: str, amount_fen: int, facts: dict[str, str]
    ) -> Receipt:
        """Give money back, once per reference; the facts come back with events."""

    def verify(self, payload: bytes, signature: str) -> PaymentEvent | None:
        """Return the event that was signed so; None: the signature is wrong."""
