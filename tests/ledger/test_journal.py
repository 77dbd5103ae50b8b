import re
import subprocess
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from sqlalchemy import text

from ledger.book import Book
from ledger.journal import Beancount, Hledger, _component, _label, journal
from ledger.values import Entry, Lot, Transfer
from tests.programs import program

SEEDS = range(2)
SINCE = (None, date(2026, 3, 10))
UNTIL = (None, date(2026, 4, 2))
LOT = Lot("CEB", "CEB", "standard", date(2026, 3, 1), date(2029, 3, 31))


def written(session, form, *, by_member=True, since=None, until=None):
    return "".join(
        journal(
            session,
            form(currency="CNY", rate=Decimal("0.0100")),
            by_member=by_member,
            since=since,
            until=until,
            equity=("adjusted", "clearing"),
        )
    )


def loaded(content):
    entries, errors, _ = loader.load_string(content)
    return entries, [error.message for error in errors]


def hledger(content, *arguments):
    return subprocess.run(
        [program("hledger"), "-f", "-", *arguments],
        input=content,
        capture_output=True,
        text=True,
        check=False,
    )


def ours(session, *, until=None, by_member=True):
    """What the ledger's transfers say of each account and unit, as we write them."""
    rows = session.execute(
        text(
            """
            SELECT p.account, p.unit, sum(p.amount) AS amount,
                   CASE WHEN :by_member AND c.owner = 'member' THEN p.member_id END
                   AS member_id
              FROM ledger.posting p
              JOIN ledger.account_class c ON c.class = split_part(p.account, ':', 1)
             WHERE p.effective_on <= coalesce(CAST(:until AS date), 'infinity')
             GROUP BY 1, 2, 4 HAVING sum(p.amount) <> 0
            """
        ),
        {"until": until, "by_member": by_member},
    )
    return {(row.account, row.member_id, row.unit): int(row.amount) for row in rows}


def theirs(balances):
    """The same of a journal's balances, by name of account and unit."""
    roots = {
        "Liabilities:Available": "available",
        "Liabilities:Pending": "pending",
        "Liabilities:Held": "held",
        "Assets:Owed": "owed",
        "Assets:Issued:Partner": "issued.partner",
        "Expenses:Issued": "issued",
        "Income:Redeemed:Product": "redeemed.product",
        "Income:Redeemed:Service": "redeemed.service",
        "Liabilities:Redeemed:Merchant": "redeemed.merchant",
        "Income:Expired": "expired",
        "Income:Voided:Churn": "voided.churn",
        "Equity:Opening": "equity",
    }
    partners = {
        _component(name): name for name in ("CEB", "bank of 广东", "TT-CLUB", "TT club")
    }
    sums: dict[tuple[str, int | None, str], int] = defaultdict(int)
    for (name, unit), amount in balances.items():
        root = next(root for root in roots if name.startswith(root))
        member = re.match(r":M(\d+)", name[len(root) :])
        account = roots[root]
        if name[len(root) + 1 :] in partners:
            account += ":" + partners[name[len(root) + 1 :]]
        sums[account, int(member[1]) if member else None, unit] += amount
    return {key: amount for key, amount in sums.items() if amount}


def postings(entries):
    """What a journal moves: account, unit, amount and lot of each posting."""
    transactions: list[Any] = [e for e in entries if isinstance(e, data.Transaction)]
    return [
        (p.account, p.units.currency, int(p.units.number), p.cost)
        for transaction in transactions
        for p in transaction.postings
    ]


def balances_in_beancount(entries):
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for account, unit, amount, _ in postings(entries):
        sums[account, unit] += amount
    return theirs(sums)


def balances_in_hledger(content):
    shown = hledger(content, "balance", "--flat", "-E", "-N", "-O", "csv")
    assert shown.returncode == 0, shown.stderr
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for line in shown.stdout.splitlines()[1:]:
        name, amounts = line.strip('"').split('","')
        for amount in amounts.split(", "):
            number, _, unit = amount.partition(" ")
            if unit:
                sums[name, unit] += int(number)
    return theirs(sums)


