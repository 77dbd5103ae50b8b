"""Units paid for in advance: drawn by sets, oldest start first, never below nothing.

A block is what all members of a programme share, so an exchange takes it last in its
transaction; accruals take turns by partner before anything else. Whatever is drawn
has a reference: an exchange's, or that of the accrual's entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.prepaid.fitting import FITTING
from loyalty.prepaid.models import PointBlock

# Locked in the order in which they are drawn, so that nobody waits in a circle.
_LOCK = text(
    """
    SELECT block_id FROM point_block
     WHERE partner = :partner AND direction = :direction
       AND starts_on <= :last_day AND coalesce(ends_on, 'infinity') >= :first_day
     ORDER BY starts_on, block_id FOR NO KEY UPDATE
    """
)

_TAKE = text(
    f"""
    WITH RECURSIVE free AS MATERIALIZED (
        SELECT coalesce(array_agg(block_id ORDER BY starts_on, block_id), '{{}}')
                   AS ids,
               array_agg(starts_on ORDER BY starts_on, block_id) AS starts,
               array_agg(coalesce(ends_on, 'infinity') ORDER BY starts_on, block_id)
                   AS ends,
               coalesce(array_agg(units_left - units_reserved
                                  ORDER BY starts_on, block_id), '{{}}') AS units
          FROM point_block WHERE block_id = ANY (:blocks)
    ), known AS MATERIALIZED (
        SELECT DISTINCT reference FROM block_move
         WHERE reference = ANY (:references) AND what = :what
    ), wanted AS MATERIALIZED (
        SELECT reference, units, on_day, row_number() OVER (ORDER BY ord) AS nth
          FROM unnest(CAST(:references AS text[]), CAST(:units AS bigint[]),
                      CAST(:days AS date[]))
               WITH ORDINALITY AS w(reference, units, on_day, ord)
         WHERE reference NOT IN (SELECT reference FROM known)
    ), {FITTING}, moved AS (
        INSERT INTO block_move (reference, block_id, what, units, at)
        SELECT reference, id, :what, units, :at FROM taken
    ), changed AS (
        UPDATE point_block b
           SET units_reserved = units_reserved
                   + CASE :what WHEN 'reserve' THEN t.units ELSE 0 END,
               units_left = units_left
                   - CASE :what WHEN 'draw' THEN t.units ELSE 0 END
          FROM (SELECT id, sum(units) AS units FROM taken GROUP BY id) t
         WHERE b.block_id = t.id
    )
    SELECT reference FROM known UNION ALL SELECT reference FROM taken
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


# A part of what was drawn goes back to where the last of it came from. What went back
# before stands in `before`, so that parts never overlap.
_GIVE_BACK = text(
    """
    WITH drawn AS (
        SELECT r.reference, r.before, r.units AS wanted, m.block_id, m.units,
               sum(m.units) OVER w - m.units AS above
          FROM unnest(CAST(:references AS text[]), CAST(:originals AS text[]),
                      CAST(:befores AS bigint[]), CAST(:units AS bigint[]))
               AS r(reference, original, before, units)
          JOIN block_move m ON m.reference = r.original AND m.what = 'draw'
          JOIN point_block b ON b.block_id = m.block_id
        WINDOW w AS (PARTITION BY r.reference ORDER BY b.starts_on DESC,
                     b.block_id DESC ROWS UNBOUNDED PRECEDING)
    ), parts AS MATERIALIZED (
        SELECT reference, block_id,
               least(before + wanted, above + units) - greatest(before, above) AS units
          FROM drawn WHERE above < before + wanted AND before < above + units
    ), moved AS (
        INSERT INTO block_move (reference, block_id, what, units, at)
        SELECT reference, block_id, 'return', units, :at FROM parts
    )
    UPDATE point_block b SET units_left = units_left + p.units
      FROM (SELECT block_id, sum(units) AS units FROM parts GROUP BY 1) p
     WHERE b.block_id = p.block_id
    """
)


@dataclass(frozen=True, slots=True)
class Want:
    """Units wanted under a reference, of what may be drawn on a day."""

    reference: str
    units: int
    on: date


@dataclass(frozen=True, slots=True)
class Return:
    """A part of what was drawn under another reference, on its way back."""

    reference: str
    original: str
    before: int  # units that went back before
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
    at: datetime,
) -> list[bool]:
    """Set units of a partner's blocks aside; tell of each want whether it fitted.

    Oldest start first; a want is met whole, over several blocks if need be, or not at
    all. A reference that was met before is met again and takes nothing more.
    """
    return _take(session, wants, "reserve", partner=partner, use=direction, at=at)


def draw(
    session: Session,
    wants: Sequence[Want],
    *,
    partner: str,
    direction: str,
    at: datetime,
) -> list[bool]:
    """Take units of a partner's blocks at once; as `reserve` otherwise."""
    return _take(session, wants, "draw", partner=partner, use=direction, at=at)


def draw_reserved(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Take what was set aside under these references, once."""
    _follow(session, references, "draw", after="reserve", at=at)


def release(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Let go of what was set aside under these references and not taken, once."""
    _follow(session, references, "release", after="reserve", at=at)


def put_back(session: Session, references: Sequence[str], *, at: datetime) -> None:
    """Give back what was taken under these references, to the same blocks, once."""
    _follow(session, references, "return", after="draw", at=at)


def give_back(session: Session, returns: Sequence[Return], *, at: datetime) -> None:
    """Give parts of what was drawn back, to the blocks that were drawn last.

    What was not drawn does not go back.
    """
    _lock_drawn(session, [one.original for one in returns])
    session.execute(
        _GIVE_BACK,
        {
            "references": [one.reference for one in returns],
            "originals": [one.original for one in returns],
            "befores": [one.before for one in returns],
            "units": [one.units for one in returns],
            "at": at,
        },
    )


def _take(
    session: Session,
    wants: Sequence[Want],
    what: str,
    *,
    partner: str,
    use: str,
    at: datetime,
) -> list[bool]:
    if not wants:
        return []
    days = [want.on for want in wants]
    facts = {"first_day": min(days), "last_day": max(days)}
    blocks = session.scalars(_LOCK, {"partner": partner, "direction": use} | facts)
    met = session.scalars(
        _TAKE,
        {
            "blocks": list(blocks),
            "references": [want.reference for want in wants],
            "units": [want.units for want in wants],
            "days": days,
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
    _lock_drawn(session, references)
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


def _lock_drawn(session: Session, references: Sequence[str]) -> None:
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
