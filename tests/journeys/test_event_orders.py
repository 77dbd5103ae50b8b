"""Whatever order events arrive in, lines and points end alike (issue of late files)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines
from loyalty.feeds.models import PartnerBatch
from loyalty.settings import TIME_ZONE
from tests.journeys.conftest import WANG, line_of

SECOND, KIN = "13300000002", "13300000003"
FIRST_DAY = datetime(2007, 11, 1, 12, tzinfo=TIME_ZONE)
DAYS = 60  # all within the days of a return in time
EVENTS = (
    ("suspended", "arrears"),
    ("suspended", "lost"),
    ("resumed", ""),
    ("pre_cancelled", "voluntary"),
    ("ported_out", ""),
    ("closed", "voluntary"),
    ("closed", "arrears"),
    ("closed", "internal"),
    ("migrated", "internal"),
    ("deceased", ""),
    ("reconnected", ""),
)

_FOUND = {
    "lines": "SELECT msisdn, state, in_arrears, ended_on FROM subscription ORDER BY 1",
    "members": "SELECT member_ref, left_on, deceased FROM member ORDER BY 1",
    "gates": "SELECT member_id, gate FROM ledger.book ORDER BY 1",
    "claims": "SELECT key, member_id FROM claim WHERE space = 'msisdn' ORDER BY 1",
    "balances": "SELECT member_id, unit, available, pending, held, owed"
    " FROM ledger.balance ORDER BY 1, 2",
    "lots": "SELECT member_id, unit, issuer, earned_in, expires_on::text, units_left"
    " FROM ledger.lot WHERE units_left > 0 ORDER BY 1, 2, 3, 4, 5",
    "gone": "SELECT member_id, count(*) FROM departure WHERE reinstated_on IS NULL"
    " GROUP BY 1 ORDER BY 1",
}


@dataclass(frozen=True)
class Happening:
    """Something that happens to a line, on a day of its own."""

    ref: str
    msisdn: str
    event: str
    reason: str
    day: int

    @property
    def row(self):
        at = FIRST_DAY + timedelta(days=self.day)
        return [self.ref, self.msisdn, self.event, self.reason, at.isoformat()]


@st.composite
def histories(draw):
    """Draw what happens to lines, and an order in which it is heard of."""
    days = draw(st.lists(st.integers(0, DAYS - 1), min_size=2, max_size=6, unique=True))
    happened = []
    for nth, day in enumerate(days):
        event, reason = draw(st.sampled_from(EVENTS))
        msisdn = draw(st.sampled_from((WANG, SECOND, KIN)))
        happened.append(Happening(f"E-{nth}", msisdn, event, reason, day))
    return sorted(happened, key=lambda one: one.day), draw(st.permutations(happened))


@pytest.fixture
def rich(programme, bill, pay):
    """Wang with two lines and points of two units, and his other self with some."""
    programme.load(
        "subscribers",
        line_of("WANG", SECOND),
        ("WANG2", "客户WANG", "hash-of-WANG", KIN, *line_of("WANG", KIN)[4:]),
    )
    bill("B-1", "100.00")
    pay("P-1", "B-1", "2007-10-20", "100.00")
    bill("B-2", "60.00")
    programme.load(
        "activities",
        ("T-1", "CEB", "6226-1", "card", "2007-10-10", "200.00", "CNY", "5411", ""),
    )
    programme.load("opening", ("WANG2", "CUP", 700, "operator", "2007-09", ""))
    assert programme.rejects == []
    return programme


def outcome(database, happened):
    """Book events in the order they are told of; return what they came to."""
    with Session(database.engine) as session:
        for one in happened:
            batch = PartnerBatch(
                client_id="test",
                partner="operator",
                batch_ref=None,
                lines=1,
                called_at=FIRST_DAY,
            )
            book_lines(session, FEEDS["subscription-events"], [one.row], batch=batch)
            session.execute(text("DISCARD TEMP"))
        assert Book(session).prove() == []
        found = {
            name: session.execute(text(query)).all() for name, query in _FOUND.items()
        }
        session.rollback()
    return found


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories())
def test_the_order_of_arrival_changes_nothing(rich, history):
    in_time, as_heard = history

    assert outcome(rich.database, as_heard) == outcome(rich.database, in_time)
