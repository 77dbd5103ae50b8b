"""A member's statement: the entries of a book, and what explains each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.points.entries import UNIVERSAL

# The entries of the books, as members think of them.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "earned": (
        "opening",
        "bill_release",
        "activity_accrual",
        "exchange_in",
        "purchase",
    ),
    "spent": ("redemption", "hold", "capture", "exchange_out"),
    "returned": (
        "redemption_reversal",
        "release",
        "reinstatement",
        "exchange_out_reversal",
    ),
    "expired": ("expiry",),
    "taken_back": (
        "purchase_return",
        "bill_bounce",
        "bill_adjustment",
        "activity_refund",
        "churn_void",
        "exchange_in_reversal",
    ),
    "pending": ("bill_accrual", "bill_revival", "bill_cancel"),
    "corrected": ("adjustment", "adjustment_reversal"),
}
ENTRIES_MAX: Final = 500
_LAST_ID: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class LotMove:
    """Units that entered (positive) or left a lot."""

    unit: str
    issuer: str
    name: str | None  # as with `IssuerPart`
    earned_in: date
    expires_on: date | None  # None: never
    units: int


@dataclass(frozen=True, slots=True)
class BillFacts:
    """The bill that an entry comes from."""

    bill_ref: str
    msisdn: str
    period: date
    amount_fen: int
    due_fen: int
    points_num: int
    points_den: int


@dataclass(frozen=True, slots=True)
class ActivityFacts:
    """What was done at a partner."""

    partner: str
    name: str | None
    partner_ref: str
    activity: str
    occurred_on: date
    amount_fen: int
    points_per: int
    per_fen: int
    is_refund: bool


@dataclass(frozen=True, slots=True)
class RedemptionFacts:
    """What the points went for."""

    order_ref: str | None  # None: redeemed before there were orders
    redemption_ref: str | None  # None: only held so far
    title_zh: str
    title_en: str
    quantity: int
    channel: str


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """What the points became, or came from."""

    exchange_ref: str
    partner: str
    name: str | None
    direction: str  # out: they became the partner's units
    from_unit: str
    to_unit: str
    units_out: int
    fee_points: int
    units_in: int


@dataclass(frozen=True, slots=True)
class AdjustmentFacts:
    """What was changed by hand, in the words that its reason has for the member."""

    words_zh: str
    words_en: str


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """An entry of the books, with all that explains it."""

    id: UUID
    kind: str
    effective_on: date
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    rule_version: int | None  # None: no rule was asked
    reference: str
    available: int  # the change; and so on
    pending: int
    held: int
    owed: int
    balance_after: int  # available, when its day and all before it were over
    lots: Sequence[LotMove]
    bill: BillFacts | None
    activity: ActivityFacts | None
    redemption: RedemptionFacts | None
    exchange: ExchangeFacts | None
    adjustment: AdjustmentFacts | None


def statement(
    session: Session,
    *,
    member_id: int,
    first: date | None = None,
    last: date,
    known_at: datetime | None = None,
    unit: str | None = None,
    group: str | None = None,
    before: tuple[date, UUID] | None = None,
    limit: int = ENTRIES_MAX,
) -> list[StatementEntry]:
    """Return a member's entries of some days with what explains them, newest first.

    `before` is the cursor: the day and id of the last entry already seen. With
    `known_at` nothing counts that was booked later.
    """
    assert 0 < limit <= ENTRIES_MAX
    rows = session.execute(
        _ENTRIES,
        {
            "member": member_id,
            "units": [unit] if unit else list(UNIVERSAL),
            "first": first,
            "last": last,
            "known_at": known_at,
            "kinds": list(GROUPS[group]) if group else None,
            "before_on": before[0] if before else date.max,
            "before_id": before[1] if before else _LAST_ID,
            "limit": limit,
        },
    ).all()
    facts = {"member": member_id, "ids": [row.id for row in rows]}
    lots: dict[UUID, list[LotMove]] = {}
    for entry_id, *move in session.execute(_LOT_MOVES, facts):
        lots.setdefault(entry_id, []).append(LotMove(*move))
    bills = {row[0]: BillFacts(*row[1:]) for row in session.execute(_BILLS, facts)}
    activities = {
        row[0]: ActivityFacts(*row[1:]) for row in session.execute(_ACTIVITIES, facts)
    }
    redeemed = {
        row[0]: RedemptionFacts(*row[1:])
        for row in session.execute(_REDEMPTIONS, facts)
    }
    exchanged = {
        row[0]: ExchangeFacts(*row[1:]) for row in session.execute(_EXCHANGES, facts)
    }
    adjusted = {
        row[0]: AdjustmentFacts(*row[1:]) for row in session.execute(_ADJUSTED, facts)
    }
    return [
        StatementEntry(
            **_plain(row),
            lots=lots.get(row.id, []),
            bill=bills.get(row.id),
            activity=activities.get(row.id),
            redemption=redeemed.get(row.id),
            exchange=exchanged.get(row.id),
            adjustment=adjusted.get(row.id),
        )
        for row in rows
    ]


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Return a row by name, its sums as whole numbers."""
    return {
        name: int(value) if isinstance(value, Decimal) else value
        for name, value in row._mapping.items()  # noqa: SLF001 - its public face
    }


def _change(account: str) -> str:
    return (
        f"sum(CASE '{account}' WHEN credit THEN amount WHEN debit THEN -amount"
        f" ELSE 0 END)"
    )


