"""Evidence of what partners say: breaks, tills, premiums, vouchers and disputes."""

from typing import Final

from sqlalchemy.orm import Session

from loyalty.closing.evidence.asking import figures_of, found
from loyalty.closing.rules import Evidence, Fact, Month
from loyalty.finance.queries import month_report

_BREAKS: Final = """
SELECT count(*) FILTER (WHERE closed_at IS NULL AND about_on < :next_month) AS there,
       count(*) FILTER (WHERE closed_at IS NOT NULL AND about_on >= :first_day
                          AND about_on < :next_month) AS settled
  FROM statement_break
"""

# A till's day is what was captured there on it; its partner is to say the same.
_TILLS: Final = """
WITH spent AS (
    SELECT partner, state_at::date AS on_day, count(*) AS sales, sum(points) AS points
      FROM merchant_redemption
     WHERE state = 'captured' AND state_at >= CAST(:first_day AS date)
       AND state_at < CAST(:next_month AS date)
     GROUP BY 1, 2
), compared AS (
    SELECT DISTINCT partner, about_on FROM comparison
     WHERE subject IN ('day_totals', 'till_totals')
       AND about_on >= :first_day AND about_on < :next_month
)
SELECT sum(s.sales) AS sales, sum(s.points) AS points,
       count(*) AS days, count(*) FILTER (WHERE c.partner IS NULL) AS uncompared
  FROM spent s LEFT JOIN compared c ON c.partner = s.partner AND c.about_on = s.on_day
"""

_PREMIUMS: Final = """
WITH moved AS (
    SELECT p.insurer, r.settlement_fen AS fen, 1 AS issued, 0 AS canceled
      FROM policy p
      JOIN redemption r ON r.member_id = p.member_id AND r.redemption_ref = p.order_ref
     WHERE p.issued_on >= :first_day AND p.issued_on < :next_month
    UNION ALL
    SELECT p.insurer, -b.settlement_fen, 0, 1
      FROM policy p
      JOIN redemption_return b
        ON b.member_id = p.member_id AND b.redemption_ref = p.order_ref
     WHERE p.canceled_on >= :first_day AND p.canceled_on < :next_month
)
SELECT sum(issued) AS issued, sum(canceled) AS canceled, sum(fen) AS premium_fen,
       count(DISTINCT insurer) FILTER (WHERE NOT EXISTS (
           SELECT FROM comparison c
            WHERE c.subject = 'insurer_bill' AND c.partner = insurer
              AND c.about_on = :first_day)) AS uncompared
  FROM moved
"""

_VOUCHERS: Final = """
SELECT count(*) FILTER (WHERE state = 'pool') AS pool,
       count(*) FILTER (WHERE state = 'reserved') AS reserved,
       count(*) FILTER (WHERE state = 'issued') AS issued,
       count(*) FILTER (WHERE state = 'used') AS used,
       count(*) FILTER (WHERE state = 'void') AS void,
       count(*) FILTER (WHERE state = 'issued' AND valid_until < :first_day) AS expired,
       (SELECT count(*) FROM member_order o
          JOIN redemption r ON r.member_id = o.member_id
                           AND r.redemption_ref = o.order_ref
         WHERE o.fulfilment = 'VOUCHER' AND r.effective_on >= :first_day
           AND r.effective_on < :next_month
           AND o.quantity <> (SELECT count(*) FROM voucher v
                               WHERE v.member_id = o.member_id
                                 AND v.order_ref = o.order_ref)) AS gaps
  FROM voucher
"""

_DISPUTES: Final = """
SELECT count(*) FILTER (WHERE state IN ('open', 'answered')) AS there,
       count(*) FILTER (WHERE state IN ('open', 'answered')
                          AND raised_at < CAST(:next_month AS date) - 30) AS aged
  FROM dispute WHERE period < :next_month
"""


def partner_match(session: Session, month: Month) -> Evidence:
    """Find differences with partners, of this month or before, that are still there."""
    breaks = figures_of(session, _BREAKS, month)
    return Evidence(
        findings=found(("breaks_open", breaks["there"]), blocks=True),
        beside={"breaks_settled": breaks["settled"]},
    )


def till_totals(session: Session, month: Month) -> Evidence:
    """Compare what was captured at tills with what their partners have told."""
    tills = figures_of(session, _TILLS, month)
    return Evidence(
        facts={
            "sales": tills["sales"],
            "sales_points": tills["points"],
            "till_days": tills["days"],
        },
        findings=found(("till_days_uncompared", tills["uncompared"])),
    )


def insurer_bill(session: Session, month: Month) -> Evidence:
    """Return policies issued less those canceled, at their premiums."""
    premiums = figures_of(session, _PREMIUMS, month)
    return Evidence(
        facts={
            "policies_issued": premiums["issued"],
            "policies_canceled": premiums["canceled"],
            "premium_fen": premiums["premium_fen"],
        },
        findings=found(("insurers_uncompared", premiums["uncompared"])),
    )


def vouchers(session: Session, month: Month) -> Evidence:
    """Count vouchers by state, and orders whose codes are too few or too many."""
    codes = figures_of(session, _VOUCHERS, month)
    return Evidence(
        findings=found(("voucher_gaps", codes["gaps"])),
        beside={
            f"vouchers_{state}": codes[state]
            for state in ("pool", "reserved", "issued", "used", "void", "expired")
        },
    )


def statements(session: Session, month: Month) -> Evidence:
    """Return what partners are owed for the month, and which disputes are open."""
    disputes = figures_of(session, _DISPUTES, month)
    payable: dict[str, Fact] = {
        f"payable_fen.{partner}": fen
        for partner, fen in month_report(session, month.period, proved=True)[
            "payable"
        ].items()
    }
    return Evidence(
        facts=payable,
        findings=found(("disputes_aged", disputes["aged"])),
        beside={"disputes_open": disputes["there"]},
    )
