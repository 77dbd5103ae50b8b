"""Book what the operator tells of its lines, as `subscription-events` does."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import LineAnswer, book_lines, fault
from loyalty.feeds.models import PartnerBatch
from partners.ports import LineEvent

EVENTS_MAX: Final = 1_000
TELLER: Final = "network"  # as whom the batches were brought
_FEED: Final = FEEDS["subscription-events"]


def book_line_events(
    session: Session, events: Sequence[LineEvent], *, partner: str, at: datetime
) -> list[LineAnswer]:
    """Book events, one answer for each, in their order.

    An event that a file has brought before is known here, and the other way round.
    What cannot be read is rejected, and spoils nothing.
    """
    assert len(events) <= EVENTS_MAX, "too many are refused by the face"
    rows = [_row(event) for event in events]
    faults = [fault(_FEED, row) for row in rows]
    good = [row for row, wrong in zip(rows, faults, strict=True) if wrong is None]
    answers: Iterator[LineAnswer] = iter(())
    if good:
        batch = PartnerBatch(
            client_id=TELLER,
            partner=partner,
            batch_ref=None,
            lines=len(good),
            called_at=at,
        )
        answers = iter(book_lines(session, _FEED, good, batch=batch))
    return [
        next(answers) if wrong is None else LineAnswer("rejected", wrong)
        for wrong in faults
    ]


def _row(event: LineEvent) -> list[str]:
    """Lay an event out as the feed has it."""
    told = (
        event.event_ref,
        event.msisdn,
        event.event,
        event.reason,
        event.occurred_at,
    )
    return list(told)
