"""What a file of events would do: who would lose what, and whom the policy spares.

It is decided by the very `decide`, on copies of the few tables that it writes. The
copies stand before the real ones in the search path and end with the transaction, so
nothing is written, nothing is locked, and nobody waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.churn.lines import ENDED
from loyalty.churn.operations import KIN, fill_voiding, foresee
from loyalty.churn.steps import FINDERS, found
from loyalty.rules.queries import programme_terms

# Why somebody in the file loses nothing.
SPARED: Final = (
    "another_line",  # of the same identity lives
    "internal_move",
    "deceased",
    "arrears",  # suspended only: the gate closes
    "came_back",  # in the same file
    "returns",  # what was void before is given back
    "left_before",
    "no_policy",
    "nothing_ends",
)
BENEFITS: Final = tuple(name for name in FINDERS if not name.startswith("points"))


@dataclass(frozen=True, slots=True)
class PointsLost:
    """Points of one kind, and what they are carried at."""

    unit: str
    issuer: str
    cost_class: str
    points: int
    fen: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What one member would lose."""

    member_ref: str
    reason: str
    policy_version: int
    left_on: date
    void_on: date
    reinstate_until: date
    points: tuple[PointsLost, ...]
    pending: Mapping[str, int]  # by unit; nothing is carried for them
    held: Mapping[str, int]  # by unit; void only if given back
    benefits: Mapping[str, int]  # how many of each, none left out
    fen: int  # what the points are carried at


@dataclass(frozen=True, slots=True)
class Spared:
    """A member in the file who loses nothing, and why."""

    member_ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Totals:
    """All losses together."""

    members: int
    points: tuple[PointsLost, ...]
    pending: Mapping[str, int]
    held: Mapping[str, int]
    benefits: Mapping[str, int]
    fen: int


# Tables that `decide` writes, and of whose rows a copy is made. A line's identity
# decides together, so that all its members are copied.
_CONCERNED: Final = f"""
CREATE TEMP TABLE concerned ON COMMIT DROP AS
SELECT DISTINCT k.member_id
  FROM line l CROSS JOIN LATERAL ({KIN.format(member="l.member_id")}) k
 WHERE k.member_id IS NOT NULL
"""
_OF_THEM: Final = "r.member_id IN (SELECT member_id FROM concerned)"
_COPIES: Final[dict[str, str]] = {
    "member": _OF_THEM,
    "subscription": _OF_THEM,
    "subscription_event": _OF_THEM,
    "departure": _OF_THEM,
    "claim": """
        r.space = 'event' AND r.key IN (SELECT event_ref FROM line)
        OR r.space = 'msisdn' AND r.key IN (SELECT msisdn FROM line)""",
}
_BEFORE: Final = """
CREATE TEMP TABLE before_it ON COMMIT DROP AS
SELECT m.member_id, m.left_on, d.event_ref AS departure,
       d.reinstated_on IS NOT NULL AS was_back
  FROM member m LEFT JOIN departure d USING (member_id)
"""

# What each benefit is counted by, where a step ends several of them at once.
COUNTED: Final = FINDERS | {
    "bookings": """
        SELECT p.session_id::text FROM session_place p
          JOIN venue_session s USING (session_id)
         WHERE p.member_id = v.member_id AND p.state IN ('booked', 'waiting')
           AND s.starts_at > v.occurred_at
        UNION ALL
        SELECT e.contest_id::text FROM contest_entry e
         WHERE e.member_id = v.member_id AND e.state IN ('entered', 'waiting')""",
    "clubs": """
        SELECT c.membership_ref FROM club_membership c
         WHERE c.member_id = v.member_id AND c.state IN ('waiting', 'active')""",
    "tier": """
        SELECT '' WHERE EXISTS (
            SELECT FROM tier_period t
             WHERE t.member_id = v.member_id AND t.starts_on <= v.effective_on
               AND (t.ends_on IS NULL OR t.ends_on >= v.effective_on)
               AND NOT EXISTS (
                   SELECT FROM departure d
                    WHERE d.member_id = t.member_id AND d.event_ref <> v.event_ref
                      AND d.reinstated_on IS NULL AND d.void_on >= t.starts_on))""",
}

