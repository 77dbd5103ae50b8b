"""Take in what a partner bills for a month, and lay it beside our books."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.comparing import Difference, keep
from loyalty.breaks.models import Comparison
from loyalty.matching.bookings import corrections, owed_by_us
from loyalty.matching.errors import BadInvoice, InvoiceKnown
from loyalty.matching.facts import facts
from loyalty.matching.invoice_lines import InvoiceLine, check_line
from loyalty.matching.models import PartnerInvoice, PartnerInvoiceLine
from loyalty.matching.queries import Sides, Total, last_day, sides, terms_of
from loyalty.matching.rules import INVOICE_SUBJECT

TOTAL: Final = "total"

# What was had of each item, as many as there were; of miles, as many as arrived.
_OURS_BY_ITEM = """
SELECT f.kind, coalesce(r.item_code, o.item_code, e.to_unit) AS item,
       count(*) AS lines, sum(f.fen) AS fen,
       sum(coalesce(r.quantity, -b.quantity, f.other_units)) AS units
  FROM ({facts}) f
  LEFT JOIN redemption r ON f.kind = 'redemption' AND r.member_id = f.member_id
                        AND r.redemption_ref = f.event_ref
  LEFT JOIN redemption_return b ON f.kind = 'return' AND b.member_id = f.member_id
                               AND b.redemption_ref || '/' || b.return_ref = f.event_ref
  LEFT JOIN redemption o ON o.member_id = b.member_id
                        AND o.redemption_ref = b.redemption_ref
  LEFT JOIN exchange e ON f.kind LIKE 'exchange%' AND e.member_id = f.member_id
                      AND e.exchange_ref = f.event_ref
 WHERE f.on_day BETWEEN :first AND :last AND f.kind = ANY (:kinds)
 GROUP BY 1, 2
"""
_BILLED_BY_ITEM = """
SELECT l.kind, l.item, count(*) AS lines, sum(l.quantity) AS units,
       sum(l.amount_fen) AS fen
  FROM partner_invoice i JOIN partner_invoice_line l USING (partner, invoice_no)
 WHERE i.partner = :partner AND i.period = :first AND l.kind = ANY (:kinds)
 GROUP BY 1, 2
"""
# What was corrected since, of an item where the break says which.
_CORRECTED_BY_ITEM = """
SELECT k.kind, coalesce(r.item_code, CASE b.subject WHEN :subject
           THEN nullif(split_part(b.reference, ' ', 2), '') END) AS item, sum(-k.fen)
           AS fen
  FROM partner_booking k
  JOIN statement_break b USING (break_id)
  LEFT JOIN redemption r ON r.member_id = b.member_id
                        AND r.redemption_ref = b.event_ref
 WHERE k.partner = :partner AND k.period = :first AND k.kind = ANY (:kinds)
 GROUP BY 1, 2
"""

_ITEMLESS = """
SELECT DISTINCT l.kind
  FROM partner_invoice i LEFT JOIN partner_invoice_line l USING (partner, invoice_no)
 WHERE i.partner = :partner AND i.period = :first AND l.item IS NULL