@pytest.fixture(params=SEEDS)
def books(request, session, random_books):
    """Random books, in which some facts were booked before those they rest on."""
    random_books(request.param)
    assert ":Advance" in written(session, Beancount)
    return session


def test_beancount_agrees(books):
    for since, until, by_member in product(SINCE, UNTIL, [True, False]):
        options = {"until": until, "by_member": by_member}

        entries, errors = loaded(written(books, Beancount, since=since, **options))

        assert errors == []
        assert balances_in_beancount(entries) == ours(books, **options)


def test_hledger_agrees(books):
    for since, until, by_member in product(SINCE, UNTIL, [True, False]):
        options = {"until": until, "by_member": by_member}

        content = written(books, Hledger, since=since, **options)

        checked = hledger(content, "check", "--strict", "ordereddates")
        assert checked.returncode == 0, checked.stderr
        assert balances_in_hledger(content) == ours(books, **options)


def test_lots_in_beancount_hold_what_ours_hold(books):
    entries, _ = loaded(written(books, Beancount))

    left: dict[tuple[object, ...], int] = defaultdict(int)
    for account, unit, amount, lot in postings(entries):
        if lot is not None:
            left[account, unit, lot.label, lot.date] -= amount
    assert {key: units for key, units in left.items() if units} == {
        (f"Liabilities:Available:M{member}", lot.unit, label(lot), lot.earned_in): (
            lot.units_left
        )
        for member in (7, 8, 9)
        for lot in Book(books).lots(member)
    }


def label(lot):
    days = [lot.expires_on] + [lot.origin_on] * (lot.origin_on != lot.expires_on)
    parts = [lot.issuer, lot.funding, lot.cost_class, *(day or "never" for day in days)]
    return "/".join(_label(str(part)) for part in parts)


