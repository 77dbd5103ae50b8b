"""Give a coalition's points on bills in place of our own, and take them back.

They live as points of our own do, in lots that stay the coalition's. What it is owed
for is written down with each entry; blocks that were paid for in advance cover it while
they last, oldest start first, and what is taken back returns to them.
"""

from datetime import datetime
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import fill
from loyalty.points.entries import COALITION, CUP, UNI
from loyalty.points.operations import first_open_day
from loyalty.prepaid import blocks
from loyalty.prepaid.coalitions import GIVE

# Of a bill: who issues its points, in which unit, and of what kind their lot is.
ISSUED = (
    "CASE WHEN {0}coalition IS NULL THEN 'issued'"
    " ELSE 'issued.partner:' || {0}coalition END"
)
UNITS = f"CASE WHEN {{0}}coalition IS NULL THEN ARRAY['{CUP}'] ELSE ARRAY['{UNI}'] END"
ISSUER = "coalesce(coalition, 'operator')"
COST_CLASS = f"CASE WHEN coalition IS NULL THEN 'bill' ELSE '{COALITION}' END"

# What a bill of the line `l` and the brand of `s` gives that is not our own.
_TERMS = """
LEFT JOIN LATERAL (
    SELECT c.partner, c.valid_from, c.points_num, c.points_den FROM coalition_terms c
     WHERE c.valid_from <= l.billed_on AND s.brand = ANY (c.brands)
       AND NOT EXISTS (SELECT FROM coalition_terms n
                        WHERE n.partner = c.partner AND n.valid_from > c.valid_from
                          AND n.valid_from <= l.billed_on)
     ORDER BY c.valid_from DESC, c.partner LIMIT 1) c ON true
"""
# While there is no coalition, nobody looks for one line by line.
_NO_TERMS = """
CROSS JOIN (SELECT CAST(NULL AS text) AS partner, CAST(NULL AS date) AS valid_from,
                   CAST(NULL AS int) AS points_num, CAST(NULL AS int) AS points_den) c
"""

# Blocks are what all members share: whoever comes second waits here, before it has
# touched a book.
_HOLD = text(
    """
    SELECT partner FROM partner p
     WHERE EXISTS (SELECT FROM coalition_terms c
                    WHERE c.partner = p.partner AND c.billing = 'prepaid')
     ORDER BY partner FOR NO KEY UPDATE
    """
)

_WANTS = text(
    """
    SELECT m.coalition, m.reference, m.units, m.on_day
      FROM coalition_move m
      JOIN coalition_terms c ON c.partner = m.coalition
                            AND c.valid_from = m.coalition_from
     WHERE m.units > 0 AND c.billing = 'prepaid'
     ORDER BY m.coalition, m.on_day, m.reference
    """
)

# Of what is taken back, blocks covered what they covered when it was given last.
_RECORD = text(
    """
    INSERT INTO coalition_points (member_id, bill_ref, nth, what, reference, partner,
                                  valid_from, units, price_fen, is_prepaid, occurred_on,
                                  effective_on)
    SELECT m.member_id, m.bill_ref, coalesce(k.nth, 0) + 1, m.what, m.reference,
           m.coalition, m.coalition_from, m.units, m.price_fen,
           CASE WHEN m.units < 0 THEN k.is_prepaid
                ELSE EXISTS (SELECT FROM block_move b
                              WHERE b.reference = m.reference AND b.what = 'draw') END,
           m.on_day, greatest(m.on_day, CAST(:first_open AS date))
      FROM coalition_move m
      LEFT JOIN LATERAL (
          SELECT p.nth, p.is_prepaid FROM coalition_points p
           WHERE p.member_id = m.member_id AND p.bill_ref = m.bill_ref
           ORDER BY p.nth DESC LIMIT 1) k ON true
    """
)

_RETURNS = text(
    """
    SELECT m.reference, o.reference AS original, o.units - coalesce((
               SELECT sum(p.units) FROM coalition_points p
                WHERE p.member_id = m.member_id AND p.bill_ref = m.bill_ref
                  AND p.nth >= o.nth), 0) + m.units AS before, -m.units AS units
      FROM coalition_move m
     CROSS JOIN LATERAL (
          SELECT p.nth, p.reference, p.units, p.is_prepaid FROM coalition_points p
           WHERE p.member_id = m.member_id AND p.bill_ref = m.bill_ref AND p.units > 0
           ORDER BY p.nth DESC LIMIT 1) o
     WHERE m.units < 0 AND o.is_prepaid
     ORDER BY m.reference
    """
)


def hold_coalitions(session: Session) -> bool:
    """Keep others from drawing on coalitions' blocks; tell whether there is any."""
    if not session.scalar(text("SELECT EXISTS (SELECT FROM coalition_terms)")):
        return False
    session.execute(_HOLD)
    return True


def terms_of(*, has_coalitions: bool) -> str:
    """Return the join by which a bill's line finds the coalition it gives points of."""
    return _TERMS if has_coalitions else _NO_TERMS


def write_down(session: Session, moves: str) -> None:
    """Write down what a chunk gives of coalitions, or takes back, and draw on blocks.

    `moves` is a query of `member_id, bill_ref, what, reference, coalition,
    coalition_from, units, price_fen, on_day`, at most one for each bill.
    """
    fill(session, "coalition_move", moves)
    wanted = session.execute(_WANTS).all()
    at: datetime = session.scalar(text("SELECT now()"))
    for partner, group in groupby(wanted, key=lambda one: str(one.coalition)):
        blocks.draw(
            session,
            [blocks.Want(one.reference, one.units, one.on_day) for one in group],
            partner=partner,
            direction=GIVE,
            at=at,
        )
    session.execute(_RECORD, {"first_open": first_open_day(session)})
    returns = [blocks.Return(*row) for row in session.execute(_RETURNS)]
    if returns:
        blocks.give_back(session, returns, at=at)
