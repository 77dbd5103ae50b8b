"""What a figure of the journal is made of: the transfers and facts behind an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.finance.cohorts import Cohort
from loyalty.finance.rules import next_month
from loyalty.journal.facts import money, settling
from loyalty.journal.facts.earning import BARE_ROWS
from loyalty.journal.facts.legs import in_months, loose, lots

_ROWS_MAX: Final = 1_000
# Which transfers `t` an event is made of.
_TRANSFERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "opening": "t.kind = 'opening'",
        "bill_earned": "t.kind = 'bill_accrual'",
        "bill_adjusted": "t.kind = 'bill_adjustment'",
        "bill_canceled": "t.kind IN ('bill_cancel', 'bill_revival')",
        "partner_earned": "t.kind IN ('activity_accrual', 'activity_refund')",
        "exchanged_in": "t.kind IN ('exchange_in', 'exchange_in_reversal')",
        "exchanged_out": "t.kind = 'exchange_out'",
        "exchange_undone": "t.kind = 'exchange_out_reversal'",
        "purchased": "t.kind IN ('purchase', 'purchase_return')",
        "redeemed": "t.credit LIKE 'redeemed.%'",
        "returned": "t.debit LIKE 'redeemed.%'",
        "expired": "t.credit = 'expired'",
        "voided": "'voided.churn' IN (t.debit, t.credit)",
        "forfeited": "'forfeited.fraud' IN (t.debit, t.credit)",
        "owed": "'owed' IN (t.debit, t.credit) OR t.kind = 'bill_bounce'",
        **dict.fromkeys(
            ("granted", "recredited", "corrected"),
            "t.kind LIKE 'adjustment%' OR 'adjusted' IN (t.debit, t.credit)",
        ),
    }
)
_FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "club_cost": money.CLUB_ROWS,
        **dict.fromkeys(("cash_in", "cash_back"), money.CASH_ROWS),
        "cash_order": money.ORDER_ROWS,
        **dict.fromkeys(("block_bought", "block_sold"), money.BLOCK_ROWS),
        **dict.fromkeys(
            ("provider_fee", "charged_back", "payout"), money.PROVIDER_ROWS
        ),
        **dict.fromkeys(
            (
                *("partner_fee", "partner_purchase", "partner_adjusted", "netted"),
                *("dispute_granted", "paid_in", "paid_out", "written_off_in"),
                *("written_off_out", "suspended", "unexplained_in"),
            ),
            settling.ROWS,
        ),
    }
)

# Pending points have no lots, and what leaving takes of them is of several months.
_PENDING: Final = """
UNION ALL
SELECT t.member_id, t.id, t.kind, t.unit, NULL, t.amount FROM ledger.transfer t
 WHERE t.effective_on >= :first AND t.effective_on < :until AND t.draws IS NULL
   AND t.kind IN ('churn_void', 'reinstatement')
"""
# Bills and credit notes that moved no points have no transfers either.
_BARE: Final = f"""
UNION ALL
SELECT b.on_day, NULL, m.member_ref, b.reference, NULL, b.event, NULL, 0, b.fen
  FROM ({BARE_ROWS}) b JOIN member m USING (member_id) WHERE b.event = :event
