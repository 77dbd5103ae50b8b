"""What partners ask beside earning: names, orders, exchanges, consents, statements."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.clock import now
from loyalty.exchange.models import RateCard
from loyalty.linking.validating import validations_of
from tests.blueprints.api.conftest import ACCOUNT, accrual, yuan

WANG = {"account_ref": ACCOUNT, "family_name": "王", "given_name": "芳"}


@pytest.fixture
def give(fresh_database):
    """Give a member universal points."""

    def points(member_id, amount):
        today = now().date()
        lot = Lot("CEB", "CEB", "opening", today.replace(day=1), None)
        with fresh_database.unit_of_work() as session:
            Book(session).post(
                Entry(
                    member_id=member_id,
                    reference="opening",
                    kind="opening",
                    transfers=(
                        Transfer(
                            "issued.partner:CEB", "available", ("UNI",), amount, lot
                        ),
                    ),
                    effective_on=today,
                    occurred_at=now(),
                    actor="test",
                )
            )

    return points


@pytest.fixture
def ticket(change):
    """The voucher of 50 yuan can be had through partners."""
    change(
        "UPDATE catalogue_item SET channels = '{web,partner}', points = 1500"
        " WHERE item_code = 'EV50'"
    )


def test_a_name_is_checked_for_those_who_agreed(bank, agree, member):
    before = bank.post("/member-validations", WANG).json()
    agree(member, "validate", "balance.read", account_ref="other")
    after = bank.post("/member-validations", WANG).json()
    near = bank.post("/member-validations", WANG | {"given_name": "伟"}).json()
    other = bank.post("/member-validations", WANG | {"given_name": "小明"}).json()
    nobody = bank.post("/member-validations", WANG | {"account_ref": "9"}).json()

    assert (before["status"], "member_ref" in before) == ("invalid", False)
    assert (after["status"], after["member_ref"]) == ("valid", "M13300000001")
    assert (near["status"], "member_ref" in near) == ("review", False)
    assert (other["status"], "member_ref" in other) == ("invalid", False)
    assert nobody["status"] == "invalid"


def test_names_that_were_checked_are_kept_without_the_name(
    bank, agree, member, fresh_database
):
    agree(member, "validate", account_ref="other")
    first = bank.post("/member-validations", WANG).json()
    bank.post("/member-validations", WANG | {"account_ref": "9"})

    with fresh_database.unit_of_work() as session:
        rows = session.execute(
            text("SELECT * FROM member_validation ORDER BY asked_at, validation_id")
        ).mappings()
        kept = [dict(row) for row in rows]
        (shown,) = validations_of(session, member_id=member)
    assert [one["status"] for one in kept] == ["valid", "invalid"]
    assert [one["member_id"] for one in kept] == [member, None]
    assert kept[0]["validation_id"] == shown.validation_id == first["id"]
    assert "王" not in str(kept)
    assert ACCOUNT not in str(kept)


@pytest.mark.parametrize("account_ref", [ACCOUNT, "nobody"])
def test_who_tries_names_out_is_stopped_for_that_account_alone(
    *, bank, agree, member, account_ref, change
):
    agree(member, "validate", account_ref="other")
    guess = WANG | {"account_ref": account_ref, "given_name": "小明"}
    tried = [bank.post("/member-validations", guess) for _ in range(6)]

    assert [one.status_code for one in tried] == [201] * 5 + [422]
    assert tried[-1].json()["code"] == "validations_locked"
    right = bank.post("/member-validations", WANG | {"account_ref": account_ref})
    assert right.status_code == 422
    other = bank.post("/member-validations", WANG | {"account_ref": "another"})
    assert other.json()["status"] == "invalid"
    change("UPDATE member_validation SET asked_at = asked_at - interval '10 minutes'")
    assert bank.post("/member-validations", guess).status_code == 201


def test_the_catalogue_shows_what_partners_may_sell(bank, ticket):
    first = bank.get("/catalogue-items", limit=1).json()
    codes = [item["item_code"] for item in first["data"]]
    cursor = first["next_cursor"]
    while cursor:
        found = bank.get("/catalogue-items", limit=1, cursor=cursor).json()
        codes += [item["item_code"] for item in found["data"]]
        cursor = found["next_cursor"]

    assert ticket is None
    assert "EV50" in codes
    assert "INS-A" not in codes, "it is not for agents"
    assert codes == sorted(set(codes))


@pytest.mark.usefixtures("ticket")
def test_a_customer_of_the_bank_gets_a_voucher_once(bank, member, give, proved):
    give(member, 6_000)
    body = {"partner_ref": "O1", "account_ref": ACCOUNT, "item_code": "EV50"}
    first = bank.post("/orders", body)
    again = bank.post("/orders", body)
    other = bank.post("/orders", body | {"quantity": 2})
    poor = bank.post("/orders", body | {"partner_ref": "O2", "quantity": 4})
    large = bank.post("/orders", body | {"partner_ref": "O3", "quantity": 2})

    assert first.status_code == 201, first.text
    assert first.json()["points"] == 1_500
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "reference_reused")
    assert other.json()["partner_ref"] == "O1"
    assert (poor.status_code, poor.json()["code"]) == (422, "points_missing")
    assert (large.status_code, large.json()["code"]) == (422, "confirmation_missing")
    canceled = bank.post(f"/orders/{first.json()['id']}/cancel")
    assert canceled.json()["status"] == "canceled"
    shown = bank.get(f"/orders/{first.json()['id']}")
    assert shown.json() == canceled.json()
    assert proved() == []


def test_an_order_needs_a_customer_and_an_item_for_partners(bank):
    body = {"partner_ref": "O1", "account_ref": ACCOUNT, "item_code": "INS-A"}
    stranger = bank.post("/orders", body | {"account_ref": "nobody"})
    not_here = bank.post("/orders", body)

    assert stranger.status_code == 404
    assert (not_here.status_code, not_here.json()["code"]) == (
        422,
        "channel_not_allowed",
    )


def test_points_of_the_bank_come_in_once_for_a_quote(
    bank, agree, member, proved, fresh_database
):
    agree(member, "exchange.in", account_ref="other")
    _approve_rate(fresh_database, direction="in")
    asked = {
        "account_ref": ACCOUNT,
        "from": {"unit": "CEB", "units": 1_050},
        "to": {"unit": "UNI"},
    }
    quote = bank.post("/exchanges/quotes", asked)
    assert quote.status_code == 201, quote.text
    assert (quote.json()["takes"], quote.json()["remainder"]) == (1_000, 50)
    body = {"partner_ref": "E1", "quote": quote.json()["quote"]}
    done = bank.post("/exchanges", body)
    again = bank.post("/exchanges", body)
    forged = bank.post("/exchanges", body | {"quote": body["quote"][:-3] + "abc"})

    assert done.status_code == 201, done.text
    assert done.json()["status"] == "confirmed"
    assert again.json() == done.json()
    assert forged.status_code in {400, 422}
    shown = bank.get(f"/exchanges/{done.json()['id']}")
    assert shown.json() == done.json()
    balances = bank.get("/members/M13300000001/balances").json()
    assert balances["spendable"] == quote.json()["gives"]
    assert proved() == []


def test_an_exchange_needs_the_members_consent(bank):
    asked = {
        "account_ref": ACCOUNT,
        "from": {"unit": "CEB", "units": 1_000},
        "to": {"unit": "UNI"},
    }
    refused = bank.post("/exchanges/quotes", asked)

    assert (refused.status_code, refused.json()["code"]) == (404, "not_linked")


def test_consents_are_asked_for_and_ended(bank, enroll):
    body = {"account_ref": "77", "kinds": ["validate", "balance.read"]}
    made = bank.post("/link-consents", body)
    place = f"/link-consents/{made.json()['id']}"
    listed = bank.get("/link-consents").json()["data"]
    stranger = enroll("MU").delete(place)
    ended = bank.delete(place)

    assert made.json()["status"] == "awaiting_authorization"
    assert made.json()["id"] in {one["id"] for one in listed}
    assert stranger.status_code == 404
    assert ended.status_code == 204
    assert bank.get(place).json()["status"] == "rejected"


def test_a_statement_tells_what_a_month_came_to(bank, enroll, member, give, proved):
    give(member, 1_000)
    for number in range(3):
        bank.post("/accruals", accrual(f"T{number}"))
    bank.post("/reversals", {"partner_ref": "R1", "original_ref": "T1"})
    body = {"partner_ref": "P1", "account_ref": "M13300000001", "points": 700}
    cafe = enroll("CAFE")
    held = cafe.post("/redemptions", body).json()
    cafe.post(f"/redemptions/{held['id']}/capture")
    cafe.post(f"/redemptions/{held['id']}/refunds", {"points": 200})
    period = f"{now():%Y-%m}"

    told = [_totals(machine, period) for machine in (bank, cafe)]

    assert told == [
        [("accrued", 3, 300, yuan(300_000)), ("reversed", 1, -100, yuan(-100_000))],
        [("redeemed", 1, 700, yuan(700)), ("returned", 1, -200, yuan(-200))],
    ]
    assert proved() == []


def test_a_month_is_disputed_by_its_partner(bank, enroll):
    period = f"{now():%Y-%m}"
    body = {"break_code": "MISSING_OURS", "reason": "少了一笔", "partner_ref": "T9"}
    made = bank.post(f"/statements/{period}/disputes", body)
    place = f"/disputes/{made.json()['id']}"

    assert (made.status_code, made.json()["status"]) == (201, "open")
    assert bank.get(place).json() == made.json()
    assert enroll("MU").get(place).status_code == 404
    ahead = f"{now() + timedelta(days=40):%Y-%m}"
    assert bank.get(f"/statements/{ahead}").status_code == 422
    assert bank.get("/statements/2007-13").status_code == 400


def _totals(machine, period):
    answer = machine.get(f"/statements/{period}")
    assert answer.status_code == 200, answer.text
    return [
        (total["kind"], total["lines"], total["points"], total["amount"])
        for total in answer.json()["totals"]
    ]


def _approve_rate(database, *, direction):
    """Let 10 of the bank's points be 1 of ours, in steps of 100."""
    card = RateCard(
        partner="CEB",
        direction=direction,
        version=1,
        from_unit="CEB",
        to_unit="UNI",
        points_num=1,
        points_den=10,
        fee_points=0,
        min_units=100,
        step_units=100,
        max_units=100_000,
        fen_num=1,
        fen_den=10,
        service_fen_num=0,
        service_fen_den=1,
        billing="postpaid",
        billing_pct=100,
        wait_hours=24,
        is_irrevocable=False,
        valid_from=now().date(),
        state="approved",
        changed_at=now(),
    )
    with database.unit_of_work() as session:
        session.add(card)