# Everything of the member up to the last day is read, for the balance after each.
_ENTRIES = text(
    f"""
    WITH entry AS (
        SELECT id, min(kind) AS kind, min(effective_on) AS effective_on,
               min(occurred_at) AS occurred_at, min(recorded_at) AS recorded_at,
               min(actor) AS actor, max(rule_version) AS rule_version,
               {_change("available")} AS available, {_change("pending")} AS pending,
               {_change("held")} AS held, -{_change("owed")} AS owed
          FROM ledger.transfer
         WHERE member_id = :member AND unit = ANY(:units) AND effective_on <= :last
           AND (CAST(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at)
         GROUP BY id
    ), running AS (
        SELECT *, sum(available) OVER (ORDER BY effective_on, id) AS balance_after
          FROM entry
    )
    SELECT e.*, coalesce((SELECT min(r.reference) FROM ledger.reference r
                           WHERE r.member_id = :member AND r.entry_id = e.id), '')
                AS reference
      FROM running e
     WHERE (CAST(:first AS date) IS NULL OR effective_on >= :first)
       AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))
       AND (effective_on, id) < (CAST(:before_on AS date), CAST(:before_id AS uuid))
     ORDER BY effective_on DESC, id DESC LIMIT :limit
    """
)

_LOT_MOVES = text(
    """
    SELECT d.id, d.unit, d.issuer, p.name, d.earned_in,
           nullif(d.expires_on, 'infinity'), d.units
      FROM ledger.lot_draw d LEFT JOIN partner p ON p.partner = d.issuer
     WHERE d.member_id = :member AND d.id = ANY(:ids)
     ORDER BY d.id, d.expires_on, d.unit, d.issuer, d.earned_in
    """
)

# The names of entries say what they come from: see the topics that post them.
_BILLS = text(
    r"""
    SELECT r.entry_id, b.bill_ref, b.msisdn, b.period, b.amount_fen, b.due_fen,
           b.points_num, b.points_den
      FROM ledger.reference r
     CROSS JOIN LATERAL (
         SELECT split_part(r.reference, ':', 1) AS source,
                regexp_replace(substr(r.reference, strpos(r.reference, ':') + 1),
                               ' (release|revival|bounce)$', '') AS named) n
      JOIN bill b ON b.member_id = r.member_id AND b.bill_ref = CASE
               WHEN n.source = 'bill' THEN n.named
               WHEN n.source IN ('cancel', 'bounce')
                   THEN regexp_replace(n.named, ':\d+$', '')
               WHEN n.source IN ('payment', 'adjustment') THEN (
                   SELECT e.bill_ref FROM bill_event e
                    WHERE e.member_id = r.member_id AND e.source = n.source
                      AND e.ref = n.named LIMIT 1) END
     WHERE r.member_id = :member AND r.entry_id = ANY(:ids)
    """
)

_ACTIVITIES = text(
    """
    SELECT r.entry_id, a.partner, p.name, a.partner_ref, a.activity, a.occurred_on,
           a.amount_fen, a.points_per, a.per_fen, a.original_ref IS NOT NULL
      FROM ledger.reference r
      JOIN activity a ON a.member_id = r.member_id
                     AND r.reference
                       = concat('activity:', a.partner, '/', a.partner_ref)
      LEFT JOIN partner p ON p.partner = a.partner
     WHERE r.member_id = :member AND r.entry_id = ANY(:ids)
    """
)

# An entry is of an order or a place, holds for one, captures or undoes what another
# did.
_REDEMPTIONS = text(
    """
    SELECT DISTINCT ON (t.id) t.id, o.order_ref, d.redemption_ref, i.title_zh,
           i.title_en, coalesce(o.quantity, d.quantity, 1),
           coalesce(o.channel, d.channel, 'club')
      FROM ledger.transfer t
      LEFT JOIN redemption d ON d.member_id = t.member_id
                            AND d.entry_id IN (t.id, t.reverses)
      LEFT JOIN member_order o
             ON o.member_id = t.member_id
            AND (o.held_by IN (t.id, t.reverses) OR o.redeemed_by IN (t.id, t.reverses)
                 OR o.order_ref = d.redemption_ref)
      LEFT JOIN session_place s ON s.member_id = t.member_id
                               AND s.held_by IN (t.id, t.reverses)
      LEFT JOIN venue_session v ON v.session_id = s.session_id
      JOIN catalogue_item i
        ON i.item_code = coalesce(o.item_code, d.item_code, v.item_code)
     WHERE t.member_id = :member AND t.id = ANY(:ids)
     ORDER BY t.id, t.line
    """
)

_EXCHANGES = text(
    """
    SELECT DISTINCT ON (t.id) t.id, e.exchange_ref, e.partner, p.name, e.direction,
           e.from_unit, e.to_unit, e.units_out, e.fee_points, e.units_in
      FROM ledger.transfer t
      JOIN exchange e ON e.member_id = t.member_id
                     AND (e.held_by IN (t.id, t.reverses)
                          OR e.entry_id IN (t.id, t.reverses))
      LEFT JOIN partner p ON p.partner = e.partner
     WHERE t.member_id = :member AND t.id = ANY(:ids)
     ORDER BY t.id, t.line
    """
)

# What undoes a debt beside what goes back to lots is named after it.
_ADJUSTED = text(
    """
    SELECT r.entry_id, s.member_zh, s.member_en
      FROM ledger.reference r
      JOIN adjustment a ON a.member_id = r.member_id
                       AND r.reference IN ('manual:' || a.adjustment_ref,
                                           'manual:' || a.adjustment_ref || ' debt')
      JOIN adjustment_reason s ON s.reason = a.reason
     WHERE r.member_id = :member AND r.entry_id = ANY(:ids)
    """
)
