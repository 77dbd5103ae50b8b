"""Lay a partner's lines beside our events, as sets: what belongs together, what not.

By our reference, then by the partner's, then by amount and day where neither names
anything. What was decided before is not looked at again.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.matching.facts import KEY, facts
from loyalty.matching.rules import REVERSING, Terms

# Two hash joins of a million lines each would spill at the usual size.
_MEMORY: Final = "SET LOCAL work_mem = '256MB'"

_THEIRS: Final = f"""
SELECT l.line_id, l.kind, {KEY.format("l.our_ref")} AS our_key, l.partner_ref,
       l.occurred_on AS on_day, l.units, l.amount_fen AS fen, l.status, l.nth
  FROM partner_line l
 WHERE l.partner = :partner
   AND NOT EXISTS (SELECT FROM line_pair p WHERE p.line_id = l.line_id)
   AND NOT EXISTS (SELECT FROM statement_break b
                    WHERE b.line_id = l.line_id AND b.event_ref IS NULL
                      AND b.resolution <> 'post_missing')
"""

_MAKE_THEIRS = f"""
CREATE TEMP TABLE theirs ON COMMIT DROP AS
{_THEIRS} AND l.occurred_on BETWEEN :first AND :last
"""

# What a person decided about is decided, and so is what was done because of it.
_MAKE_OURS = """
CREATE TEMP TABLE ours ON COMMIT DROP AS
SELECT row_number() OVER () AS ours_id, false AS is_taken, f.*
  FROM ({facts}) f
 WHERE f.on_day BETWEEN :first AND :last
   AND NOT EXISTS (SELECT FROM line_pair p
                    WHERE p.partner = :partner AND p.kind = f.kind
                      AND p.event_ref = f.event_ref AND p.member_id = f.member_id)
   AND NOT EXISTS (SELECT FROM statement_break b
                    WHERE b.partner = :partner AND b.kind = f.kind
                      AND b.event_ref = f.event_ref AND b.member_id = f.member_id
                      AND b.line_id IS NULL AND b.resolution IS NOT NULL)
   AND NOT EXISTS (SELECT FROM statement_break b
                    WHERE b.partner = :partner AND b.event_ref = f.original_key
                      AND b.member_id = f.member_id
                      AND b.line_id IS NULL AND b.resolution = 'reverse_ours')
"""

_MAKE_PAIRED = """
CREATE TEMP TABLE paired (
    line_id bigint NOT NULL, ours_id bigint NOT NULL, how text NOT NULL) ON COMMIT DROP
"""

_FREE_THEIRS = "NOT EXISTS (SELECT FROM paired p WHERE p.line_id = {0}.line_id)"
_FREE_OURS = (
    "NOT {0}.is_taken"
    " AND NOT EXISTS (SELECT FROM paired p WHERE p.ours_id = {0}.ours_id)"
)

# The nth of theirs with a name goes to the nth of ours with it; larger ones first, so
# that several parts of one original find their like.
_BY_NAME = """
INSERT INTO paired
SELECT t.line_id, o.ours_id, :how
  FROM (SELECT t.line_id, t.kind, t.{{theirs}} AS name,
               row_number() OVER (PARTITION BY t.kind, t.{{theirs}}
                                  ORDER BY {turn}t.line_id) AS turn
          FROM theirs t
         WHERE t.{{theirs}} IS NOT NULL AND t.nth = 1 AND {free_theirs}{{undone}}) t
  JOIN (SELECT o.ours_id, o.kind, o.{{ours}} AS name,
               row_number() OVER (PARTITION BY o.kind, o.{{ours}}
                                  ORDER BY {turn}o.ours_id) AS turn
          FROM ours o
         WHERE o.{{ours}} IS NOT NULL AND {free_ours}) o
    ON o.kind = t.kind AND o.name = t.name AND o.turn = t.turn
""".format(
    turn="abs(units) DESC, ",
    free_theirs=_FREE_THEIRS.format("t"),
    free_ours=_FREE_OURS.format("o"),
)
_UNDONE = " AND t.kind = ANY (:reversing)"

# Whatever one side calls what the other has not found yet.
_NAMES: Final = (
    ("our_ref", "our_key", "our_key", ""),
    ("our_ref", "our_key", "original_key", _UNDONE),
    ("partner_ref", "partner_ref", "partner_ref", ""),
    ("partner_ref", "partner_ref", "original_key", _UNDONE),
)

# Other months' events that a line of this month names, whoever has them already: a line
# that names what another one has is a second one.
_FETCH_OURS = """
INSERT INTO ours
SELECT (SELECT coalesce(max(ours_id), 0) FROM ours) + row_number() OVER (),
       EXISTS (SELECT FROM line_pair p
                WHERE p.partner = :partner AND p.kind = f.kind
                  AND p.event_ref = f.event_ref AND p.member_id = f.member_id),
       f.*
  FROM ({facts}) f
 WHERE (f.our_key IN (SELECT name FROM named)
        OR f.partner_ref IN (SELECT name FROM named)
        OR f.kind = ANY (:reversing) AND f.original_key IN (SELECT name FROM named))
   AND NOT EXISTS (SELECT FROM ours o WHERE o.kind = f.kind
                      AND o.event_ref = f.event_ref AND o.member_id = f.member_id)
"""
_NAMED = f"""
CREATE TEMP TABLE named ON COMMIT DROP AS
SELECT our_key AS name FROM theirs t
 WHERE our_key IS NOT NULL AND {_FREE_THEIRS.format("t")}
 UNION
