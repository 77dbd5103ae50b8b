"""Entries to post, made short: what is not said is as good as anything."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import UUID

from ledger.values import Entry, Lot, Scope, Transfer

DAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
SOON, LATER, LAST = date(2026, 7, 31), date(2027, 3, 31), date(2029, 1, 31)
UNIVERSAL = ("CUP", "UNI")

_number = count(1)


def lot(
    expires_on: date | None = LAST,
    issuer: str = "operator",
    earned_in: date = date(2026, 1, 1),
    cost_class: str = "earned",
) -> Lot:
    return Lot(issuer, issuer, cost_class, earned_in, expires_on)


def entry(kind: str, *transfers: Transfer, member: int = 1, **more: Any) -> Entry:
    """An entry of a kind, under a reference of its own."""
    more.setdefault("reference", f"{kind}-{next(_number)}")
    more.setdefault("effective_on", DAY)
    return Entry(
        member_id=member,
        kind=kind,
        transfers=transfers,
        occurred_at=NOON,
        actor="test",
        **more,
    )


def credit(
    amount: int = 100, into: Lot | None = None, unit: str = "CUP", **more: Any
) -> Entry:
    """Points that are available at once."""
    into = into or lot()
    return entry(
        "opening", Transfer("issued", "available", (unit,), amount, into), **more
    )


def accrue(amount: int = 100, **more: Any) -> Entry:
    """Points that wait for a bill to be paid."""
    return entry(
        "bill_accrual", Transfer("issued", "pending", ("CUP",), amount), **more
    )


def settle_bill(amount: int = 100, into: Lot | None = None, **more: Any) -> Entry:
    """Points whose bill was paid."""
    into = into or lot()
    return entry(
        "bill_release",
        Transfer("pending", "available", ("CUP",), amount, into),
        **more,
    )


def redeem(amount: int = 100, units: tuple[str, ...] = UNIVERSAL, **more: Any) -> Entry:
    return entry(
        "redemption",
        Transfer("available", "redeemed.telecom", units, amount),
        **more,
    )


def give_back(of: UUID, amount: int | None = None, **more: Any) -> Entry:
    """Undo a redemption, or a part of it."""
    return entry(
        "redemption_reversal",
        Transfer(None, None, None, amount),
        reverses=of,
        **more,
    )


def earn(
    amount: int = 100, into: Lot | None = None, partner: str = "CEB", **more: Any
) -> Entry:
    """Points from a partner's card line or sale."""
    into = into or lot(issuer=partner)
    return entry(
        "activity_accrual",
        Transfer(f"issued.partner:{partner}", "available", ("UNI",), amount, into),
        **more,
    )


def claw_back(
    amount: int | None = 100,
    own: Lot | None = None,
    partner: str = "CEB",
    **more: Any,
) -> Entry:
    """Take back what a partner's refunded line had earned, or owe it."""
    return entry(
        "activity_refund",
        Transfer("available", f"issued.partner:{partner}", ("UNI",), amount, own),
        **more,
    )


def hold(amount: int = 100, units: tuple[str, ...] = UNIVERSAL, **more: Any) -> Entry:
    return entry("hold", Transfer("available", "held", units, amount), **more)


def capture(of: UUID, amount: int | None = None, **more: Any) -> Entry:
    return entry(
        "capture",
        Transfer("held", "redeemed.product", None, amount),
        reverses=of,
        **more,
    )


def exchange_out(of: UUID, amount: int | None = None, **more: Any) -> Entry:
    """Let held points become a partner's units."""
    return entry(
        "exchange_out",
        Transfer("held", "exchanged.out:MU", None, amount),
        reverses=of,
        **more,
    )


def take_exchange_back(of: UUID, amount: int | None = None, **more: Any) -> Entry:
    """Give points back that a partner would not have after all."""
    return entry(
        "exchange_out_reversal",
        Transfer(None, "available", None, amount),
        reverses=of,
        **more,
    )


