"""Points earned and spent by TM Forum's names: once, and as the API would."""

import pytest

from tests.blueprints.tmf.conftest import WANG, burn, earn


def reason(answer):
    told = answer.json()
    assert set(told) == {
        "@type",
        "code",
        "reason",
        "message",
        "status",
        "referenceError",
    }
    assert told["status"] == answer.status_code
    return told["status"], told["code"]


@pytest.fixture
def cafe(enroll, speak):
    return speak(enroll("CAFE"))


def spendable(machine):
    return machine.get(f"/loyaltyAccount/{WANG}").json()["quantity"]["value"]


def test_an_activity_earns_once(machine, bank, proved, rows):
    first = machine.post("/loyaltyEarn", earn(), key="k1")
    replayed = machine.post("/loyaltyEarn", earn(), key="k1")
    again = machine.post("/loyaltyEarn", earn())
    other = machine.post("/loyaltyEarn", earn(value=2_000))

    assert first.status_code == 201, first.text
    assert first.json()["quantity"] == {"unit": "UNI", "value": 100}
    assert first.json() == replayed.json() == again.json()
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert reason(other) == (409, "reference_reused")
    assert spendable(machine) == 100
    assert rows("SELECT count(*) FROM activity") == [(1,)]
    # The API knows it by the same name.
    assert bank.get(f"/accruals/{first.json()['id']}").json()["points"] == 100
    assert machine.get(first.headers["Location"]).json() == first.json()
    assert proved() == []


def test_an_amount_is_taken_to_the_fen(machine, bank, proved):
    told = machine.post("/loyaltyEarn", earn(value=1_234.56))
    for value in (0.001, 1e15, True, "1.00", None):
        refused = machine.post("/loyaltyEarn", earn("T2", value=value))
        assert reason(refused) == (400, "malformed"), value

    explained = bank.get(f"/accruals/{told.json()['id']}").json()
    assert explained["amount"] == {"amount": "1234.56", "currency": "CNY"}
    assert proved() == []


def test_points_are_spent_once_and_given_back_by_the_api(
    machine, cafe, enroll, proved, rows
):
    machine.post("/loyaltyEarn", earn())
    first = cafe.post("/loyaltyBurn", burn(), key="k1")
    replayed = cafe.post("/loyaltyBurn", burn(), key="k1")
    again = cafe.post("/loyaltyBurn", burn())
    other = cafe.post("/loyaltyBurn", burn(value=61))
    beyond = cafe.post("/loyaltyBurn", burn("P2", value=41))

    assert first.status_code == 201, first.text
    assert (first.json()["status"], first.json()["quantity"]["value"]) == (
        "captured",
        60,
    )
    assert first.json() == replayed.json() == again.json()
    assert reason(other) == (409, "reference_reused")
    assert reason(beyond) == (422, "insufficient_points")
    assert beyond.json()["message"] == "needed: 41; available: 40"
    assert spendable(machine) == 40
    assert rows("SELECT units_left FROM ledger.lot") == [(40,)]
    till = enroll("CAFE")
    till.post(f"/redemptions/{first.json()['id']}/refunds", {"points": 10})
    shown = cafe.get(first.headers["Location"]).json()
    assert shown["refunded"] == {"unit": "points", "value": 10}
    till.post(f"/redemptions/{first.json()['id']}/cancel")
    assert reason(cafe.post("/loyaltyBurn", burn())) == (409, "redemption_moved_on")
    assert spendable(machine) == 100
    assert proved() == []


def test_an_unknown_member_is_like_one_who_is_not_linked(machine, join, proved):
    join("13300000002")
    for path, body in (("/loyaltyEarn", earn), ("/loyaltyBurn", burn)):
        unlinked = machine.post(path, body(member_ref="M13300000002"))
        unknown = machine.post(path, body(member_ref="M1"))
        odd = machine.post(path, body(member_ref="\0"))

        assert reason(unlinked) == (404, "not_linked")
        assert unlinked.json() == unknown.json()
        assert reason(odd) == (400, "malformed")
    assert proved() == []


def test_what_one_partner_did_is_not_told_to_another(machine, enroll, speak):
    earned = machine.post("/loyaltyEarn", earn()).json()
    stranger = speak(enroll("MU"))

    assert reason(stranger.get(earned["href"])) == (404, "unknown_accrual")
    assert reason(stranger.get("/loyaltyBurn/x")) == (404, "unknown_redemption")


def test_a_key_is_needed_and_stands_for_one_call(machine, proved):
    body = earn()
    bare = machine.client.post(
        f"{machine.site}/tmf-api/loyaltyManagement/v4/loyaltyEarn", json=body
    )
    machine.post("/loyaltyEarn", body, key="k1")
    reused = machine.post("/loyaltyEarn", earn("T2"), key="k1")

    assert reason(bare) == (400, "idempotency_key_missing")
    assert reason(reused) == (409, "idempotency_key_reused")
    assert proved() == []