_WHO: Final = """
SELECT d.member_id, d.event_ref, d.void_on AS effective_on, d.left_at AS occurred_at,
       d.policy_version, d.reason, d.left_on, d.reinstate_until
  FROM departure d
 WHERE d.reinstated_on IS NULL AND NOT EXISTS (
       SELECT FROM before_it b
        WHERE b.member_id = d.member_id AND b.departure = d.event_ref)
"""

_LOSERS = text(
    """
    SELECT v.*, m.member_ref FROM voiding v JOIN member m USING (member_id)
     ORDER BY m.member_ref
    """
)

# The sums of a kind are carried, each rounded half up to the fen.
_LOTS = text(
    """
    SELECT v.member_id, l.unit, l.issuer, l.cost_class, sum(l.units_left)::bigint
      FROM voiding v JOIN ledger.lot l ON l.member_id = v.member_id
       AND l.unit = ANY (v.units) AND l.units_left > 0
       AND l.expires_on >= v.effective_on
       AND NOT (v.spares_purchased AND l.cost_class = 'purchased')
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
)
_BALANCES = text(
    """
    SELECT v.member_id, b.unit, CASE WHEN v.voids_pending THEN b.pending ELSE 0 END,
           b.held
      FROM voiding v JOIN ledger.balance b USING (member_id) ORDER BY 1, 2
    """
)
_BENEFITS = text(
    f"""
    SELECT member_id, benefit, count(*) FROM ({found(COUNTED)}) found
     WHERE benefit NOT LIKE 'points.%' GROUP BY 1, 2
    """
)

_SPARED = text(
    f"""
    WITH told AS (
        SELECT l.member_id,
               bool_or(l.event IN {ENDED} AND l.reason IS DISTINCT FROM 'internal')
                   AS ends,
               bool_or(l.reason = 'internal' OR l.event IN ('migrated', 'transferred'))
                   AS moves,
               bool_or(l.event = 'suspended' AND l.reason = 'arrears') AS in_arrears
          FROM line l LEFT JOIN verdict v USING (line_no)
         WHERE coalesce(v.outcome, 'booked') = 'booked' GROUP BY l.member_id
    )
    SELECT m.member_ref, CASE
               WHEN m.deceased THEN 'deceased'
               WHEN EXISTS (SELECT FROM departure d JOIN before_it b
                                ON b.member_id = d.member_id
                               AND b.departure = d.event_ref AND NOT b.was_back
                             WHERE d.member_id = t.member_id
                               AND d.reinstated_on IS NOT NULL) THEN 'returns'
               WHEN EXISTS (SELECT FROM departure d WHERE d.member_id = t.member_id
                               AND d.reinstated_on IS NOT NULL AND NOT EXISTS (
                                   SELECT FROM before_it b
                                    WHERE b.member_id = d.member_id
                                      AND b.departure = d.event_ref))
                   THEN 'came_back'
               WHEN EXISTS (SELECT FROM before_it b WHERE b.member_id = t.member_id
                               AND b.left_on IS NOT NULL) THEN 'left_before'
               WHEN t.ends AND k.lives THEN 'another_line'
               WHEN t.moves THEN 'internal_move'
               WHEN t.ends THEN 'no_policy'
               WHEN t.in_arrears THEN 'arrears'
               ELSE 'nothing_ends' END AS why
      FROM told t JOIN member m USING (member_id)
      CROSS JOIN LATERAL (
          SELECT EXISTS (
              SELECT FROM subscription s
               WHERE s.ended_on IS NULL AND s.member_id IN (
                     {KIN.format(member="t.member_id")})) AS lives) k
     WHERE t.member_id NOT IN (SELECT member_id FROM voiding)
     ORDER BY m.member_ref
    """
)


def forecast(session: Session) -> tuple[list[Loss], list[Spared]]:
    """Tell what the events in `line` would do, with their verdicts in `verdict`.

    The transaction is to be rolled back: until then it sees copies.
    """
    terms = programme_terms(session)
    num, den = terms.carrying_fen_num, terms.carrying_fen_den
    _copy(session)
    foresee(session)
    fill_voiding(session, _WHO)
    session.execute(text("ANALYZE voiding, departure, subscription, verdict"))
    points: dict[int, list[PointsLost]] = {}
    for member_id, unit, issuer, cost_class, lost in session.execute(_LOTS):
        fen = (2 * lost * num + den) // (2 * den)
        part = PointsLost(unit, issuer, cost_class, lost, fen)
        points.setdefault(member_id, []).append(part)
    pending: dict[int, dict[str, int]] = {}
    held: dict[int, dict[str, int]] = {}
    for member_id, unit, waiting, kept in session.execute(_BALANCES):
        for amount, where in ((waiting, pending), (kept, held)):
            if amount:
                where.setdefault(member_id, {})[unit] = amount
    benefits: dict[int, dict[str, int]] = {}
    for member_id, benefit, count in session.execute(_BENEFITS):
        benefits.setdefault(member_id, {})[benefit] = count
    losses = [
        Loss(
            member_ref=row.member_ref,
            reason=row.reason,
            policy_version=row.policy_version,
            left_on=row.left_on,
            void_on=row.effective_on,
            reinstate_until=row.reinstate_until,
            points=tuple(points.get(row.member_id, ())),
            pending=pending.get(row.member_id, {}),
            held=held.get(row.member_id, {}),
            benefits=dict.fromkeys(BENEFITS, 0) | benefits.get(row.member_id, {}),
            fen=sum(part.fen for part in points.get(row.member_id, ())),
        )
        for row in session.execute(_LOSERS)
    ]
    return losses, [Spared(*row) for row in session.execute(_SPARED)]


def total(losses: Iterable[Loss]) -> Totals:
    """Add up what members would lose."""
    members = 0
    parts: dict[tuple[str, str, str], tuple[int, int]] = {}
    pending: dict[str, int] = {}
    held: dict[str, int] = {}
    benefits = dict.fromkeys(BENEFITS, 0)
    for loss in losses:
        members += 1
        for part in loss.points:
            key = (part.unit, part.issuer, part.cost_class)
            points, fen = parts.get(key, (0, 0))
            parts[key] = (points + part.points, fen + part.fen)
        for told, where in (
            (loss.pending, pending),
            (loss.held, held),
            (loss.benefits, benefits),
        ):
            for name, amount in told.items():
                where[name] = where.get(name, 0) + amount
    return Totals(
        members=members,
        points=tuple(PointsLost(*key, *sums) for key, sums in sorted(parts.items())),
        pending=pending,
        held=held,
        benefits=benefits,
        fen=sum(fen for _, fen in parts.values()),
    )


def _copy(session: Session) -> None:
    """Put copies before the tables that `decide` writes."""
    schema = session.scalar(
        text(
            "SELECT quote_ident(relnamespace::regnamespace::text) FROM pg_class"
            " WHERE oid = 'member'::regclass"
        )
    )
    session.execute(text(_CONCERNED))
    session.execute(text("ANALYZE concerned, line"))
    for table, which in _COPIES.items():
        session.execute(
            text(
                f"CREATE TEMP TABLE {table} (LIKE {schema}.{table}"
                " INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP"
            )
        )
        session.execute(
            text(
                f"INSERT INTO pg_temp.{table}"
                f" SELECT r.* FROM {schema}.{table} r WHERE {which}"
            )
        )
    session.execute(text(_BEFORE))
    # Nobody else does so for tables that live for one transaction.
    session.execute(text(f"ANALYZE concerned, before_it, {', '.join(_COPIES)}"))
