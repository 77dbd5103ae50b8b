"""Take in what a partner bills for a month, and lay it beside our books."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loyalty.breaks.comparing import Difference, keep
from loyalty.breaks.models import Comparison
from loyalty.matching.errors import BadInvoice, InvoiceKnown
from loyalty.matching.models import PartnerInvoice, PartnerInvoiceLine
from loyalty.matching.queries import Sides, Total, sides
from loyalty.matching.rules import INVOICE_SUBJECT

TOTAL: Final = "total"
# What a partner can bill: what we owe it. What it owes us we bill.
OWED_BY_US: Final = ("redemption", "return", "exchange_out", "exchange_out_reversal")


def enter_invoice(
    session: Session,
    *,
    partner: str,
    invoice_no: str,
    period: date,
    total_fen: int,
    parts: Mapping[str, tuple[int | None, int]],
    by: int,
    at: datetime,
) -> Comparison:
    """Write an invoice down, and compare the month with what we have.

    `parts` tells units and money by kind, or nothing: then the total alone counts.
    What is undone stands below zero in it. Raises `InvoiceKnown` and `BadInvoice`.
    """
    if session.get(PartnerInvoice, (partner, invoice_no)) is not None:
        raise InvoiceKnown(invoice_no=invoice_no)
    lines_fen = sum(fen for _, fen in parts.values())
    if parts and lines_fen != total_fen:
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
            kind=kind,
            units=units,
            amount_fen=fen,
        )
        for kind, (units, fen) in parts.items()
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
        differences=differences(
            found, is_total_alone=_is_total_alone(session, partner, period)
        ),
        actor=f"staff:{by}",
        at=at,
    )


def differences(found: Sides, *, is_total_alone: bool) -> list[Difference]:
    """Return where the invoices of a month and our books differ.

    By kind where all invoices say so, else in the sum of what we owe alone.
    """
    if is_total_alone:
        owed = sum((found.our_kinds.get(kind, Total()) for kind in OWED_BY_US), Total())
        pairs = {TOTAL: (owed, Total(fen=found.billed_fen or 0))}
        return _differing(pairs, with_units=False)
    kinds = sorted({*found.billed, *(found.our_kinds.keys() & set(OWED_BY_US))})
    return _differing(
        {
            kind: (found.our_kinds.get(kind, Total()), found.billed.get(kind, Total()))
            for kind in kinds
        },
        with_units=True,
    )


def _differing(
    pairs: Mapping[str, tuple[Total, Total]], *, with_units: bool
) -> list[Difference]:
    return [
        Difference(
            reference=kind,
            code=code,
            ours_units=ours.units if with_units else None,
            theirs_units=theirs.units if with_units else None,
            ours_fen=ours.fen,
            theirs_fen=theirs.fen,
        )
        for kind, (ours, theirs) in pairs.items()
        if (code := _code(ours, theirs, with_units=with_units)) is not None
    ]


def _code(ours: Total, theirs: Total, *, with_units: bool) -> str | None:
    # An invoice may tell money alone; what it does not tell cannot differ.
    if with_units and theirs.units and ours.units != theirs.units:
        return "UNITS_DIFF"
    if ours.fen == theirs.fen:
        return None
    return "RATE_DIFF" if with_units and theirs.units else "AMOUNT_DIFF"


def _is_total_alone(session: Session, partner: str, period: date) -> bool:
    """Whether some invoice of the month says nothing of kinds."""
    bare = session.scalar(
        select(func.count())
        .select_from(PartnerInvoice)
        .where(
            PartnerInvoice.partner == partner,
            PartnerInvoice.period == period,
            ~select(PartnerInvoiceLine)
            .where(
                PartnerInvoiceLine.partner == PartnerInvoice.partner,
                PartnerInvoiceLine.invoice_no == PartnerInvoice.invoice_no,
            )
            .exists(),
        )
    )
    return bool(bare)
