"""TMF658 is another face of the same use cases."""

from uuid import uuid4

import pytest

from loyalty.clock import now
from tests.blueprints.api.conftest import yuan

ZHAO = "M13300000001"


@pytest.fixture
def tmf(bank):
    """Call the facade with the bank's machine."""

    def call(method, path, body=None, *, key=None):
        return bank.client.request(
            method,
            f"{bank.site}/tmf-api/loyaltyManagement/v4{path}",
            json=body,
            headers={"Idempotency-Key": key or uuid4().hex},
            timeout=20,
        )

    return call


def test_what_is_earned_is_burnt_and_both_balances_are_told(tmf, proved):
    body = {
        "externalId": "T1",
        "activity": "card",
        "occurrenceDate": now().date().isoformat(),
        "amount": yuan(100_000),
    }
    earned = tmf("POST", f"/loyaltyAccount/{ZHAO}/earn", body)
    again = tmf("POST", f"/loyaltyAccount/{ZHAO}/earn", body)
    burnt = tmf(
        "POST", f"/loyaltyAccount/{ZHAO}/burn", {"externalId": "B1", "quantity": 30}
    )
    poor = tmf(
        "POST", f"/loyaltyAccount/{ZHAO}/burn", {"externalId": "B2", "quantity": 71}
    )
    account = tmf("GET", f"/loyaltyAccount/{ZHAO}").json()

    assert earned.status_code == 201, earned.text
    assert _around(earned) == (100, 0, 100)
    assert _around(again) == (100, 100, 100), "the second time nothing is earned"
    assert _around(burnt) == (30, 100, 70)
    assert (poor.status_code, poor.json()["code"]) == (422, "insufficient_points")
    assert account["balance"][1] == {"amount": 70, "units": "UNI"}
    assert account["@type"] == "LoyaltyAccount"
    assert proved() == []


def test_members_are_shown_to_whom_they_are_linked(tmf, join):
    join("13300000002")
    shown = tmf("GET", f"/loyaltyProgramMember/{ZHAO}").json()
    assert shown["id"] == ZHAO
    assert "status" not in shown, "whether somebody left needs a yes of its own"
    assert tmf("GET", "/loyaltyProgramMember/M13300000002").status_code == 404
    spec = tmf("GET", "/loyaltyProgramProductSpec/universal")
    assert spec.json()["@type"] == "LoyaltyProgramProductSpec"
    assert tmf("GET", "/loyaltyProgramProductSpec/other").status_code == 404


def test_events_are_subscribed_to_at_the_hub(tmf, bank):
    body = {"callback": "https://bank.example/hub", "query": "eventType=accrual.posted"}
    made = tmf("POST", "/hub", body)
    listed = bank.get("/webhook-endpoints").json()["data"]
    inner = tmf("POST", "/hub", {"callback": "https://10.0.0.1/"})

    assert made.json()["secret"].startswith("whsec_")
    assert listed[0]["types"] == ["accrual.posted"]
    assert (inner.status_code, inner.json()["code"]) == (422, "address_refused")
    assert tmf("DELETE", f"/hub/{made.json()['id']}").status_code == 204
    assert bank.get("/webhook-endpoints").json()["data"] == []


def _around(answer):
    told = answer.json()
    return told["quantity"], told["openingBalance"], told["closingBalance"]
