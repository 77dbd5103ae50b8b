"""What a payment provider did with the money it took for us, as its port tells it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from partners.ports import Outcome


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement of our balance there; what leaves it is below zero."""

    transaction_id: str
    type: str  # charge, refund, adjustment, payout, stripe_fee …
    source_id: str | None  # what it is about; None: nothing that has a name
    intent_id: str | None  # the payment that is about; None: it is about none
    amount_fen: int
    fee_fen: int
    net_fen: int
    description: str | None
    created_at: datetime
    available_at: datetime


@dataclass(frozen=True, slots=True)
class PaidOut:
    """Money sent to our bank account."""

    payout_id: str
    amount_fen: int
    is_automatic: bool  # False: it does not know what it consists of
    state: str  # pending, in_transit, paid, failed or canceled
    created_at: datetime
    arrives_on: date


@dataclass(frozen=True, slots=True)
class Movements:
    """A page of movements, the newest first."""

    outcome: Outcome  # CONFIRMED: it was told
    movements: tuple[Movement, ...] = ()
    has_more: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Payouts:
    """A page of payouts, the newest first."""

    outcome: Outcome  # CONFIRMED: it was told
    payouts: tuple[PaidOut, ...] = ()
    has_more: bool = False
    reason: str | None = None


class PayoutTeller(Protocol):
    """Tells what became of money on its way to our bank account."""

    def movements(
        self, *, after: str | None = None, payout_id: str | None = None
    ) -> Movements:
        """Return movements older than one, of all or of one payout."""

    def payouts(self, *, after: str | None = None) -> Payouts:
        """Return payouts older than one."""

    def payout(self, payout_id: str) -> Payouts:
        """Return one payout as it is now."""
