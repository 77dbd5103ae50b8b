"""What became of a place is told to its member, once."""

import pytest
from sqlalchemy import text

from loyalty.clock import wall
from loyalty.venues import operations
from loyalty.venues.delivery import tell_news
from partners.ports import Outcome, Receipt
from tests.loyalty.orders.shop import NOON
from tests.loyalty.venues.hall import Hall


class Telephones:
    """Keeps what was sent; may be out of order."""

    def __init__(self):
        self.sent = []
        self.outcome = Outcome.CONFIRMED

    def send(self, message):
        if self.outcome is Outcome.CONFIRMED:
            self.sent.append((message.to, message.words))
        return Receipt(self.outcome)


@pytest.fixture
def moved_up(fresh_database):
    """Somebody has moved up; the number of them."""
    with fresh_database.unit_of_work() as session:
        hall = Hall(session)
        hall.open()
        evening = hall.hold(capacity=1)
        first, second = (hall.player(tier="DIAMOND") for _ in range(2))
        session.execute(
            text(
                "INSERT INTO claim (space, key, member_id, content)"
                " SELECT 'msisdn', msisdn, member_id, gen_random_uuid()"
                " FROM subscription"
            )
        )
        for player in (first, second):
            hall.book(player, evening)
        hall.give_up(first, evening)
        ((number,),) = hall.rows(
            "SELECT msisdn FROM subscription WHERE member_id = :member", member=second
        )
    return evening, number


def test_who_moves_up_is_told_once(fresh_database, moved_up):
    _, number = moved_up
    telephones = Telephones()

    assert tell_news(fresh_database, telephones, at=NOON) == 1
    assert tell_news(fresh_database, telephones, at=NOON) == 0

    ((to, words),) = telephones.sent
    assert to == number
    assert "2007-10-22 12:00" in words
    assert "2007-10-21 12:00" in words


def test_what_could_not_be_sent_is_sent_later(fresh_database, moved_up):
    assert moved_up
    telephones = Telephones()
    telephones.outcome = Outcome.ABSENT
    assert tell_news(fresh_database, telephones, at=NOON) == 0

    telephones.outcome = Outcome.CONFIRMED
    assert tell_news(fresh_database, telephones, at=NOON) == 1
    assert len(telephones.sent) == 1


def test_the_job_gives_back_what_was_called_off_and_says_so(
    fresh_database, moved_up, tmp_path, cli
):
    evening, number = moved_up
    with fresh_database.unit_of_work() as session:
        operations.call_off(session, session_id=evening, at=NOON)
    messages = tmp_path / "messages"

    done = cli(
        "run-job",
        "close-sessions",
        "2007-10-15",
        JIFEN_MESSAGES=str(messages),
        JIFEN_CLOCK_DAYS_BACK=str(days_back()),
        JIFEN_SECRET_KEY="a secret of the tests, and of nobody else",
    )

    assert done.exit_code == 0, done.stderr
    assert "1 given up, 1 members told" in done.stdout
    assert number in messages.read_text()
    assert "取消" in messages.read_text()


def days_back():
    """Return how many days ago the test lives."""
    return (wall().date() - NOON.date()).days
