"""What an insurer bills and we never issued stands in the console, in plain words."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.settlement.premiums import compare
from partners.ports import Outcome, PremiumBill, PremiumLine

MONTH, PAID_ON = date(2007, 10, 1), date(2007, 10, 9)
LINE = PremiumLine("PA77", "R77", "INS-A", "issued", PAID_ON, 20_00)


@pytest.fixture
def take_in(fresh_database):
    with fresh_database.unit_of_work() as session:
        session.execute(
            text("INSERT INTO partner VALUES ('PINGAN', 'insurer', '平安保险')")
        )

    def bill(*lines):
        total = sum(line.amount_fen for line in lines)
        told = PremiumBill(Outcome.CONFIRMED, "2007-10", lines, total)
        with fresh_database.unit_of_work() as session:
            compare(session, partner="PINGAN", period=MONTH, bill=told, at=now())

    return bill


def test_a_break_stands_until_it_is_gone(browser, employ, take_in, words_of):
    finance = browser(staff_id=employ("shen", "auditor"))

    take_in(LINE)
    page = words_of(finance.get("/console/breaks"))
    assert "平安保险 保险月账单 2007-10 PA77 出单 我方缺记录 – ¥20.00" in page

    take_in()
    assert "没有差异" in words_of(finance.get("/console/breaks"))
    gone = words_of(finance.get("/console/breaks?show=closed"))
    assert "PA77 出单 我方缺记录" in gone
