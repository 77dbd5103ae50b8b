"""The decks' offers as a member finds them on the web (domain.md A19, A20, A45)."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clock import now
from loyalty.tiers.operations import grant
from tests.loyalty.orders.shop import Shop


@pytest.fixture
def member(join, fresh_database):
    """Bring Wang in, with points that never expire and perhaps a tier."""

    def come(points=5_000, tier=None):
        member_id = join()
        with fresh_database.unit_of_work() as session:
            shop = Shop(session)
            shop.open()
            if points:
                shop.earn(member_id, points, until=None)
            if tier is not None:
                today = now().date()
                grant(
                    session,
                    member_id=member_id,
                    tier=tier,
                    granted_on=today,
                    until=today + timedelta(days=30),
                    reason="a test",
                    actor="test",
                )
        return member_id

    yield come
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def redeem(browser, csrf, telephone):
    """Go through the checkout as a person does; gives the last answer."""

    def go(member_id, item_code, **fields):
        client = browser(member_id=member_id)
        path = f"/catalogue/{item_code}/checkout"
        page = client.get(path).text
        form = {"csrf_token": csrf(page), "way": "points", "quantity": "1"} | {
            name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0]
            for name in ("order_ref", "expected_points", "expected_cash_fen")
        }
        sent = client.post(path, data={**form, **fields, "act": "send"})
        if sent.status_code == 200:
            form["code"] = telephone.code()
        return client, client.post(path, data={**form, **fields, "act": "confirm"})

    return go


def words(page):
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def state_of(database, member_id):
    """Return what is left, what the insurer or venue is owed, and how it went."""
    with database.unit_of_work() as session:
        shop = Shop(session)
        month = now().date().replace(day=1)
        orders = shop.rows("SELECT state, points, settlement_fen FROM member_order")
        return shop.available(member_id), shop.payable(month), orders


INSURED = {
    "insured_name": "王芳",
    "insured_id": "440106198001011230",
    "consent": "on",
    "msisdn": "13300000001",
}


@pytest.mark.parametrize(
    ("item_code", "prices"), [("INS-A", (2_500, 20_00)), ("INS-B", (4_500, 40_00))]
)
def test_an_offer_for_points_owes_the_insurer_its_price(
    fresh_database, member, redeem, item_code, prices
):
    wang, (points, owed) = member(5_000), prices

    _, done = redeem(wang, item_code, **INSURED)

    assert done.status_code == 303, words(done.text)
    left, payable, orders = state_of(fresh_database, wang)
    assert left == 5_000 - points
    assert payable == {"PINGAN": owed}
    assert orders == [("fulfilled", points, owed)]


def test_too_few_points_say_how_many_are_missing(fresh_database, member, redeem):
    wang = member(2_000)

    _, refused = redeem(wang, "INS-A", **INSURED)

    assert refused.status_code == 422
    assert "500" in words(refused.text)  # what is missing
    assert state_of(fresh_database, wang) == (2_000, {}, [])


@pytest.mark.parametrize(
    ("tier", "points"), [("DIAMOND", 0), ("GOLD", 300), ("SILVER", 480), (None, 600)]
)
def test_a_session_at_the_club_by_tier(fresh_database, member, redeem, tier, points):
    wang = member(5_000, tier)
    tomorrow = (now().date() + timedelta(days=1)).isoformat()

    client, done = redeem(wang, "TT1", on_day=tomorrow)

    assert done.status_code == 303
    left, payable, orders = state_of(fresh_database, wang)
    assert left == 5_000 - points
    assert payable == {"TTCLUB": 30_00}
    assert [order[1] for order in orders] == [points]
    shown = words(client.get("/catalogue/TT1").text)
    assert (f"{points} 积分" if points else "免费") in shown


def test_what_is_not_for_this_tier_is_told_why(fresh_database, member, browser):
    wang = member(5_000)
    with fresh_database.unit_of_work() as session:
        session.execute(
            text("UPDATE catalogue_item SET tiers = '{GOLD}' WHERE item_code = 'TT1'")
        )

    page = browser(member_id=wang).get("/catalogue/TT1")

    assert page.status_code == 200
    assert "金卡" in words(page.text)
