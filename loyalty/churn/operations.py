"""Void points on leaving, restore them on return; what else ends is in `saga`.

Events are booked one per member at a time. The order in `book_events` is the
policy: what the line is now, who has left, who has come back, which gates close.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.accrual.operations import settle_bounced
from loyalty.churn.lines import follow
from loyalty.churn.news import tell_reinstated, tell_voided
from loyalty.churn.steps import announce, give_back, write_steps
from loyalty.members.claims import claim_new, decide_known, fill, reject, rounds
from loyalty.points.entries import PURCHASED
from loyalty.points.operations import (
    departure_of,
    draft,
    first_open_day,
    let_nobody_earn,
)
from loyalty.tiers.operations import end as end_tiers
from loyalty.tiers.operations import reinstate as reinstate_tiers

_ACTOR: Final = "job:chase-churn"
_VOID_LIMIT: Final = 10_000

# Everybody whom the operator knows by one identity document is one person.
KIN: Final = """
SELECT {member} UNION
SELECT k.member_id FROM person p JOIN person k ON k.id_hash = p.id_hash
 WHERE p.member_id = {member} AND p.id_hash <> ''
"""


def book_events(session: Session, *, feed_file: int) -> None:
    """Book subscription events; when the last line is gone, the points are void.

    They are void at once or after the days that the policy of the reason gives.
    Closing for reason `internal` is a migration and voids nothing, nor does a death
    (domain.md A27-A31, B16), nor the end of a line while another of the same identity
    lives. `reconnected` in time restores what was voided, the same lots. What is heard
    of late or twice changes nothing but what it would have changed in its time.
    """
    let_nobody_earn(session)
    session.execute(_KEEP_TO_OURSELVES)
    for _ in _turns(session, feed_file=feed_file):
        facts = {"feed_file": feed_file, "first_open": first_open_day(session)}
        announce(session)
        _void(session, _LEFT_NOW, facts)
        _restore_returned(session, facts)
        _set_gates(session)


# Two lines of one person may be heard of by two loaders at once, and neither would see
# that the other line ends as well.
_KEEP_TO_OURSELVES = text(
    f"""
    SELECT FROM member m
     WHERE m.member_id IN (
           SELECT k.member_id FROM (SELECT DISTINCT member_id FROM line) l
            CROSS JOIN LATERAL ({KIN.format(member="l.member_id")}) k(member_id))
     ORDER BY m.member_id FOR NO KEY UPDATE
    """
)


def foresee(session: Session) -> None:
    """Decide about the lines as `book_events` would, and move and end nothing.

    For copies of what `decide` writes, which is why nobody is kept waiting.
    """
    for _ in _turns(session, feed_file=0):
        for statement in _FORESEEN:
            session.execute(statement)


def _turns(session: Session, *, feed_file: int) -> Iterator[None]:
    """Decide about one event of each member after the other; at last, all of them."""
    for _ in rounds(session):
        decide_known(session, space="event", key="l.event_ref", feed_file=feed_file)
        reject(
            session,
            """
            CASE WHEN l.member_id IS NULL THEN 'unknown_msisdn'
                 WHEN l.event IN ('activated', 'reconnected') AND EXISTS (
                     SELECT FROM claim c WHERE c.space = 'msisdn' AND c.key = l.msisdn
                        AND c.member_id <> l.member_id) THEN 'msisdn_in_use' END
            """,
        )
        claim_new(session, space="event", key="l.event_ref", feed_file=feed_file)
        decide(session)
        yield
    reject(session, "CASE WHEN l.member_id IS NULL THEN 'unknown_msisdn' END")


def decide(session: Session) -> None:
    """Follow the lines, and decide who has left and who is back; no points move.

    `leaver` then holds who leaves now.
    """
    follow(session)
    fill(session, "situation", _SITUATION)
    session.execute(text("ANALYZE situation"))  # nobody else does; it may be long
    fill(session, "leaver", _LEAVER)
    for statement in (_DEPART, _SHIFT, _MARK_GONE, _MARK_BACK):
        session.execute(statement)


def void_due(session: Session, *, business_date: date) -> int:
    """Void the points of leavers whose days of grace are over, a chunk of them.

    Returns of how many. Whoever was voided is not due again.
    """
    let_nobody_earn(session)
    fill(session, "due_now", _DUE_NOW, {"business_date": business_date})
    due = """
        SELECT d.member_id, d.event_ref, d.void_on AS effective_on,
               greatest(CAST(d.void_on AS timestamptz), d.left_at) AS occurred_at,
               CAST(md5(d.event_ref) AS uuid) AS content, d.policy_version, d.reason
          FROM departure d JOIN due_now USING (member_id)
         WHERE d.booked_at IS NULL AND d.reinstated_on IS NULL
           AND d.void_on <= :business_date
    """
    facts = {
        "feed_file": None,
        "first_open": first_open_day(session),
        "business_date": business_date,
    }
    done = _void(session, due, facts, actor=f"'{_ACTOR}'")
    session.execute(
        text(
            "SELECT ledger.set_gate(array_agg(member_id), 'closed')"
            "  FROM voiding JOIN member USING (member_id)"
            " WHERE left_on IS NOT NULL HAVING count(*) > 0"
        )
    )
    return done


# Locked, so that none of them comes back meanwhile; whoever is locked elsewhere is due
# the next time.
_DUE_NOW = f"""
SELECT m.member_id FROM member m
 WHERE m.member_id IN (
       SELECT d.member_id FROM departure d
        WHERE d.booked_at IS NULL AND d.reinstated_on IS NULL
          AND d.void_on <= :business_date)
 ORDER BY m.member_id LIMIT {_VOID_LIMIT} FOR NO KEY UPDATE SKIP LOCKED
