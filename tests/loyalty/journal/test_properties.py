"""What holds of months in which anything may happen."""

from datetime import UTC, date, datetime

import pytest

from loyalty.journal.deriving import derive
from loyalty.journal.errors import JournalKept, NotKept, NotTheNewest
from loyalty.journal.operations import keep, supersede
from loyalty.journal.queries import cohort_months, month
from loyalty.rules.operations import load_terms, starting_terms
from tests.loyalty.journal.conftest import check

MONTHS = [date(2026, each, 1) for each in range(1, 7)]
AT = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def books(session, random_books):
    """Books kept at random, and the terms to read them by."""
    load_terms(session, terms=starting_terms(), at=AT)
    return random_books


@pytest.mark.parametrize("seed", range(2))
def test_months_kept_one_by_one_are_the_months_replayed_at_once(session, books, seed):
    books(seed)
    at_once = derive(session, period=MONTHS[-1])
    for period in MONTHS:
        check(session, period)
        derived = derive(session, period=period)
        for view in ("C", "D"):
            entries = [one for one in derived.entries if one.view == view]
            assert sum(one.debit_fen - one.credit_fen for one in entries) == 0
        keep(session, derived=derived, actor="test", at=AT)
        for view in ("C", "D"):
            assert month(session, period=period, view=view) == [
                one for one in derived.entries if one.view == view
            ]

    assert tuple(cohort_months(session, period=MONTHS[-1])) == at_once.cohorts
    replayed = {one.period: one.entries for one in (*at_once.before, at_once)}
    for period in MONTHS:
        kept = [
            entry
            for view in ("C", "D")
            for entry in month(session, period=period, view=view)
        ]
        assert sorted(kept, key=str) == sorted(replayed.get(period, ()), key=str)


def test_only_the_newest_month_is_opened_again_and_none_is_kept_twice(session, books):
    books(0)
    for period in MONTHS[:3]:
        keep(session, derived=derive(session, period=period), actor="test", at=AT)
    *_, second, third = MONTHS[:3]

    with pytest.raises(JournalKept):
        keep(session, derived=derive(session, period=third), actor="test", at=AT)
    with pytest.raises(NotTheNewest):
        supersede(session, period=second, actor="test", at=AT)
    with pytest.raises(NotKept):
        supersede(session, period=MONTHS[3], actor="test", at=AT)
    before = derive(session, period=MONTHS[3])
    supersede(session, period=third, actor="test", at=AT)
    keep(session, derived=derive(session, period=third), actor="test", at=AT)

    assert derive(session, period=MONTHS[3]) == before
