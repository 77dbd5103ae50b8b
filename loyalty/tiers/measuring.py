"""What counts for members over the months of a policy: SQL, for one and for all.

`earned` makes the common table expressions that end in a table of that name. Whoever
uses it says who is asked about and for which day, and what `facts_of` returns.
"""

from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.tiers.rules import Measure, Period, Policy

# Points that became the member's own, by the day they were earned, less what was
# taken back again; what only pays a debt was earned as well.
_POINTS = """
SELECT member_id, CAST(occurred_at AS date) AS counted_on,
       CASE WHEN credit IN ('available', 'owed') THEN amount ELSE -amount END AS amount
  FROM ledger.transfer
 WHERE kind IN ({kinds})
   AND (credit IN ('available', 'owed') OR debit IN ('available', 'owed'))
"""
_AT_PARTNERS = "'activity_accrual', 'activity_refund'"
_ON_BILLS = "'bill_release', 'bill_bounce', 'bill_adjustment'"

SOURCES: Final[dict[Measure, str]] = {
    Measure.BILL_SPEND: """
        SELECT member_id, billed_on AS counted_on, due_fen AS amount
          FROM bill WHERE standing <> 'canceled'
        """,
    Measure.POINTS_EARNED: _POINTS.format(kinds=f"{_ON_BILLS}, {_AT_PARTNERS}"),
    Measure.PARTNER_POINTS: _POINTS.format(kinds=_AT_PARTNERS),
}

# For each who is asked: the day their period began, the one before it (NULL: does not
# count), when this period ends and the next; what came before a leaving that was not
# taken back begins anew.
_ROLLING = """
SELECT q.member_id, q.last,
       CAST(q.last - make_interval(months => :months) AS date) + 1 AS first_on,
       CAST(NULL AS date) AS before_on,
       CAST(q.last + make_interval(months => :months) AS date) - 1 AS this_end,
       CAST(NULL AS date) AS next_end, {anew} AS anew_after
  FROM ({asked}) q
"""
_CYCLES = """
SELECT c.member_id, c.last,
       tier_cycle_starts_on(anchor, cycle, :months) AS first_on,
       {before} AS before_on,
       tier_cycle_starts_on(anchor, cycle + 1, :months) - 1 AS this_end,
       tier_cycle_starts_on(anchor, cycle + 2, :months) - 1 AS next_end, anew_after
  FROM (SELECT q.member_id, q.last, {anchor} AS anchor,
               tier_cycle({anchor}, q.day, :months) AS cycle, {anew} AS anew_after
          FROM ({asked}) q JOIN member m ON m.member_id = q.member_id) c
"""
_ANEW = """
coalesce((SELECT max(d.left_on) FROM departure d
           WHERE d.member_id = q.member_id AND d.reinstated_on IS NULL
             AND d.void_on <= q.last), '-infinity')
"""
# It is closed once it is too late for late postings, if this one was ever reviewed.
_BEFORE = """
CASE WHEN c.last < tier_cycle_starts_on(anchor, cycle, :months) + :late_days
       OR coalesce(CAST(:last_review AS date), '-infinity')
          < tier_cycle_starts_on(anchor, cycle, :months)
     THEN tier_cycle_starts_on(anchor, cycle - 1, :months) END
"""
# January begins calendar years, and halves and quarters with them.
_ANCHORS = {
    Period.CALENDAR: "DATE '2000-01-01'",
    Period.ANNIVERSARY: "m.joined_on",
}
_STILL_COUNTS = "AND f.counted_on + make_interval(months => :months) > a.last"
_RUN_OUT = """,
run_out AS (
    SELECT member_id, min(ends_on) - 1 AS until
      FROM (SELECT c.member_id, r.needed,
                   CAST(c.counted_on + make_interval(months => :months) AS date)
                       AS ends_on,
                   p.figure - sum(c.amount) OVER (
                       PARTITION BY c.member_id ORDER BY c.counted_on) AS still
              FROM counting c JOIN placed p ON p.member_id = c.member_id
              JOIN rung r ON r.rank = p.now_rank) o
     WHERE still < needed
     GROUP BY member_id)
"""
_EARNED = """
asked AS MATERIALIZED ({windows}),
rung AS MATERIALIZED (
    SELECT tier, rank, needed FROM tier_terms WHERE version = :version),
counting AS MATERIALIZED (
    SELECT a.member_id, f.counted_on, f.amount, f.counted_on >= a.first_on AS is_now
      FROM asked a JOIN ({source}) f ON f.member_id = a.member_id
     WHERE f.counted_on BETWEEN coalesce(a.before_on, a.first_on) AND a.last
       AND f.counted_on > a.anew_after {still_counts}),
summed AS (
    SELECT member_id, CAST(sum(amount) FILTER (WHERE is_now) AS bigint) AS figure,
           CAST(sum(amount) FILTER (WHERE NOT is_now) AS bigint) AS before
      FROM counting GROUP BY member_id),
placed AS MATERIALIZED (
    SELECT a.*, coalesce(s.figure, 0) AS figure, coalesce(s.before, 0) AS before,
           coalesce((SELECT max(rank) FROM rung WHERE needed <= s.figure), 0)
               AS now_rank,
           coalesce((SELECT max(rank) FROM rung WHERE needed <= s.before), 0)
               AS before_rank
      FROM asked a LEFT JOIN summed s ON s.member_id = a.member_id){run_out},
earned AS (
    SELECT p.member_id, p.figure AS under_way, p.this_end, p.now_rank, p.before_rank,
           greatest(p.now_rank, p.before_rank) AS rank, r.tier,
           CASE WHEN r.rank IS NULL THEN NULL
                WHEN p.now_rank >= p.before_rank THEN {until}
                ELSE p.this_end END AS until,
           CASE WHEN p.now_rank >= p.before_rank THEN p.figure ELSE p.before END
               AS figure,
           CASE WHEN p.now_rank >= p.before_rank THEN p.first_on ELSE p.before_on END
               AS counted_from,
           CASE WHEN p.now_rank >= p.before_rank THEN p.last ELSE p.first_on - 1 END
               AS counted_to
      FROM placed p
      LEFT JOIN rung r ON r.rank = greatest(p.now_rank, p.before_rank) {joined})
"""


