"""Follow a line through its states; void points on leaving, restore them on return.

Events are booked one per member at a time. The order in `book_events` is the
policy: what the line is now, who has left, who has come back, which gates close.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.accrual.operations import settle_bounced
from loyalty.members.claims import claim_new, decide_known, fill, reject, rounds
from loyalty.points.operations import (
    departure_of,
    draft,
    first_open_day,
    let_nobody_earn,
)

# What a line becomes. Migration and transfer within the operator keep it alive.
_STATE_AFTER = """
CASE l.event WHEN 'activated' THEN 'active' WHEN 'resumed' THEN 'active'
             WHEN 'reconnected' THEN 'active' ELSE l.event END
"""
_ENDED = "('closed', 'ported_out', 'deceased')"


def book_events(session: Session, *, feed_file: int) -> None:
    """Book subscription events; when the last line is gone, the points are void.

    Closing for reason `internal` is a migration and voids nothing, nor does a
    death (domain.md A27-A31, B16). `reconnected` inside the window restores what
    was voided, the same lots. An event older than one already known is kept as
    history only.
    """
    let_nobody_earn(session)
    for _ in rounds(session):
        decide_known(session, space="event", key="l.event_ref", feed_file=feed_file)
        reject(
            session,
            f"""
            CASE WHEN l.event IN ('activated', 'reconnected') AND EXISTS (
                     SELECT FROM claim c WHERE c.space = 'msisdn' AND c.key = l.msisdn
                        AND c.member_id <> l.member_id) THEN 'msisdn_in_use'
                 WHEN l.event NOT IN ('activated', 'reconnected') AND NOT EXISTS (
                     SELECT FROM subscription s
                      WHERE s.member_id = l.member_id AND s.msisdn = l.msisdn
                        AND (s.state NOT IN {_ENDED} OR l.occurred_at <= s.state_at))
                     THEN 'line_has_ended' END
            """,
        )
        claim_new(session, space="event", key="l.event_ref", feed_file=feed_file)
        _follow_lines(session)
        _void_leavers(session, feed_file)
        _restore_returned(session, feed_file)
        _set_gates(session)
    reject(session, "CASE WHEN l.member_id IS NULL THEN 'unknown_msisdn' END")


def _follow_lines(session: Session) -> None:
    """Write the events down, and bring each line to its new state."""
    fill(
        session,
        "happened",
        f"""
        SELECT l.*, s.activated_on, CAST(l.occurred_at AS date) AS happened_on,
               {_STATE_AFTER} AS state_after
          FROM line l
          CROSS JOIN LATERAL (
              SELECT activated_on, state_at FROM subscription s
               WHERE s.member_id = l.member_id AND s.msisdn = l.msisdn
               ORDER BY s.activated_on DESC LIMIT 1) s
         WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
           AND (s.state_at IS NULL OR l.occurred_at >= s.state_at)
        """,
    )
    session.execute(
        text(
            """
            INSERT INTO subscription_event (member_id, event_ref, msisdn, event, reason,
                                            occurred_at)
            SELECT l.member_id, l.event_ref, l.msisdn, l.event, l.reason, l.occurred_at
              FROM line l
             WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
            """
        )
    )
    session.execute(
        text(
            f"""
            UPDATE subscription s
               SET state = h.state_after, state_at = h.occurred_at,
                   in_arrears = CASE
                       WHEN h.event = 'suspended' AND h.reason = 'arrears' THEN true
                       WHEN h.event IN ('suspended', 'pre_cancelled', 'migrated',
                                        'transferred') THEN s.in_arrears
                       ELSE false END,
                   ended_on = CASE WHEN h.state_after IN {_ENDED} THEN h.happened_on END
              FROM happened h
             WHERE s.member_id = h.member_id AND s.msisdn = h.msisdn
               AND s.activated_on = h.activated_on
            """
        )
    )
    session.execute(
        text(
            f"""
            DELETE FROM claim c USING happened h
             WHERE c.space = 'msisdn' AND c.key = h.msisdn
               AND c.member_id = h.member_id AND h.state_after IN {_ENDED}
            """
        )
    )
    session.execute(
        text(
            """
            INSERT INTO claim (space, key, member_id, content)
            SELECT 'msisdn', h.msisdn, h.member_id, h.content FROM happened h
             WHERE h.event IN ('activated', 'reconnected') ON CONFLICT DO NOTHING
            """
        )
    )
    session.execute(
        text(
            "UPDATE member m SET deceased = true FROM happened h"
            " WHERE m.member_id = h.member_id AND h.event = 'deceased'"
        )
    )


def _void_leavers(session: Session, feed_file: int) -> None:
    """Void everything unspent of members whose last line has just gone.

    They left on the day on which the last of their lines ended, whichever of its
    events is booked last.
    """
    common = {
        "kind": "'churn_void'",
        "reference": "'churn:' || event_ref",
        "credit": "'voided.churn'",
        "units": "ARRAY(SELECT code FROM ledger.unit)",
        "amount": "NULL",
        "effective_on": "left_on",
        "occurred_at": "occurred_at",
    }
    pending = draft(debit="'pending'", **common)
    available = draft(line="1", debit="'available'", **common)
    session.execute(
        text(
            f"""
            WITH leaver AS MATERIALIZED (
                SELECT row_number() OVER (ORDER BY h.line_no)::int AS entry, h.*,
                       e.left_on
                  FROM happened h JOIN member m ON m.member_id = h.member_id
                  CROSS JOIN LATERAL (
                      SELECT max(s.ended_on) AS left_on,
                             bool_and(s.ended_on IS NOT NULL) AS is_gone
                        FROM subscription s WHERE s.member_id = h.member_id) e
                 WHERE (h.event = 'ported_out'
                        OR h.event = 'closed' AND h.reason IS DISTINCT FROM 'internal')
                   AND m.left_on IS NULL AND NOT m.deceased AND e.is_gone
            ),
            answer AS MATERIALIZED (
                SELECT * FROM ledger.post((
                    SELECT array_agg(draft ORDER BY entry, nth)
                      FROM leaver CROSS JOIN LATERAL (
                          VALUES (0, {pending}), (1, {available})) d(nth, draft)))
            ),
            marked AS (
                UPDATE member m SET left_on = l.left_on
                  FROM leaver l WHERE m.member_id = l.member_id
            )
            INSERT INTO departure (member_id, event_ref, left_on, reason, entry_id,
                                   booked_at)
            SELECT l.member_id, l.event_ref, l.left_on, coalesce(l.reason, ''), a.id,
                   clock_timestamp()
              FROM leaver l JOIN answer a ON a.entry = l.entry
            """
        ),
        {"feed_file": feed_file, "first_open": first_open_day(session)},
    )


def _restore_returned(session: Session, feed_file: int) -> None:
    """Give back what was voided to members reconnected inside the window."""
    restore = draft(
        kind="'reinstatement'",
        reference="'reinstatement:' || event_ref",
        debit="NULL",
        credit="NULL",
        units="NULL",
        amount="NULL",
        effective_on="happened_on",
        occurred_at="occurred_at",
        reverses="voided_by",
    )
    fill(
        session,
        "returned",
        f"""
        WITH back AS MATERIALIZED (
            SELECT h.*, d.event_ref AS departure, d.entry_id AS voided_by,
                   row_number() OVER (ORDER BY h.line_no)::int AS entry
              FROM happened h
              CROSS JOIN LATERAL (
                  SELECT d.event_ref, d.entry_id, d.left_on FROM departure d
                   WHERE d.member_id = h.member_id AND d.reinstated_on IS NULL
                   ORDER BY d.booked_at DESC LIMIT 1) d
              CROSS JOIN LATERAL (
                  SELECT reinstate_within_days AS days FROM programme_terms
                   ORDER BY version DESC LIMIT 1) t
             WHERE h.event = 'reconnected' AND h.happened_on <= d.left_on + t.days
        ),
        wanted AS MATERIALIZED (
            SELECT *, row_number() OVER (ORDER BY entry)::int AS nth
              FROM back WHERE voided_by IS NOT NULL
        ),
        answer AS MATERIALIZED (
            SELECT * FROM ledger.post(
                (SELECT array_agg({restore} ORDER BY nth) FROM wanted))
        )
        SELECT b.member_id, b.departure, b.voided_by, b.happened_on,
               a.id AS reinstated_by
          FROM back b
          LEFT JOIN wanted w ON w.line_no = b.line_no
          LEFT JOIN answer a ON a.entry = w.nth
        """,
        {"feed_file": feed_file, "first_open": first_open_day(session)},
    )
    # What comes back pending has been so since the return.
    voided = departure_of("b.member_id", "'bill:' || b.bill_ref")
    session.execute(
        text(
            f"""
            UPDATE bill b SET standing_on = r.happened_on FROM returned r
             WHERE b.member_id = r.member_id AND b.standing = 'pending'
               AND b.standing_on < r.happened_on
               AND EXISTS (SELECT FROM {voided} d WHERE d.entry_id = r.voided_by)
            """
        )
    )
    session.execute(
        text(
            """
            UPDATE departure d
               SET reinstated_on = r.happened_on, reinstated_by = r.reinstated_by
              FROM returned r
             WHERE d.member_id = r.member_id AND d.event_ref = r.departure
            """
        )
    )
    # Who has a living line again is a customer again, restored or not.
    session.execute(
        text(
            """
            UPDATE member m SET left_on = NULL FROM happened h
             WHERE m.member_id = h.member_id AND m.left_on IS NOT NULL
               AND h.event IN ('activated', 'reconnected')
            """
        )
    )
    settle_bounced(
        session, members="returned", on="happened_on", actor="'job:reinstatement'"
    )


def _set_gates(session: Session) -> None:
    """Close the gates of leavers, suspend those in arrears, open all others."""
    session.execute(
        text(
            """
            SELECT ledger.set_gate(array_agg(member_id), gate)
              FROM (SELECT m.member_id,
                           CASE WHEN m.left_on IS NOT NULL THEN 'closed'
                                WHEN EXISTS (
                                    SELECT FROM subscription s
                                     WHERE s.member_id = m.member_id AND s.in_arrears
                                       AND s.ended_on IS NULL) THEN 'suspended'
                                ELSE 'open' END AS gate
                      FROM member m JOIN happened h ON h.member_id = m.member_id) g
             GROUP BY gate
            """
        )
    )
