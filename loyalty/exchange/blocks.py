"""Units paid for in advance, and what partners may owe: drawn by sets, never below.

A block is what all members of a programme share, so it is taken last in a
transaction. Whatever is drawn has a reference: an exchange's, or a partner's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.exchange.models import PartnerCredit, PointBlock

# Locked in the order in which they are drawn, so that nobody waits in a circle.
_LOCK = text(
    """
    SELECT block_id FROM point_block
     WHERE partner = :partner AND direction = :direction
       AND starts_on <= :on AND coalesce(ends_on, 'infinity') >= :on
     ORDER BY starts_on, block_id FOR NO KEY UPDATE
    """
)

# Decided one after the other in their order: who does not fit takes nothing, and
# whoever comes after may still fit.
_RESERVE = text(
    """
    WITH RECURSIVE free AS MATERIALIZED (
        SELECT block_id, units_left - units_reserved AS units,
               sum(units_left - units_reserved) OVER w
                   - (units_left - units_reserved) AS above
          FROM point_block WHERE block_id = ANY (:blocks)
        WINDOW w AS (ORDER BY starts_on, block_id ROWS UNBOUNDED PRECEDING)
    ), known AS MATERIALIZED (
        SELECT DISTINCT reference FROM block_move
         WHERE reference = ANY (:references) AND what = :what
    ), wanted AS MATERIALIZED (
        SELECT reference, units, row_number() OVER (ORDER BY ord)::int AS nth
          FROM unnest(CAST(:references AS text[]), CAST(:units AS bigint[]))
               WITH ORDINALITY AS w(reference, units, ord)
         WHERE reference NOT IN (SELECT reference FROM known)
    ), decided AS (
        SELECT 0 AS nth, CAST(NULL AS text) AS reference, CAST(0 AS numeric) AS first,
               CAST(0 AS numeric) AS upto, false AS fits
        UNION ALL
        SELECT w.nth, w.reference, d.upto, CASE WHEN f.fits THEN d.upto + w.units
                                                ELSE d.upto END, f.fits
          FROM decided d JOIN wanted w ON w.nth = d.nth + 1
         CROSS JOIN LATERAL (
             SELECT d.upto + w.units <= (SELECT coalesce(sum(units), 0) FROM free)
                    AS fits) f
    ), taken AS (
        SELECT d.reference, f.block_id,
               least(d.upto, f.above + f.units) - greatest(d.first, f.above) AS units
          FROM decided d JOIN free f
            ON d.fits AND d.first < f.above + f.units AND f.above < d.upto
         WHERE f.units > 0
    ), moved AS (
        INSERT INTO block_move (reference, block_id, what, units, at)
        SELECT reference, block_id, :what, units, :at FROM taken
    ), changed AS (
        UPDATE point_block b
           SET units_reserved = units_reserved
                   + CASE :what WHEN 'reserve' THEN t.units ELSE 0 END,
               units_left = units_left
                   - CASE :what WHEN 'draw' THEN t.units ELSE 0 END
          FROM (SELECT block_id, sum(units) AS units FROM taken GROUP BY 1) t
         WHERE b.block_id = t.block_id
    )
    SELECT reference FROM known
    UNION ALL SELECT reference FROM decided WHERE fits
    """
)

# What an earlier move of the same reference took, undone or completed, once.
_FOLLOW = text(
    """
    WITH due AS MATERIALIZED (
        SELECT m.reference, m.block_id, m.units FROM block_move m
         WHERE m.reference = ANY (:references) AND m.what = :after
           AND NOT EXISTS (SELECT FROM block_move o
                            WHERE o.reference = m.reference AND o.block_id = m.block_id
                              AND o.what = ANY (:ends))
    ), moved AS (
        INSERT INTO block_move (reference, block_id, what, units, at)
        SELECT reference, block_id, :what, units, :at FROM due
    )
    UPDATE point_block b
       SET units_reserved = units_reserved
               - CASE WHEN :after = 'reserve' THEN d.units ELSE 0 END,
           units_left = units_left
               + CASE :what WHEN 'draw' THEN -d.units WHEN 'return' THEN d.units
                            ELSE 0 END
      FROM (SELECT block_id, sum(units) AS units FROM due GROUP BY 1) d
     WHERE b.block_id = d.block_id
    """
)


@dataclass(frozen=True, slots=True)
class Want:
    """Units wanted under a reference."""

    reference: str
    units: int


def buy(
    session: Session,
    *,
    partner: str,
    direction: str,
    units: int,
    price_fen: int,
    starts_on: date,
    ends_on: date | None,
    reorder_units: int,
    at: datetime,
) -> PointBlock:
    """Write down a block that was paid for."""
    block = PointBlock(
        partner=partner,
        direction=direction,
        units_bought=units,
        price_fen=price_fen,
        starts_on=starts_on,
        ends_on=ends_on,
        reorder_units=reorder_units,
        units_left=units,
        units_reserved=0,
        bought_at=at,
    )
    session.add(block)
    session.flush()
    return block


def reserve(
    session: Session,
    wants: Sequence[Want],
    *,
    partner: str,
    direction: str,
    on: date,
    at: datetime,
) -> list[bool]:
    """Set units of a partner's blocks aside; tell of each want whether it fitted.

    Oldest start first; a want is met whole, over several blocks if need be, or not at
    all. A reference that was met before is met again and takes nothing more.
    """
    return _take(
        session, wants, "reserve", partner=partner, direction=direction, on=on, at=at
    )


def draw(
    session: Session,
    wants: Sequence[Want],
    *,
    partner: str,
    direction: str,
    on: date,
    at: datetime,
) -> list[bool]:
    """Take units of a partner's blocks at once; as `reserve` otherwise."""
    return _take(
        session, wants, "draw", partner=partner, direction=direction, on=on, at=at
    )


