"""Points at the till: held, captured, given back to where they came from."""

from datetime import date, timedelta
from threading import Thread

import pytest

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.clock import now
from loyalty.finance.queries import month_report
from loyalty.jobs.nightly import release_authorizations
from loyalty.members.queries import everything
from tests.blueprints.api.conftest import yuan

ZHAO = "M13300000001"


@pytest.fixture
def wallet(member, fresh_database):
    """Operator 1,000, bank 2,000, merchant 300: domain.md 1.7, step 6."""
    today = now().date()
    parts = [
        ("CUP", "operator", 1_000, today + timedelta(days=900)),
        ("UNI", "CEB", 2_000, today + timedelta(days=300)),
        ("UNI", "CAFE", 300, today + timedelta(days=600)),
    ]
    with fresh_database.unit_of_work() as session:
        for unit, issuer, points, expires_on in parts:
            source = "issued" if issuer == "operator" else f"issued.partner:{issuer}"
            month = date(today.year, 1, 1)
            lot = Lot(issuer, issuer, "opening", month, expires_on)
            Book(session).post(
                Entry(
                    member_id=member,
                    reference=f"opening:{issuer}",
                    kind="opening",
                    transfers=(Transfer(source, "available", (unit,), points, lot),),
                    effective_on=today,
                    occurred_at=now(),
                    actor="test",
                )
            )
    return [(u, i, p, str(e)) for u, i, p, e in sorted(parts, key=lambda x: x[3])]


@pytest.fixture
def cafe(enroll):
    return enroll("CAFE")


@pytest.fixture
def components(bank):
    """What the wallet is made of, as the bank sees it."""

    def ask():
        told = bank.get(f"/members/{ZHAO}/balances").json()
        parts = [
            (part["unit"], part["issuer"], part["points"], part["expires_on"])
            for part in told["components"]
        ]
        return told["spendable"], parts

    return ask


def wish(partner_ref="P1", **other):
    return {"partner_ref": partner_ref, "account_ref": ZHAO, "points": 3_000} | other


def test_a_void_gives_back_the_same_components(cafe, components, wallet, proved):
    assert components() == (3_300, wallet)

    held = cafe.post("/redemptions", wish()).json()
    assert (held["status"], held["points"]) == ("authorized", 3_000)
    captured = cafe.post(f"/redemptions/{held['id']}/capture")
    assert captured.json()["status"] == "captured"
    assert components()[0] == 300

    voided = cafe.post(f"/redemptions/{held['id']}/cancel")

    assert voided.json()["status"] == "cancelled"
    assert components() == (3_300, wallet)
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_a_partial_refund_goes_where_the_points_came_from(
    cafe, components, proved, fresh_database
):
    held = cafe.post("/redemptions", wish()).json()
    early = cafe.post(f"/redemptions/{held['id']}/refunds", {"points": 1})
    cafe.post(f"/redemptions/{held['id']}/capture")
    first = cafe.post(f"/redemptions/{held['id']}/refunds", {"points": 800})
    beyond = cafe.post(f"/redemptions/{held['id']}/refunds", {"points": 2_201})

    assert (early.status_code, early.json()["code"]) == (409, "redemption_moved_on")
    assert first.json()["refunded"] == 800
    assert (beyond.status_code, beyond.json()["left"]) == (422, 2_200)
    spendable, parts = components()
    assert spendable == 1_100
    # 700 of the operator's were drawn last, and come back first.
    assert [part[:3] for part in parts] == [
        ("UNI", "CAFE", 100),
        ("CUP", "operator", 1_000),
    ]
    with fresh_database.unit_of_work() as session:
        report = month_report(session, now().date().replace(day=1))
    assert report["payable"] == {"CAFE": 2_200}
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_what_points_do_not_cover_is_paid_by_the_member(cafe, proved):
    amount = {"points": None, "amount": yuan(5_000)}
    body = {k: v for k, v in (wish() | amount).items() if v is not None}
    refused = cafe.post("/redemptions", body)
    held = cafe.post("/redemptions", body | {"partial_allowed": True})

    assert (refused.status_code, refused.json()["code"]) == (422, "insufficient_points")
    assert (refused.json()["needed"], refused.json()["available"]) == (5_000, 3_300)
    assert held.json()["points"] == 3_300
    assert held.json()["self_paid"] == yuan(1_700)
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_one_reference_holds_points_once(cafe, enroll, proved):
    first = cafe.post("/redemptions", wish(points=1_000))
    again = cafe.post("/redemptions", wish(points=1_000))
    other = cafe.post("/redemptions", wish(points=1_001))
    stranger = enroll("TTCLUB").get(f"/redemptions/{first.json()['id']}")

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "reference_reused")
    assert stranger.status_code == 404
    assert proved() == []


def test_a_card_of_the_bank_pays_at_a_shop(cafe, components, wallet, proved):
    body = wish(card_token="CEB/4402", points=500)
    del body["account_ref"]
    cafe.post("/redemptions", body)

    assert components()[0] == 2_800
    assert wallet
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_points_that_nobody_captures_come_back(
    cafe, components, fresh_database, proved, change
):
    held = cafe.post("/redemptions", wish()).json()
    change("UPDATE merchant_redemption SET expires_at = now() - interval '1 minute'")
    late = cafe.post(f"/redemptions/{held['id']}/capture")
    said = release_authorizations(fresh_database, now().date())

    assert (late.status_code, late.json()["code"]) == (409, "authorization_expired")
    assert said.startswith("1 ")
    assert components()[0] == 3_300
    assert cafe.get(f"/redemptions/{held['id']}").json()["status"] == "expired"
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_points_are_spent_once_by_many_tills(cafe, proved):
    answers = []

    def spend(number):
        answers.append(cafe.post("/redemptions", wish(f"P{number}", points=1_000)))

    tills = [Thread(target=spend, args=(number,)) for number in range(8)]
    for till in tills:
        till.start()
    for till in tills:
        till.join()

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [422] * 5
    assert proved() == []


def test_an_account_that_is_closed_spends_nothing(cafe, wallet, member, fresh_database):
    with fresh_database.unit_of_work() as session:
        Book(session).set_gate([member], "closed")
    refused = cafe.post("/redemptions", wish())

    assert wallet
    assert (refused.status_code, refused.json()["code"]) == (422, "account_closed")


@pytest.mark.usefixtures("wallet")
def test_what_was_captured_at_the_last_moment_stays_so(
    cafe, components, change, fresh_database, proved
):
    held = cafe.post("/redemptions", wish()).json()
    cafe.post(f"/redemptions/{held['id']}/capture")
    change("UPDATE merchant_redemption SET expires_at = now() - interval '1 minute'")
    said = release_authorizations(fresh_database, now().date())

    assert said.startswith("0 ")
    assert components()[0] == 300
    assert proved() == []


@pytest.mark.usefixtures("wallet")
def test_members_are_told_what_is_kept_of_their_spending(cafe, member, fresh_database):
    cafe.post("/redemptions", wish(points=10))
    with fresh_database.unit_of_work() as session:
        told = everything(session, member_id=member)["till_redemptions"]

    assert [(row["partner"], row["points"]) for row in told] == [("CAFE", 10)]
