"""Book activities at partners, and their refunds: universal points, at once.

A chunk of a feed is booked as in `operations`. Partners that pay for what is earned
there pay by blocks or on credit (loyalty.prepaid); what they cannot pay is rejected.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.events.operations import recording
from loyalty.members.claims import NEW, claim_new, decide_known, fill, reject, rounds
from loyalty.points.operations import (
    departure_of,
    draft,
    first_open_day,
    let_nobody_leave,
    lot,
    post,
)
from loyalty.prepaid import accruals as prepaid

ACTIVITY_LOT = lot(
    issuer="partner",
    cost_class="'activity'",
    earned_in="CAST(date_trunc('month', earned_on) AS date)",
)


def book_activities(session: Session, *, feed_file: int) -> None:
    """Book card lines, flights and sales: universal points, available at once.

    A refund takes back what its original no longer earns, on the original's
    cumulative amount; what a member did after leaving the network earns nothing. What
    happened after the member ended the partner's consent is refused like a stranger's.
    """
    let_nobody_leave(session)
    reject(session, "CASE WHEN l.member_id IS NULL THEN 'unknown_account' END")
    key = "l.partner || '/' || l.partner_ref"
    billed = prepaid.hold_partners(session)
    if billed is not None:
        decide_known(session, space="activity", key=key, feed_file=feed_file)
        reject(session, f"CASE WHEN l.amount > 0 THEN {_ACTIVITY_REASON} END")
        _reject_unpaid(session, billed)
    original = "partner || '/' || coalesce(original_ref, partner_ref)"
    for _ in rounds(session, key=original):
        decide_known(session, space="activity", key=key, feed_file=feed_file)
        reject(session, _ACTIVITY_REASON)
        claim_new(session, space="activity", key=key, feed_file=feed_file)
        fill(
            session,
            "doing",
            _doing(where=NEW, is_billed=billed is not None),
        )
        _post_activities(session, feed_file)
        session.execute(text(_RECORD_ACTIVITIES))
        session.execute(text(_REFUND_ORIGINALS))
        session.execute(text(_TELL))
        if billed is not None:
            prepaid.settle(session, billed, first_open=first_open_day(session))
    if billed is not None:
        prepaid.tell(session, billed)


def _doing(*, where: str, is_billed: bool) -> str:
    """Return the query of what lines earn or take back, and who pays since when."""
    return _ACTIVITIES.format(
        new=where,
        billed_from=prepaid.BILLED_FROM if is_billed else "CAST(NULL AS date)",
        reference=_REFERENCE.format(of="l.partner_ref"),
        original=_REFERENCE.format(of="l.original_ref"),
        departure=departure_of(
            "o.member_id", "'activity:' || o.partner || '/' || o.partner_ref"
        ),
    )


def _reject_unpaid(session: Session, billed: prepaid.Billed) -> None:
    """Reject what partners cannot pay for, and let the first line of a name decide.

    A line that comes again with another content is none of theirs to pay twice.
    """
    fill(
        session,
        "billable",
        _BILLABLE.format(doing=_doing(where=f"{NEW} AND l.amount > 0", is_billed=True)),
    )
    charges = [prepaid.Charge(*row) for row in session.execute(text(_CHARGES))]
    for reason, lines in prepaid.refused(session, billed, charges).items():
        session.execute(text(_REJECT_BILLABLE), {"reason": reason, "lines": lines})
    session.execute(text(_DECIDE_AGAIN))


_BILLABLE = """
SELECT d.line_no, d.content, d.partner, d.reference, d.occurred_on, d.points,
       b.billing, b.thousand_fen, b.billing_pct,
       first_value(d.line_no) OVER w AS first_no,
       first_value(d.content) OVER w AS first_content
  FROM ({doing}) d
  JOIN accrual_billing b ON b.partner = d.partner AND b.valid_from = d.billed_from
WINDOW w AS (PARTITION BY d.reference ORDER BY d.line_no)
"""

_CHARGES = """
SELECT line_no, partner, billing, reference, points, occurred_on,
       CAST(least(coalesce(points * CAST(thousand_fen AS numeric) * billing_pct, 0),
                  4000000000000000000) AS bigint)
  FROM billable
 WHERE line_no = first_no AND points > 0 AND billing <> 'none'
 ORDER BY line_no
"""

_REJECT_BILLABLE = """
INSERT INTO verdict (line_no, outcome, reason)
SELECT line_no, 'rejected', :reason FROM billable
 WHERE first_no = ANY (CAST(:lines AS int[]))
"""

_DECIDE_AGAIN = """
INSERT INTO verdict (line_no, outcome, reason)
SELECT line_no, CASE WHEN content = first_content THEN 'already_booked'
                     ELSE 'rejected' END,
       CASE WHEN content <> first_content THEN 'reference_reused' END
  FROM billable b
 WHERE line_no > first_no
   AND NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = b.line_no)
