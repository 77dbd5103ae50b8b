"""Estimates in the console: the past suggests, one asks, another decides."""

from datetime import date
from html import unescape

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))


@pytest.fixture(autouse=True)
def _points(fresh_database):
    """Points of January and March: redeemed by 10 %, 40 %; by 6 %."""
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())
        book = Book(session)
        book.open([1, 2], opened_on=JANUARY)
        for nth, (member, month, kind, amount, on) in enumerate(
            (
                (1, JANUARY, "activity_accrual", 1_000, JANUARY),
                (1, JANUARY, "redemption", 100, JANUARY),
                (1, JANUARY, "redemption", 300, MARCH),
                (2, MARCH, "activity_accrual", 1_000, MARCH),
                (2, MARCH, "redemption", 60, MARCH),
            )
        ):
            lot = Lot("CEB", "CEB", "activity", month, date(2030, 1, 31))
            transfer = (
                Transfer("issued.partner:CEB", "available", ("UNI",), amount, lot)
                if kind == "activity_accrual"
                else Transfer("available", "redeemed.product", ("UNI",), amount)
            )
            book.post(
                Entry(
                    member_id=member,
                    reference=f"{nth}",
                    kind=kind,
                    transfers=(transfer,),
                    effective_on=on,
                    occurred_at=now(),
                    actor="test",
                )
            )


@pytest.fixture
def finance(browser, employ):
    """Who asks and who decides in finance, each at a screen of their own."""
    return [
        browser(staff_id=employ("lin", "finance_maker")),
        browser(staff_id=employ("luo", "finance_checker")),
    ]


@pytest.fixture
def estimates(fresh_database):
    """What was agreed on, in order."""

    def read():
        with fresh_database.unit_of_work() as session:
            return [
                tuple(row)
                for row in session.execute(
                    text(
                        "SELECT to_char(earned_in, 'YYYY-MM'), expected, suggested,"
                        " basis, memo FROM cohort_estimate ORDER BY earned_in"
                    )
                )
            ]

    return read


def test_a_suggestion_is_taken_over_with_a_click_and_holds_once_another_agrees(
    finance, send, estimates, fresh_database
):
    maker, checker = finance
    shown = unescape(maker.get("/console/estimates?period=2026-03&lang=en").text)
    take = "/console/estimates/new?take=UNI+2026-03+CEB&period=2026-03"
    assert take in shown
    form = maker.get(take).text
    assert 'value="240"' in form

    asked = send(
        maker,
        take,
        to="/console/estimates?period=2026-03",
        period="2026-03",
        basis="suggestion",
        memo="三月新目录",
        **{"points UNI 2026-03 CEB": "240", "points UNI 2026-01 CEB": ""},
    )
    assert asked.status_code == 303
    assert estimates() == []
    page = unescape(checker.get(asked.location).text)
    assert "800" in page
    assert "240" in page
    decided = send(checker, asked.location, act="approve")

    assert decided.status_code == 303
    assert estimates() == [("2026-03", 240, 240, "suggestion", "三月新目录")]
    after = unescape(checker.get("/console/estimates?period=2026-03&lang=en").text)
    assert "24.0 %" in after
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_what_cannot_come_true_is_sent_back_with_what_was_typed(
    finance, send, estimates
):
    path = "/console/estimates/new?period=2026-03&lang=en"
    refused = send(
        finance[0],
        path,
        to="/console/estimates?period=2026-03&lang=en",
        period="2026-03",
        basis="judgement",
        memo="too few",
        **{"points UNI 2026-01 CEB": "399"},
    )

    assert refused.status_code == 409
    assert "400" in refused.text
    assert 'value="399"' in refused.text
    unread = send(
        finance[0],
        path,
        to="/console/estimates?period=2026-03&lang=en",
        period="2026-13",
        basis="judgement",
        memo="",
        **{"points UNI 2026-01 CEB": "many"},
    )
    assert unread.status_code == 422
    assert unread.text.count('aria-invalid="true"') == 3
    assert estimates() == []


def test_new_terms_hold_from_their_month_on_once_another_agrees(finance, send):
    maker, checker = finance
    asked = send(
        maker,
        "/console/estimates/terms",
        redemption_rate="85",
        point_value_fen="0.012",
        effective_in="2026-03",
        reason="more is redeemed",
    )

    page = unescape(checker.get(f"{asked.location}?lang=en").text)
    assert "85.00 %" in page
    assert "¥0.0120" in page
    assert send(checker, asked.location, act="approve").status_code == 303

    shown = unescape(checker.get("/console/estimates?period=2026-03&lang=en").text)
    assert "¥0.0102" in shown


@pytest.mark.parametrize("rate", ["101", "", "1e", "NaN"])
def test_terms_that_make_no_sense_are_sent_back(finance, send, rate):
    refused = send(
        finance[0],
        "/console/estimates/terms",
        redemption_rate=rate,
        point_value_fen="0.01",
        effective_in="2026-03",
        reason="more is redeemed",
    )

    assert refused.status_code == 422
    assert refused.text.count('aria-invalid="true"') == 1


def test_the_triangle_is_drawn_and_stands_in_a_table(finance):
    page = unescape(
        finance[0].get("/console/estimates/triangle?period=2026-03&lang=en").text
    )

    assert "<svg" in page
    assert "40.0 % redeemed by month 2; 80.0 % expected in the end." in page
    assert ">6.0 %</td>" in page