def exchange_in(
    amount: int = 100, into: Lot | None = None, partner: str = "CEB", **more: Any
) -> Entry:
    """Points that a partner's units became."""
    into = into or lot(issuer=partner)
    return entry(
        "exchange_in",
        Transfer(f"exchanged.in:{partner}", "available", ("UNI",), amount, into),
        **more,
    )


def undo_exchange_in(
    of: UUID, amount: int | None = None, own: Lot | None = None, **more: Any
) -> Entry:
    """Take back what is left of them."""
    return entry(
        "exchange_in_reversal",
        Transfer("available", "exchanged.in:CEB", ("UNI",), amount, own),
        reverses=of,
        **more,
    )


def release(of: UUID, amount: int | None = None, **more: Any) -> Entry:
    return entry("release", Transfer("held", None, None, amount), reverses=of, **more)


def expire(last_day: date, unit: str = "CUP", **more: Any) -> Entry:
    """Let go of what was good until a day."""
    return entry(
        "expiry",
        Transfer("available", "expired", (unit,), None, lot(last_day), Scope.EXPIRED),
        **more,
    )


def buy(amount: int = 100, into: Lot | None = None, **more: Any) -> Entry:
    """Points that were paid for."""
    into = into or lot(cost_class="purchased")
    return entry(
        "purchase", Transfer("issued", "available", ("UNI",), amount, into), **more
    )


def return_purchase(amount: int = 100, own: Lot | None = None, **more: Any) -> Entry:
    """Take unspent points back, for which the money goes back too."""
    own = own or lot(cost_class="purchased")
    return entry(
        "purchase_return",
        Transfer("available", "issued", ("UNI",), amount, own),
        **more,
    )


def give_by_hand(
    amount: int = 100,
    into: Lot | None = None,
    far: str = "issued",
    unit: str = "CUP",
    **more: Any,
) -> Entry:
    """Points that two people gave."""
    into = into or lot()
    return entry(
        "adjustment", Transfer(far, "available", (unit,), amount, into), **more
    )


def take_by_hand(
    amount: int = 100, far: str = "adjusted", unit: str = "CUP", **more: Any
) -> Entry:
    """Take points that two people found wrong, or have them owed."""
    return entry("adjustment", Transfer("available", far, (unit,), amount), **more)


def take_gift_back(
    of: UUID,
    amount: int | None = None,
    own: Lot | None = None,
    far: str = "issued",
    unit: str = "CUP",
    **more: Any,
) -> Entry:
    """Undo what was given by hand: from its own lot first, and the rest is owed."""
    return entry(
        "adjustment_reversal",
        Transfer("available", far, (unit,), amount, own),
        reverses=of,
        **more,
    )


def undo_taking(
    of: UUID, amount: int | None = None, scope: Scope | None = None, **more: Any
) -> Entry:
    """Give back what was taken by hand."""
    return entry(
        "adjustment_reversal",
        Transfer(None, None, None, amount, None, scope),
        reverses=of,
        **more,
    )


def void(**more: Any) -> Entry:
    """Take everything unspent from a member who leaves."""
    return entry(
        "churn_void",
        Transfer("available", "voided.churn", UNIVERSAL, None),
        Transfer("pending", "voided.churn", UNIVERSAL, None),
        **more,
    )


def void_sparing(**more: Any) -> Entry:
    """Take everything unspent but what was paid for."""
    bought = lot(cost_class="purchased")
    return entry(
        "churn_void",
        Transfer("available", "voided.churn", UNIVERSAL, None, bought, Scope.SPARING),
        Transfer("pending", "voided.churn", UNIVERSAL, None),
        **more,
    )


def reinstate(of: UUID, **more: Any) -> Entry:
    """Give back whatever of a void still stands."""
    return entry(
        "reinstatement", Transfer("voided.churn", None, None, None), reverses=of, **more
    )


def reduce_void(
    of: UUID, amount: int, own: Lot | None = None, partner: str = "CEB", **more: Any
) -> Entry:
    """Take a refund from what was voided from lots."""
    return entry(
        "activity_refund",
        Transfer(
            "voided.churn",
            f"issued.partner:{partner}",
            ("UNI",),
            amount,
            own,
            Scope.LOTS,
        ),
        reverses=of,
        **more,
    )
