"""Match the payment provider's movements and payouts with our payments and refunds.

The declared basis is the provider's own day. What both sides have is one thing by the
name of the payment, whatever the days are; more than three days apart it is late.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.comparing import Difference, keep
from loyalty.breaks.models import Comparison
from loyalty.matching.provider_reading import STRIPE

SUBJECT: Final = "stripe"
LATE_DAYS: Final = 3  # between our day and theirs, or a payout's and the bank's
BANK_DAYS: Final = 5  # after which a payout that is not there is missed
_CHARGES: Final = "('charge', 'payment')"
_BACK: Final = "('refund', 'payment_refund')"

# Ours, by the day on which we heard of it, in the programme's time zone.
_OURS: Final = """
paid AS MATERIALIZED (
    SELECT y.intent_id, y.amount_fen AS fen, y.state_at,
           CAST(y.state_at AT TIME ZONE 'Asia/Shanghai' AS date) AS on_day
      FROM payment y WHERE y.state = 'succeeded'
), back AS MATERIALIZED (
    SELECT r.provider_id, -r.amount_fen AS fen, r.state_at,
           CAST(r.state_at AT TIME ZONE 'Asia/Shanghai' AS date) AS on_day
      FROM refund r WHERE r.state = 'succeeded'
)
"""

_MATCH: Final = text(
    f"""
    WITH {_OURS}, theirs AS MATERIALIZED (
        SELECT b.*, row_number() OVER (PARTITION BY b.type, coalesce(
                   CASE WHEN b.type IN {_CHARGES} THEN b.intent_id ELSE b.source_id END,
                   b.transaction_id) ORDER BY b.created_at, b.transaction_id) AS time
          FROM balance_transaction b
    ), here AS MATERIALIZED (
        SELECT * FROM theirs WHERE happened_on BETWEEN :first AND :last
    ), charged AS (
        SELECT coalesce(h.intent_id, h.source_id, h.transaction_id) || ' paid'
                   AS reference,
               CASE WHEN h.time > 1 THEN 'DUPLICATE'
                    WHEN p.fen IS NULL THEN 'MISSING_OURS'
                    WHEN p.fen <> h.amount_fen THEN 'AMOUNT_DIFF'
                    WHEN abs(p.on_day - h.happened_on) > :late_days THEN 'LATE' END
                   AS code,
               CASE WHEN h.time = 1 THEN p.fen END AS ours, h.amount_fen AS theirs
          FROM here h LEFT JOIN paid p ON p.intent_id = h.intent_id
         WHERE h.type IN {_CHARGES}
    ), fees AS (
        SELECT h.intent_id || ' fee' AS reference, 'RATE_DIFF' AS code, f.fen AS ours,
               h.fee_fen AS theirs
          FROM here h
          JOIN LATERAL (
              SELECT v.fixed_fen + (2 * h.amount_fen * v.fee_num + v.fee_den)
                                   / (2 * v.fee_den) AS fen
                FROM provider_fee v WHERE v.valid_from <= h.happened_on
               ORDER BY v.version DESC LIMIT 1) f ON f.fen <> h.fee_fen
         WHERE h.type IN {_CHARGES} AND h.time = 1
    ), refunded AS (
        SELECT coalesce(h.source_id, h.transaction_id) || ' refunded' AS reference,
               CASE WHEN h.time > 1 THEN 'DUPLICATE'
                    WHEN b.fen IS NULL THEN 'REVERSED_ONE_SIDE'
                    WHEN b.fen <> h.amount_fen THEN 'AMOUNT_DIFF'
                    WHEN abs(b.on_day - h.happened_on) > :late_days THEN 'LATE' END
                   AS code,
               CASE WHEN h.time = 1 THEN b.fen END AS ours, h.amount_fen AS theirs
          FROM here h LEFT JOIN back b ON b.provider_id = h.source_id
         WHERE h.type IN {_BACK}
    ), disputed AS (
        SELECT coalesce(h.intent_id, h.source_id, h.transaction_id) || ' disputed',
               'REVERSED_ONE_SIDE', CAST(NULL AS bigint), h.amount_fen
          FROM here h WHERE h.type = 'adjustment'
    ), unheard AS (
        SELECT p.intent_id || ' paid', 'MISSING_THEIRS', p.fen, CAST(NULL AS bigint)
          FROM paid p
         WHERE p.on_day BETWEEN :first AND :last AND p.state_at < :told_until
           AND NOT EXISTS (SELECT FROM theirs t WHERE t.intent_id = p.intent_id
                              AND t.type IN {_CHARGES})
        UNION ALL
        SELECT b.provider_id || ' refunded', 'REVERSED_ONE_SIDE', b.fen, NULL
          FROM back b
         WHERE b.on_day BETWEEN :first AND :last AND b.state_at < :told_until
           AND NOT EXISTS (SELECT FROM theirs t WHERE t.source_id = b.provider_id
                              AND t.type IN {_BACK})
    ), sent AS MATERIALIZED (
        SELECT p.*, s.state, a.amount_fen AS arrived_fen, a.arrived_on,
               coalesce((SELECT sum(t.net_fen) FROM payout_line l
                           JOIN balance_transaction t USING (transaction_id)
                          WHERE l.payout_id = p.payout_id AND t.type <> 'payout'), 0)
                   AS lines_fen
          FROM payout p
          CROSS JOIN LATERAL (SELECT s.state FROM payout_state s
                               WHERE s.payout_id = p.payout_id
                               ORDER BY s.nth DESC LIMIT 1) s
          LEFT JOIN LATERAL (SELECT a.amount_fen, a.arrived_on FROM payout_arrival a
                              WHERE a.payout_id = p.payout_id
                              ORDER BY a.nth DESC LIMIT 1) a ON true
         WHERE p.arrives_on BETWEEN :first AND :last
    ), payouts AS (
        SELECT s.payout_id || ' lines', 'AMOUNT_DIFF', s.lines_fen::bigint,
               s.amount_fen
          FROM sent s WHERE s.is_automatic AND s.lines_fen <> s.amount_fen
        UNION ALL
        SELECT s.payout_id || ' bank', b.code, s.arrived_fen,
               CASE WHEN b.code <> 'REVERSED_ONE_SIDE' THEN s.amount_fen END
          FROM sent s
          CROSS JOIN LATERAL (SELECT CASE
              WHEN s.state IN ('failed', 'canceled')
                  THEN CASE WHEN s.arrived_fen > 0 THEN 'REVERSED_ONE_SIDE' END
              WHEN s.arrived_fen IS NULL
                  THEN CASE WHEN s.arrives_on + :bank_days < :today
                            THEN 'MISSING_OURS' END
              WHEN s.arrived_fen <> s.amount_fen THEN 'AMOUNT_DIFF'
              WHEN s.arrived_on - s.arrives_on > :late_days THEN 'LATE' END) b(code)
         WHERE b.code IS NOT NULL
    )
    SELECT reference, code, sum(ours)::bigint AS ours, sum(theirs)::bigint AS theirs
      FROM (TABLE charged UNION ALL TABLE fees UNION ALL TABLE refunded
            UNION ALL TABLE disputed UNION ALL TABLE unheard UNION ALL TABLE payouts) f
     WHERE code IS NOT NULL AND reference IS NOT NULL
     GROUP BY reference, code ORDER BY reference, code
    """
)

_SUMS: Final = text(
    f"""
    WITH {_OURS}
    SELECT (SELECT count(*) FROM paid WHERE on_day BETWEEN :first AND :last) AS paid,
           (SELECT coalesce(sum(fen), 0) FROM paid
             WHERE on_day BETWEEN :first AND :last) AS paid_fen,
           (SELECT coalesce(sum(fen), 0) FROM back
             WHERE on_day BETWEEN :first AND :last) AS back_fen,
           count(*) FILTER (WHERE b.type IN {_CHARGES}) AS charges,
           coalesce(sum(b.amount_fen) FILTER (WHERE b.type IN {_CHARGES}), 0)
               AS charged_fen,
           coalesce(sum(b.amount_fen) FILTER (WHERE b.type IN {_BACK}), 0)
               AS refunded_fen,
           coalesce(sum(b.fee_fen), 0) AS fee_fen
      FROM balance_transaction b WHERE b.happened_on BETWEEN :first AND :last
    """
)


def match(session: Session, *, period: date, at: datetime, actor: str) -> Comparison:
    """Match a month, and keep what differs; `period` is its first day.

    What the provider has not told is only missed once it was read to the end.
    """
    following = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    days = {"first": period, "last": date.fromordinal(following.toordinal() - 1)}
    told_until = session.scalar(
        text("SELECT whole_at FROM provider_reading WHERE what = 'movements'")
    )
    found = session.execute(
        _MATCH,
        days
        | {
            "late_days": LATE_DAYS,
            "bank_days": BANK_DAYS,
            "told_until": told_until,
            "today": at.date(),
        },
    )
    differences = [
        Difference(
            reference=row.reference,
            code=row.code,
            ours_fen=row.ours,
            theirs_fen=row.theirs,
        )
        for row in found
    ]
    sums = session.execute(_SUMS, days).one()
    return keep(
        session,
        subject=SUBJECT,
        partner=STRIPE,
        about_on=period,
        ours={
            "payments": int(sums.paid),
            "paid_fen": int(sums.paid_fen),
            "refunded_fen": int(sums.back_fen),
        },
        theirs={
            "payments": int(sums.charges),
            "paid_fen": int(sums.charged_fen),
            "refunded_fen": int(sums.refunded_fen),
            "fee_fen": int(sums.fee_fen),
        },
        differences=differences,
        actor=actor,
        at=at,
    )


def months_to_match(session: Session, *, business_date: date) -> list[date]:
    """Return this month and the one before, and those in which something is open."""
    this = business_date.replace(day=1)
    before = date.fromordinal(this.toordinal() - 1).replace(day=1)
    open_ones = session.scalars(
        text(
            "SELECT DISTINCT about_on FROM statement_break"
            " WHERE subject = :subject AND closed_at IS NULL"
        ),
        {"subject": SUBJECT},
    )
    read = session.scalars(
        text(
            "SELECT DISTINCT CAST(date_trunc('month', b.happened_on) AS date)"
            "  FROM balance_transaction b WHERE b.happened_on < :before"
            "   AND b.read_at >= CAST(:before AS date) - 40"
        ),
        {"before": before},
    )
    return sorted({this, before, *open_ones, *read})