"""

# The members whose standing an event may change: whose line it is, and who else is
# the same person (domain.md A27; peers.md 24). What ended their last line, the last
# of their ends, says why they left; a policy may take the end of one line for it.
_SITUATION = f"""
WITH affected AS (
    SELECT DISTINCT k.member_id FROM happened h
     CROSS JOIN LATERAL ({KIN.format(member="h.member_id")}) k(member_id)
)
SELECT m.member_id, m.left_on, m.deceased, g.is_gone, c.ended_on, c.state_at,
       c.state_ref, c.reason, c.version, c.scope, c.notice_days, c.grace_days,
       c.reinstate_within_days, c.told_on, d.event_ref AS departure, d.cause_ref,
       d.left_at
  FROM affected a JOIN member m ON m.member_id = a.member_id
  CROSS JOIN LATERAL (
      SELECT array_agg(k.member_id) AS kin
        FROM ({KIN.format(member="a.member_id")}) k(member_id)) i
  CROSS JOIN LATERAL (
      SELECT NOT EXISTS (SELECT FROM subscription s WHERE s.member_id = ANY (i.kin)
                            AND s.ended_on IS NULL) AS is_gone) g
  LEFT JOIN LATERAL (
      SELECT s.ended_on, s.state_at, s.state_ref, y.*, (
                 SELECT CAST(max(w.occurred_at) AS date) FROM subscription_event w
                  WHERE w.member_id = s.member_id AND w.msisdn = s.msisdn
                    AND w.event = 'pre_cancelled' AND w.occurred_at <= s.state_at)
                 AS told_on
        FROM subscription s
        LEFT JOIN subscription_event e ON e.member_id = s.member_id
                                      AND e.event_ref = s.state_ref
        LEFT JOIN LATERAL (
            SELECT p.* FROM churn_policy p JOIN churn_terms t ON t.version = p.version
             WHERE p.reason = CASE e.event WHEN 'ported_out' THEN 'ported_out'
                                           WHEN 'closed'
                                           THEN coalesce(e.reason, 'voluntary') END
               AND t.starts_on <= s.ended_on
             ORDER BY t.version DESC LIMIT 1) y ON true
       WHERE s.member_id = ANY (i.kin) AND s.ended_on IS NOT NULL
         AND (g.is_gone OR y.scope = 'line' AND s.member_id = a.member_id)
       ORDER BY s.ended_on DESC, s.state_at DESC, s.state_ref DESC LIMIT 1) c ON true
  LEFT JOIN LATERAL (
      SELECT d.event_ref, d.cause_ref, d.left_at FROM departure d
       WHERE d.member_id = a.member_id AND d.reinstated_on IS NULL
         AND m.left_on IS NOT NULL
       ORDER BY d.left_at DESC LIMIT 1) d ON true
"""

_IS_SPARED = """
(s.reason IS NULL OR EXISTS (
    SELECT FROM subscription x WHERE x.member_id = s.member_id
       AND x.state = 'deceased' AND x.state_at <= s.state_at))
"""

_VOID_ON = """
greatest(s.ended_on + s.grace_days, coalesce(s.told_on, s.ended_on) + s.notice_days)
"""

_LEAVER = f"""
SELECT s.member_id, s.state_ref AS cause_ref, s.ended_on AS left_on,
       s.state_at AS left_at, s.reason, s.version AS policy_version,
       {_VOID_ON} AS void_on, s.ended_on + s.reinstate_within_days AS reinstate_until,
       s.state_ref || CASE WHEN n.times = 0 THEN '' ELSE '#' || n.times + 1 END
           AS event_ref
  FROM situation s
  CROSS JOIN LATERAL (
      SELECT count(*) AS times FROM departure d
       WHERE d.member_id = s.member_id
         AND split_part(d.event_ref, '#', 1) = s.state_ref) n
 WHERE s.ended_on IS NOT NULL AND s.left_on IS NULL AND NOT {_IS_SPARED}
