"""The books cannot be changed but by posting, and the proof sees if they were."""

from datetime import date

import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Posted
from tests.ledger.makers import (
    DAY,
    accrue,
    claw_back,
    credit,
    earn,
    give_back,
    hold,
    lot,
    redeem,
)

TABLES = ("transfer", "reference", "lot", "balance", "book", "period", "entry_kind")
COLUMNS = {
    "transfer": "amount = amount + 1",
    "reference": "reference = 'x'",
    "lot": "units_left = 0",
    "balance": "available = 0",
    "book": "gate = 'open'",
    "period": "closed_at = NULL",
    "entry_kind": "spends = false",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["insert", "update", "delete", "truncate"])
def test_the_application_may_not_write_a_table_of_the_ledger(
    table, verb, book, session, posted
):
    posted(credit(10))
    statement = {
        "insert": f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table}",
        "update": f"UPDATE ledger.{table} SET {COLUMNS[table]}",
        "delete": f"DELETE FROM ledger.{table}",
        "truncate": f"TRUNCATE ledger.{table}",
    }[verb]

    with pytest.raises(DBAPIError) as refused, session.begin_nested():
        session.execute(text(statement))

    assert isinstance(refused.value.orig, InsufficientPrivilege)
    assert isinstance(book.post(redeem(10)), Posted)


def test_the_application_may_not_take_the_short_way(session, book):
    with pytest.raises(DBAPIError) as refused, session.begin_nested():
        session.execute(
            text(
                "SELECT ledger.post_one(ROW(0, 1, 'r', gen_random_uuid(), 'opening',"
                " 'issued', 'available', ARRAY['CUP'], 10, NULL, ROW('o', 'o', 'o',"
                " '2026-01-01', '2029-01-31', NULL, NULL, NULL)::ledger.draw, NULL,"
                " '2026-06-15', now(), 'test', NULL)::ledger.draft)"
            )
        )

    assert isinstance(refused.value.orig, InsufficientPrivilege)
    assert book.statement(1) == []


@pytest.fixture
def owner(database):
    """The owner's session over books with something of everything in them."""
    with Session(database.owner_engine) as session:
        book = Book(session)
        book.open([1, 2], opened_on=DAY)
        book.post_many([credit(100), accrue(30), earn(50, lot(None)), claw_back(80)])
        book.post_many([hold(10), credit(5, member=2)])
        spent = book.post(redeem(20))
        book.post(give_back(spent.id, 5))
        assert book.prove() == []
        yield session
        session.rollback()


# What somebody with the owner's password might do, and what the proof calls it.
DAMAGE = {
    "balance_differs: available": "UPDATE ledger.balance SET available = available + 1"
    " WHERE member_id = 1 AND unit = 'CUP'",
    "balance_differs: pending": "UPDATE ledger.balance SET pending = 0",
    "balance_differs: held": "UPDATE ledger.balance SET held = held + 3",
    "balance_differs: owed": "UPDATE ledger.balance SET owed = 0",
    "balance_differs: gone": "DELETE FROM ledger.balance WHERE unit = 'CUP'",
    "lots_differ_from_balance": "UPDATE ledger.lot SET units_left = units_left - 1"
    " WHERE member_id = 2",
    "lot_differs: left": "UPDATE ledger.lot SET units_left = units_left - 1"
    " WHERE member_id = 2",
    "lot_differs: issued": "UPDATE ledger.lot SET units_issued = units_issued + 1"
    " WHERE member_id = 2",
    "lot_differs: its day": "UPDATE ledger.lot SET expires_on = expires_on + 1"
    " WHERE member_id = 2",
    "lot_differs: gone": "DELETE FROM ledger.lot WHERE units_left > 0",
    "draws_differ_from_amount": "UPDATE ledger.transfer SET amount = amount + 1"
    " WHERE kind = 'redemption'",
    "draws_differ_from_amount: none": "UPDATE ledger.transfer SET draws = NULL"
    " WHERE kind = 'hold'",
    "balance_differs: amount": "UPDATE ledger.transfer SET amount = amount + 1"
    " WHERE kind = 'bill_accrual'",
    "balance_differs: account": "UPDATE ledger.transfer SET credit = 'held'"
    " WHERE kind = 'bill_accrual'",
    "balance_differs: transfer gone": "DELETE FROM ledger.transfer"
    " WHERE kind = 'bill_accrual'",
    "reference_without_entry": "DELETE FROM ledger.transfer"
    " WHERE kind = 'redemption_reversal'",
    "reference_without_entry: extra": "INSERT INTO ledger.reference"
    " VALUES (1, 'extra', gen_random_uuid(), gen_random_uuid())",
    "entry_without_reference": "DELETE FROM ledger.reference"
    " WHERE reference LIKE 'hold%'",
    "reversed_too_much": "UPDATE ledger.transfer SET amount = 21"
    " WHERE kind = 'redemption_reversal'",
    "clearing_open": "UPDATE ledger.transfer SET debit = 'clearing'"
    " WHERE kind = 'bill_accrual'",
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_found_and_named(case, owner):
    owner.execute(text(DAMAGE[case]))

    findings = {finding.finding for finding in Book(owner).prove()}

    assert case.split(":")[0] in findings


def test_a_finding_says_where_and_what(owner):
    owner.execute(
        text(
            "UPDATE ledger.balance SET available = 6"
            " WHERE member_id = 2 AND unit = 'CUP'"
        )
    )

    found = {finding.finding: finding for finding in Book(owner).prove()}

    assert set(found) == {"balance_differs", "lots_differ_from_balance"}
    assert {(f.member_id, f.unit) for f in found.values()} == {(2, "CUP")}
    assert found["lots_differ_from_balance"].detail == "available 6, lots hold 5"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.balance SET available = -1",
        "UPDATE ledger.balance SET owed = -1",
        "UPDATE ledger.lot SET units_left = -1",
        "UPDATE ledger.lot SET units_left = units_issued + 1",
        "UPDATE ledger.transfer SET amount = 0",
        "UPDATE ledger.transfer SET debit = credit",
        "UPDATE ledger.book SET gate = 'ajar'",
    ],
)
def test_what_can_never_be_true_the_database_refuses_even_its_owner(statement, owner):
    with pytest.raises(DBAPIError) as refused:
        owner.execute(text(statement))

    assert isinstance(refused.value.orig, CheckViolation)


def test_a_closed_month_closes_all_before_it_and_stays_closed(book, posted):
    assert book.closed_through() is None
    book.close(date(2026, 2, 1))
    book.close(date(2025, 12, 1))

    assert book.closed_through() == date(2026, 2, 28)
    posted(credit(1, effective_on=date(2026, 3, 1)))


def test_only_the_last_closed_month_is_opened_again(book, posted):
    book.close(date(2026, 3, 1))

    assert not book.reopen(date(2026, 2, 1))
    assert book.reopen(date(2026, 3, 1))

    assert book.closed_through() == date(2026, 2, 28)
    posted(credit(1, effective_on=date(2026, 3, 1)))
    assert not book.reopen(date(2026, 3, 1))
    book.close(date(2026, 3, 1))
    assert book.closed_through() == date(2026, 3, 31)
    assert book.prove() == []
