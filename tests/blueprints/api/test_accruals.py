"""What earns points through the API: once, by the terms, each line on its own."""

import pytest
import requests

from loyalty.clock import now
from loyalty.prepaid import blocks, credit
from loyalty.prepaid.models import AccrualBilling
from tests.blueprints.api.conftest import accrual, yuan


def test_a_card_line_earns_by_the_terms(bank, proved):
    posted = bank.post("/accruals", accrual())

    assert posted.status_code == 201, posted.text
    assert posted.json()["points"] == 100
    assert posted.json()["unit"] == "UNI"
    explained = bank.get("/" + posted.json()["explain_url"].removeprefix("/api/v1/"))
    assert explained.json()["step"] == yuan(1000)
    assert explained.json()["points_per_step"] == 1
    assert proved() == []


def test_the_same_key_has_the_same_answer(bank, rows, proved):
    first = bank.post("/accruals", accrual(), key="k1")
    again = bank.post("/accruals", accrual(), key="k1")

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert rows("SELECT count(*) FROM activity") == [(1,)]
    assert proved() == []


def test_a_key_stands_for_one_request(bank):
    bank.post("/accruals", accrual(), key="k1")
    other = bank.post("/accruals", accrual("T2"), key="k1")

    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_reference_names_one_accrual_whatever_the_key(bank, proved):
    first = bank.post("/accruals", accrual())
    again = bank.post("/accruals", accrual())
    other = bank.post("/accruals", accrual(fen=200_000))

    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "reference_reused")
    assert proved() == []


def test_one_reference_never_pays_two_members(bank, join, link, rows, proved):
    link(join("13300000002"), "4403")

    bank.post("/accruals", accrual())
    other = bank.post("/accruals", accrual(account_ref="4403"))

    assert other.status_code == 409
    assert rows("SELECT sum(available) FROM ledger.balance") == [(100,)]
    assert proved() == []


def test_what_is_refused_leaves_its_key_free(bank, join, link, proved):
    stranger = accrual(account_ref="4403")
    refused = bank.post("/accruals", stranger, key="k1")
    link(join("13300000002"), "4403")
    posted = bank.post("/accruals", stranger, key="k1")

    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_account")
    assert posted.status_code == 201
    assert proved() == []


def test_each_line_of_a_batch_is_answered_in_the_order_sent(bank, proved):
    bank.post("/accruals", accrual("T0"))
    lines = [
        accrual("T3", mcc="6051"),
        accrual("T1"),
        accrual("T0"),
        accrual("T2", account_ref="nobody"),
        accrual("T4", fen=-40_000, original_ref="T1"),
        accrual("T1", fen=1),
    ]
    answer = _batch(bank, lines)

    assert answer.status_code == 200, answer.text
    told = [
        (line["partner_ref"], line["status"], line.get("points"), line.get("code"))
        for line in answer.json()["lines"]
    ]
    assert told == [
        ("T3", "posted", 0, None),
        ("T1", "posted", 100, None),
        ("T0", "already_booked", 100, None),
        ("T2", "rejected", None, "unknown_account"),
        ("T4", "posted", -40, None),
        ("T1", "rejected", None, "reference_reused"),
    ]
    assert proved() == []


@pytest.mark.parametrize(("count", "fen"), [(1, 200_000), (2, 200_001)])
def test_wrong_totals_refuse_the_whole_batch(bank, rows, count, fen):
    lines = [accrual("T1"), accrual("T2")]
    answer = _batch(bank, lines, line_count=count, amount_total=yuan(fen))

    assert (answer.status_code, answer.json()["code"]) == (422, "totals_disagree")
    assert answer.json()["amount_total"] == "2000.00"
    assert rows("SELECT count(*) FROM activity") == [(0,)]


def test_reversals_never_exceed_the_original(bank, proved):
    bank.post("/accruals", accrual("T1"))
    told = [
        bank.post("/reversals", {"original_ref": "T1"} | body)
        for body in (
            {"partner_ref": "R1", "amount": yuan(40_000)},
            {"partner_ref": "R2", "amount": yuan(60_001)},
            {"partner_ref": "R3"},
            {"partner_ref": "R3"},
            {"partner_ref": "R4"},
        )
    ]

    assert [answer.status_code for answer in told] == [201, 422, 201, 201, 422]
    assert [told[at].json()["points"] for at in (0, 2, 3)] == [-40, -60, -60]
    assert told[1].json()["code"] == "refund_exceeds_original"
    assert proved() == []


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"surprise": 1}, "/surprise", "unknown"),
        ({"amount": None}, "/amount", "null"),
        ({"amount": {"amount": "1.5", "currency": "CNY"}}, "/amount/amount", "invalid"),
        ({"amount": {"amount": 1.5, "currency": "CNY"}}, "/amount/amount", "invalid"),
        ({"occurred_on": "2007-02-30"}, "/occurred_on", "invalid"),
        ({"partner_ref": "a\x00b"}, "/partner_ref", "invalid"),
        ({"activity": "bribe"}, "/activity", "invalid"),
    ],
)
def test_what_is_malformed_is_told_where(bank, change, pointer, code):
    answer = bank.post("/accruals", accrual() | change)

    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/malformed"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    faults = {(error["pointer"], error["code"]) for error in problem["errors"]}
    assert (pointer, code) in faults