"""

_DEPART = text(
    """
    INSERT INTO departure (member_id, event_ref, cause_ref, left_on, left_at, reason,
                           policy_version, void_on, reinstate_until)
    SELECT member_id, event_ref, cause_ref, left_on, left_at, reason, policy_version,
           void_on, reinstate_until FROM leaver
    """
)

# An event that was heard of late may tell that somebody left on another day.
_SHIFT = text(
    f"""
    UPDATE departure d
       SET cause_ref = s.state_ref, left_on = s.ended_on, left_at = s.state_at,
           reason = s.reason, reinstate_until = s.ended_on + s.reinstate_within_days,
           void_on = CASE WHEN d.booked_at IS NULL THEN {_VOID_ON} ELSE d.void_on END
      FROM situation s
     WHERE s.left_on IS NOT NULL AND d.member_id = s.member_id
       AND d.event_ref = s.departure AND s.cause_ref <> s.state_ref
       AND NOT {_IS_SPARED}
    """
)

_MARK_GONE = text(
    f"""
    UPDATE member m SET left_on = s.ended_on FROM situation s
     WHERE m.member_id = s.member_id AND s.ended_on IS NOT NULL
       AND (s.left_on IS NULL OR s.departure IS NOT NULL)
       AND m.left_on IS DISTINCT FROM s.ended_on AND NOT {_IS_SPARED}
    """
)

# Who has a living line again is a customer again, restored or not.
_MARK_BACK = text(
    f"""
    UPDATE member m SET left_on = NULL FROM situation s
     WHERE m.member_id = s.member_id AND m.left_on IS NOT NULL
       AND (s.ended_on IS NULL OR s.departure IS NOT NULL AND {_IS_SPARED})
    """
)

_LEFT_NOW = """
SELECT l.member_id, l.event_ref, l.left_on AS effective_on, l.left_at AS occurred_at,
       CAST(md5(l.event_ref) AS uuid) AS content, l.policy_version, l.reason
  FROM leaver l WHERE l.void_on <= l.left_on
"""


# Who comes back in time, at any rate before the points are void, or would never have
# left, had all been known.
_RETURNS = f"""
CROSS JOIN LATERAL (
    SELECT d.* FROM departure d
     WHERE d.member_id = s.member_id AND d.reinstated_on IS NULL
     ORDER BY d.left_at DESC LIMIT 1) d
CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT CAST(e.occurred_at AS date) AS happened_on, e.occurred_at
          FROM ({KIN.format(member="d.member_id")}) k(member_id)
          JOIN subscription_event e ON e.member_id = k.member_id
         WHERE e.event = 'reconnected' AND e.occurred_at > d.left_at
           AND CAST(e.occurred_at AS date)
               <= greatest(d.reinstate_until, d.void_on - 1)
        UNION ALL
        SELECT s.ended_on, s.state_at
         WHERE s.departure = d.event_ref AND s.ended_on IS NOT NULL
           AND {_IS_SPARED}) ways
     ORDER BY occurred_at LIMIT 1) r
 WHERE s.ended_on IS NULL OR {_IS_SPARED}
