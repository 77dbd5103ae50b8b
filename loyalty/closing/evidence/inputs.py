"""Evidence of what came in: files without gaps, and points as the bills earn them."""

from typing import Final

from loyalty.closing.evidence.asking import figures_of, found
from loyalty.closing.rules import Evidence
from loyalty.closing.workings import Workings

_FILES: Final = """
WITH sent AS (
    SELECT feed, sender, max(sequence) AS expected, count(*) AS received,
           count(*) FILTER (WHERE state = 'booking') AS booking,
           coalesce(sum(rejected), 0) AS rejected
      FROM feed_file GROUP BY feed, sender
)
SELECT count(*) AS senders, sum(expected) AS expected, sum(received) AS received,
       sum(expected - received) AS missing, sum(booking) AS booking,
       sum(rejected) AS rejected
  FROM sent
"""

# Computed from the bills and the terms alone, apart from the code that books them.
_BILLS: Final = """
WITH earned AS (
    SELECT r.member_id, substr(r.reference, 6) AS bill_ref, t.amount
      FROM ledger.transfer t
      JOIN ledger.reference r ON r.member_id = t.member_id AND r.entry_id = t.id
     WHERE t.kind = 'bill_accrual' AND r.reference LIKE 'bill:%'
       AND t.effective_on >= :first_day AND t.effective_on < :next_month
), due AS (
    SELECT e.amount AS earned, b.amount_fen,
           CASE WHEN b.points_num = 0 THEN 0
                ELSE b.amount_fen * t.points_num / (100 * t.points_den) END AS points
      FROM earned e JOIN bill b USING (member_id, bill_ref)
      CROSS JOIN LATERAL (
          SELECT brand FROM subscription s
           WHERE s.member_id = b.member_id AND s.msisdn = b.msisdn
           ORDER BY s.activated_on > b.billed_on, s.activated_on DESC LIMIT 1) s
      JOIN bill_terms t ON t.version = b.rule_version AND t.brand = s.brand
)
SELECT count(*) AS bills, sum(amount_fen) AS eligible_fen, sum(points) AS by_rule,
       sum(earned) AS in_ledger, count(*) FILTER (WHERE points <> earned) AS differing,
       (SELECT count(*) FROM bill b
         WHERE b.billed_on >= :first_day AND b.billed_on < :next_month
           AND b.amount_fen * b.points_num >= 100 * b.points_den AND NOT EXISTS (
               SELECT FROM ledger.reference r
                WHERE r.member_id = b.member_id
                  AND r.reference = 'bill:' || b.bill_ref)) AS unearned
  FROM due
"""


def files_in(workings: Workings) -> Evidence:
    """Compare the files that senders have numbered with those that came.

    A file that is half booked blocks: loading it again completes it.
    """
    files = figures_of(workings, _FILES)
    return Evidence(
        findings=(
            *found(("files_unfinished", files["booking"]), blocks=True),
            *found(("files_missing", files["missing"])),
        ),
        beside={
            "senders": files["senders"],
            "files_expected": files["expected"],
            "files_received": files["received"],
            "lines_rejected": files["rejected"],
        },
    )


def billing_tie_out(workings: Workings) -> Evidence:
    """Compare points earned on bills with the rule applied to what they ask."""
    bills = figures_of(workings, _BILLS)
    return Evidence(
        facts={
            "bills": bills["bills"],
            "eligible_fen": bills["eligible_fen"],
            "points_by_rule": bills["by_rule"],
            "points_in_ledger": bills["in_ledger"],
        },
        findings=found(
            ("bills_differing", bills["differing"]),
            ("bills_unearned", bills["unearned"]),
            blocks=True,
        ),
    )
