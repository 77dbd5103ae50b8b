"""A partner's month from its draft to its payment, through the pages of finance."""

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.clock import business_date
from tests.loyalty.exchange.alliance import Alliance, Carrier
from tests.loyalty.settlement.desk import exchange_both_ways

# A12: a standard product of ours, bought by the thousand.
VOUCHER = {
    "item_code": "TOP10",
    "title_zh": "10 元充值券",
    "title_en": "Top-up of 10 yuan",
    "family": "TELECOM",
    "kind": "VAS",
    "cost_treatment": "NO_REVENUE_EFFECT",
    "account": "redeemed.telecom",
    "fulfilment": "VOUCHER",
    "points": 1_000,
    "market_fen": 10_00,
    "settlement_fen": 0,
    "segment": "all",
    "min_spend_fen": 0,
    "valid_until": "2099-12-31",
}


@pytest.fixture
def rows(fresh_database):
    """Ask the database."""

    def ask(statement, **facts):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]

    return ask


@pytest.fixture
def people(browser, employ, fresh_database):
    """A clerk and a finance manager, and an airline that owes and is owed."""
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.open()
        exchange_both_ways(alliance, Carrier())
        load_items(session, items=[VOUCHER])
    yield tuple(
        browser(staff_id=employ(f"of.{role}", role))
        for role in ("finance_maker", "finance_checker", "auditor")
    )
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_a_month_is_drawn_up_issued_agreed_netted_and_paid(people, send, rows):
    maker, checker, auditor = people
    assert "还没有上结算单的" in maker.get("/console/statements?show=waiting").text
    assert send(maker, "/console/statements", partner="MU").status_code == 422
    drawn = send(maker, "/console/statements", partner="MU", day="2007-10-20")
    place = drawn.location
    assert "草稿" in maker.get(place).text
    assert send(maker, place, to=f"{place}/submit").status_code == 422

    asked = send(maker, place, to=f"{place}/submit", reason="逐笔核对").location
    assert send(maker, asked, act="approve").status_code == 403
    page = checker.get(asked).text
    assert "签发结算单" in page
    assert "−¥35.00" in page
    assert send(checker, asked, act="approve").status_code == 303

    page = maker.get(place).text
    assert "已签发" in page
    assert send(maker, place, to=f"{place}/agree").status_code == 422
    assert send(maker, place, to=f"{place}/agree", agreed_how="来函 7 号").location
    netted = send(maker, place, to="/console/settlements", partner="MU").location
    assert "我方付给伙伴" in maker.get(netted).text
    today = business_date().isoformat()
    paid = {"to": f"{netted}/payments", "paid_on": today, "bank_ref": "ICBC-1"}
    assert send(maker, netted, **paid, amount_yuan="35.01").status_code == 409
    assert send(maker, netted, **paid, amount_yuan="很多").status_code == 422
    assert send(maker, netted, **paid, amount_yuan="35").status_code == 303
    assert "已付清" in maker.get(place).text
    assert rows("SELECT kind, fen, bank_ref FROM settlement_payment") == [
        ("paid", -35_00, "ICBC-1")
    ]
    assert rows("SELECT settled_through::text FROM partner_credit") == [("2007-10-31",)]
    for path in (place, netted, "/console/settlements"):
        assert "<form" not in auditor.get(path).text.partition("<main")[2]


def test_every_figure_leads_to_the_books(people, send, rows):
    maker, *_ = people
    place = send(maker, "/console/statements", partner="MU", day="2007-10-20").location
    entries = rows("SELECT entry_id::text FROM exchange ORDER BY direction")

    pages = [maker.get(f"{place}/lines/{line_no}").text for line_no in (1, 2)]

    for (entry,), page, price in zip(
        entries, pages, ("9 分 ÷ 100", "8 分 ÷ 1"), strict=True
    ):
        assert entry in page
        assert price in page
    told = maker.get(f"{place}.csv")
    lines = list(csv.DictReader(io.StringIO(told.text)))
    assert [(line["kind"], line["amount"]) for line in lines] == [
        ("exchanged_in", "45.00"),
        ("exchanged_out", "-80.00"),
    ]
    assert maker.get(f"{place}.pdf").data.startswith(b"%PDF")
    assert maker.get(f"{place}/lines.xlsx").data.startswith(b"PK")
    assert maker.get("/console/statements/999").status_code == 404
    assert maker.get(f"{place}/lines/9").status_code == 404