"""

# What voiding and restoring leave in a departure.
_FORESEEN = (
    text(
        """
        UPDATE departure d SET booked_at = l.left_at FROM leaver l
         WHERE d.member_id = l.member_id AND d.event_ref = l.event_ref
           AND l.void_on <= l.left_on
        """
    ),
    text(
        f"""
        UPDATE departure t SET reinstated_on = b.happened_on
          FROM (SELECT d.member_id, d.event_ref, r.happened_on
                  FROM situation s {_RETURNS}) b
         WHERE t.member_id = b.member_id AND t.event_ref = b.event_ref
        """
    ),
)


def fill_voiding(
    session: Session, who: str, facts: Mapping[str, object] | None = None
) -> None:
    """Fill `voiding` with who loses what, by the policy of each departure."""
    fill(
        session,
        "voiding",
        f"""
        SELECT row_number() OVER (ORDER BY w.member_id)::int AS entry, w.*,
               ARRAY(SELECT u.code FROM ledger.unit u JOIN churn_benefit b
                         ON b.benefit = CASE u.code WHEN 'CUP' THEN 'points.operator'
                                                    ELSE 'points.universal' END
                      WHERE b.version = w.policy_version AND b.reason = w.reason)
                   AS units,
               EXISTS (SELECT FROM churn_benefit b
                        WHERE b.version = w.policy_version AND b.reason = w.reason
                          AND b.benefit = 'points.pending') AS voids_pending,
               NOT EXISTS (SELECT FROM churn_benefit b
                            WHERE b.version = w.policy_version AND b.reason = w.reason
                              AND b.benefit = 'points.purchased') AS spares_purchased
          FROM ({who}) w
        """,
        dict(facts or {}),
    )


def _void(
    session: Session,
    who: str,
    facts: Mapping[str, object],
    *,
    actor: str | None = None,
) -> int:
    """Void the points that the policy voids, and write down what else is to end."""
    fill_voiding(session, who, facts)
    common = {
        "kind": "'churn_void'",
        "reference": "'churn:' || event_ref",
        "credit": "'voided.churn'",
        "amount": "NULL",
        "effective_on": "effective_on",
        "occurred_at": "occurred_at",
    } | ({} if actor is None else {"actor": actor})
    every_unit = "ARRAY(SELECT code FROM ledger.unit)"
    pending = draft(debit="'pending'", units=every_unit, **common)
    available = draft(
        line="CASE WHEN voids_pending THEN 1 ELSE 0 END",
        debit="'available'",
        units="units",
        scope="CASE WHEN spares_purchased THEN 'sparing' END",
        lot=f"ROW(NULL, NULL, '{PURCHASED}', NULL, NULL, NULL, NULL, NULL)"
        "::ledger.draw",
        **common,
    )
    fill(
        session,
        "voided",
        f"""
        SELECT * FROM ledger.post((
            SELECT array_agg(draft ORDER BY entry, nth)
              FROM voiding CROSS JOIN LATERAL (
                  VALUES (0, {pending}, voids_pending),
                         (1, {available}, cardinality(units) > 0))
                  d(nth, draft, is_wanted)
             WHERE is_wanted))
        """,
        dict(facts),
    )
    session.execute(text("ANALYZE voided"))
    found = session.execute(_BOOK_DEPARTURES).all()
    if found:
        write_steps(session)
        tell_voided(session)
        end_tiers(
            session,
            members=_WITH_TIER.format(who="voiding", more=""),
            on="l.effective_on",
            actor=_ACTOR,
            reason="has_left",
            at=_now(session),
        )
    return len(found)


# Who lost what is joined to its entry first: of departures the planner expects one, and
# would go through all entries again for each.
_BOOK_DEPARTURES = text(
    """
    WITH posting AS MATERIALIZED (
        SELECT v.member_id, v.event_ref, a.id
          FROM (SELECT *, voids_pending OR cardinality(units) > 0 AS is_posted,
                       count(*) FILTER (WHERE voids_pending OR cardinality(units) > 0)
                           OVER (ORDER BY entry) AS nth
                  FROM voiding) v
          LEFT JOIN voided a ON v.is_posted AND a.entry = v.nth
    )
    UPDATE departure d SET booked_at = clock_timestamp(), entry_id = p.id
      FROM posting p
     WHERE d.member_id = p.member_id AND d.event_ref = p.event_ref
    RETURNING d.member_id
    """
)

# Whose tier the policy of their departure ends, or gives back.
_WITH_TIER = """
(SELECT w.* FROM {who} w
   JOIN departure d ON d.member_id = w.member_id AND d.event_ref = w.event_ref
   JOIN churn_benefit b ON b.version = d.policy_version AND b.reason = d.reason
  WHERE b.benefit = 'tier' {more})
"""


def _now(session: Session) -> datetime:
    """Return the database's own time, which departures are booked at."""
    found: datetime = session.scalar(text("SELECT clock_timestamp()"))
    return found


def _restore_returned(session: Session, facts: Mapping[str, object]) -> None:
    """Give back what was voided to members reconnected in time.

    With it comes what was given back to them while they were gone, and was void at
    once: an order called off, an exchange declined. So does what nobody would have
    lost, had all been known in its time: a line that was said to be closed turns out to
    have been moved inside the network.
    """
    _post_returned(session, facts)
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
    give_back(session)
    tell_reinstated(session)
    reinstate_tiers(
        session,
        members=_WITH_TIER.format(who="returned", more="AND b.comes_back"),
        on="l.happened_on",
        actor=_ACTOR,
        reason="reinstatement",
        at=_now(session),
    )
    settle_bounced(
        session, members="returned", on="happened_on", actor="'job:reinstatement'"
    )