def test_a_post_needs_a_key_and_json(bank):
    site, headers = bank.site, {"Idempotency-Key": "k"}
    url = f"{site}/api/v1/accruals"
    keyless = bank.client.post(url, json=accrual())
    form = bank.client.post(url, data={"a": "b"}, headers=headers)
    broken = bank.client.post(
        url, data="{", headers=headers | {"Content-Type": "application/json"}
    )
    large = bank.client.post(
        url,
        data=b" " * (2 * 1024 * 1024),
        headers=headers | {"Content-Type": "application/json"},
    )

    assert (keyless.status_code, keyless.json()["code"]) == (
        400,
        "idempotency_key_missing",
    )
    assert form.status_code == 415
    assert broken.status_code == 400
    assert large.status_code == 413


def test_scopes_and_tokens_are_asked_for(enroll, site):
    reader = enroll("CEB", scopes=("balances:read",))
    stranger = requests.post(f"{site}/api/v1/accruals", json=accrual(), timeout=10)

    refused = reader.post("/accruals", accrual())

    assert refused.status_code == 403
    assert "insufficient_scope" in refused.headers["WWW-Authenticate"]
    assert stranger.status_code == 401
    assert "WWW-Authenticate" in stranger.headers


def test_whoever_calls_too_often_waits(bank, app):
    app.config["API_CALLS_PER_MINUTE"] = 3
    answers = [bank.get("/members/M13300000001/balances") for _ in range(8)]

    refused = answers[-1]
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"calls";r=0;t=')


def _batch(bank, lines, **other):
    total = sum(round(float(line["amount"]["amount"]) * 100) for line in lines)
    body = {
        "batch_ref": "B1",
        "line_count": len(lines),
        "amount_total": yuan(total),
        "lines": lines,
    }
    return bank.post("/accrual-batches", body | other)


@pytest.fixture
def pays(fresh_database):
    """Let the bank pay for what is earned there."""

    def agree(billing, *, units=0, thousand_fen=None, limit_fen=None):
        on = now().date()
        with fresh_database.unit_of_work() as session:
            session.add(
                AccrualBilling(
                    partner="CEB",
                    valid_from=on,
                    billing=billing,
                    thousand_fen=thousand_fen,
                    billing_pct=100,
                    approved_at=now(),
                )
            )
            if units:
                blocks.buy(
                    session,
                    partner="CEB",
                    direction="earn",
                    units=units,
                    price_fen=units,
                    starts_on=on,
                    ends_on=None,
                    reorder_units=0,
                    at=now(),
                )
            if limit_fen is not None:
                credit.limit_credit(
                    session,
                    partner="CEB",
                    limit_fen=limit_fen,
                    alert_fen=None,
                    at=now(),
                )

    return agree


def test_an_accrual_draws_the_partners_block_and_its_reversal_gives_back(
    bank, pays, rows, proved
):
    pays("prepaid", units=150)

    assert bank.post("/accruals", accrual("T1")).status_code == 201
    refused = bank.post("/accruals", accrual("T2"))
    back = bank.post("/reversals", {"partner_ref": "R1", "original_ref": "T1"})
    again = bank.post("/accruals", accrual("T2"))

    assert (refused.status_code, refused.json()["code"]) == (422, "block_empty")
    assert refused.json()["partner"] == "CEB"
    assert (back.status_code, again.status_code) == (201, 201)
    assert rows("SELECT units_left FROM point_block") == [(50,)]
    assert proved() == []


def test_a_batch_is_posted_line_by_line_until_the_block_is_used_up(bank, pays, proved):
    pays("prepaid", units=250)
    lines = [accrual(f"T{nth}") for nth in range(4)]

    answer = bank.post(
        "/accrual-batches",
        {
            "batch_ref": "B1",
            "line_count": 4,
            "amount_total": yuan(400_000),
            "lines": lines,
        },
    )

    told = [(line["status"], line.get("code")) for line in answer.json()["lines"]]
    assert told == [("posted", None)] * 2 + [("rejected", "block_empty")] * 2
    assert proved() == []


def test_an_accrual_beyond_the_partners_credit_is_refused(bank, pays, proved):
    pays("postpaid", thousand_fen=1_000, limit_fen=150)

    assert bank.post("/accruals", accrual("T1")).status_code == 201
    refused = bank.post("/accruals", accrual("T2"))

    assert (refused.status_code, refused.json()["code"]) == (422, "credit_used_up")
    assert bank.post("/accruals", accrual("T1")).status_code == 201
    assert bank.post("/accruals", accrual("T3", fen=50_000)).status_code == 201
    assert proved() == []