@pytest.mark.parametrize("by_member", [True, False])
def test_every_day_is_exact_although_facts_come_late(books, by_member):
    entries, _ = loaded(written(books, Beancount, by_member=by_member))
    days = sorted({entry.date for entry in entries})

    for day in days[:: len(days) // 5]:
        upto = [entry for entry in entries if entry.date <= day]
        assert balances_in_beancount(upto) == ours(
            books, until=day, by_member=by_member
        )


@pytest.fixture
def small(session):
    """Books of one member: 100 earned, 60 spent."""
    book = Book(session)
    book.open([1], opened_on=date(2026, 1, 1))
    post(session, "activity_accrual", "issued.partner:CEB", "available", 100, lot=LOT)
    spent_on = date(2026, 3, 6)
    post(session, "redemption", "available", "redeemed.product", 60, on=spent_on)
    return session


def post(session, kind, debit, credit, amount, *, lot=None, on=date(2026, 3, 5)):
    Book(session).post(
        Entry(
            member_id=1,
            reference=f"{kind} {amount} {on}",
            kind=kind,
            transfers=(Transfer(debit, credit, ("UNI",), amount, lot),),
            effective_on=on,
            occurred_at=datetime(2026, 3, 5, tzinfo=UTC),
            actor="test",
        )
    )


DAMAGE = {
    "an amount": ("  60 UNI", "  61 UNI", 1),
    "an amount on both sides": ("60 UNI", "61 UNI", -1),
    "more than the lot holds": ("60 UNI", "160 UNI", -1),
    "a unit": ("60 UNI", "60 CUP", 1),
    "a unit on both sides": ("60 UNI", "60 CUP", -1),
    "an account": ("Income:Redeemed:Product", "Assets:Issued:Partner:CEB", 1),
    "a lot": ("CEB/CEB/standard", "CEB/CEB/goodwill", 1),
    "a day before the lot": ("2026-03-06 * ", "2026-03-04 * ", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_beancount_refuses_a_damaged_journal(small, damage):
    content = written(small, Beancount)
    assert loaded(content)[1] == []

    damaged = content.replace(*DAMAGE[damage])

    assert damaged != content
    assert loaded(damaged)[1] != []


@pytest.mark.parametrize("damage", sorted(DAMAGE.keys() - {"a day before the lot"}))
def test_hledger_refuses_a_damaged_journal(small, damage):
    content = written(small, Hledger)
    assert hledger(content, "check", "--strict").returncode == 0

    damaged = content.replace(*DAMAGE[damage])

    assert damaged != content
    assert hledger(damaged, "check", "--strict").returncode != 0


def without_redemption(session, form):
    pieces = journal(
        session, form(currency="CNY", rate=Decimal("0.0100")), by_member=True
    )
    kept = [piece for piece in pieces if "* redemption" not in piece.replace('"', "")]
    return "".join(kept)


def test_beancount_misses_a_transaction_that_is_gone(small):
    assert loaded(without_redemption(small, Beancount))[1] != []


def test_hledger_misses_a_transaction_that_is_gone(small):
    content = without_redemption(small, Hledger)

    assert hledger(content, "check", "--strict").returncode != 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger.balance SET available = 41 WHERE unit = 'UNI'",
        "UPDATE ledger.transfer SET amount = 61 WHERE kind = 'redemption'",
        "UPDATE ledger.transfer SET draws = NULL WHERE kind = 'redemption'",
        # The lot is overdrawn for good.
        "UPDATE ledger.transfer SET amount = 9, draws[1].units = 9 WHERE amount = 100",
    ],
)
@pytest.mark.parametrize("by_member", [True, False])
def test_damaged_books_are_refused(small, damage, by_member):
    small.execute(text("RESET ROLE"))
    small.execute(text(damage))

    assert loaded(written(small, Beancount, by_member=by_member))[1] != []
    content = written(small, Hledger, by_member=by_member)
    assert hledger(content, "check", "--strict").returncode != 0


def test_points_spent_before_their_lot_was_opened_are_an_advance(session):
    Book(session).open([1], opened_on=date(2026, 1, 1))
    post(session, "activity_accrual", "issued.partner:CEB", "available", 100, lot=LOT)
    early = date(2026, 3, 1)
    post(session, "redemption", "available", "redeemed.product", 60, on=early)

    content = written(session, Beancount)

    entries, errors = loaded(content)
    assert errors == []
    assert [(account, amount) for account, _, amount, _ in postings(entries)] == [
        ("Liabilities:Available:M1:Advance", 60),
        ("Income:Redeemed:Product", -60),
        ("Assets:Issued:Partner:CEB", 100),
        ("Liabilities:Available:M1", -40),
        ("Liabilities:Available:M1:Advance", -60),
    ]


def test_empty_books_are_a_journal_too(session):
    assert loaded(written(session, Beancount))[1] == []
    assert written(session, Hledger, since=date(2026, 1, 1))


def test_names_are_written_so_that_no_two_are_alike():
    names = ["CEB", "ceb", "Ceb", "C-B", "C--B", "-CB", "C B", "C  B", "广东", "2-B"]
    names += ["X----ceb", "C--20--B", "C-2d-B", "X", "", "CB-", "é", "²", "C/B", "C:B"]

    written = [_component(name) for name in names]

    assert len(set(written)) == len(names)
    for name in written[:-1]:
        assert re.fullmatch("[A-Z0-9][A-Za-z0-9-]*", name)
    assert _component("PINGAN-2") == "PINGAN-2"


def test_words_in_labels_end_no_line_and_no_string():
    words = ["a b", "a%20%b", 'a"b', "a;b", "a/b", "a\nb", "a:b", "a b ", "a\\b"]

    written = [_label(word) for word in words]

    assert len(set(written)) == len(words)
    assert all(re.fullmatch(r"[\w.%-]+", label) for label in written)
    assert _label("CEB-1.2_中") == "CEB-1.2_中"


@pytest.mark.parametrize(
    ("rate", "shown"), [("0.01", "0.0100"), ("0.00625", "0.00625"), ("2", "2.0000")]
)
def test_the_rate_is_written_exactly(small, rate, shown):
    form = Beancount(currency="CNY", rate=Decimal(rate))

    content = "".join(journal(small, form, by_member=False))

    assert f"{{{shown} CNY, 2026-03-01" in content
    assert loaded(content)[1] == []