def _post_returned(session: Session, facts: Mapping[str, object]) -> None:
    """Fill `returned` with who is back in time, and post what they have again.

    One statement reverses what voided their points, and another entry for each that
    was given back and void since.
    """
    common = {
        "kind": "'reinstatement'",
        "units": "NULL",
        "amount": "NULL",
        "effective_on": "happened_on",
        "occurred_at": "occurred_at",
        "reverses": "voided_by",
        "input_hash": "CAST(md5(departure) AS uuid)",
    }
    restore = draft(
        reference="'reinstatement:' || departure", debit="NULL", credit="NULL", **common
    )
    restore_later = draft(
        reference="concat_ws(':', 'reinstatement', departure, voided_by)",
        debit="'voided.churn'",
        credit="'available'",
        **common,
    )
    fill(
        session,
        "returned",
        f"""
        WITH back AS MATERIALIZED (
            SELECT d.member_id, d.event_ref AS departure, d.entry_id AS voided_by,
                   d.booked_at, r.happened_on, r.occurred_at,
                   row_number() OVER (ORDER BY d.member_id)::int AS entry
              FROM situation s
              {_RETURNS}
        ),
        later AS MATERIALIZED (
            SELECT DISTINCT b.member_id, b.departure, t.id AS voided_by, b.happened_on,
                   b.occurred_at
              FROM back b JOIN ledger.transfer t ON t.member_id = b.member_id
             WHERE t.credit = 'voided.churn' AND t.recorded_at > b.booked_at
               AND t.id IS DISTINCT FROM b.voided_by AND NOT EXISTS (
                   SELECT FROM ledger.transfer u WHERE u.member_id = t.member_id
                      AND u.reverses = t.id)
        ),
        wanted AS MATERIALIZED (
            SELECT draft, entry, row_number() OVER (ORDER BY member_id, nth)::int AS nth
              FROM (SELECT {restore} AS draft, entry, member_id, 0 AS nth FROM back
                     WHERE voided_by IS NOT NULL
                    UNION ALL
                    SELECT {restore_later}, NULL, member_id,
                           row_number() OVER (ORDER BY voided_by) FROM later) d
        ),
        answer AS MATERIALIZED (
            SELECT * FROM ledger.post(
                (SELECT array_agg(draft ORDER BY nth) FROM wanted))
        )
        SELECT b.member_id, b.departure, b.departure AS event_ref, b.voided_by,
               b.happened_on, b.occurred_at, a.id AS reinstated_by
          FROM back b
          LEFT JOIN wanted w ON w.entry = b.entry
          LEFT JOIN answer a ON a.entry = w.nth
        """,
        dict(facts),
    )


def _set_gates(session: Session) -> None:
    """Close the gates of leavers, suspend those in arrears, open all others.

    Arrears on any line of a person close them all; what else does so says the version
    that held on the day when it happened to the line. Who has left and may still redeem
    for some days finds the gate open until then.
    """
    session.execute(_SET_GATES)


_SET_GATES = text(
    f"""
    SELECT ledger.set_gate(array_agg(member_id), gate)
      FROM (SELECT m.member_id,
                   CASE WHEN m.left_on IS NOT NULL AND NOT EXISTS (
                            SELECT FROM departure d JOIN churn_policy p
                                ON p.version = d.policy_version AND p.reason = d.reason
                             WHERE d.member_id = m.member_id AND d.booked_at IS NULL
                               AND d.reinstated_on IS NULL AND p.may_redeem)
                            THEN 'closed'
                        WHEN EXISTS (
                            SELECT FROM ({KIN.format(member="m.member_id")})
                                       k(member_id)
                              JOIN subscription s ON s.member_id = k.member_id
                              LEFT JOIN subscription_event e
                                ON e.member_id = s.member_id
                               AND e.event_ref = s.state_ref
                              CROSS JOIN LATERAL (
                                  SELECT max(c.version) AS version FROM churn_terms c
                                   WHERE c.starts_on <= CAST(s.state_at AS date)) t
                             WHERE s.ended_on IS NULL
                               AND (s.in_arrears AND EXISTS (
                                       SELECT FROM churn_freeze f
                                        WHERE f.version = t.version
                                          AND f.event = 'suspended'
                                          AND f.reason IN ('arrears', ''))
                                   OR EXISTS (
                                       SELECT FROM churn_freeze f
                                        WHERE f.version = t.version
                                          AND f.event = e.event
                                          AND f.reason IN (e.reason, ''))))
                            THEN 'suspended'
                        ELSE 'open' END AS gate
              FROM member m JOIN situation a ON a.member_id = m.member_id) g
     GROUP BY gate
    """
)
