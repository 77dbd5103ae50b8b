"""Many writers at once, each with a connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from random import Random
from threading import Barrier, Event
from typing import Any

from sqlalchemy import text

from ledger.book import Book
from ledger.errors import InsufficientPoints, LedgerError
from ledger.values import Balance, Entry, Posted
from loyalty.database import Database, retrying
from tests.ledger.makers import DAY, claw_back, credit, earn, hold, redeem

# Fewer than connections may be open at once, so that none waits for another.
THREADS = 25


def post(database: Database, *entries: Entry):
    with database.unit_of_work() as session:
        return Book(session).post_many(entries)


def together(work, arguments):
    """Run the work with each argument in a thread of its own, at the same time."""
    start = Barrier(min(len(arguments), THREADS))

    def one(number, argument):
        if number < THREADS:
            start.wait()
        return work(argument)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, range(len(arguments)), arguments))


def test_of_a_hundred_redemptions_exactly_those_succeed_that_can_be_paid(shared):
    post(shared, credit(55), credit(45, unit="UNI"))

    answers = together(
        lambda one: post(shared, one)[0], [redeem(10) for _ in range(100)]
    )

    assert sum(isinstance(answer, Posted) for answer in answers) == 10
    assert sum(isinstance(answer, InsufficientPoints) for answer in answers) == 90
    with shared.unit_of_work() as session:
        assert Book(session).balance(1, "CUP").available == 0
        assert Book(session).balance(1, "UNI").available == 0


def test_one_reference_is_posted_once_and_everyone_hears_the_same(shared):
    post(shared, credit(1_000))
    same = redeem(10, reference="one click")

    answers = together(lambda one: post(shared, one)[0], [same] * 50)

    assert len({answer.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    with shared.unit_of_work() as session:
        assert Book(session).balance(1, "CUP").available == 990


def test_one_reference_with_different_wishes_is_granted_once(shared):
    post(shared, credit(1_000))
    wishes = [redeem(n, reference="one click") for n in range(1, 21)]

    answers = together(lambda one: post(shared, one)[0], wishes)

    assert sum(isinstance(answer, Posted) for answer in answers) == 1
    assert {a.code for a in answers if isinstance(a, LedgerError)} == {
        "reference_reused"
    }


def test_overlapping_batches_in_different_orders_do_not_deadlock(shared):
    members = list(range(1, 41))
    with shared.unit_of_work() as session:
        Book(session).open(members, opened_on=DAY)
        Book(session).post_many([earn(500, member=member) for member in members])
    chance = Random(7)  # noqa: S311
    batches = []
    for _ in range(8 * 5):
        chance.shuffle(members)
        makers: list[Any] = [
            chance.choice([redeem, hold, earn, claw_back]) for _ in members
        ]
        batches.append(
            [make(5, member=m) for make, m in zip(makers, members, strict=True)]
        )

    answers = together(lambda batch: post(shared, *batch), batches)

    assert all(isinstance(a, Posted) for batch in answers for a in batch)


def test_books_are_opened_by_many_at_once(shared):
    def open_them(order: int) -> None:
        members = list(range(100, 400))
        Random(order).shuffle(members)  # noqa: S311
        with shared.unit_of_work() as session:
            Book(session).open(members, opened_on=DAY)

    together(open_them, list(range(8)))

    assert isinstance(post(shared, credit(member=250))[0], Posted)


def test_two_who_undo_one_accrual_never_exceed_it(shared):
    (earned,) = post(shared, earn(100))
    post(shared, earn(1_000))
    undo = [claw_back(30, reverses=earned.id) for _ in range(10)]

    answers = together(lambda one: post(shared, one)[0], undo)

    assert sum(isinstance(answer, Posted) for answer in answers) == 3


def test_a_month_is_closed_only_when_its_writers_are_done(shared):
    with shared.unit_of_work() as writer, ThreadPoolExecutor(1) as threads:
        Book(writer).post(credit(10))

        def close() -> None:
            with shared.unit_of_work() as session:
                Book(session).close(date(2026, 6, 1))

        closing = threads.submit(close)
        wait_for_a_lock(shared)
        assert not closing.done()
        Book(writer).post(credit(10))
        writer.commit()
        closing.result(10)

    assert post(shared, credit(10))[0].code == "period_closed"
    assert retrying(shared, lambda s: Book(s).balance(1, "CUP").available) == 20


def wait_for_a_lock(database: Database) -> None:
    """Return once somebody waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with database.owner_engine.connect() as connection:
        for _ in range(500):
            if connection.scalar(waiting):
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")


def test_what_was_known_at_a_time_never_changes_though_a_writer_commits_late(shared):
    post(shared, credit(100))
    asked = Event()

    def ask(known_at: datetime) -> Balance:
        with shared.unit_of_work() as session:
            asked.set()
            return Book(session).balance(1, "CUP", on=DAY, known_at=known_at)

    with shared.unit_of_work() as late, ThreadPoolExecutor(1) as threads:
        Book(late).post(redeem(30))
        known_at = datetime.now(UTC)
        answer = threads.submit(ask, known_at)
        asked.wait()
        wait_for_a_lock(shared)
        assert not answer.done()
        late.commit()

        assert answer.result(10) == Balance(70, 0, 0, 0)

    post(shared, redeem(5))
    assert ask(known_at) == Balance(70, 0, 0, 0)
    assert ask(datetime.now(UTC)) == Balance(65, 0, 0, 0)
