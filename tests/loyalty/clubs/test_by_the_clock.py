"""What happens to memberships by the clock: they end, are told of, and paid back."""

from datetime import date, timedelta

import pytest

from ledger.book import Book
from loyalty.clubs import queries
from loyalty.clubs.delivery import tell_renewals
from loyalty.clubs.operations import Leaver, end_all
from loyalty.jobs import nightly
from partners.ports import Outcome, Receipt
from tests.loyalty.clubs.conftest import Club, at_noon
from tests.loyalty.orders.shop import NOON

SOON = date(2008, 9, 1)


class Telephone:
    """Keeps what was sent, while it is not switched off."""

    def __init__(self):
        self.words = []
        self.is_off = False

    def send(self, message):
        if self.is_off:
            return Receipt(Outcome.ABSENT)
        self.words.append((message.to, message.words))
        return Receipt(Outcome.CONFIRMED)


@pytest.fixture
def in_club(fresh_database, tmp_path, monkeypatch):
    """Do something with clubs, in a transaction of its own; books prove at the end."""
    monkeypatch.setenv("JIFEN_MESSAGES", str(tmp_path / "messages"))

    def do(what):
        with fresh_database.unit_of_work() as session:
            return what(Club(session))

    do(lambda club: club.open())
    yield do
    assert do(lambda club: Book(club.session).prove()) == []


@pytest.fixture
def driver(in_club):
    """A member of the car club whose line is known to be hers."""

    def come(club):
        member_id = club.member(5_000)
        club.rows(
            "INSERT INTO claim (space, key, member_id, content)"
            " SELECT 'msisdn', msisdn, member_id, gen_random_uuid()"
            " FROM subscription RETURNING key"
        )
        club.place(member_id, "CLUB-CAR")
        return member_id

    return in_club(come)


def test_a_member_is_told_once_when_it_is_time_to_renew(
    fresh_database, in_club, driver
):
    phone = Telephone()

    def tell(on):
        return tell_renewals(fresh_database, phone, on=on, at=at_noon(on))

    assert tell(date(2008, 8, 14)) == 0
    phone.is_off = True
    assert tell(date(2008, 8, 15)) == 0
    phone.is_off = False
    assert [tell(date(2008, 8, 16)), tell(date(2008, 8, 17))] == [1, 0]

    ((number, words),) = phone.words
    assert number.startswith("133")
    assert "车友俱乐部" in words
    assert "2008-10-14" in words
    assert in_club(
        lambda club: club.rows("SELECT member_id, kind, outcome FROM club_notice")
    ) == [(driver, "renewal", "confirmed")]


def test_who_has_renewed_is_told_nothing(fresh_database, in_club, driver):
    in_club(lambda club: club.place(driver, "CLUB-CAR", at=at_noon(SOON)))
    phone = Telephone()

    told = tell_renewals(fresh_database, phone, on=SOON, at=at_noon(SOON))

    assert (told, phone.words) == (0, [])


def test_the_job_turns_terms_and_may_run_again(fresh_database, in_club, driver):
    in_club(lambda club: club.place(driver, "CLUB-CAR", at=at_noon(SOON)))
    day = date(2008, 10, 15)

    first = nightly.lapse_clubs(fresh_database, day)
    second = nightly.lapse_clubs(fresh_database, day)

    assert first == "2 terms of clubs ended or begun, 0 members told"
    assert second == "0 terms of clubs ended or begun, 0 members told"
    assert in_club(
        lambda club: [
            one.state for one in queries.history(club.session, member_id=driver)
        ]
    ) == ["active", "lapsed"]


def test_fees_of_many_who_left_are_given_back_by_the_job(fresh_database, in_club):
    def leave(club):
        leavers = [club.member() for _ in range(3)]
        on = NOON.date() + timedelta(days=1)
        for member_id in leavers:
            club.pay_fee(member_id)
            club.left(member_id, on=on)
        end_all(
            club.session,
            leavers=[Leaver(one, on, f"churn:{one}") for one in leavers],
            actor="job:churn",
            at=at_noon(on),
        )

    in_club(leave)

    first = nightly.refund_clubs(fresh_database, NOON.date())
    second = nightly.refund_clubs(fresh_database, NOON.date())

    # Eleven of twelve months each: 25.00 × 11 ÷ 12, rounded down.
    assert first == "3 memberships given back: 0 points and 6,873 fen"
    assert second == "0 memberships given back: 0 points and 0 fen"
    assert (
        in_club(lambda club: club.rows("SELECT amount_fen FROM refund"))
        == [(22_91,)] * 3
    )
