"""Balances as of a day, and statements page by page."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from ledger import errors
from ledger.book import LINES_MAX
from ledger.values import Balance
from tests.ledger.makers import (
    DAY,
    accrue,
    claw_back,
    credit,
    earn,
    hold,
    redeem,
    settle_bill,
    void,
)

NEXT = DAY + timedelta(days=1)


def recorded(session, entry_id):
    return session.scalar(
        text("SELECT max(recorded_at) FROM ledger.transfer WHERE id = :id"),
        {"id": entry_id},
    )


def test_a_balance_is_asked_as_of_a_day(book, posted):
    posted(accrue(50), settle_bill(30, effective_on=NEXT))
    posted(hold(10, effective_on=NEXT + timedelta(days=1)))

    assert book.balance(1, "CUP", on=DAY - timedelta(days=1)) == Balance(0, 0, 0, 0)
    assert book.balance(1, "CUP", on=DAY) == Balance(0, 50, 0, 0)
    assert book.balance(1, "CUP", on=NEXT) == Balance(30, 20, 0, 0)
    assert book.balance(1, "CUP", on=date(2030, 1, 1)) == book.balance(1, "CUP")


def test_a_balance_is_asked_as_the_books_stood_at_a_time(book, session, posted):
    first = recorded(session, posted(credit(50, effective_on=NEXT)))
    posted(credit(7, effective_on=DAY))

    assert book.balance(1, "CUP", known_at=first) == Balance(50, 0, 0, 0)
    assert book.balance(1, "CUP", on=DAY, known_at=first) == Balance(0, 0, 0, 0)
    assert book.balance(1, "CUP", on=DAY) == Balance(7, 0, 0, 0)


def test_a_debt_is_a_balance_too(book, posted):
    posted(earn(10), claw_back(25))

    assert book.balance(1, "UNI", on=DAY) == Balance(0, 0, 0, 15)
    assert book.balance(1, "UNI") == Balance(0, 0, 0, 15)


@pytest.mark.parametrize("on", [None, DAY])
def test_who_has_no_book_has_no_balance(on, book):
    with pytest.raises(errors.UnknownMember):
        book.balance(99, "CUP", on=on)


def test_a_statement_has_no_gap_and_no_repeat_while_new_entries_arrive(book, posted):
    posted(credit(500), earn(500))
    for amount in range(1, 20):
        posted(redeem(amount), redeem(amount, member=1, units=("UNI", "CUP")))
    posted(redeem(620))
    expected = [(line.id, line.line) for line in book.statement(1)]

    seen, cursor = [], None
    while page := book.statement(1, before=cursor, limit=3):
        seen += [(line.id, line.line) for line in page]
        cursor = seen[-1]
        posted(credit(1))

    assert seen == expected
    assert len(set(seen)) == len(seen)


def test_a_statement_tells_the_balance_after_each_line(book, posted):
    posted(credit(100), redeem(30), hold(20), claw_back(5), earn(9), void())

    running = {"CUP": 0, "UNI": 0}
    for line in reversed(book.statement(1, limit=LINES_MAX)):
        change = (line.credit == "available") - (line.debit == "available")
        running[line.unit] += change * line.amount
        assert line.available_after == running[line.unit]
    assert running == {"CUP": 0, "UNI": 0}


def test_a_statement_is_of_one_member(book, posted):
    posted(credit(1), credit(2, member=2), credit(3))

    assert [line.amount for line in book.statement(1)] == [3, 1]
    assert book.statement(99) == []


def test_ids_follow_the_order_of_posting_within_a_batch(book):
    answers = book.post_many([credit(n) for n in range(1, 40)])

    assert [answer.id for answer in answers] == sorted(a.id for a in answers)
    assert [line.amount for line in book.statement(1)] == list(range(39, 0, -1))
