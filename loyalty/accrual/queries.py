"""Read what bills and activities earn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.accrual.errors import RefundExceedsOriginal, UnknownOriginal

# Long enough to level out a month of travelling, short enough to follow a new tariff.
_MONTHS = 6

_PER_MONTH = text(
    """
    SELECT coalesce(div(sum(points), nullif(count(DISTINCT period), 0)), 0)::bigint
      FROM bill
     WHERE member_id = :member AND standing <> 'canceled'
       AND billed_on > :on - make_interval(months => :months) AND billed_on <= :on
    """
)


def points_per_month(session: Session, *, member_id: int, on: date) -> int:
    """Return what the bills of the last half year earned in a month, rounded down.

    It counts months with a bill only, and bills of all lines; 0 if there was none.
    """
    found = session.scalar(
        _PER_MONTH, {"member": member_id, "on": on, "months": _MONTHS}
    )
    return int(found or 0)


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity that was booked for a partner, and why it earned what it did."""

    member_id: int
    partner_ref: str
    activity: str
    occurred_on: date
    amount_fen: int
    mcc: str | None  # None: not told
    original_ref: str | None  # None: it is no refund
    unit: str
    points: int  # earned; of a refund what it took back
    points_per: int  # zero: it was excluded
    per_fen: int
    rule_version: int
    refunded_fen: int


_ACTIVITIES = text(
    """
    SELECT a.member_id, a.partner_ref, a.activity, a.occurred_on, a.amount_fen, a.mcc,
           a.original_ref, a.unit, a.points, a.points_per, a.per_fen, a.rule_version,
           a.refunded_fen
      FROM claim c
      JOIN activity a ON a.member_id = c.member_id AND a.partner = :partner
                     AND :partner || '/' || a.partner_ref = c.key
     WHERE c.space = 'activity' AND c.key = ANY (:keys)
    """
)


def activities(
    session: Session, *, partner: str, partner_refs: Iterable[str]
) -> dict[str, Activity]:
    """Return what a partner's references name, by reference."""
    keys = [f"{partner}/{ref}" for ref in partner_refs]
    rows = session.execute(_ACTIVITIES, {"partner": partner, "keys": keys})
    return {row.partner_ref: Activity(*row) for row in rows}


@dataclass(frozen=True, slots=True)
class Original:
    """An activity that is to be taken back, as far as it can be."""

    account_ref: str
    activity: str
    rest_fen: int  # to be taken back; what the reversal took if it is known already
    reversed_on: date | None  # None: the reversal is new


_ACCOUNT = text(
    """
    SELECT CASE WHEN p.kind IN ('bank', 'airline')
                THEN (SELECT min(l.account_ref) FROM link l
                       WHERE l.member_id = m.member_id AND l.partner = p.partner)
                ELSE m.member_ref END
      FROM member m, partner p
     WHERE m.member_id = :member AND p.partner = :partner
    """
)


def account_of(session: Session, *, member_id: int, partner: str) -> str | None:
    """Return what a partner calls a member; None: it does not know them."""
    found: str | None = session.scalar(
        _ACCOUNT, {"member": member_id, "partner": partner}
    )
    return found


def original_of(
    session: Session, *, partner: str, original_ref: str, reversal_ref: str
) -> Original:
    """Return what a reversal takes back; others of the same original wait.

    Raises `UnknownOriginal`, and `RefundExceedsOriginal` if nothing is left.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"activity {partner}/{original_ref}"},
    )
    found = activities(
        session, partner=partner, partner_refs={original_ref, reversal_ref}
    )
    original, known = found.get(original_ref), found.get(reversal_ref)
    if original is None or original.original_ref is not None:
        raise UnknownOriginal
    rest_fen = original.amount_fen - original.refunded_fen
    if known is not None:
        rest_fen = -known.amount_fen
    elif rest_fen == 0:
        raise RefundExceedsOriginal
    account_ref = account_of(session, member_id=original.member_id, partner=partner)
    if account_ref is None:
        raise UnknownOriginal
    return Original(
        account_ref=account_ref,
        activity=original.activity,
        rest_fen=rest_fen,
        reversed_on=known.occurred_on if known is not None else None,
    )
