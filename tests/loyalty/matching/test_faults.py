"""Faults sown into a partner's file: each is found by its name, none is made up."""

from datetime import date
from random import Random

import pytest

from tests.loyalty.matching.faults import FAULTS, Month

OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)
LINES, SOWN = 100_000, 200


def test_of_every_fault_in_a_large_month_each_is_found_and_none_is_false(bank):
    bank.open(members=500)
    month = Month(OCTOBER)
    sown = [fault for fault in FAULTS for _ in range(SOWN)]
    for number in range(LINES):
        # Faults lie scattered over the file, each on a line of its own.
        at, rest = divmod(number, 50)
        fault = sown[at] if rest == 0 and at < len(sown) else None
        month.add(number, account=bank.accounts[number % 500], fault=fault)
    assert bank.load("activities", month.activities).rejected == 0
    told = bank.tell(*month.statement)
    assert (told.booked, told.already_booked) == (len(month.statement) - SOWN, SOWN)

    done = bank.match(OCTOBER)

    found = bank.breaks()
    assert len(found) == len(set(found)) == len(FAULTS) * SOWN
    assert set(found) == month.expected
    # Of what is late each side has its own month.
    assert done.sides.ours.lines == LINES - SOWN + SOWN
    assert done.sides.theirs.lines == LINES - SOWN - SOWN + 3 * SOWN
    assert done.percent == "98.4"


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_wrong_in_whatever_month_is_found_in_any_order(bank, seed):
    chance = Random(seed)  # noqa: S311 - games
    bank.open(members=5)
    months = [Month(date(2007, month, 1)) for month in (8, 9, 10)]
    for month in months:
        for number in range(150):
            fault = chance.choice([*FAULTS, None, None])
            month.add(number, account=chance.choice(bank.accounts), fault=fault)
        chance.shuffle(month.statement)
        # Of two lines about one thing the later is the second one.
        month.statement.sort(key=lambda row: str(row[0]).endswith("-again"))
    for month in chance.sample(months, 3):
        assert bank.load("activities", month.activities).rejected == 0
        assert bank.tell(*month.statement).rejected == 0

    periods = [month.first for month in months] + [NOVEMBER]
    for period in chance.sample(periods, 4):
        bank.match(period)

    expected = set().union(*(month.expected for month in months))
    assert set(bank.breaks()) == expected
    before = bank.rows("SELECT * FROM statement_break ORDER BY break_id")
    for period in periods:
        assert bank.match(period).paired == 0
    again = bank.rows("SELECT * FROM statement_break ORDER BY break_id")
    assert [row[:12] for row in again] == [row[:12] for row in before]
