"""Transfers as the journal sees them: whose cohort each part of them is.

What touches lots has the cohorts of the lots. What never had one is the cohort of the
bill or the activity it was posted for, which its reference names.
"""

from typing import Final

from loyalty.points.entries import COALITION, FUNDING_CLASS
from loyalty.prepaid.coalitions import HONORS

MONTH: Final = "CAST(date_trunc('month', {day}) AS date)"

_COMMON: Final = f"""
t.member_id, t.id, t.kind, t.reverses, t.unit, t.recorded_at, t.occurred_at,
{MONTH.format(day="t.effective_on")} AS period, t.debit, t.credit,
split_part(t.debit, ':', 1) AS d, split_part(t.credit, ':', 1) AS c,
nullif(substr(CASE WHEN strpos(t.debit, ':') > 0 THEN t.debit ELSE t.credit END,
              strpos(CASE WHEN strpos(t.debit, ':') > 0 THEN t.debit
                          ELSE t.credit || ':' END, ':') + 1), '') AS partner
"""
_WHEN: Final = "t.effective_on >= :first AND t.effective_on < :until"


def lots(where: str) -> str:
    """Return the query of the parts of transfers `t` that touch lots."""
    return f"""
    SELECT {_COMMON}, x.earned_in, {FUNDING_CLASS} AS funding, x.units
      FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x
     WHERE {_WHEN} AND ({where})
    """


def loose(where: str) -> str:
    """Return the query of transfers `t` that touch none, or of all a bounce took.

    What leaving voids of pending points is not among them: see `voids`.
    """
    return f"""
    SELECT {_COMMON},
           {MONTH.format(day="coalesce(n.billed_on, n.occurred_on, t.occurred_at)")}
               AS earned_in,
           CASE WHEN t.kind LIKE 'bill%'
                THEN coalesce('{COALITION}:' || coalesce(n.coalition, CASE
                         WHEN t.debit LIKE 'issued.partner:%'
                         THEN split_part(t.debit, ':', 2) END), 'operator')
                WHEN split_part(t.debit, ':', 1) IN ('issued.partner', 'exchanged.in')
                THEN split_part(t.debit, ':', 2)
                WHEN split_part(t.credit, ':', 1) IN ('issued.partner', 'exchanged.in')
                THEN split_part(t.credit, ':', 2)
                ELSE 'operator' END AS funding, t.amount AS units
      FROM ledger.transfer t
      LEFT JOIN ({_NAMED.format(where=where)}) n
        ON n.member_id = t.member_id AND n.id = t.id AND n.line = t.line
     WHERE {_WHEN} AND ({where}) AND (t.draws IS NULL OR t.kind = 'bill_bounce')
       AND t.kind NOT IN ('churn_void', 'reinstatement')
    """


# What the reference of an entry says of a bill: its own name, or that of its event.
SAID_OF_BILL: Final = """
SELECT source, CASE WHEN source = 'bill' THEN rest
                    WHEN source IN ('cancel', 'bounce')
                        THEN regexp_replace(rest, ':[0-9]+$', '') END AS bill_ref,
       CASE {kind} WHEN 'bill_revival' THEN left(rest, -length(' revival'))
                   WHEN 'bill_release' THEN left(rest, -length(' release'))
                   WHEN 'bill_bounce' THEN left(rest, -length(' bounce'))
                   ELSE rest END AS event_ref
  FROM (SELECT split_part({reference}, ':', 1) AS source,
               substr({reference}, strpos({reference}, ':') + 1) AS rest) parsed
"""

_NAMED: Final = f"""
SELECT t.member_id, t.id, t.line, b.billed_on, b.coalition, o.occurred_on
  FROM ledger.transfer t
  JOIN ledger.reference r ON r.member_id = t.member_id AND r.entry_id = t.id
  CROSS JOIN LATERAL ({SAID_OF_BILL.format(kind="t.kind", reference="r.reference")}) s
  LEFT JOIN bill_event e ON e.member_id = t.member_id AND e.source = s.source
                        AND e.ref = s.event_ref
  LEFT JOIN bill b ON b.member_id = t.member_id
                  AND b.bill_ref = coalesce(s.bill_ref, e.bill_ref)
  LEFT JOIN activity a
    ON t.kind = 'activity_refund' AND a.member_id = t.member_id
   AND r.reference = concat('activity:', a.partner, '/', a.partner_ref)
  LEFT JOIN activity o ON o.member_id = a.member_id AND o.partner = a.partner
                      AND o.partner_ref = a.original_ref
 WHERE {_WHEN} AND ({{where}}) AND (t.draws IS NULL OR t.kind = 'bill_bounce')
   AND t.kind IN ('bill_revival', 'bill_cancel', 'bill_adjustment', 'bill_bounce',
                  'bill_release', 'activity_refund')
"""


def honored(is_one: str, partner: str, at: str) -> str:
    """Return the SQL of what a coalition pays for a thousand points spent at a time.

    It is asked for where points are a coalition's alone.
    """
    day = f"CAST({at} AS date)"
    return f"CASE WHEN {is_one} THEN {HONORS.format(partner=partner, day=day)} END"


def in_months(rows: str) -> str:
    """Return the query that keeps of rows with an `on_day` those that are asked for."""
    return f"""
    SELECT {MONTH.format(day="on_day")} AS period, f.* FROM ({rows}) f
     WHERE on_day >= :first AND on_day < :until
    """
