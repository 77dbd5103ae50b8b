"""What holds for every report: figures are sums of the facts they lead to."""

from datetime import date

import pytest

from ledger.book import Book
from loyalty.reports.errors import UnknownFacts, UnknownReport
from loyalty.reports.producing import choice, facts_of, listed
from loyalty.reports.register import REPORTS, report_named

MONTHS = [date(2026, month, 1) for month in range(2, 6)]


def figures(session, report):
    """Every figure that leads to facts, with what these come to."""
    for table in report.tables:
        for row in (*table.rows, *([table.totals] if table.totals else [])):
            values = zip(table.shape.columns, row, strict=True)
            for column, value in values:
                behind = choice(
                    report, table, column, None if row is table.totals else row
                )
                if behind is None or value is None:
                    continue
                source, where = behind
                found = listed(
                    session,
                    facts=facts_of(report.definition, source.facts),
                    scope=report.scope,
                    where=where,
                    measure=source.measure,
                    limit=5,
                )
                yield f"{table.shape.name} {row[0]} {column.name}", value, found


def follows(report):
    """Every value that is said to be the sum of others, beside that sum."""
    for table in report.tables:
        at = {column.name: n for n, column in enumerate(table.shape.columns)}
        for row in (*table.rows, *([table.totals] if table.totals else [])):
            for column in table.shape.columns:
                if column.sums:
                    yield (
                        row[at[column.name]],
                        sum(
                            (-1 if part[0] == "-" else 1) * row[at[part[1:]]]
                            for part in column.sums
                        ),
                    )


@pytest.mark.parametrize("name", list(REPORTS))
def test_every_figure_is_the_sum_of_the_facts_it_leads_to(books, make, name):
    for narrowed in ({}, {"brand": "worldwind"}):
        report = make(books, name, **narrowed)

        for where, figure, found in figures(books, report):
            assert found.total == figure, where
            assert (found.count > 0) or figure == 0, where
        for said, added in follows(report):
            assert said == added


@pytest.mark.parametrize("name", ["roll-forward", "ageing", "utilisation"])
@pytest.mark.usefixtures("terms")
def test_so_it_is_with_books_kept_at_random(session, random_books, make, name):
    random_books(1)

    for period in MONTHS:
        report = make(session, name, period)
        for where, figure, found in figures(session, report):
            assert found.total == figure, (period, where)
        for said, added in follows(report):
            assert said == added
    assert Book(session).prove() == []


def test_the_same_data_has_the_same_hash_and_other_data_another(books, make):
    once, again = make(books, "ageing"), make(books, "ageing")

    assert once.data_hash == again.data_hash
    assert once.code_version == again.code_version
    hashes = {
        make(books, "ageing", brand=b).data_hash for b in (None, "up", "worldwind")
    }
    assert len(hashes) == 3


def test_facts_are_chosen_by_their_keys_alone(books, make):
    report = make(books, "ageing")
    facts = facts_of(report.definition, "lots")

    with pytest.raises(UnknownFacts):
        facts_of(report.definition, "bills")
    with pytest.raises(UnknownReport):
        report_named("weather")
    for wrong in ({"where": {"points": "1"}}, {"where": {}, "measure": "member_id"}):
        with pytest.raises(UnknownFacts):
            listed(books, facts=facts, scope=report.scope, limit=1, **wrong)