"""

_REFERENCE = "'activity:' || l.partner || '/' || {of}"


# What a member did after ending the consent to earn there is nobody's; what was linked
# without asking for one, as by the feed, has none to end. A day counts whole.
_ACTIVITY_REASON = """
CASE WHEN l.amount > 0 AND (
         SELECT c.state = 'revoked' AND CAST(c.ended_at AS date) < l.occurred_on
           FROM link_consent c
          WHERE c.member_id = l.member_id AND c.partner = l.partner
            AND 'accrue' = ANY(c.kinds) AND CAST(c.granted_at AS date) <= l.occurred_on
          ORDER BY c.granted_at DESC LIMIT 1) THEN 'unknown_account'
     WHEN l.currency <> 'CNY' THEN 'currency_not_supported'
     WHEN l.amount = 0 THEN 'zero_amount'
     WHEN l.amount > 0 AND l.original_ref IS NOT NULL THEN 'refund_not_negative'
     WHEN l.amount < 0 AND l.original_ref IS NULL THEN 'refund_without_original'
     WHEN l.amount < 0 THEN (
         SELECT CASE WHEN max(o.amount_fen) IS NULL THEN 'unknown_original'
                     WHEN max(o.amount_fen - o.refunded_fen) + l.amount < 0
                         THEN 'refund_exceeds_original' END
           FROM activity o
          WHERE o.member_id = l.member_id AND o.partner = l.partner
            AND o.partner_ref = l.original_ref AND o.original_ref IS NULL)
     WHEN NOT EXISTS (SELECT FROM activity_terms t
                        JOIN partner p ON p.kind = t.partner_kind
                       WHERE p.partner = l.partner AND t.partner IN (l.partner, '*')
                         AND t.activity = l.activity) THEN 'no_terms' END
"""

# The round's lines with what they earn or take back.
_ACTIVITIES = """
SELECT l.line_no, l.content, l.member_id, l.partner, l.partner_ref, l.activity,
       l.occurred_on, l.amount, l.mcc, l.original_ref,
       e.unit, e.points_per, e.per_fen, e.version, p.expiry_months,
       coalesce(o.occurred_on, l.occurred_on) AS earned_on,
       CASE WHEN o.member_id IS NULL THEN l.amount / e.per_fen * e.points_per
            ELSE (o.amount_fen - o.refunded_fen) / e.per_fen * e.points_per
               - (o.amount_fen - o.refunded_fen + l.amount) / e.per_fen * e.points_per
       END AS points,
       d.entry_id AS voided_by, {reference} AS reference, {original} AS original,
       CASE WHEN o.member_id IS NULL THEN {billed_from} ELSE o.billed_from END
           AS billed_from,
       o.points - (o.amount_fen - o.refunded_fen) / o.per_fen * o.points_per AS returned
  FROM line l
  JOIN member m ON m.member_id = l.member_id
  LEFT JOIN activity o ON o.member_id = l.member_id AND o.partner = l.partner
                      AND o.partner_ref = l.original_ref
  CROSS JOIN LATERAL (
      SELECT o.unit, o.points_per, o.per_fen, o.rule_version AS version
       WHERE o.member_id IS NOT NULL
      UNION ALL
      (SELECT t.unit, CASE WHEN m.left_on IS NOT NULL OR EXISTS (
                  SELECT FROM excluded_category x
                   WHERE x.version = t.version AND x.partner = l.partner
                     AND l.mcc BETWEEN x.first AND x.last) THEN 0 ELSE t.points END,
              t.per_fen, t.version
         FROM activity_terms t JOIN partner k ON k.kind = t.partner_kind
        WHERE o.member_id IS NULL AND k.partner = l.partner
          AND t.partner IN (l.partner, '*') AND t.activity = l.activity
        ORDER BY t.version DESC, t.partner DESC LIMIT 1)) e
  JOIN programme_terms p ON p.version = e.version
  LEFT JOIN LATERAL {departure} d ON o.member_id IS NOT NULL
 WHERE {new}
"""

_RECORD_ACTIVITIES = """
INSERT INTO activity (member_id, partner, partner_ref, activity, occurred_on,
                      amount_fen, mcc, original_ref, unit, points_per, per_fen,
                      rule_version, points, refunded_fen, billed_from)
SELECT member_id, partner, partner_ref, activity, occurred_on,
       amount, mcc, original_ref, unit, points_per, per_fen, version, points, 0,
       billed_from
  FROM doing
"""

_REFUND_ORIGINALS = """
UPDATE activity o SET refunded_fen = o.refunded_fen - d.amount
  FROM doing d
 WHERE d.original_ref IS NOT NULL AND o.member_id = d.member_id
   AND o.partner = d.partner AND o.partner_ref = d.original_ref
"""


_TELL = recording(
    """
    SELECT partner, CASE WHEN original_ref IS NULL THEN 'accrual.posted'
                         ELSE 'accrual.reversed' END AS type,
           CAST(occurred_on AS timestamptz) AS occurred_at, line_no AS nth,
           jsonb_strip_nulls(jsonb_build_object(
               'partner_ref', partner_ref, 'activity', activity,
               'occurred_on', occurred_on, 'unit', unit, 'points',
               CASE WHEN original_ref IS NULL THEN points ELSE -points END,
               'original_ref', original_ref)) AS data
      FROM doing
    """
)


def _post_activities(session: Session, feed_file: int) -> None:
    common = {
        "reference": "reference",
        "units": "ARRAY[unit]",
        "amount": "points",
        "effective_on": "occurred_on",
        "lot": ACTIVITY_LOT,
        "rule_version": "version",
    }
    earn = draft(
        kind="'activity_accrual'",
        debit="'issued.partner:' || partner",
        credit="'available'",
        **common,
    )
    refund = draft(
        kind="'activity_refund'",
        debit="CASE WHEN voided_by IS NULL THEN 'available' ELSE 'voided.churn' END",
        credit="'issued.partner:' || partner",
        reverses="voided_by",
        scope="CASE WHEN voided_by IS NOT NULL THEN 'lots' END",
        **common,
    )
    post(
        session,
        f"""
        SELECT CASE WHEN original_ref IS NULL THEN {earn} ELSE {refund} END AS draft,
               line_no AS nth
          FROM doing WHERE points > 0
        """,
        feed_file=feed_file,
    )
