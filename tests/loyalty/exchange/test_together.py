"""Many at once, committed for real: one quote, one exchange."""

import threading
from functools import partial

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.access.errors import ConfirmationMissing
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.events.operations import add_endpoint
from loyalty.exchange import delivery, operations
from loyalty.exchange.errors import AccountInUse, ExchangesReached
from loyalty.exchange.rules import PATIENCE
from partners.ports import Outcome, Receipt
from tests.loyalty.exchange.alliance import (
    A_DAY,
    A_MINUTE,
    KEYRING,
    NOON,
    SENT_AT,
    WANG,
    Alliance,
    Carrier,
)


@pytest.fixture
def member(fresh_database):
    """Somebody with 30,000 points and a number at the airline, committed."""
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.open()
        member = alliance.member(30_000)
        alliance.bind(member)
    return member


def at_once(count, work):
    """Do something so often at the same time; return what came of each."""
    start = threading.Barrier(count)
    answers = []

    def run():
        start.wait()
        try:
            answers.append(work())
        except LoyaltyError as error:
            answers.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def ask_for(database, member, units=10_000):
    with database.unit_of_work() as session:
        return Alliance(session).out(member, units)


def test_one_quote_used_by_many_at_once_is_one_exchange(fresh_database, member):
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        quote = alliance.quote(10_000)
        alliance.confirm(member, operations.bound(quote))
    wanted = {"member_id": member, "quote": quote, "at": NOON}

    answers = at_once(
        12,
        lambda: retrying(
            fresh_database,
            lambda session: operations.request(session, **wanted).replayed,
        ),
    )

    assert sorted(answers) == [False] + [True] * 11
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).held(member) == 10_000
        assert Book(session).prove() == []


def test_two_quotes_and_one_confirmation_are_one_exchange(fresh_database, member):
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        quotes = [alliance.quote(10_000) for _ in range(2)]
        alliance.confirm(member, operations.bound(quotes[0]))

    left = iter(quotes)

    def ask():
        work = partial(operations.request, member_id=member, quote=next(left), at=NOON)
        return retrying(fresh_database, work).replayed

    answers = at_once(2, ask)

    assert False in answers
    assert [type(one) for one in answers if one is not False] in (
        [ConfirmationMissing],
        [ExchangesReached],
    )
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).held(member) == 10_000


def test_many_who_deliver_one_exchange_send_it_once(fresh_database, member):
    ref = ask_for(fresh_database, member)
    carrier = Carrier()
    wanted = {"member_id": member, "exchange_ref": ref, "at": SENT_AT}

    at_once(
        8, lambda: delivery.advance(fresh_database, carrier, KEYRING, **wanted).state
    )
    delivery.advance(
        fresh_database, carrier, KEYRING, **(wanted | {"at": SENT_AT + PATIENCE})
    )

    assert carrier.asked.count("credit") == 1
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        assert alliance.state(member, ref) == "confirmed"
        assert alliance.available(member) == 20_000
        assert alliance.report()["payable"] == {"MU": 80_00}


def test_the_chaser_takes_up_what_was_left_lying(fresh_database, member):
    ref = ask_for(fresh_database, member)
    carrier = Carrier()
    carrier.tell(Outcome.UNKNOWN, done=True)

    def chase(at):
        return delivery.chase(fresh_database, lambda _: carrier, KEYRING, at=at)

    assert chase(NOON).found == 0
    assert (chase(SENT_AT).found, carrier.balance) == (1, 1_000)
    assert chase(SENT_AT + A_MINUTE).found == 0
    done = chase(SENT_AT + PATIENCE)
    assert (done.found, done.ended, done.failed) == (1, 1, 0)
    assert chase(SENT_AT + 2 * PATIENCE).found == 0
    assert chase(SENT_AT + 2 * A_DAY).found == 1  # looked up once more
    assert chase(SENT_AT + 3 * A_DAY).found == 0
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).state(member, ref) == "confirmed"
        assert Book(session).prove() == []


def test_whoever_cannot_be_reached_is_not_asked(fresh_database, member):
    ref = ask_for(fresh_database, member)

    done = delivery.chase(fresh_database, lambda _: None, KEYRING, at=SENT_AT)

    assert (done.found, done.ended, done.failed) == (1, 0, 0)
    assert (
        delivery.tell(
            fresh_database,
            exchange_ref="0" * 32,
            receipt=Receipt(Outcome.CONFIRMED),
            at=SENT_AT,
        )
        is False
    )
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).state(member, ref) == "requested"

    delivery.chase(fresh_database, lambda _: None, KEYRING, at=SENT_AT + 4 * A_DAY)
    with fresh_database.unit_of_work() as session:
        assert Alliance(session).state(member, ref) == "declined"
        assert Alliance(session).available(member) == 30_000


