"""Evidence of what partners say: breaks, tills, premiums, vouchers and disputes."""

from typing import Final

from loyalty.closing.evidence.asking import figures_of, found
from loyalty.closing.rules import Evidence, Fact
from loyalty.closing.workings import Workings
from loyalty.settlement.reading import standing

MATCHED_PER_MILLE: Final = 999  # below which a match rate has to be explained

# Suspense must empty (domain.md 2.4): longer than this nothing stays over a close.
SUSPENDED_DAYS: Final = 30
_IN_SUSPENSE: Final = """
SELECT min(booked_on) AS since, sum(fen) AS fen FROM partner_booking
 WHERE cause IN ('suspense', 'received') AND booked_on < :next_month
 GROUP BY partner, about HAVING sum(fen) <> 0
"""
_BREAKS: Final = f"""
SELECT count(*) FILTER (WHERE closed_at IS NULL AND about_on < :next_month) AS there,
       count(*) FILTER (WHERE closed_at IS NOT NULL AND about_on >= :first_day
                          AND about_on < :next_month) AS settled,
       (SELECT count(*) FROM line_pair WHERE period = :first_day) AS lines,
       (SELECT count(*) FROM line_pair
         WHERE period = :first_day AND code = 'MATCHED') AS matched,
       (SELECT count(*) FROM ({_IN_SUSPENSE}) s) AS suspended,
       (SELECT count(*) FROM ({_IN_SUSPENSE}) s
         WHERE CAST(:next_month AS date) - 1 - s.since > {SUSPENDED_DAYS}) AS stuck,
       (SELECT coalesce(sum(s.fen), 0) FROM ({_IN_SUSPENSE}) s) AS suspense_fen
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


def partner_match(workings: Workings) -> Evidence:
    """Find differences with partners, of this month or before, that are still there.

    What waits in suspense has to be explained, and may not wait for long.
    """
    lines = figures_of(workings, _BREAKS)
    unmatched = lines["lines"] - lines["matched"]
    is_low = lines["matched"] * 1000 < lines["lines"] * MATCHED_PER_MILLE
    return Evidence(
        facts={
            "lines": lines["lines"],
            "lines_matched": lines["matched"],
            "suspense_fen": lines["suspense_fen"],
        },
        findings=(
            *found(
                ("breaks_open", lines["there"]),
                ("suspense_stuck", lines["stuck"]),
                blocks=True,
            ),
            *found(
                ("lines_unmatched", unmatched if is_low else 0),
                ("in_suspense", lines["suspended"] - lines["stuck"]),
            ),
        ),
        beside={"breaks_settled": lines["settled"]},
    )


def till_totals(workings: Workings) -> Evidence:
    """Compare what was captured at tills with what their partners have told."""
    tills = figures_of(workings, _TILLS)
    return Evidence(
        facts={
            "sales": tills["sales"],
            "sales_points": tills["points"],
            "till_days": tills["days"],
        },
        findings=found(("till_days_uncompared", tills["uncompared"])),
    )


def insurer_bill(workings: Workings) -> Evidence:
    """Return policies issued less those canceled, at their premiums."""
    premiums = figures_of(workings, _PREMIUMS)
    return Evidence(
        facts={
            "policies_issued": premiums["issued"],
            "policies_canceled": premiums["canceled"],
            "premium_fen": premiums["premium_fen"],
        },
        findings=found(("insurers_uncompared", premiums["uncompared"])),
    )


def vouchers(workings: Workings) -> Evidence:
    """Count vouchers by state, and orders whose codes are too few or too many."""
    codes = figures_of(workings, _VOUCHERS)
    return Evidence(
        findings=found(("voucher_gaps", codes["gaps"])),
        beside={
            f"vouchers_{state}": codes[state]
            for state in ("pool", "reserved", "issued", "used", "void", "expired")
        },
    )


def statements(workings: Workings) -> Evidence:
    """Return what partners are owed, and what of settlement is still to be done."""
    stand = standing(workings.session, period=workings.month.period, at=workings.at)
    payable: dict[str, Fact] = {
        f"payable_fen.{partner}": fen
        for partner, fen in workings.report["payable"].items()
    }
    return Evidence(
        facts={"statements_issued": stand.issued} | payable,
        findings=found(
            ("partners_unstated", len(stand.unstated)),
            ("statements_draft", len(stand.drafts)),
            ("disputes_overdue", stand.disputes_overdue),
        ),
        beside={
            "disputes_open": stand.disputes_open,
            "unpaid_fen": stand.unpaid_fen,
        },
    )
