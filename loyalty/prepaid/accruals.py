"""Bill partners for what a chunk of activities earns: by blocks, or on credit.

Whether a line may be posted is decided for the whole chunk first, in the order of its
lines; what the chunk's refunds give back serves the chunks after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.prepaid import blocks, credit
from loyalty.prepaid.credit import Credit
from loyalty.prepaid.errors import BlockEmpty, CreditUsedUp

EARN: Final = "earn"  # what blocks for accruals serve

# The first day of what a partner agreed to that holds for a line `l`.
BILLED_FROM: Final = """
(SELECT max(b.valid_from) FROM accrual_billing b
  WHERE b.partner = l.partner AND b.valid_from <= l.occurred_on)
"""

_HOLD = text(
    """
    SELECT partner FROM partner p
     WHERE EXISTS (SELECT FROM accrual_billing b WHERE b.partner = p.partner)
       AND EXISTS (SELECT FROM line l WHERE l.partner = p.partner)
     ORDER BY partner FOR NO KEY UPDATE
    """
)

_OWE = text(
    """
    INSERT INTO accrual_owed (partner, valid_from, owed_on, units)
    SELECT d.partner, d.billed_from, greatest(d.occurred_on, CAST(:first_open AS date)),
           sum(CASE WHEN d.original_ref IS NULL THEN d.points ELSE -d.points END)
      FROM doing d
      JOIN accrual_billing b ON b.partner = d.partner AND b.valid_from = d.billed_from
     WHERE b.billing = 'postpaid' AND d.points > 0
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (partner, valid_from, owed_on)
        DO UPDATE SET units = accrual_owed.units + excluded.units
    """
)

_RETURNS = text(
    """
    SELECT d.reference, d.original, d.returned, d.points
      FROM doing d
      JOIN accrual_billing b ON b.partner = d.partner AND b.valid_from = d.billed_from
     WHERE b.billing = 'prepaid' AND d.original_ref IS NOT NULL AND d.points > 0
     ORDER BY d.line_no
    """
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a line that is to be posted costs its partner."""

    line_no: int
    partner: str
    billing: str
    reference: str
    units: int
    on: date
    parts: int  # of a fen; 0 where a block pays


@dataclass(frozen=True, slots=True)
class Billed:
    """The partners of a chunk that pay for it, and what they owed before."""

    partners: Sequence[str]
    before: Mapping[str, Credit]
    at: datetime


def hold_partners(session: Session) -> Billed | None:
    """Keep others from posting for the chunk's partners that pay; None: none does.

    Whoever comes second waits here, before it has claimed anything.
    """
    partners = session.scalars(_HOLD).all()
    if not partners:
        return None
    known = {one: credit.credit_of(session, partner=one) for one in partners}
    at: datetime = session.scalar(text("SELECT now()"))
    return Billed(
        partners=partners,
        before={one: said for one, said in known.items() if said is not None},
        at=at,
    )


def refused(
    session: Session, billed: Billed, charges: Iterable[Charge]
) -> dict[str, list[int]]:
    """Draw what lines cost, in their order; return those that do not fit, by reason."""
    found: dict[str, list[int]] = {}
    by_partner = sorted(charges, key=lambda one: (one.partner, one.billing))
    for (partner, billing), group in groupby(
        by_partner, key=lambda one: (one.partner, one.billing)
    ):
        wanted = sorted(group, key=lambda one: one.line_no)
        if billing == "prepaid":
            reason = BlockEmpty.code
            wants = [blocks.Want(one.reference, one.units, one.on) for one in wanted]
            met = blocks.draw(
                session, wants, partner=partner, direction=EARN, at=billed.at
            )
        else:
            reason = CreditUsedUp.code
            limit = billed.before.get(partner)
            met = credit.fit(session, limit, [one.parts for one in wanted])
        found.setdefault(reason, []).extend(
            one.line_no for one, fits in zip(wanted, met, strict=True) if not fits
        )
    return found


def settle(session: Session, billed: Billed, *, first_open: date | None) -> None:
    """Write up what the lines in `doing` owe, and give back what refunds return."""
    session.execute(_OWE, {"first_open": first_open})
    returns = [blocks.Return(*row) for row in session.execute(_RETURNS)]
    if returns:
        blocks.give_back(session, returns, at=billed.at)


def tell(session: Session, billed: Billed) -> None:
    """Tell partners that have just come near to their limits."""
    for partner, before in billed.before.items():
        after = credit.credit_of(session, partner=partner)
        if after is not None:
            credit.alert(
                session, partner=partner, before=before, after=after, at=billed.at
            )