def test_a_partner_buys_a_thousand_top_ups_for_ten_thousand_yuan(people, send, rows):
    """domain.md A12: revenue of 10,000.00 that is owed, and never a cost of points."""
    maker, checker, _ = people
    wish = {
        "to": "/console/charges/purchases",
        "partner": "MU",
        "order_ref": "PO-7",
        "item_code": "TOP10",
        "quantity": "1,000",
        "on": "2007-10-20",
        "reason": "合同 7 号",
    }
    foreign = wish | {"item_code": "INS-A", "order_ref": "PO-8"}
    assert send(maker, "/console/charges", **foreign).status_code == 422
    asked = send(maker, "/console/charges", **wish).location
    assert "¥10,000.00" in checker.get(asked).text
    assert send(checker, asked, act="approve").status_code == 303
    assert send(maker, "/console/charges", **wish).status_code == 409

    place = send(maker, "/console/statements", partner="MU", day="2007-10-20").location

    assert "¥10,045.00" in maker.get(place).text
    assert rows("SELECT quantity, price_fen, fen FROM partner_purchase") == [
        (1_000, 10_00, 10_000_00)
    ]
    assert rows(
        "SELECT receivable_fen, payable_fen, due_fen FROM settlement_statement"
    ) == [(10_045_00, 80_00, 9_965_00)]


def test_a_fee_is_charged_by_two_in_money_or_in_points(people, send, rows):
    maker, checker, _ = people
    fee = {
        "to": "/console/charges/fees",
        "partner": "MU",
        "cause": "late",
        "on": business_date().isoformat(),
        "reason": "迟了三天",
    }
    asks = [
        fee | {"about": "F-1"},
        fee | {"about": "F-1", "amount_yuan": "12.50", "points": "7"},
        fee | {"about": "F-1", "amount_yuan": "-1"},
        fee | {"amount_yuan": "12.50"},
        fee | {"about": "F-1", "amount_yuan": "1", "on": tomorrow()},
    ]
    assert {send(maker, "/console/charges", **ask).status_code for ask in asks} == {422}
    in_points = fee | {"about": "F-1", "points": "1000"}
    assert send(maker, "/console/charges", **in_points).status_code == 409
    asked = send(maker, "/console/charges", **fee, about="F-1", amount_yuan="12.50")
    assert rows("SELECT count(*) FROM partner_fee") == [(0,)]
    assert send(checker, asked.location, act="approve").status_code == 303

    assert rows("SELECT partner, cause, about, points, fen FROM partner_fee") == [
        ("MU", "late", "F-1", None, 12_50)
    ]
    assert "¥12.50" in maker.get("/console/charges").text
    for path in ("fees", "purchases", "adjustments"):
        assert maker.get(f"/console/charges/{path}.xlsx").status_code == 200


def tomorrow():
    return (business_date() + timedelta(days=1)).isoformat()


def test_a_partner_goes_by_another_calendar(people, send, rows):
    """domain.md 3.1: period 2 of September 2007 as the clearing house had it."""
    maker, *_ = people
    calendar = "/console/settlement-calendar"
    laid = {"to": f"{calendar}/years", "calendar": "airline", "year": "2007"}
    assert send(maker, calendar, **laid).status_code == 303
    assert send(maker, calendar, **laid).status_code == 303
    assert rows(
        "SELECT last_on::text, closure_on::text, advice_on::text, call_on::text,"
        " (SELECT count(*) FROM settlement_calendar) FROM settlement_calendar"
        " WHERE calendar = 'airline' AND first_on = '2007-09-08'"
    ) == [("2007-09-14", "2007-09-21", "2007-09-25", "2007-10-02", 48)]
    follow = {"partner": "MU", "partner_calendar": "airline"}
    assert send(maker, calendar, to=f"{calendar}/partners", **follow).status_code == 303

    place = send(maker, "/console/statements", partner="MU", day="2007-10-20").location

    assert rows("SELECT first_on::text, last_on::text FROM settlement_statement") == [
        ("2007-10-15", "2007-10-21")
    ]
    assert "¥45.00" in maker.get(place).text
    own = {
        "to": f"{calendar}/periods",
        "calendar_name": "airline",
        "first_on": "2007-12-30",
        "last_on": "2008-01-02",
        "closure_on": "2008-01-03",
        "advice_on": "2008-01-04",
        "call_on": "2008-01-05",
    }
    assert send(maker, calendar, **own).status_code == 422
    assert send(maker, calendar, **own | {"calendar_name": "own"}).status_code == 303
    page = maker.get(f"{calendar}?calendar=own&year=2008").text
    assert "2008 年 1 月 5 日" in page
