"""Stripe's balance transactions and payouts, through Stripe's own library."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import stripe
from stripe.params import BalanceTransactionListParams, PayoutListParams

from partners.payouts import Movement, Movements, PaidOut, Payouts
from partners.ports import Outcome

CURRENCY: Final = "cny"
CONNECT_SECONDS, READ_SECONDS = 3.05, 10
RETRIES: Final = 2  # what is only asked can be asked again
PAGE: Final = 100  # the most that Stripe lists at once
_STATES: Final = {"pending", "in_transit", "paid", "failed", "canceled"}

# What reading something else than a list may raise, in Stripe's library or here.
_MALFORMED: Final = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


class StripeBalance:
    """Reads our balance in yuan."""

    def __init__(
        self,
        key: str,
        *,
        address: str | None = None,
        read_seconds: float = READ_SECONDS,
        page: int = PAGE,
    ) -> None:
        self._page = page
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": address.rstrip("/")} if address else None,
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, read_seconds)),
            max_network_retries=RETRIES,
        )

    def movements(
        self, *, after: str | None = None, payout_id: str | None = None
    ) -> Movements:
        """Return movements older than one, of all or of one payout."""
        params: BalanceTransactionListParams = {
            "limit": self._page,
            "currency": CURRENCY,
            "expand": ["data.source"],
        }
        if after is not None:
            params["starting_after"] = after
        if payout_id is not None:
            params["payout"] = payout_id
        told, reason = _asked(
            lambda: self._client.v1.balance_transactions.list(params).to_dict()
        )
        if told is None:
            return Movements(Outcome.UNKNOWN, reason=reason)
        try:
            found = tuple(_movement(one) for one in told["data"])
            return Movements(Outcome.CONFIRMED, found, bool(told["has_more"]))
        except _MALFORMED as error:
            return Movements(Outcome.UNKNOWN, reason=f"unreadable: {error}"[:200])

    def payouts(self, *, after: str | None = None) -> Payouts:
        """Return payouts older than one."""
        params: PayoutListParams = {"limit": self._page}
        if after is not None:
            params["starting_after"] = after
        return _payouts(lambda: self._client.v1.payouts.list(params).to_dict())

    def payout(self, payout_id: str) -> Payouts:
        """Return one payout as it is now."""
        return _payouts(
            lambda: {
                "data": [self._client.v1.payouts.retrieve(payout_id).to_dict()],
                "has_more": False,
            }
        )


def _asked(
    question: Callable[[], dict[str, Any]],
) -> tuple[dict[str, Any] | None, str | None]:
    """Return what was told; None, and why, where nothing was."""
    try:
        return question(), None
    except stripe.StripeError as error:
        return None, f"{type(error).__name__}: {error.code or ''}"


def _payouts(question: Callable[[], dict[str, Any]]) -> Payouts:
    told, reason = _asked(question)
    if told is None:
        return Payouts(Outcome.UNKNOWN, reason=reason)
    try:
        found = tuple(_paid_out(one) for one in told["data"])
        return Payouts(Outcome.CONFIRMED, found, bool(told["has_more"]))
    except _MALFORMED as error:
        return Payouts(Outcome.UNKNOWN, reason=f"unreadable: {error}"[:200])


def _movement(told: dict[str, Any]) -> Movement:
    source = told.get("source")
    about = source if isinstance(source, dict) else {}
    intent = about.get("payment_intent")
    found = Movement(
        transaction_id=_text(told["id"]),
        type=_text(told["type"]),
        source_id=about.get("id") if about else source,
        intent_id=intent.get("id") if isinstance(intent, dict) else intent,
        amount_fen=_fen(told["amount"]),
        fee_fen=_fen(told["fee"]),
        net_fen=_fen(told["net"]),
        description=told.get("description"),
        created_at=datetime.fromtimestamp(told["created"], UTC),
        available_at=datetime.fromtimestamp(told["available_on"], UTC),
    )
    if found.net_fen != found.amount_fen - found.fee_fen:
        raise ValueError("amount, fee and net do not add up")
    return found


def _paid_out(told: dict[str, Any]) -> PaidOut:
    if told["currency"] != CURRENCY:
        raise ValueError("a payout is not in yuan")
    if told["status"] not in _STATES:
        raise ValueError("a payout is in no state that there is")
    return PaidOut(
        payout_id=_text(told["id"]),
        amount_fen=_fen(told["amount"]),
        is_automatic=bool(told["automatic"]),
        state=told["status"],
        created_at=datetime.fromtimestamp(told["created"], UTC),
        # A day that Stripe writes as its midnight, UTC.
        arrives_on=datetime.fromtimestamp(told["arrival_date"], UTC).date(),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a name is missing")
    return value


def _fen(value: object) -> int:
    if type(value) is not int:
        raise ValueError("an amount is no whole number")
    return value
