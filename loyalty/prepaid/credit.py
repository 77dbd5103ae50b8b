"""What partners owe for exchanges and for accruals, and how far they may.

Money is counted in parts of a fen, so that no line is rounded on its own: prices are
fen for a thousand points, of which a partner pays so many per cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, text, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.events.operations import record
from loyalty.prepaid.fitting import FITTING
from loyalty.prepaid.models import PartnerCredit

PARTS = 1_000 * 100  # of a fen
_ALERT_PCT = 80  # of a limit that came without an alert of its own

# What partners owe, in parts: exchanges under way included, accruals by their sums.
OWED = f"""
SELECT partner, sum(parts) AS parts
  FROM (SELECT e.partner, (e.money_fen - coalesce(r.money_fen, 0))
                          * CAST({PARTS} AS numeric) AS parts
          FROM exchange e
          LEFT JOIN exchange_reversal r USING (member_id, exchange_ref)
          LEFT JOIN partner_credit c ON c.partner = e.partner
         WHERE e.direction = 'in' AND e.billing = 'postpaid'
           AND (e.state IN ('requested', 'sent') OR e.effective_on
                > coalesce(c.settled_through, '-infinity'))
         UNION ALL
        SELECT o.partner, CAST(o.units AS numeric) * b.thousand_fen * b.billing_pct
          FROM accrual_owed o
          JOIN accrual_billing b USING (partner, valid_from)
          LEFT JOIN partner_credit c ON c.partner = o.partner
         WHERE o.owed_on > coalesce(c.settled_through, '-infinity')) owed
 GROUP BY partner
"""

# Asked once the row is ours: what others owed meanwhile must be counted.
_PARTS = text(f"SELECT parts FROM ({OWED}) o WHERE o.partner = :partner")

_FIT = text(
    f"""
    WITH RECURSIVE free AS MATERIALIZED (
        SELECT CAST('{{1}}' AS bigint[]) AS ids,
               CAST('{{-infinity}}' AS date[]) AS starts,
               CAST('{{infinity}}' AS date[]) AS ends,
               ARRAY[CAST(:free AS bigint)] AS units
    ), wanted AS MATERIALIZED (
        SELECT nth AS reference, units, CAST('2000-01-01' AS date) AS on_day, nth
          FROM unnest(CAST(:parts AS bigint[])) WITH ORDINALITY AS w(units, nth)
    ), {FITTING}
    SELECT reference FROM taken
    """
)
_FREE_MAX = 2**62  # more than anybody owes, and within a bigint


@dataclass(frozen=True, slots=True)
class Credit:
    """How far a partner may owe, and how far it does."""

    limit_fen: int | None  # None: no limit
    alert_fen: int | None  # None: when four fifths of a limit are reached
    parts: int

    @property
    def outstanding_fen(self) -> int:
        """What is owed, half a fen rounded up."""
        return (2 * self.parts + PARTS) // (2 * PARTS)

    @property
    def is_alarming(self) -> bool:
        """Whether finance and the partner want to know."""
        alert = alert_of(self.limit_fen, self.alert_fen)
        return alert is not None and self.parts >= alert * PARTS


def alert_of(limit_fen: int | None, alert_fen: int | None) -> int | None:
    """Return from what debt on to tell, a fraction of a fen rounded up; None: never."""
    if alert_fen is not None or limit_fen is None:
        return alert_fen
    return -(-limit_fen * _ALERT_PCT // 100)


def limit_credit(
    session: Session,
    *,
    partner: str,
    limit_fen: int | None,
    alert_fen: int | None,
    at: datetime,
) -> None:
    """Say how much a partner may owe, and from when on to tell."""
    said = {"limit_fen": limit_fen, "alert_fen": alert_fen, "changed_at": at}
    session.execute(
        insert(PartnerCredit)
        .values(partner=partner, **said)
        .on_conflict_do_update(index_elements=["partner"], set_=said)
    )


def settle_through(session: Session, *, partner: str, day: date, at: datetime) -> None:
    """Count nothing until a day as owed any more: it was settled and paid."""
    session.execute(
        insert(PartnerCredit)
        .values(partner=partner, settled_through=day, changed_at=at)
        .on_conflict_do_update(
            index_elements=["partner"],
            set_={"settled_through": day, "changed_at": at},
            where=func.coalesce(PartnerCredit.settled_through < day, true()),
        )
    )


def credit_of(session: Session, *, partner: str) -> Credit | None:
    """Return a partner's credit; None: it has none, and no limit.

    Others who want to owe wait until we are done.
    """
    found = session.execute(
        text(
            "SELECT limit_fen, alert_fen FROM partner_credit WHERE partner = :partner"
            " FOR NO KEY UPDATE"
        ),
        {"partner": partner},
    ).first()
    if found is None:
        return None
    parts = session.scalar(_PARTS, {"partner": partner})
    return Credit(found.limit_fen, found.alert_fen, int(parts or 0))


def has_credit(
    session: Session, *, partner: str, counted_fen: int, at: datetime
) -> bool:
    """Tell whether a partner may owe what it owes, of which this much is new.

    It is told when the new part takes it over its alert.
    """
    credit = credit_of(session, partner=partner)
    if credit is None:
        return True
    if credit.limit_fen is not None and credit.parts > credit.limit_fen * PARTS:
        return False
    before = Credit(
        credit.limit_fen, credit.alert_fen, credit.parts - counted_fen * PARTS
    )
    alert(session, partner=partner, before=before, after=credit, at=at)
    return True


def fit(session: Session, credit: Credit | None, parts: Sequence[int]) -> list[bool]:
    """Tell of new debts, in their order, which a partner may still owe.

    One that does not fit is left out, and whatever comes after may still fit.
    """
    if credit is None or credit.limit_fen is None:
        return [True] * len(parts)
    free = max(0, min(credit.limit_fen * PARTS - credit.parts, _FREE_MAX))
    met = set(session.scalars(_FIT, {"free": free, "parts": list(parts)}))
    return [nth in met or not wanted for nth, wanted in enumerate(parts, start=1)]


def alert(
    session: Session, *, partner: str, before: Credit, after: Credit, at: datetime
) -> None:
    """Tell a partner that it comes near to its limit, when it has just done so."""
    if before.is_alarming or not after.is_alarming:
        return
    data = {"outstanding": _money(after.outstanding_fen)}
    if after.limit_fen is not None:
        data["limit"] = _money(after.limit_fen)
    record(session, partner=partner, type_="credit.alert", data=data, at=at)


def _money(fen: int) -> dict[str, str]:
    return {"amount": f"{fen // 100}.{fen % 100:02d}", "currency": "CNY"}