def earned(policy: Policy, *, asked: str, with_before: bool = True) -> str:
    """Return the table expressions that tell what members earn by a policy.

    `asked` is SQL that yields each `member_id` once, a `day` of the period that is
    asked about, and the `last` day that counts. With the period before, its tier is
    held through this one, as long as late postings may reach it.
    """
    is_rolling = policy.period is Period.ROLLING
    if is_rolling:
        windows = _ROLLING.format(asked=asked, anew=_ANEW)
    else:
        windows = _CYCLES.format(
            asked=asked,
            anew=_ANEW,
            anchor=_ANCHORS[policy.period],
            before=_BEFORE if with_before else "CAST(NULL AS date)",
        )
    return _EARNED.format(
        windows=windows,
        source=SOURCES[policy.measure],
        still_counts=_STILL_COUNTS if is_rolling else "",
        run_out=_RUN_OUT if is_rolling else "",
        until="o.until" if is_rolling else "p.next_end",
        joined="LEFT JOIN run_out o ON o.member_id = p.member_id" if is_rolling else "",
    )


def facts_of(session: Session, policy: Policy, *, on: date) -> dict[str, Any]:
    """Return what the table expressions of a policy ask for besides."""
    last_review = session.scalar(
        text("SELECT max(reviewed_on) FROM tier_review WHERE reviewed_on <= :on"),
        {"on": on},
    )
    return {
        "on": on,
        "version": policy.version,
        "months": policy.months,
        "late_days": policy.late_days,
        "grace_days": policy.grace_days,
        "last_review": last_review,
    }
