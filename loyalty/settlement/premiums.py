"""Compare an insurer's bill with our policies, by policy number (domain.md 3.5)."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.comparing import Difference, keep
from loyalty.breaks.models import Comparison
from loyalty.database import Database, retrying
from partners.ports import Outcome, PremiumBill, PremiumLine, Underwriter

_ACTOR: Final = "job:compare-insurer-bills"

# What happened to our policies: each was issued at its settlement price, and what was
# canceled inside its free look gives that back.
_OURS = """
SELECT p.policy_no, 'issued' AS event, p.issued_on AS happened_on,
       o.settlement_fen AS fen
  FROM policy p JOIN member_order o USING (member_id, order_ref)
 WHERE p.insurer = :partner
 UNION ALL
SELECT p.policy_no, 'canceled', p.canceled_on, -o.settlement_fen
  FROM policy p JOIN member_order o USING (member_id, order_ref)
 WHERE p.insurer = :partner AND p.canceled_on IS NOT NULL
"""

_COMPARE = text(
    f"""
    WITH known AS MATERIALIZED ({_OURS}), ours AS (
        SELECT * FROM known WHERE happened_on BETWEEN :first AND :last
    ), told AS (
        SELECT *, row_number() OVER (PARTITION BY policy_no, event ORDER BY nth) AS time
          FROM jsonb_to_recordset(CAST(:told AS jsonb))
               AS t(nth int, policy_no text, event text, fen bigint)
    ), matched AS (
        SELECT coalesce(o.policy_no, t.policy_no) AS policy_no,
               coalesce(o.event, t.event) AS event, o.fen AS ours, t.fen AS theirs
          FROM ours o FULL JOIN (SELECT * FROM told WHERE time = 1) t
               ON t.policy_no = o.policy_no AND t.event = o.event
    ), judged AS (
        SELECT m.*, CASE
                   WHEN m.ours = m.theirs THEN NULL
                   WHEN m.ours IS NOT NULL AND m.theirs IS NOT NULL THEN 'AMOUNT_DIFF'
                   WHEN m.theirs IS NULL AND m.event = 'canceled'
                       THEN 'REVERSED_ONE_SIDE'
                   WHEN m.theirs IS NULL THEN 'MISSING_THEIRS'
                   WHEN EXISTS (SELECT FROM known k WHERE k.policy_no = m.policy_no
                                   AND k.event = m.event) THEN 'LATE'
                   WHEN EXISTS (SELECT FROM known k WHERE k.policy_no = m.policy_no)
                       THEN 'REVERSED_ONE_SIDE'
                   ELSE 'MISSING_OURS' END AS code
          FROM matched m
    )
    SELECT policy_no || ' ' || event AS reference, code, ours, theirs
      FROM judged WHERE code IS NOT NULL
     UNION ALL
    SELECT policy_no || ' ' || event, 'DUPLICATE', NULL, sum(fen)
      FROM told WHERE time > 1 GROUP BY policy_no, event
     ORDER BY 1, 2
    """
)

_SUM = text(
    f"""
    SELECT count(*) AS lines, coalesce(sum(fen), 0) AS fen FROM ({_OURS}) o
     WHERE happened_on BETWEEN :first AND :last
    """
)


def compare_bill(
    database: Database,
    underwriter: Underwriter,
    *,
    partner: str,
    period: date,
    at: datetime,
) -> Comparison | None:
    """Fetch a month's bill and compare it; None: there is none, or no answer came.

    The insurer is asked before any transaction. `period` is the month's first day.
    """
    bill = underwriter.bill(f"{period:%Y-%m}")
    if bill.outcome is not Outcome.CONFIRMED:
        return None
    return retrying(
        database,
        partial(compare, partner=partner, period=period, bill=bill, at=at),
    )


def compare(
    session: Session, *, partner: str, period: date, bill: PremiumBill, at: datetime
) -> Comparison:
    """Compare a bill with what we issued and canceled in its month; keep both.

    What is billed in another month than ours is LATE, and a policy that only one side
    has canceled REVERSED_ONE_SIDE.
    """
    following = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    facts = {
        "partner": partner,
        "first": period,
        "last": date.fromordinal(following.toordinal() - 1),
    }
    rows = session.execute(_COMPARE, facts | {"told": _as_json(bill.lines)})
    differences = [
        Difference(
            reference=row.reference,
            code=row.code,
            ours_fen=row.ours,
            theirs_fen=None if row.theirs is None else int(row.theirs),
        )
        for row in rows
    ]
    ours = session.execute(_SUM, facts).one()
    return keep(
        session,
        subject="insurer_bill",
        partner=partner,
        about_on=period,
        ours={"lines": int(ours.lines), "fen": int(ours.fen)},
        theirs={"lines": len(bill.lines), "fen": bill.total_fen},
        differences=differences,
        actor=_ACTOR,
        at=at,
    )


def _as_json(lines: Sequence[PremiumLine]) -> str:
    return json.dumps(
        [
            {
                "nth": nth,
                "policy_no": line.policy_no,
                "event": line.event,
                "fen": line.amount_fen,
            }
            for nth, line in enumerate(lines)
        ]
    )
