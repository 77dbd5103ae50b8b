"""Undo what was changed by hand, in an entry of its own."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.adjustments.models import Adjustment, AdjustmentPosting
from loyalty.points.operations import draft, first_open_day, lot, post
from loyalty.rules.queries import programme_terms

KIND = "adjustment_reversal"


def post_undoing(
    session: Session,
    *,
    asked: Adjustment,
    original: AdjustmentPosting,
    on: date,
    at: datetime,
) -> None:
    """Post what undoes an adjustment, on the day or the first open one after it.

    What was given is taken from its own lot first, and what is gone is owed. What was
    taken goes back to the same lots; what was owed for it comes as points of today,
    for the debt may have been paid long ago.
    """
    if original.points > 0:
        first_open = first_open_day(session)
        Book(session).reverse(
            member_id=asked.member_id,
            of=original.entry_id,
            kind=KIND,
            reference=f"manual:{asked.adjustment_ref}",
            effective_on=max(on, first_open or on),
            occurred_at=at,
            actor=f"staff:{asked.asked_by}",
        )
        return
    _give_back(session, asked=asked, original=original, on=on, at=at)


def _give_back(
    session: Session,
    *,
    asked: Adjustment,
    original: AdjustmentPosting,
    on: date,
    at: datetime,
) -> None:
    common = {
        "kind": f"'{KIND}'",
        "effective_on": "CAST(:on AS date)",
        "occurred_at": "CAST(:at AS timestamptz)",
        "input_hash": "a.content",
        "actor": "'staff:' || a.asked_by",
        "member_id": "a.member_id",
    }
    to_its_lots = draft(
        reference="'manual:' || a.adjustment_ref",
        debit="NULL",
        credit="NULL",
        units="NULL",
        amount="NULL",
        scope="'lots'",
        reverses="t.id",
        **common,
    )
    anew = draft(
        reference="'manual:' || a.adjustment_ref"
        " || CASE WHEN t.is_all THEN '' ELSE ' debt' END",
        debit="t.credit",
        credit="'available'",
        units="ARRAY[t.unit]",
        amount="t.amount",
        lot=lot(
            issuer="'operator'",
            cost_class="s.cost_class",
            earned_in="CAST(date_trunc('month', CAST(:on AS date)) AS date)",
            months="CAST(:expiry_months AS int)",
        ),
        **common,
    )
    # An entry of its own and the first, so that it pays the debt: what goes back to
    # lots would do so otherwise, and both of one entry see the books before it.
    post(
        session,
        f"""
        SELECT CASE t.debit WHEN 'owed' THEN {anew} ELSE {to_its_lots} END AS draft,
               CASE t.debit WHEN 'owed' THEN 1 ELSE 2 END AS nth
          FROM adjustment a
          JOIN adjustment_reason s ON s.reason = a.reason
          JOIN (SELECT x.*, count(*) OVER () = 1 AS is_all FROM ledger.transfer x
                 WHERE x.member_id = :member AND x.id = :entry) t
            ON t.member_id = a.member_id
         WHERE a.member_id = :member AND a.adjustment_ref = :ref
        """,
        member=asked.member_id,
        ref=asked.adjustment_ref,
        entry=original.entry_id,
        on=on,
        at=at,
        expiry_months=programme_terms(session).expiry_months,
    )
