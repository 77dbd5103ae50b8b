"""Read the operator's bills and payments, and book them as their feeds do.

How far billing was read is kept with what was booked, so that whoever is cut off goes
on there. Of a page the bills are booked before the payments, which may settle them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from loyalty.database import Database, retrying
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines, clear_lines, fault
from loyalty.feeds.models import BillingCursor, PartnerBatch
from loyalty.feeds.posted import keep_rejects, yuan
from partners.ports import BadLine, BilledLine, BillingLines, Boss, Outcome, PaidLine

PAGE_LINES: Final = 1_000
READER: Final = "billing-lines"  # as whom the batches were brought


@dataclass(frozen=True, slots=True)
class ReadBilling:
    """What came of reading billing."""

    booked: int = 0
    already_booked: int = 0
    rejected: int = 0  # unreadable ones among them
    is_whole: bool = True  # False: billing did not answer to the end


def read_billing_lines(
    database: Database, boss: Boss, *, source: str, at: datetime
) -> ReadBilling:
    """Read all that was billed and paid since the last time, page by page.

    Billing is asked between transactions. Lines that cannot be booked are kept with
    the reason; a line that came in a file before is known by its reference.
    """
    counts: Counter[str] = Counter()
    while True:
        with database.unit_of_work() as session:
            known = session.get(BillingCursor, source)
            cursor = None if known is None else known.cursor
        page = boss.billing_lines(cursor, limit=PAGE_LINES)
        if page.outcome is not Outcome.CONFIRMED:
            return _read(counts, is_whole=False)
        work = partial(_take_in, source=source, before=cursor, page=page, at=at)
        counts.update(retrying(database, work))
        if not page.has_more:
            return _read(counts, is_whole=True)


def _take_in(
    session: Session,
    *,
    source: str,
    before: str | None,
    page: BillingLines,
    at: datetime,
) -> Counter[str]:
    """Book a page, and go on behind it; a page that another has taken is left."""
    known = session.get(BillingCursor, source, with_for_update=True)
    if (None if known is None else known.cursor) != before:
        return Counter()
    bills = [_bill_row(line) for line in page.lines if isinstance(line, BilledLine)]
    payments = [_payment_row(line) for line in page.lines if isinstance(line, PaidLine)]
    counts: Counter[str] = Counter()
    bad_lines = page.bad_lines
    for feed, rows in (("bills", bills), ("payments", payments)):
        counts += _book(session, source, feed, rows, bad_lines, at=at)
        bad_lines = ()
    if known is None:
        session.add(BillingCursor(source=source, cursor=page.cursor, read_at=at))
    else:
        known.cursor, known.read_at = page.cursor or known.cursor, at
    session.flush()
    return counts


def _book(
    session: Session,
    source: str,
    feed_name: str,
    rows: Sequence[Sequence[str]],
    bad_lines: Sequence[BadLine],
    *,
    at: datetime,
) -> Counter[str]:
    """Book lines of one feed; what it could not read is kept with the bad lines."""
    feed = FEEDS[feed_name]
    faults = [fault(feed, row) for row in rows]
    good = [row for row, wrong in zip(rows, faults, strict=True) if wrong is None]
    bad_lines = [
        *bad_lines,
        *(
            BadLine(0, wrong, row[0])
            for row, wrong in zip(rows, faults, strict=True)
            if wrong is not None
        ),
    ]
    if not good and not bad_lines:
        return Counter()
    batch = PartnerBatch(
        client_id=READER, partner=source, batch_ref=None, lines=len(good), called_at=at
    )
    answers = book_lines(session, feed, good, batch=batch)
    clear_lines(session)
    keep_rejects(session, batch.batch_id, [row[0] for row in good], answers, bad_lines)
    counts = Counter(answer.outcome for answer in answers)
    counts["rejected"] += len(bad_lines)
    return counts


def _bill_row(line: BilledLine) -> list[str]:
    return [
        line.bill_ref,
        line.msisdn,
        f"{line.period:%Y-%m}",
        line.billed_on.isoformat(),
        line.due_on.isoformat(),
        yuan(line.amount_fen),
    ]


def _payment_row(line: PaidLine) -> list[str]:
    return [
        line.payment_ref,
        line.bill_ref,
        line.paid_on.isoformat(),
        yuan(line.amount_fen),
    ]


def _read(counts: Counter[str], *, is_whole: bool) -> ReadBilling:
    return ReadBilling(
        booked=counts["booked"],
        already_booked=counts["already_booked"],
        rejected=counts["rejected"],
        is_whole=is_whole,
    )