def draw_reserved(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Take what was set aside under these references, once."""
    _follow(session, references, "draw", after="reserve", at=at)


def release(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Let go of what was set aside under these references and not taken, once."""
    _follow(session, references, "release", after="reserve", at=at)


def put_back(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Give back what was taken under these references, to the same blocks, once."""
    _follow(session, references, "return", after="draw", at=at)


def limit_credit(
    session: Session,
    *,
    partner: str,
    limit_fen: int | None,
    alert_fen: int | None,
    at: datetime,
) -> None:
    """Say how much a partner may owe for exchanges, and from when on to tell."""
    said = {"limit_fen": limit_fen, "alert_fen": alert_fen, "changed_at": at}
    session.execute(
        insert(PartnerCredit)
        .values(partner=partner, **said)
        .on_conflict_do_update(index_elements=["partner"], set_=said)
    )


def has_credit(session: Session, *, partner: str, more_fen: int) -> bool:
    """Tell whether a partner may owe this much more; others wait until we are done."""
    limit: int | None = session.scalar(
        text(
            "SELECT limit_fen FROM partner_credit WHERE partner = :partner"
            " FOR NO KEY UPDATE"
        ),
        {"partner": partner},
    )
    if limit is None:
        return True
    return outstanding(session, partner=partner) + more_fen <= limit


def outstanding(session: Session, *, partner: str) -> int:
    """Return what a partner owes for exchanges, those under way included, in fen."""
    fen = session.scalar(
        text(
            """
            SELECT coalesce(sum(e.money_fen - coalesce(r.money_fen, 0)), 0)
              FROM exchange e
              LEFT JOIN exchange_reversal r USING (member_id, exchange_ref)
              LEFT JOIN partner_credit c ON c.partner = e.partner
             WHERE e.partner = :partner AND e.direction = 'in'
               AND e.billing = 'postpaid'
               AND (e.state IN ('requested', 'sent') OR e.effective_on
                    > coalesce(c.settled_through, '-infinity'))
            """
        ),
        {"partner": partner},
    )
    return int(fen or 0)


def _take(
    session: Session,
    wants: Sequence[Want],
    what: str,
    *,
    partner: str,
    direction: str,
    on: date,
    at: datetime,
) -> list[bool]:
    facts = {"partner": partner, "direction": direction, "on": on}
    blocks = session.scalars(_LOCK, facts).all()
    met = session.scalars(
        _RESERVE,
        {
            "blocks": list(blocks),
            "references": [want.reference for want in wants],
            "units": [want.units for want in wants],
            "what": what,
            "at": at,
        },
    )
    references = set(met)
    return [want.reference in references for want in wants]


def _follow(
    session: Session, references: Sequence[str], what: str, *, after: str, at: datetime
) -> None:
    ends = ["draw", "release"] if after == "reserve" else ["return"]
    session.execute(
        text(
            """
            SELECT FROM point_block b
             WHERE EXISTS (SELECT FROM block_move m WHERE m.block_id = b.block_id
                              AND m.reference = ANY (:references))
             ORDER BY b.starts_on, b.block_id FOR NO KEY UPDATE
            """
        ),
        {"references": list(references)},
    )
    session.execute(
        _FOLLOW,
        {
            "references": list(references),
            "what": what,
            "after": after,
            "ends": ends,
            "at": at,
        },
    )
