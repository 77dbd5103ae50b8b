"""What has to be ended for whom: one row for each thing, written over sets."""

from collections.abc import Mapping

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

# What a leaver may still have, by benefit: SQL over the leaver `v` that yields the
# subject of each step. Whatever has nothing to be found has no step.
FINDERS = {
    "exchanges": """
        SELECT x.exchange_ref FROM exchange x
         WHERE x.member_id = v.member_id AND x.state IN ('requested', 'sent')""",
    "orders": """
        SELECT o.order_ref FROM member_order o
         WHERE o.member_id = v.member_id AND (
               o.state IN ('awaiting_review', 'awaiting_payment', 'accepted',
                           'in_progress')
            OR o.state = 'fulfilled' AND o.fulfilment = 'INSURANCE' AND EXISTS (
                   SELECT FROM policy p WHERE p.member_id = o.member_id
                      AND p.order_ref = o.order_ref
                      AND p.free_look_until >= v.effective_on))""",
    "vouchers": """
        SELECT DISTINCT u.order_ref FROM voucher u
         WHERE u.member_id = v.member_id AND u.state = 'issued'
           AND (u.valid_until IS NULL OR u.valid_until >= v.effective_on)""",
    "bookings": """
        SELECT '' WHERE EXISTS (
            SELECT FROM session_place p JOIN venue_session s USING (session_id)
             WHERE p.member_id = v.member_id AND p.state IN ('booked', 'waiting')
               AND s.starts_at > v.occurred_at)
            OR EXISTS (SELECT FROM contest_entry e WHERE e.member_id = v.member_id
                          AND e.state IN ('entered', 'waiting'))""",
    "clubs": """
        SELECT '' WHERE EXISTS (
            SELECT FROM club_membership c WHERE c.member_id = v.member_id
               AND c.state IN ('waiting', 'active'))""",
    "points.pending": "SELECT '' WHERE v.voids_pending",
    "points.operator": "SELECT '' WHERE 'CUP' = ANY (v.units)",
    "points.universal": "SELECT '' WHERE 'UNI' = ANY (v.units)",
    "points.purchased": "SELECT ''",
    "tier": "SELECT ''",
    "links": """
        SELECT c.consent_ref FROM link_consent c
         WHERE c.member_id = v.member_id AND c.ended_at IS NULL""",
    "card": """
        SELECT k.partner || '/' || k.account_ref
          FROM link k JOIN partner p ON p.partner = k.partner
         WHERE k.member_id = v.member_id AND p.kind = 'bank'""",
}

# What the transaction that voids has done itself.
_DONE_AT_ONCE = (
    "('points.pending', 'points.operator', 'points.universal', 'points.purchased',"
    " 'tier')"
)

_FIND = """
SELECT v.member_id, v.event_ref, b.benefit, f.subject, b.nth, v.occurred_at
  FROM voiding v
  JOIN churn_benefit b ON b.version = v.policy_version AND b.reason = v.reason
                      AND b.benefit = '{benefit}'
  CROSS JOIN LATERAL ({query}) f(subject)
"""


def found(finders: Mapping[str, str]) -> str:
    """Return SQL that yields each benefit and subject that those in `voiding` lose."""
    return " UNION ALL ".join(
        _FIND.format(benefit=benefit, query=query) for benefit, query in finders.items()
    )


_WRITE = text(
    f"""
    INSERT INTO churn_step (member_id, departure_ref, benefit, subject, nth, state,
                            made_at, due_at, ended_at)
    SELECT member_id, event_ref, benefit, subject, nth,
           CASE WHEN benefit IN {_DONE_AT_ONCE} THEN 'done' ELSE 'due' END,
           occurred_at, occurred_at,
           CASE WHEN benefit IN {_DONE_AT_ONCE} THEN occurred_at END
      FROM ({found(FINDERS)}) found
    """
)

