"""What the demo sells could be published, and what it lives through is sound."""

from datetime import date

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.catalogue.queries import item
from loyalty.catalogue.rules import facts_of, publication_faults
from loyalty.clock import now, wall
from loyalty.connections import Connections
from loyalty.demo.shopkeeping import VISITS, Shopkeeper, goods, pays
from loyalty.demo.welcome import (
    PEOPLE,
    as_they_are_now,
    employ,
    guests,
    keys,
    welcome,
)
from loyalty.keyring import Keyring
from loyalty.settings import Settings
from loyalty.staff.rules import ROLES
from tests.journeys.conftest import Programme, begin
from tests.sandboxes import KEY, SECRET

TODAY = date(2008, 1, 15)


def test_all_it_sells_could_be_published(session):
    load_items(session, items=goods())

    faults = {
        good["item_code"]: publication_faults(
            facts_of(item(session, good["item_code"]))
        )
        for good in goods()
    }

    assert faults == {good["item_code"]: [] for good in goods()}


def test_there_is_somebody_of_every_role():
    assert {role for _, _, roles, _ in PEOPLE for role in roles} == set(ROLES)


@pytest.fixture
def crowd(fresh_database, tmp_path) -> Programme:
    """The alliance with a member for each visit, all of them rich."""
    programme = begin(fresh_database, tmp_path)
    people = [
        (f"GUEST{n:02}", f"客人{n:02}", f"id{n}", f"1330001{n:04}", "CDMA", "up")
        for n in range(len(VISITS))
    ]
    place = ("广州", "天河", "天河营业厅", "", "", "")
    rows = [(*one, "postpaid", "2005-03-01", *place) for one in people]
    assert programme.load("subscribers", *rows).rejected == 0
    lots = [
        (one[0], "CUP", 70_000, "operator", "2007-12", "2010-12-31") for one in people
    ]
    assert programme.load("opening", *lots).rejected == 0
    return programme


@pytest.fixture
def keeper(crowd, tmp_path, monkeypatch, stripe_sandbox):
    """A shopkeeper who takes cards at the sandbox."""
    database = crowd.database
    days_back = (wall().date() - TODAY).days
    monkeypatch.setenv("JIFEN_CLOCK_DAYS_BACK", str(days_back))
    keyring = Keyring(b"a secret of the demo's tests, and of nobody else")
    with database.unit_of_work() as session:
        staff = employ(session, shared=keys(), keyring=keyring, at=now())
    settings = Settings(
        data_dir=tmp_path,
        messages=str(tmp_path / "messages"),
        stripe_key=KEY,
        stripe_webhook_secret=SECRET,
        stripe_address=stripe_sandbox.address,
    )
    keeper = Shopkeeper(
        database,
        Connections.open(settings),
        keyring,
        today=TODAY,
        seed=2007,
        address="http://127.0.0.1:8000",
    )
    keeper.open(clerk=staff["lin.dan"], maker=staff["chen.jing"])
    return keeper


def test_two_weeks_bring_orders_of_every_kind(keeper, crowd, fresh_database):
    lived = keeper.live(pays)

    assert lived.orders == len(VISITS)
    assert lived.paid_fen > 0
    assert {"awaiting_review", "fulfilled", "failed", "returned"} <= set(lived.by_state)
    kinds = crowd.rows("SELECT DISTINCT fulfilment FROM member_order")
    assert len(kinds) == 6
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []
        assert session.scalar(text("SELECT count(*) FROM approval")) == 1


def test_without_cards_nobody_is_asked_for_money(keeper, crowd):
    lived = keeper.live(None)

    assert lived.paid_fen == 0
    assert crowd.rows("SELECT count(*) FROM payment") == [(0,)]
    assert lived.orders == sum(visit.way == "points" for visit in VISITS)


@pytest.mark.usefixtures("keeper")
def test_a_visitor_is_told_who_can_sign_in(crowd):
    shared = keys()
    with crowd.database.unit_of_work() as session:
        members = guests(session)

    told = welcome("http://127.0.0.1:8000", members, shared, takes_cards=True)

    assert any("diamond" in guest.about for guest in members)
    for said in (*(guest.msisdn for guest in members), shared.password, "4242"):
        assert said in told
    for login, *_ in PEOPLE:
        assert login in told


def test_a_visitor_is_told_what_guests_still_have(crowd, keeper):
    with crowd.database.unit_of_work() as session:
        before = guests(session)
    keeper.live(None)

    with crowd.database.unit_of_work() as session:
        after = as_they_are_now(session, before)
        rows = session.execute(
            text("SELECT member_id, sum(available) FROM ledger.balance GROUP BY 1")
        )
        held = {row[0]: row[1] for row in rows}

    assert [guest.points for guest in after] == [
        held.get(guest.member_id, 0) for guest in before
    ]
    assert [guest.points for guest in after] != [guest.points for guest in before]
