"""A bank's posted lines become points, over HTTP, each once (domain.md 3.4)."""

from datetime import datetime

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.feeds.card_lines import read_card_lines
from loyalty.settings import TIME_ZONE
from partners.adapters.bank import Bank, BankSettings
from partners.sandbox.bank_server import BankSandbox
from tests.journeys.conftest import begin
from tests.partners.benches import SHARED_SECRET, connection, tell

NOON = datetime(2007, 12, 15, 12, tzinfo=TIME_ZONE)
CARD = "CARD-1"


@pytest.fixture(scope="module")
def running():
    with BankSandbox(code="CEB", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    return running


@pytest.fixture
def programme(fresh_database, tmp_path):
    """The alliance, with Wang's card, whose books prove at the end."""
    programme = begin(fresh_database, tmp_path)
    linked = programme.load("links", ("CEB", CARD, "WANG", "2007-10-01"))
    assert linked.rejected == 0
    yield programme
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def read(sandbox, programme):
    """Read the bank, as the job does."""
    bank = Bank(BankSettings(**connection(sandbox)))
    return lambda: read_card_lines(
        programme.database, bank, partner_code="CEB", at=NOON
    )


@pytest.fixture
def post(sandbox):
    """Post lines at the bank; what is not told is ordinary."""

    def post(*lines):
        ordinary = {
            "account": CARD,
            "kind": "purchase",
            "postedOn": "2007-12-10",
            "amountFen": 1_000_00,
            "mcc": "5411",
        }
        tell(sandbox.address, "lines", lines=[ordinary | line for line in lines])

    return post


def points(programme):
    return programme.member("WANG").universal[0]


def test_what_earns_what_does_not_and_what_is_taken_back(programme, read, post):
    post(
        {"id": "L1"},
        {"id": "L2", "mcc": "6051"},  # quasi-cash
        {"id": "L3", "kind": "fee"},
        {"id": "L4", "kind": "refund", "amountFen": -400_00, "originalRef": "L1"},
    )

    done = read()

    assert (done.booked, done.passed_over, done.rejected) == (3, 1, 0)
    assert points(programme) == 100 - 40


def test_a_chargeback_takes_all_of_it_back(programme, read, post):
    post({"id": "L1"})
    read()
    post(
        {"id": "L2", "kind": "chargeback", "amountFen": -1_000_00, "originalRef": "L1"}
    )

    read()

    assert points(programme) == 0


def test_lines_are_read_once_and_on_from_there(programme, read, post):
    post(*({"id": f"L{n}"} for n in range(1_500)))  # more than a page

    first, again = read(), read()
    post({"id": "L0"}, {"id": "late"})
    later = read()

    assert (first.booked, again.booked) == (1_500, 0)
    assert (later.booked, later.already_booked) == (1, 1)
    assert points(programme) == 1_501 * 100


def test_a_line_that_cannot_be_booked_hides_no_other(programme, read, post):
    post(
        {"id": "L1", "account": "NOBODY-1"},
        {"id": "L2", "kind": "gift"},
        {"id": "L3"},
        {"id": "L\n4"},
    )

    done = read()

    assert (done.booked, done.rejected) == (1, 3)
    assert points(programme) == 100
    reasons = [
        reason
        for (reason,) in programme.rows(
            "SELECT reason FROM card_line_reject ORDER BY 1"
        )
    ]
    assert reasons[0] == "unknown_account"
    assert [reason.partition(":")[0] for reason in reasons[1:]] == ["unreadable"] * 2


@pytest.mark.parametrize("fault", ["errors", "wrong_signatures", "garbage"])
def test_a_bank_that_does_not_answer_is_read_the_next_time(
    sandbox, programme, read, post, fault
):
    post({"id": "L1"})
    tell(sandbox.address, "faults", **{fault: 2})

    silent = read()
    tell(sandbox.address, "faults", **{fault: 0})
    done = read()

    assert (silent.is_whole, silent.booked) == (False, 0)
    assert (done.is_whole, done.booked) == (True, 1)
    assert points(programme) == 100


def test_who_was_cut_off_before_the_commit_goes_on_there(programme, read, post):
    post({"id": "L1"})
    with programme.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO partner_cursor (partner, cursor, read_at)"
                " VALUES ('CEB', NULL, now())"
            )
        )

    assert read().booked == 1
    assert read().booked == 0
