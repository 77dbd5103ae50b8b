"""Read payouts, what they consist of, and what was charged and is not paid out yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.matching.errors import UnknownPayout
from loyalty.payments.payouts import MOVES

PAYOUTS_MAX: Final = 500
LINES_MAX: Final = 10_000
# From so many days on; the last has no end.
AGES: Final = (0, 4, 8, 15)


@dataclass(frozen=True, slots=True)
class PayoutView:
    """A payout, what it consists of, and what the bank has."""

    payout_id: str
    amount_fen: int
    is_automatic: bool
    state: str
    created_at: datetime
    arrives_on: date
    effective_on: date
    lines: int
    charged_fen: int
    returned_fen: int  # refunds and disputes; below zero
    fee_fen: int
    other_fen: int
    lines_fen: int  # what the lines come to
    arrived_on: date | None  # None: nobody has found it at the bank yet; so below
    arrived_fen: int | None
    bank_ref: str | None

    @property
    def adds_up(self) -> bool:
        """Whether the lines come to what was sent; manual ones have none."""
        return not self.is_automatic or self.lines_fen == self.amount_fen


@dataclass(frozen=True, slots=True)
class LineView:
    """A movement of a payout, beside what we have for it."""

    transaction_id: str
    type: str
    happened_on: date
    amount_fen: int
    fee_fen: int
    net_fen: int
    intent_id: str | None
    source_id: str | None
    purpose: str | None  # order or points; None: nothing of ours
    purpose_ref: str | None
    member_id: int | None
    member_ref: str | None
    ours_fen: int | None  # None: as above


@dataclass(frozen=True, slots=True)
class Age:
    """What was charged so many days ago and is not paid out yet."""

    from_days: int
    to_days: int | None  # None: and all before
    movements: int
    net_fen: int


@dataclass(frozen=True, slots=True)
class DayOfMoney:
    """What a day brought at the provider, by the accounting day."""

    on_day: date
    charged_fen: int
    refunded_fen: int
    disputed_fen: int
    fee_fen: int
    paid_out_fen: int


_PAYOUTS: Final = """
SELECT p.payout_id, p.amount_fen, p.is_automatic, s.state, p.created_at, p.arrives_on,
       p.effective_on, l.lines, l.charged_fen, l.returned_fen, l.fee_fen, l.other_fen,
       l.lines_fen, a.arrived_on, a.amount_fen AS arrived_fen, a.bank_ref
  FROM payout p
  CROSS JOIN LATERAL (SELECT s.state FROM payout_state s
                       WHERE s.payout_id = p.payout_id ORDER BY s.nth DESC LIMIT 1) s
  CROSS JOIN LATERAL (
      SELECT count(*) AS lines,
             coalesce(sum(t.amount_fen) FILTER (
                 WHERE t.type IN ('charge', 'payment')), 0)::bigint AS charged_fen,
             coalesce(sum(t.amount_fen) FILTER (
                 WHERE t.type IN ('refund', 'payment_refund', 'adjustment')), 0)::bigint
                 AS returned_fen,
             coalesce(sum(t.fee_fen), 0)::bigint AS fee_fen,
             coalesce(sum(t.amount_fen) FILTER (
                 WHERE t.type NOT IN ('charge', 'payment', 'refund', 'payment_refund',
                                      'adjustment')), 0)::bigint AS other_fen,
             coalesce(sum(t.net_fen), 0)::bigint AS lines_fen
        FROM payout_line l JOIN balance_transaction t USING (transaction_id)
       WHERE l.payout_id = p.payout_id AND t.type <> 'payout') l
  LEFT JOIN LATERAL (SELECT a.arrived_on, a.amount_fen, a.bank_ref FROM payout_arrival a
                      WHERE a.payout_id = p.payout_id
                      ORDER BY a.nth DESC LIMIT 1) a ON true
