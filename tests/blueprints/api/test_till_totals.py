"""A merchant's end of day beside ours: told by its tills, or asked of its office."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.clock import now
from loyalty.redemption.till import Move, refund
from loyalty.settlement.tills import fetch_day
from partners.adapters.merchant import Merchant, MerchantSettings
from partners.sandbox.merchant_server import MerchantSandbox
from tests.blueprints.api.conftest import yuan
from tests.partners.benches import SHARED_SECRET, connection, tell

ZHAO = "M13300000001"
NOTHING = {"count": 0, "points": 0, "amount": yuan(0)}


def tally(count, points):
    """At the starting terms a point pays a fen."""
    return {"count": count, "points": points, "amount": yuan(points)}


@pytest.fixture
def cafe(enroll, member, fresh_database):
    today = now().date()
    lot = Lot("operator", "operator", "opening", today.replace(day=1), None)
    with fresh_database.unit_of_work() as session:
        Book(session).post(
            Entry(
                member_id=member,
                reference="opening",
                kind="opening",
                transfers=(Transfer("issued", "available", ("CUP",), 5_000, lot),),
                effective_on=today,
                occurred_at=now(),
                actor="test",
            )
        )
    return enroll("CAFE")


@pytest.fixture
def ring(cafe):
    """Take points at a till, five times a hundred, and void the first."""

    def sell(times=5, *, void=1):
        names = []
        for nth in range(times):
            wish = {"partner_ref": f"P{nth}", "account_ref": ZHAO, "points": 100}
            held = cafe.post("/redemptions", wish).json()
            cafe.post(f"/redemptions/{held['id']}/capture")
            names.append(held["id"])
        for name in names[:void]:
            cafe.post(f"/redemptions/{name}/cancel")
        return names

    return sell


def day(**told):
    return {
        "day": now().date().isoformat(),
        "sales": NOTHING,
        "voids": NOTHING,
        "refunds": NOTHING,
    } | told


def test_five_sales_and_a_void_agree_on_four_hundred(cafe, ring, rows, proved):
    """domain.md 3.4, test (c)."""
    ring()

    answer = cafe.post("/till-totals", day(sales=tally(5, 500), voids=tally(1, 100)))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["agreed"] is True
    assert told["differences"] == []
    ours = told["ours"]
    assert ours["sales"]["points"] - ours["voids"]["points"] == 400
    assert rows("SELECT differences FROM comparison") == [(0,)]
    assert rows("SELECT sum(available) FROM ledger.balance") == [(4_600,)]
    assert proved() == []


def test_what_differs_is_answered_kept_and_gone_when_it_agrees(cafe, ring, rows):
    ring()
    kept = "SELECT reference, code, ours_count, theirs_count, ours_units, theirs_units"
    kept += " FROM statement_break WHERE closed_at IS NULL ORDER BY reference"

    answer = cafe.post("/till-totals", day(sales=tally(4, 400), refunds=tally(1, 70)))

    assert answer.json()["agreed"] is False
    assert answer.json()["differences"] == [
        {"of": "sales", "break_code": "MISSING_THEIRS"},
        {"of": "voids", "break_code": "MISSING_THEIRS"},
        {"of": "refunds", "break_code": "MISSING_OURS"},
    ]
    assert rows(kept) == [
        ("refunds", "MISSING_OURS", 0, 1, 0, 70),
        ("sales", "MISSING_THEIRS", 5, 4, 500, 400),
        ("voids", "MISSING_THEIRS", 1, 0, 100, 0),
    ]
    cheap = tally(5, 500) | {"amount": yuan(499)}
    cafe.post("/till-totals", day(sales=cheap, voids=tally(1, 90)))
    assert [row[:2] for row in rows(kept)] == [
        ("sales", "AMOUNT_DIFF"),
        ("voids", "UNITS_DIFF"),
    ]
    cafe.post("/till-totals", day(sales=tally(5, 500), voids=tally(1, 100)))
    assert rows(kept) == []
    assert rows("SELECT count(*) FROM comparison") == [(3,)]


def test_another_merchants_day_is_its_own(ring, enroll):
    ring()

    answer = enroll("TTCLUB").post("/till-totals", day())

    assert answer.json()["agreed"] is True


def test_a_day_that_has_not_come_adds_up_to_nothing(cafe):
    tomorrow = (now().date() + timedelta(days=1)).isoformat()

    answer = cafe.post("/till-totals", day() | {"day": tomorrow})

    assert (answer.status_code, answer.json()["code"]) == (422, "day_ahead")


def test_the_back_office_is_asked_for_its_day(ring, fresh_database, proved):
    """A refund on a later day is that day's, and no void."""
    ring()
    at = now() + timedelta(days=1)
    with fresh_database.unit_of_work() as session:
        move = Move(partner="CAFE", partner_ref="P4", actor="test", at=at)
        refund(session, move, points=30)
    sold = [("sales", 100)] * 5 + [("voids", 100)]
    with MerchantSandbox(code="CAFE", secret=SHARED_SECRET) as sandbox:
        merchant = Merchant(MerchantSettings(**connection(sandbox)))

        def ask(on):
            return fetch_day(fresh_database, merchant, partner="CAFE", day=on, at=at)

        first, second = now().date(), at.date()
        assert ask(first) is None
        for on, rung in ((first, sold), (second, [("refunds", 20)])):
            for kind, points in rung:
                tell(
                    sandbox.address,
                    "ring",
                    day=on.isoformat(),
                    kind=kind,
                    points=points,
                    amountFen=points,
                )
            tell(sandbox.address, "close", day=on.isoformat())
        agreed, differing = ask(first), ask(second)

    assert agreed is not None
    assert agreed.differences == 0
    assert differing is not None
    assert differing.ours["refunds"] == {"count": 1, "points": 30, "amount_fen": 30}
    with fresh_database.unit_of_work() as session:
        found = session.execute(text("SELECT reference, code FROM statement_break"))
        assert found.all() == [("refunds", "UNITS_DIFF")]
    assert proved() == []


def test_finance_sees_what_differs(cafe, ring, browser, employ):
    ring()
    cafe.post("/till-totals", day(sales=tally(4, 400)))
    finance = browser(staff_id=employ("shen", "auditor"))

    page = finance.get("/console/breaks").text

    assert "对方缺记录" in page
    assert "5 笔" in page
    assert "4 笔" in page
    cafe.post("/till-totals", day(sales=tally(5, 500), voids=tally(1, 100)))
    assert "没有差异" in finance.get("/console/breaks").text
    gone = finance.get("/console/breaks?show=closed&subject=till_totals").text
    assert "对方缺记录" in gone
    assert finance.get("/console/breaks.xlsx").status_code == 200