SELECT partner_ref FROM theirs t WHERE {_FREE_THEIRS.format("t")}
"""

_FETCH_THEIRS = f"""
INSERT INTO theirs
SELECT l.* FROM ({_THEIRS} AND l.occurred_on NOT BETWEEN :first AND :last) l
 WHERE (l.kind, l.our_key) IN (SELECT kind, name FROM wanted)
    OR (l.kind, l.partner_ref) IN (SELECT kind, name FROM wanted)
"""
_WANTED = f"""
CREATE TEMP TABLE wanted ON COMMIT DROP AS
SELECT o.kind, n.name
  FROM ours o
  CROSS JOIN LATERAL (VALUES (o.our_key), (o.partner_ref),
      (CASE WHEN o.kind = ANY (:reversing) THEN o.original_key END)) n(name)
 WHERE n.name IS NOT NULL AND o.on_day BETWEEN :first AND :last
   AND {_FREE_OURS.format("o")}
"""

# Of two lines about one event the earlier has the better claim, whatever it names.
_EARLIER_FIRST = """
UPDATE paired p SET line_id = e.line_id, how = 'partner_ref'
  FROM (SELECT DISTINCT ON (p.ours_id) p.ours_id, t.line_id
          FROM theirs t
          JOIN ours o ON o.kind = t.kind AND o.partner_ref = t.partner_ref
          JOIN paired p ON p.ours_id = o.ours_id AND p.line_id > t.line_id
         WHERE t.nth = 1 AND t.our_key IS NULL AND p.how = 'our_ref'
           AND t.kind <> ALL (:reversing) AND {theirs}
         ORDER BY p.ours_id, t.line_id) e
 WHERE p.ours_id = e.ours_id
""".format(theirs=_FREE_THEIRS.format("t"))

# Neither side names the other's: the same kind, units and money on the same day.
_BY_AMOUNT = """
INSERT INTO paired
SELECT t.line_id, o.ours_id, 'amount'
  FROM (SELECT t.*, row_number() OVER (PARTITION BY t.kind, t.on_day, t.units, t.fen
                                       ORDER BY t.line_id) AS turn
          FROM theirs t
         WHERE t.our_key IS NULL AND t.nth = 1 AND t.status = 'posted' AND {theirs}) t
  JOIN (SELECT o.*, row_number() OVER (PARTITION BY o.kind, o.on_day, o.units, o.fen
                                       ORDER BY o.ours_id) AS turn
          FROM ours o WHERE o.partner_ref IS NULL AND {ours}) o
    ON o.kind = t.kind AND o.on_day = t.on_day AND o.units = t.units
   AND o.fen = t.fen AND o.turn = t.turn
""".format(theirs=_FREE_THEIRS.format("t"), ours=_FREE_OURS.format("o"))

# Then what is near enough, where each is the other's nearest.
_NEARLY = """
INSERT INTO paired
SELECT line_id, ours_id, 'amount'
  FROM (SELECT t.line_id, o.ours_id,
               row_number() OVER (
                   PARTITION BY t.line_id ORDER BY abs(t.on_day - o.on_day),
                   abs(t.fen - o.fen), o.ours_id) AS of_theirs,
               row_number() OVER (
                   PARTITION BY o.ours_id ORDER BY abs(t.on_day - o.on_day),
                   abs(t.fen - o.fen), t.line_id) AS of_ours
          FROM theirs t
          JOIN ours o ON o.kind = t.kind AND o.units = t.units
           AND abs(o.on_day - t.on_day) <= :days_apart
           AND abs(o.fen - t.fen) <= :tolerance_fen + CAST(o.is_part AS int)
         WHERE t.our_key IS NULL AND t.nth = 1 AND t.status = 'posted'
           AND o.partner_ref IS NULL AND {theirs} AND {ours}) near
 WHERE of_theirs = 1 AND of_ours = 1
""".format(theirs=_FREE_THEIRS.format("t"), ours=_FREE_OURS.format("o"))


def pair(
    session: Session, *, partner: str, first: date, last: date, terms: Terms
) -> Mapping[str, Any]:
    """Leave `theirs`, `ours` and `paired` for the days between, and return the facts.

    `theirs` and `ours` also hold what other months have of the same things.
    """
    said = {
        "partner": partner,
        "first": first,
        "last": last,
        "zone": terms.time_zone,
        "cut_off": terms.cut_off_minutes,
        "days_apart": terms.days_apart,
        "tolerance_fen": terms.tolerance_fen,
        "reversing": list(REVERSING),
    }
    query = facts(terms)
    session.execute(text(_MEMORY))
    session.execute(text(_MAKE_THEIRS), said)
    session.execute(text(_MAKE_OURS.format(facts=query)), said)
    session.execute(text(_MAKE_PAIRED))
    session.execute(text("ANALYZE theirs"))
    session.execute(text("ANALYZE ours"))
    _by_names(session, said)
    session.execute(text(_NAMED))
    session.execute(text(_FETCH_OURS.format(facts=query)), said)
    session.execute(text(_WANTED), said)
    session.execute(text(_FETCH_THEIRS), said)
    session.execute(text("ANALYZE theirs"))
    session.execute(text("ANALYZE ours"))
    _by_names(session, said)
    session.execute(text(_EARLIER_FIRST), said)
    session.execute(text(_BY_AMOUNT), said)
    session.execute(text(_NEARLY), said)
    session.execute(text("ANALYZE paired"))
    return said


def _by_names(session: Session, said: Mapping[str, Any]) -> None:
    for how, theirs, ours, undone in _NAMES:
        session.execute(
            text(_BY_NAME.format(theirs=theirs, ours=ours, undone=undone)),
            {**said, "how": how},
        )
        session.execute(text("ANALYZE paired"))