"""
_BLOCK_EVENT: Final = (
    "CASE WHEN direction IN ('out', 'give') THEN 'block_bought' ELSE 'block_sold' END"
)
_HAD: Final = f"""
SELECT on_day, CAST(NULL AS timestamptz) AS occurred_at, m.member_ref,
       redemption_ref AS reference, NULL AS partner, event AS what, unit,
       round(used / CAST(parts AS numeric)) AS points, 0 AS fen
  FROM (WITH own AS MATERIALIZED ({money.OWN}) {in_months(money.OWN_ROWS)}) f
  JOIN member m ON m.member_id = f.member_id
 WHERE event = :event
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the things behind a figure."""

    on: date  # the accounting day
    occurred_at: datetime | None  # None: known by its day alone
    member_ref: str | None  # None: of no member, as the next
    reference: str | None
    partner: str | None  # None: of no partner
    what: str  # the kind of entry, or of fact
    unit: str | None  # None: money
    points: int
    fen: int


@dataclass(frozen=True, slots=True)
class Sources:
    """A page of what is behind a figure, and how much there is in all."""

    rows: tuple[Source, ...]
    count: int


def sources(
    session: Session,
    *,
    period: date,
    event: str,
    cohort: Cohort | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Sources:
    """Return what an event of a month is made of, in its order, a page of it.

    What the engine alone makes at the close, such as a true-up, is made of nothing
    but its cohort.
    """
    days = {"first": period, "until": next_month(period)}
    page = {"limit": min(limit, _ROWS_MAX), "offset": offset}
    if event in _TRANSFERS:
        query, chosen = _transfers(event, cohort)
    elif event in ("voucher_used", "voucher_lapsed"):
        query, chosen = _HAD, {"event": event}
    elif event in _FACTS:
        query, chosen = _facts(event), {"event": event}
    else:
        return Sources((), 0)
    rows = session.execute(
        text(
            f"SELECT *, count(*) OVER () AS of FROM ({query}) s"
            " ORDER BY on_day, reference, unit LIMIT :limit OFFSET :offset"
        ),
        days | page | chosen,
    ).all()
    return Sources(
        tuple(
            Source(
                on=row.on_day,
                occurred_at=row.occurred_at,
                member_ref=row.member_ref,
                reference=row.reference,
                partner=row.partner,
                what=row.what,
                unit=row.unit,
                points=int(row.points),
                fen=int(row.fen),
            )
            for row in rows
        ),
        int(rows[0].of) if rows else 0,
    )


def _transfers(event: str, cohort: Cohort | None) -> tuple[str, dict[str, Any]]:
    where = _TRANSFERS[event]
    chosen: dict[str, Any] = {}
    narrowed = ""
    if cohort is not None:
        narrowed = (
            "WHERE l.unit = :unit AND l.earned_in = :earned_in AND l.funding = :funding"
        )
        chosen = {
            "unit": cohort.unit,
            "earned_in": cohort.earned_in,
            "funding": cohort.funding,
        }
    pending = _PENDING if event == "voided" and cohort is None else ""
    query = f"""
    SELECT t.effective_on AS on_day, t.occurred_at, m.member_ref, r.reference,
           l.partner, l.kind AS what, l.unit, l.points, 0 AS fen
      FROM (SELECT l.member_id, l.id, l.kind, l.unit, l.partner, sum(l.units) AS points
              FROM ({lots(where)} UNION ALL {loose(where)}) l {narrowed}
             GROUP BY 1, 2, 3, 4, 5 {pending}) l
      JOIN LATERAL (SELECT t.effective_on, t.occurred_at FROM ledger.transfer t
                     WHERE t.member_id = l.member_id AND t.id = l.id
                     ORDER BY t.line LIMIT 1) t ON true
      LEFT JOIN member m ON m.member_id = l.member_id
      LEFT JOIN ledger.reference r ON r.member_id = l.member_id AND r.entry_id = l.id
    """
    if cohort is None and event in ("bill_earned", "bill_adjusted"):
        query += _BARE
        chosen["event"] = event
    return query, chosen


def _facts(event: str) -> str:
    own = {
        "club_cost": ("'club_cost'", "partner", "fen"),
        "cash_order": ("'cash_order'", "partner", "cash"),
        "block_bought": (
            _BLOCK_EVENT,
            "partner",
            "price_fen",
        ),
    }
    own["block_sold"] = own["block_bought"]
    partnerless = ("cash_in", "cash_back", "provider_fee", "charged_back", "payout")
    what, partner, fen = own.get(
        event, ("event", "NULL" if event in partnerless else "partner", "fen")
    )
    return f"""
    SELECT on_day, CAST(NULL AS timestamptz) AS occurred_at, NULL AS member_ref,
           NULL AS reference, {partner} AS partner, {what} AS what, NULL AS unit,
           0 AS points, {fen} AS fen
      FROM ({in_months(_FACTS[event])}) f WHERE {what} = :event
    """