def test_a_notice_that_comes_twice_counts_once(fresh_database, member):
    ref = ask_for(fresh_database, member)
    carrier = Carrier()
    carrier.tell(Outcome.PENDING, done=True)
    delivery.advance(
        fresh_database,
        carrier,
        KEYRING,
        member_id=member,
        exchange_ref=ref,
        at=SENT_AT,
    )
    for _ in range(2):
        assert delivery.tell(
            fresh_database,
            exchange_ref=ref,
            receipt=Receipt(Outcome.CONFIRMED),
            at=SENT_AT + A_MINUTE,
        )
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        assert alliance.state(member, ref) == "confirmed"
        assert alliance.report()["payable"] == {"MU": 80_00}


@pytest.mark.usefixtures("member")
def test_one_number_asked_for_by_many_at_once_is_one_persons(fresh_database):
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session, next_member=10)
        members = iter([alliance.member() for _ in range(4)])
    lock, carrier = threading.Lock(), Carrier()

    def link():
        with lock:
            mine = next(members)
        return delivery.link(
            fresh_database,
            carrier,
            KEYRING,
            member_id=mine,
            partner_code="MU",
            account_ref="MU600009",
            name=WANG,
            at=NOON,
        ).state

    answers = at_once(4, link)

    assert answers.count("bound") == 1
    assert all(
        answer in ("bound", "refused") or isinstance(answer, AccountInUse)
        for answer in answers
    )


def test_one_that_fails_keeps_nobody_waiting(fresh_database, member):
    first = ask_for(fresh_database, member)
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session, next_member=10)
        other = alliance.member(10_000)
        alliance.bind(other, "MU600002")
        second = alliance.request(other, alliance.quote(10_000, account="MU600002"))
        session.execute(
            text("UPDATE bound_account SET family_name = NULL WHERE member_id = :m"),
            {"m": member},
        )

    done = delivery.chase(fresh_database, lambda _: Carrier(), KEYRING, at=SENT_AT)

    assert (done.found, done.ended, done.failed) == (2, 1, 1)
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        assert alliance.state(member, first) == "requested"
        assert alliance.state(other, second.exchange_ref) == "confirmed"


def test_what_a_partner_asks_for_waits_its_day_and_asks_nobody(fresh_database, member):
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        quote = alliance.quote(10_000)
        asked = operations.request(
            session, member_id=member, quote=quote, at=NOON, partner_ref="mu-1"
        ).exchange
        assert asked.state == "requested"

    def chase(at):
        return delivery.chase(fresh_database, lambda _: None, KEYRING, at=at)

    assert chase(SENT_AT - A_MINUTE).found == 0
    assert chase(SENT_AT).ended == 1
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        assert alliance.state(member, quote.exchange_ref) == "confirmed"
        assert alliance.available(member) == 20_000
        assert alliance.report()["payable"] == {"MU": 80_00}
        # The account is known by now, so that the next one waits no more.
        again = alliance.quote(10_000, at=SENT_AT + A_DAY)
        done = operations.request(
            session,
            member_id=member,
            quote=again,
            at=SENT_AT + A_DAY,
            partner_ref="mu-2",
        )
        assert done.exchange.state == "confirmed"
        assert Book(session).prove() == []


def test_a_partner_that_wants_to_know_is_told_how_it_ended(fresh_database, member):
    with fresh_database.unit_of_work() as session:
        add_endpoint(
            session,
            partner="MU",
            url="https://example.com/hooks",
            types=["exchange.confirmed"],
            keyring=KEYRING,
            at=NOON,
        )
    ref = ask_for(fresh_database, member)
    delivery.chase(fresh_database, lambda _: Carrier(), KEYRING, at=SENT_AT)

    with fresh_database.unit_of_work() as session:
        rows = Alliance(session).rows("SELECT partner, type, data FROM event")
    ((partner, type_, data),) = rows
    assert (partner, type_) == ("MU", "exchange.confirmed")
    assert data["id"] == f"exc_{ref}"
    assert (data["units_out"], data["units_in"]) == (10_000, 1_000)


@pytest.mark.usefixtures("member")
def test_the_job_says_what_it_took_up(fresh_database, cli):
    ask_for(fresh_database, 1)

    done = cli("run-job", "chase-exchanges", "2007-10-16")

    assert done.exit_code == 0
    assert "1 exchanges taken up, 1 ended, 0 failed" in done.stdout