"""

_LINES: Final = text(
    f"""
    SELECT t.transaction_id, t.type, t.happened_on, t.amount_fen, t.fee_fen, t.net_fen,
           t.intent_id, t.source_id, y.purpose, y.purpose_ref, y.member_id,
           m.member_ref,
           CASE WHEN t.type IN ('charge', 'payment') THEN y.amount_fen
                ELSE -r.amount_fen END AS ours_fen
      FROM payout_line l JOIN balance_transaction t USING (transaction_id)
      LEFT JOIN payment y ON y.intent_id = t.intent_id AND y.state = 'succeeded'
      LEFT JOIN refund r ON r.member_id = y.member_id
                        AND r.payment_ref = y.payment_ref
                        AND r.provider_id = t.source_id
      LEFT JOIN member m ON m.member_id = y.member_id
     WHERE l.payout_id = :payout AND t.type <> 'payout'
     ORDER BY t.created_at, t.transaction_id LIMIT {LINES_MAX}
    """
)

_AGES: Final = text(
    """
    SELECT width_bucket(CAST(:today AS date) - t.happened_on, CAST(:ages AS int[]))
               AS bucket,
           count(*) AS movements, sum(t.net_fen) AS net_fen
      FROM balance_transaction t
     WHERE NOT EXISTS (SELECT FROM payout_line l
                        WHERE l.transaction_id = t.transaction_id)
       -- An automatic payout may be known before its lines are.
       AND NOT (t.type = 'payout' AND EXISTS (
           SELECT FROM payout p WHERE p.payout_id = t.source_id AND p.is_automatic))
     GROUP BY 1
    """
)

_DAYS: Final = text(
    f"""
    SELECT on_day, sum(charged)::bigint, sum(refunded)::bigint, sum(disputed)::bigint,
           sum(fee)::bigint, sum(paid_out)::bigint
      FROM (SELECT effective_on AS on_day,
                   CASE WHEN type IN ('charge', 'payment') THEN amount_fen ELSE 0 END
                       AS charged,
                   CASE WHEN type IN ('refund', 'payment_refund') THEN -amount_fen
                        ELSE 0 END AS refunded,
                   CASE WHEN type = 'adjustment' THEN -amount_fen ELSE 0 END
                       AS disputed,
                   fee_fen + CASE WHEN type = 'stripe_fee' THEN -amount_fen ELSE 0 END
                       AS fee,
                   0 AS paid_out
              FROM balance_transaction
             WHERE effective_on BETWEEN :first AND :last AND type <> 'payout'
            UNION ALL
            SELECT on_day, 0, 0, 0, 0, fen FROM ({MOVES}) m
             WHERE on_day BETWEEN :first AND :last) d
     GROUP BY on_day ORDER BY on_day
    """
)


def payouts(session: Session, *, first: date, last: date) -> list[PayoutView]:
    """Return the payouts that arrive between two days, the newest first."""
    rows = session.execute(
        text(
            f"{_PAYOUTS} WHERE p.arrives_on BETWEEN :first AND :last"
            f" ORDER BY p.arrives_on DESC, p.payout_id LIMIT {PAYOUTS_MAX}"
        ),
        {"first": first, "last": last},
    )
    return [PayoutView(**row) for row in rows.mappings()]


def payout(session: Session, *, payout_id: str) -> PayoutView:
    """Return one payout.

    Raises `UnknownPayout`.
    """
    row = (
        session.execute(
            text(f"{_PAYOUTS} WHERE p.payout_id = :payout"), {"payout": payout_id}
        )
        .mappings()
        .first()
    )
    if row is None:
        raise UnknownPayout(payout_id=payout_id)
    return PayoutView(**row)


def lines(session: Session, *, payout_id: str) -> list[LineView]:
    """Return what a payout consists of, beside what we have, in order."""
    rows = session.execute(_LINES, {"payout": payout_id})
    return [LineView(**row) for row in rows.mappings()]


def not_paid_out(session: Session, *, today: date) -> list[Age]:
    """Return what is still at the provider, by its age."""
    found = {
        row.bucket: (int(row.movements), int(row.net_fen))
        for row in session.execute(_AGES, {"today": today, "ages": list(AGES)})
    }
    ends: Sequence[int | None] = [*(age - 1 for age in AGES[1:]), None]
    # What is dated after today is as young as can be.
    young = found.pop(0, (0, 0))
    count, fen = found.get(1, (0, 0))
    found[1] = (count + young[0], fen + young[1])
    return [
        Age(begins, ends_at, *found.get(nth, (0, 0)))
        for nth, (begins, ends_at) in enumerate(zip(AGES, ends, strict=True), start=1)
    ]


def by_day(session: Session, *, first: date, last: date) -> list[DayOfMoney]:
    """Return what each day brought, by the accounting day; quiet days are left out."""
    rows = session.execute(_DAYS, {"first": first, "last": last})
    return [DayOfMoney(*row) for row in rows]
