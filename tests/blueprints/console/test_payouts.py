"""Finance sees what was paid out, of what, and notes what the bank has of it."""

import re
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms

PAYOUT = "po_1"


@pytest.fixture
def paid_out(fresh_database):
    """A payout of a purchase, its fee, and a refund that is not ours."""
    facts = {"at": now(), "on": now().date(), "payout": PAYOUT}
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())
        for statement in (
            (
                "INSERT INTO partner (partner, kind, name)"
                " VALUES ('STRIPE', 'provider', 'Stripe')"
            ),
            (
                "INSERT INTO payment (member_id, payment_ref, purpose, purpose_ref,"
                " amount_fen, title, state, intent_id, asked_at, expires_at, state_at)"
                " VALUES (1, 'p', 'points', 'bought-1', 2400, 'x', 'succeeded', 'pi_1',"
                " :at, :at, :at)"
            ),
            """INSERT INTO balance_transaction VALUES
               ('txn_1', 'charge', 'ch_1', 'pi_1', 2400, 14, 2386, NULL, :at, :on, :on,
                :on, :at),
               ('txn_2', 'refund', 're_9', 'pi_9', -700, 0, -700, NULL, :at, :on, :on,
                :on, :at)""",
            "INSERT INTO payout VALUES (:payout, 1686, true, :at, :on, :on, :at)",
            "INSERT INTO payout_state VALUES (:payout, 1, 'paid', :at, :on)",
            "INSERT INTO payout_line VALUES ('txn_1', :payout), ('txn_2', :payout)",
        ):
            session.execute(text(statement), facts)
    return facts


def words_of(answer):
    with ZipFile(BytesIO(answer.data)) as book:
        return book.read("xl/sharedStrings.xml").decode()


@pytest.mark.usefixtures("paid_out")
def test_a_payout_is_shown_with_what_it_consists_of(browser, employ):
    client = browser(staff_id=employ("fin", "finance_maker"))

    listed = client.get("/console/payouts").text
    one = client.get(f"/console/payouts/{PAYOUT}").text

    assert PAYOUT in listed
    assert "¥16.86" in listed
    assert "bought-1" in one
    assert "没有对应" in one
    assert client.get("/console/payouts/po_none").status_code == 404
    assert PAYOUT in words_of(client.get("/console/payouts.xlsx"))
    lines = client.get(f"/console/payouts/{PAYOUT}/lines.xlsx")
    assert {"bought-1", "购买积分"} <= set(re.findall(r">([^<>]+)<", words_of(lines)))


def test_what_the_bank_has_is_noted_by_who_may_and_matched(
    browser, employ, send, paid_out
):
    maker = browser(staff_id=employ("fin", "finance_maker"))
    reader = browser(staff_id=employ("audit", "auditor"))
    path = f"/console/payouts/{PAYOUT}"
    told = {"on": paid_out["on"].isoformat(), "bank_ref": "B-7"}

    assert "note-arrival" not in reader.get(path).text
    wrong = send(maker, path, to=f"{path}/arrival", amount_yuan="x", **told)
    noted = send(maker, path, to=f"{path}/arrival", amount_yuan="16.80", **told)

    assert wrong.status_code == 422
    assert noted.status_code == 303
    assert "B-7" in maker.get(path).text
    page = maker.get("/console/payouts").text
    assert f"{PAYOUT} 银行到账" in page
    assert "re_9 退款" in page
    send(maker, path, to=f"{path}/arrival", amount_yuan="16.86", **told)
    assert f"{PAYOUT} 银行到账" not in maker.get("/console/payouts").text
