"""The workbench, as two people of finance use it."""

import pytest

from ledger.book import Book
from tests.loyalty.matching.conftest import Bank
from tests.loyalty.matching.faults import BANK
from tests.loyalty.matching.test_matching import earned

MONTH = f"/console/matching/months/{BANK}/2007-10"
TERMS = "/console/matching/terms"


@pytest.fixture
def bank(fresh_database, tmp_path):
    bank = Bank(fresh_database, tmp_path)
    bank.open(members=1)
    return bank


@pytest.fixture
def desks(browser, employ):
    """Two people of finance, each at a screen of their own."""
    roles = {"mei": "finance_maker", "lan": "finance_checker"}
    return [browser(staff_id=employ(login, role)) for login, role in roles.items()]


def test_a_break_is_found_shown_and_settled_by_two_people(
    bank, desks, send, words_of, fresh_database
):
    maker, checker = desks
    bank.pay("T1")
    bank.tell(earned("T1"), earned("T2"))

    assert send(maker, MONTH, act="match").status_code == 303
    page = words_of(maker.get(MONTH))
    assert "1 笔相符" in page
    assert "累积 T2 我方缺记录" in page
    assert "50.0" in words_of(maker.get("/console/matching"))
    ((break_id,),) = bank.rows("SELECT break_id FROM statement_break")
    place = f"/console/matching/breaks/{break_id}"
    assert "建议先考虑：补记" in words_of(maker.get(place))
    assert send(maker, place, act="post_missing", reason="").status_code == 422

    said = {"account_ref": "6226-0", "activity": "card", "amount": "100.00"}
    asked = send(maker, place, act="post_missing", reason="有签购单", **said)
    shown = words_of(maker.get(asked.location))
    assert "了结对账差异" in shown
    assert f"issued.partner:{BANK} / available 10 UNI" in shown
    assert send(checker, asked.location, act="approve").status_code == 303

    assert "补记" in words_of(maker.get(place))
    send(maker, MONTH, act="match")
    assert "100.0" in words_of(maker.get("/console/matching"))
    for name in ("/console/matching.xlsx", f"{MONTH}.xlsx"):
        assert maker.get(name).data.startswith(b"PK")
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_terms_and_invoices_are_asked_for_and_written_down(bank, desks, send, words_of):
    maker, checker = desks
    terms = {"partner": BANK, "date_basis": "posted", "cut_off": "23:00"}
    terms |= {"tolerance_fen": "1", "days_apart": "3", "reason": "合同第 7 条"}

    assert send(maker, TERMS, time_zone="Mars", **terms).status_code == 409
    asked = send(maker, TERMS, time_zone="Asia/Shanghai", **terms)
    assert send(checker, asked.location, act="approve").status_code == 303
    assert "入账日 23:00 Asia/Shanghai" in words_of(maker.get(TERMS))

    bill = {"act": "invoice", "invoice_no": "F-1", "total_yuan": "12.50"}
    assert send(maker, MONTH, **bill).status_code == 303
    assert send(maker, MONTH, **bill).status_code == 409
    assert "合计 金额不符" in words_of(maker.get(MONTH))
    assert bank.rows("SELECT total_fen FROM partner_invoice") == [(12_50,)]

    by_line = bill | {"invoice_no": "F-2", "total_yuan": "30.00"}
    wrong = send(maker, MONTH, lines="redemption,TT1,1,31.00,30.00", **by_line)
    assert wrong.status_code == 409
    right = send(maker, MONTH, lines="redemption,TT1,1,30.00,30.00", **by_line)
    assert right.status_code == 303
    assert "兑换 TT1" in words_of(maker.get(MONTH))


@pytest.mark.usefixtures("bank")
def test_money_nobody_can_explain_waits_and_is_cleared_by_two(desks, send, words_of):
    maker, checker = desks
    came = {"partner": BANK, "bank_ref": "B/1", "on": "2007-10-20", "reason": "无单"}
    form = {"path": "/console/matching", "to": "/console/matching/suspense", **came}
    assert send(maker, yuan="x", **form).status_code == 409

    place = send(maker, yuan="50", **form).location

    assert "bank:B/1" in words_of(maker.get("/console/matching"))
    page = words_of(maker.get(place))
    assert "D 9001 / 1122 50.00" in page
    assert "D 9001 / 1002 50.00" in page
    assert send(maker, place, act="send_back", reason="").status_code == 422
    asked = send(maker, place, act="send_back", reason="付错了")
    assert "C 9001 / 1002 50.00" in words_of(checker.get(asked.location))
    assert send(checker, asked.location, act="approve").status_code == 303
    assert "已转出" in words_of(maker.get(place))
    assert "没有挂账" in words_of(maker.get("/console/matching"))
