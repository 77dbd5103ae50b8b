"""What partners are told of those who leave, and of those who come back.

Only partners whom the member let hear of it (`churn.notify`), and only of what the
alliance knows together: universal points, the link, a card's function.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.events.operations import recording

# A step about a bank's card is named by the bank and the account.
_SHARED = """
to_jsonb(ARRAY_REMOVE(ARRAY[
    CASE WHEN EXISTS (SELECT {lost} AND t.benefit = 'points.universal')
         THEN 'points.universal' END,
    CASE WHEN EXISTS (SELECT {lost} AND t.benefit = 'links'
                         AND t.subject = c.consent_ref) THEN 'link' END,
    CASE WHEN EXISTS (SELECT {lost} AND t.benefit = 'card'
                         AND split_part(t.subject, '/', 1) = c.partner)
         THEN 'card' END], NULL))
"""
_LOST = """
FROM churn_step t WHERE t.member_id = d.member_id AND t.departure_ref = d.event_ref
"""
_LOST_AND_BACK = """
FROM churn_step t JOIN churn_benefit b USING (benefit)
 WHERE t.member_id = d.member_id AND t.departure_ref = d.event_ref
   AND b.version = d.policy_version AND b.reason = d.reason AND b.comes_back
"""

_VOIDED = f"""
SELECT c.partner, 'benefits.voided' AS type, v.occurred_at,
       jsonb_build_object(
           'link', c.consent_ref, 'effective_on', v.effective_on,
           'return_until', d.reinstate_until,
           'benefits', {_SHARED.format(lost=_LOST)}) AS data,
       row_number() OVER (ORDER BY v.entry, c.consent_ref) AS nth
  FROM voiding v
  JOIN departure d ON d.member_id = v.member_id AND d.event_ref = v.event_ref
  JOIN link_consent c ON c.member_id = v.member_id AND c.state = 'authorized'
 WHERE 'churn.notify' = ANY (c.kinds)
"""

# Who was told of the leaving is told of the return, though the link has ended by it.
_REINSTATED = f"""
SELECT c.partner, 'benefits.reinstated' AS type, r.occurred_at,
       jsonb_build_object(
           'link', c.consent_ref, 'effective_on', r.happened_on,
           'benefits', {_SHARED.format(lost=_LOST_AND_BACK)}) AS data,
       row_number() OVER (ORDER BY r.member_id, c.consent_ref) AS nth
  FROM returned r
  JOIN departure d ON d.member_id = r.member_id AND d.event_ref = r.departure
                  AND d.booked_at IS NOT NULL
  JOIN link_consent c ON c.member_id = r.member_id
 WHERE 'churn.notify' = ANY (c.kinds)
   AND (c.state = 'authorized' OR c.reason = 'has_left' AND EXISTS (
           SELECT {_LOST} AND t.benefit = 'links' AND t.subject = c.consent_ref))
"""


def tell_voided(session: Session) -> None:
    """Tell partners of those in `voiding`, whose steps are written down."""
    session.execute(text(recording(_VOIDED)))


def tell_reinstated(session: Session) -> None:
    """Tell partners of those in `returned`."""
    session.execute(text(recording(_REINSTATED)))
