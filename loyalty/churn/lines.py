"""What lines are, read from all that ever happened to them.

Files come late, twice and in the wrong order. So a state is not moved on by an event
but read anew from the line's whole history, in the order in which things happened:
whichever event is heard of last, the state is the same.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import fill

ENDED = "('closed', 'ported_out', 'deceased')"
_REVIVED = "('activated', 'reconnected')"

_HAPPENED = """
SELECT l.*, s.activated_on, CAST(l.occurred_at AS date) AS happened_on
  FROM line l
  CROSS JOIN LATERAL (
      SELECT u.activated_on FROM subscription u
       WHERE u.member_id = l.member_id AND u.msisdn = l.msisdn
         AND u.activated_on <= CAST(l.occurred_at AS date)
       ORDER BY u.activated_on DESC LIMIT 1) s
 WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
"""

# A line lives from one activation to the next. In its last life the first end is the
# end, whatever else is heard of it; without an end, the last event says what it is.
# Arrears last until something but a suspension for another reason says otherwise.
_TELLING = "l.is_end DESC, CASE WHEN l.is_end THEN l.seq END, l.seq DESC"
_FATE = f"""
WITH touched AS (
    SELECT DISTINCT h.member_id, h.msisdn, h.activated_on
      FROM happened h JOIN subscription s ON s.member_id = h.member_id
       AND s.msisdn = h.msisdn AND s.activated_on = h.activated_on
     WHERE s.ended_on IS NULL OR s.state IN {ENDED}  -- else handed over to somebody
), history AS (
    SELECT t.*, e.event_ref, e.event, e.reason, e.occurred_at,
           e.event IN {ENDED} AS is_end,
           count(*) FILTER (WHERE e.event IN {_REVIVED}) OVER w AS life,
           row_number() OVER w AS seq
      FROM touched t
      JOIN subscription_event e ON e.member_id = t.member_id AND e.msisdn = t.msisdn
       AND CAST(e.occurred_at AS date) >= t.activated_on
       AND NOT EXISTS (SELECT FROM subscription n
                        WHERE n.member_id = t.member_id AND n.msisdn = t.msisdn
                          AND n.activated_on > t.activated_on
                          AND n.activated_on <= CAST(e.occurred_at AS date))
    WINDOW w AS (PARTITION BY t.member_id, t.msisdn, t.activated_on
                 ORDER BY e.occurred_at, e.event_ref)
), latest AS (
    SELECT h.*, max(h.life) OVER (PARTITION BY h.member_id, h.msisdn, h.activated_on)
                AS last_life
      FROM history h
)
SELECT l.member_id, l.msisdn, l.activated_on, bool_or(l.is_end) AS is_end,
       (array_agg(l.event_ref ORDER BY {_TELLING}))[1] AS state_ref,
       (array_agg(l.occurred_at ORDER BY {_TELLING}))[1] AS state_at,
       (array_agg(CASE WHEN l.event IN {_REVIVED} OR l.event = 'resumed' THEN 'active'
                       ELSE l.event END ORDER BY {_TELLING}))[1] AS state,
       NOT bool_or(l.is_end) AND coalesce(
           (array_agg(l.event = 'suspended' ORDER BY l.seq DESC) FILTER (
               WHERE l.event NOT IN ('pre_cancelled', 'migrated', 'transferred')
                 AND (l.event <> 'suspended' OR l.reason = 'arrears')))[1],
           false) AS in_arrears
  FROM latest l WHERE l.life = l.last_life
 GROUP BY l.member_id, l.msisdn, l.activated_on
"""

_KEEP = text(
    """
    INSERT INTO subscription_event (member_id, event_ref, msisdn, event, reason,
                                    occurred_at)
    SELECT l.member_id, l.event_ref, l.msisdn, l.event, l.reason, l.occurred_at
      FROM line l
     WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = l.line_no)
    """
)

_WRITE = (
    text(
        """
        UPDATE subscription s
           SET state = f.state, state_at = f.state_at, state_ref = f.state_ref,
               in_arrears = f.in_arrears,
               ended_on = CASE WHEN f.is_end THEN CAST(f.state_at AS date) END
          FROM fate f
         WHERE s.member_id = f.member_id AND s.msisdn = f.msisdn
           AND s.activated_on = f.activated_on
        """
    ),
    # A number is free when nobody lives on it any more.
    text(
        """
        DELETE FROM claim c USING fate f
         WHERE f.is_end AND c.space = 'msisdn' AND c.key = f.msisdn
           AND c.member_id = f.member_id
           AND NOT EXISTS (SELECT FROM subscription s
                            WHERE s.member_id = f.member_id AND s.msisdn = f.msisdn
                              AND s.ended_on IS NULL)
        """
    ),
    text(
        """
        INSERT INTO claim (space, key, member_id, content)
        SELECT 'msisdn', f.msisdn, f.member_id, h.content
          FROM fate f JOIN happened h ON h.member_id = f.member_id
           AND h.msisdn = f.msisdn AND h.activated_on = f.activated_on
         WHERE NOT f.is_end ON CONFLICT DO NOTHING
        """
    ),
    text(
        """
        UPDATE member m SET deceased = d.deceased
          FROM (SELECT DISTINCT f.member_id, EXISTS (
                           SELECT FROM subscription s
                            WHERE s.member_id = f.member_id AND s.state = 'deceased')
                           AS deceased
                  FROM fate f) d
         WHERE m.member_id = d.member_id AND m.deceased <> d.deceased
        """
    ),
)


def follow(session: Session) -> None:
    """Keep what happened, and bring each line it is about to its true state.

    `happened` then holds the events that concern a line of that time.
    """
    fill(session, "happened", _HAPPENED)
    # How many they are decides how the history is looked up.
    session.execute(text("ANALYZE happened"))
    session.execute(_KEEP)
    fill(session, "fate", _FATE)
    for statement in _WRITE:
        session.execute(statement)
