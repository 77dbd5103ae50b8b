"""Note what finance finds on the bank's statement for a payout."""

from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.matching.errors import ArrivalAhead, UnknownPayout
from loyalty.matching.provider_matching import match
from loyalty.payments.models import Payout, PayoutArrival


def note_arrival(
    session: Session,
    *,
    payout_id: str,
    amount_fen: int,
    arrived_on: date,
    bank_ref: str,
    actor: str,
    at: datetime,
) -> PayoutArrival:
    """Write down what arrived, and match the payout's month with it.

    The newest note holds; the same said again is one. Raises `UnknownPayout` and
    `ArrivalAhead`.
    """
    if arrived_on > at.date():
        raise ArrivalAhead
    # Payouts are facts, which nobody may lock: those who note of one take turns.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"payout arrival {payout_id}"},
    )
    payout = session.get(Payout, payout_id)
    if payout is None:
        raise UnknownPayout(payout_id=payout_id)
    newest = session.scalar(
        select(PayoutArrival)
        .where(PayoutArrival.payout_id == payout_id)
        .order_by(PayoutArrival.nth.desc())
        .limit(1)
    )
    said = (amount_fen, arrived_on, bank_ref)
    if newest is not None and said == (
        newest.amount_fen,
        newest.arrived_on,
        newest.bank_ref,
    ):
        return newest
    nth = 1 + (
        session.scalar(
            select(func.max(PayoutArrival.nth)).where(
                PayoutArrival.payout_id == payout_id
            )
        )
        or 0
    )
    noted = PayoutArrival(
        payout_id=payout_id,
        nth=nth,
        amount_fen=amount_fen,
        arrived_on=arrived_on,
        bank_ref=bank_ref,
        actor=actor,
        noted_at=at,
    )
    session.add(noted)
    session.flush()
    match(session, period=payout.arrives_on.replace(day=1), at=at, actor=actor)
    return noted