"""


def enter_invoice(
    session: Session,
    *,
    partner: str,
    invoice_no: str,
    period: date,
    total_fen: int,
    lines: Sequence[InvoiceLine],
    by: int,
    at: datetime,
) -> Comparison:
    """Write an invoice down, and compare the month with what we have.

    `lines` may tell items, or kinds alone; where there are none the total counts.
    What is undone stands below zero. Raises `InvoiceKnown`, `BadInvoiceLine` and
    `BadInvoice`.
    """
    if session.get(PartnerInvoice, (partner, invoice_no)) is not None:
        raise InvoiceKnown(invoice_no=invoice_no)
    owed = owed_by_us(session, partner)
    for nth, line in enumerate(lines, start=1):
        check_line(nth, line, owed=owed)
    lines_fen = sum(line.fen for line in lines)
    if lines and lines_fen != total_fen:
        raise BadInvoice(total_fen=total_fen, lines_fen=lines_fen)
    session.add(
        PartnerInvoice(
            partner=partner,
            invoice_no=invoice_no,
            period=period,
            total_fen=total_fen,
            entered_at=at,
            entered_by=by,
        )
    )
    session.flush()
    session.add_all(
        PartnerInvoiceLine(
            partner=partner,
            invoice_no=invoice_no,
            line_no=nth,
            kind=line.kind,
            item=line.item,
            units=None,
            quantity=line.quantity,
            price_fen=line.price_fen,
            amount_fen=line.fen,
        )
        for nth, line in enumerate(lines, start=1)
    )
    session.flush()
    found = sides(session, partner=partner, period=period)
    return keep(
        session,
        subject=INVOICE_SUBJECT,
        partner=partner,
        about_on=period,
        ours=found.ours.as_json(),
        theirs={"fen": found.billed_fen},
        differences=differences(session, found, partner=partner, period=period),
        actor=f"staff:{by}",
        at=at,
    )


def differences(
    session: Session, found: Sides, *, partner: str, period: date
) -> list[Difference]:
    """Return where the invoices of a month and our books differ.

    By item where all lines of a kind say so, else by kind where all invoices have
    lines, else in the sum of what we owe alone. What reconciling has corrected
    already counts with our side.
    """
    corrected = corrections(session, partner=partner, period=period)
    ours = {
        kind: found.our_kinds.get(kind, Total()) + Total(fen=corrected.get(kind, 0))
        for kind in owed_by_us(session, partner)
        if kind in found.our_kinds or kind in corrected
    }
    itemless = _itemless(session, partner, period)
    if itemless is None:
        owed = sum(ours.values(), Total()) + Total(fen=corrected.get("", 0))
        pairs = {TOTAL: (owed, Total(fen=found.billed_fen or 0))}
        return list(_differing(pairs, with_units=False))
    by_item = sorted(found.billed.keys() - itemless)
    by_kind = sorted({*found.billed, *ours} - {*by_item})
    return [
        *_differing(
            {
                kind: (ours.get(kind, Total()), found.billed.get(kind, Total()))
                for kind in by_kind
            },
            with_units=False,
        ),
        *_differing(
            item_pairs(session, partner=partner, period=period, kinds=by_item),
            with_units=True,
        ),
    ]


def items_billed(
    session: Session, *, partner: str, period: date
) -> dict[str, tuple[Total | None, Total | None]]:
    """Return the items of a month that invoices name, beside ours; perhaps none."""
    kinds = sides(session, partner=partner, period=period).billed.keys()
    by_item = kinds - (_itemless(session, partner, period) or set())
    if not by_item:
        return {}
    return item_pairs(session, partner=partner, period=period, kinds=by_item)


def item_pairs(
    session: Session, *, partner: str, period: date, kinds: Iterable[str]
) -> dict[str, tuple[Total | None, Total | None]]:
    """Return what we have and what is billed of each item; None: nothing."""
    terms = terms_of(session, partner=partner)
    said = {
        "partner": partner,
        "first": period,
        "last": last_day(period),
        "zone": terms.time_zone,
        "cut_off": terms.cut_off_minutes,
        "kinds": list(kinds),
        "subject": INVOICE_SUBJECT,
    }

    def totals(query: str) -> dict[str, Total]:
        return {
            f"{row.kind} {row.item}": Total(
                int(row.lines), int(row.units), int(row.fen)
            )
            for row in session.execute(text(query), said)
        }

    ours = totals(_OURS_BY_ITEM.format(facts=facts(terms)))
    for row in session.execute(text(_CORRECTED_BY_ITEM), said):
        # What was owed before anybody knew what for is of no item.
        name = f"{row.kind} {row.item or TOTAL}"
        ours[name] = ours.get(name, Total()) + Total(fen=int(row.fen))
    billed = totals(_BILLED_BY_ITEM)
    return {
        name: (ours.get(name), billed.get(name)) for name in sorted({*ours, *billed})
    }


def _differing(
    pairs: Mapping[str, tuple[Total | None, Total | None]], *, with_units: bool
) -> Iterable[Difference]:
    for reference, (ours, theirs) in pairs.items():
        code = _code(ours, theirs, with_units=with_units)
        if code is not None:
            yield Difference(
                reference=reference,
                code=code,
                ours_units=ours.units if ours and with_units else None,
                theirs_units=theirs.units if theirs and with_units else None,
                ours_fen=ours.fen if ours else None,
                theirs_fen=theirs.fen if theirs else None,
            )


def _code(ours: Total | None, theirs: Total | None, *, with_units: bool) -> str | None:
    # An invoice may tell money alone; what it does not tell cannot differ.
    if theirs is None and ours is not None and ours.fen == 0:
        return None
    if ours is None or theirs is None:
        return "MISSING_OURS" if ours is None else "MISSING_THEIRS"
    if with_units and ours.units != theirs.units:
        return "UNITS_DIFF"
    if ours.fen == theirs.fen:
        return None
    return "RATE_DIFF" if with_units else "AMOUNT_DIFF"


def _itemless(session: Session, partner: str, period: date) -> set[str] | None:
    """Return the kinds of which some line tells no item.

    None: some invoice has no lines, and says nothing of kinds at all.
    """
    rows = session.execute(text(_ITEMLESS), {"partner": partner, "first": period}).all()
    return None if any(row.kind is None for row in rows) else {row.kind for row in rows}