_GIVE_BACK = text(
    """
    INSERT INTO churn_step (member_id, departure_ref, benefit, subject, nth, made_at,
                            due_at)
    SELECT t.member_id, t.departure_ref, 'return.' || t.benefit, t.subject, 100 + t.nth,
           r.occurred_at, r.occurred_at
      FROM returned r JOIN churn_step t ON t.member_id = r.member_id
       AND t.departure_ref = r.departure AND t.state = 'done'
       AND t.benefit IN ('vouchers', 'bookings', 'clubs')
      JOIN departure d ON d.member_id = t.member_id AND d.event_ref = t.departure_ref
      JOIN churn_benefit b ON b.version = d.policy_version AND b.reason = d.reason
       AND b.benefit = t.benefit AND b.comes_back
    """
)

_DROP = text(
    """
    UPDATE churn_step t SET state = 'dropped', ended_at = r.occurred_at,
                            waits_for = NULL
      FROM returned r
     WHERE t.member_id = r.member_id AND t.departure_ref = r.departure
       AND (t.state = 'due'
            OR t.state = 'alarmed' AND t.benefit NOT IN ('card', 'orders'))
    """
)

# Who leaves again before all was given back is given nothing while gone, and the rest
# on the next return.
_HOLD_BACK = text(
    """
    UPDATE churn_step t SET state = 'dropped', ended_at = v.occurred_at,
                            waits_for = NULL
      FROM voiding v
     WHERE t.member_id = v.member_id AND t.departure_ref <> v.event_ref
       AND t.benefit LIKE 'return.%' AND t.ended_at IS NULL
    """
)
_GIVE_THE_REST = text(
    """
    UPDATE churn_step t SET state = 'due', ended_at = NULL, due_at = r.occurred_at
      FROM returned r
     WHERE t.member_id = r.member_id AND t.departure_ref <> r.departure
       AND t.benefit LIKE 'return.%' AND t.state = 'dropped'
    """
)


def write_steps(session: Session) -> None:
    """Write down what has to be ended for those in `voiding`."""
    session.execute(_overtaken(("warning", "leaving"), "voiding"))
    session.execute(_HOLD_BACK)
    session.execute(_WRITE)
    session.execute(_notice("void", "SELECT member_id, event_ref FROM voiding"))


def announce(session: Session) -> None:
    """Have those told who are about to lose something: `happened` and `leaver`."""
    session.execute(_overtaken(("warning",), "leaver"))
    session.execute(
        _notice(
            "warning",
            """
            SELECT h.member_id, h.event_ref FROM happened h
              JOIN member m ON m.member_id = h.member_id
             WHERE h.event = 'pre_cancelled' AND m.left_on IS NULL""",
        )
    )
    session.execute(
        _notice(
            "leaving",
            "SELECT member_id, event_ref FROM leaver WHERE void_on > left_on",
        )
    )


def give_back(session: Session) -> None:
    """Let be what was not begun for those in `returned`, and give back the rest.

    What a partner was asked for already runs to its end.
    """
    session.execute(_overtaken(("leaving",), "returned"))
    session.execute(_DROP)
    session.execute(_GIVE_THE_REST)
    session.execute(_GIVE_BACK)
    session.execute(_notice("return", "SELECT member_id, departure FROM returned"))


def _notice(kind: str, who: str) -> TextClause:
    """Return the statement that has members told, once about one thing."""
    return text(
        f"""
        INSERT INTO churn_notice (member_id, ref, kind, made_at)
        SELECT w.member_id, w.ref, '{kind}', clock_timestamp()
          FROM ({who}) w(member_id, ref) ON CONFLICT DO NOTHING
        """
    )


def _overtaken(kinds: tuple[str, ...], who: str) -> TextClause:
    """Return the statement that lets be what is not true any more, and was not told."""
    return text(
        f"""
        UPDATE churn_notice n SET told_at = clock_timestamp(), how = 'overtaken'
          FROM {who} w
         WHERE n.member_id = w.member_id AND n.told_at IS NULL
           AND n.kind = ANY (ARRAY[{", ".join(map(repr, kinds))}])
        """
    )
