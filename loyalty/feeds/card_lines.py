"""Read a bank's posted card lines, and book them as the `activities` feed does.

How far a bank was read is kept with what was booked, so that whoever is cut off goes on
there; a line that comes again is known by its reference.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from loyalty.database import Database, retrying
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines, fault
from loyalty.feeds.models import PartnerBatch, PartnerCursor
from loyalty.feeds.posted import keep_rejects, yuan
from partners.ports import BadLine, Bank, CardLine, CardLines, Outcome

PAGE_LINES = 1_000
READER = "card-lines"  # as whom the batches were brought
# Cash, fees and interest are no spending: nothing is earned (domain.md 3.4).
_EARNING = frozenset({"purchase", "refund", "chargeback"})
_FEED = FEEDS["activities"]


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading a bank."""

    booked: int = 0
    already_booked: int = 0
    rejected: int = 0  # unreadable ones among them
    passed_over: int = 0  # kinds that never earn
    is_whole: bool = True  # False: the bank did not answer to the end


def read_card_lines(
    database: Database, bank: Bank, *, partner_code: str, at: datetime
) -> Read:
    """Read all that a bank has posted since the last time, page by page.

    The bank is asked between transactions. Refunds and chargebacks take back what
    their original earned; lines that cannot be booked are kept with the reason.
    """
    counts: Counter[str] = Counter()
    while True:
        with database.unit_of_work() as session:
            known = session.get(PartnerCursor, partner_code)
            cursor = None if known is None else known.cursor
        page = bank.posted_lines(cursor, limit=PAGE_LINES)
        if page.outcome is not Outcome.CONFIRMED:
            return _read(counts, is_whole=False)
        work = partial(
            _take_in, partner_code=partner_code, before=cursor, page=page, at=at
        )
        counts.update(retrying(database, work))
        if not page.has_more:
            return _read(counts, is_whole=True)


def _take_in(
    session: Session,
    *,
    partner_code: str,
    before: str | None,
    page: CardLines,
    at: datetime,
) -> Counter[str]:
    """Book a page, and go on behind it; a page that another has taken is left."""
    known = session.get(PartnerCursor, partner_code, with_for_update=True)
    if (None if known is None else known.cursor) != before:
        return Counter()
    wanted = [line for line in page.lines if line.kind in _EARNING]
    counts = Counter(passed_over=len(page.lines) - len(wanted))
    faults = [fault(_FEED, _row(partner_code, line)) for line in wanted]
    earning = [
        line for line, wrong in zip(wanted, faults, strict=True) if wrong is None
    ]
    bad_lines = [
        *page.bad_lines,
        *(BadLine(0, wrong, None) for wrong in faults if wrong is not None),
    ]
    if earning or bad_lines:
        batch = PartnerBatch(
            client_id=READER,
            partner=partner_code,
            batch_ref=None,
            lines=len(earning),
            called_at=at,
        )
        rows = [_row(partner_code, line) for line in earning]
        answers = book_lines(session, _FEED, rows, batch=batch)
        counts.update(answer.outcome for answer in answers)
        counts["rejected"] += len(bad_lines)
        refs = [line.partner_ref for line in earning]
        keep_rejects(session, batch.batch_id, refs, answers, bad_lines)
    if known is None:
        session.add(PartnerCursor(partner=partner_code, cursor=page.cursor, read_at=at))
    else:
        known.cursor, known.read_at = page.cursor or known.cursor, at
    session.flush()
    return counts


def _row(partner_code: str, line: CardLine) -> list[str]:
    """Lay a line out as the feed has it."""
    return [
        line.partner_ref,
        partner_code,
        line.account_ref,
        "card",
        line.posted_on.isoformat(),
        yuan(line.amount_fen),
        "CNY",
        line.mcc,
        line.original_ref or "",
    ]


def _read(counts: Counter[str], *, is_whole: bool) -> Read:
    return Read(
        booked=counts["booked"],
        already_booked=counts["already_booked"],
        rejected=counts["rejected"],
        passed_over=counts["passed_over"],
        is_whole=is_whole,
    )
