"""What partners dispute is answered by finance, and the partner learns of it."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.events.operations import add_endpoint
from loyalty.settlement.operations import dispute_of, raise_dispute
from tests.loyalty.exchange.alliance import Alliance

MONTH = date(2007, 10, 1)


@pytest.fixture
def desk(browser, employ):
    """A browser of somebody with a role."""
    return lambda role: browser(staff_id=employ(f"of.{role}", role))


@pytest.fixture
def place(fresh_database, keyring):
    """Where a dispute of the bank's stands in the console."""
    with fresh_database.unit_of_work() as session:
        Alliance(session).open()
        add_endpoint(
            session,
            partner="CEB",
            url="https://bank.example/events",
            types=("dispute.answered",),
            keyring=keyring,
            at=now(),
        )
        made = raise_dispute(
            session,
            partner="CEB",
            period=MONTH,
            partner_ref="T9",
            break_code="MISSING_OURS",
            reason="少了一笔",
            actor="client:jc_1",
            at=now(),
        )
    return f"/console/disputes/{made.dispute_id}"


@pytest.fixture
def stands(fresh_database, place):
    """How the dispute stands for the bank, and what it was told."""

    def look():
        with fresh_database.unit_of_work() as session:
            found = dispute_of(
                session, partner="CEB", dispute_id=place.rpartition("/")[2]
            )
            told = session.execute(
                text("SELECT data FROM event WHERE type = 'dispute.answered'")
            )
            return found.state, found.answer, [row.data for row in told]

    return look


def test_a_dispute_is_rejected_by_one_with_a_reason(desk, send, place, stands):
    finance = desk("finance_maker")
    assert place in finance.get("/console/disputes?state=open").text
    page = finance.get(place).text
    assert "少了一笔" in page
    assert "我方缺记录" in page
    assert send(finance, place, act="reject").status_code == 422
    assert stands() == ("open", None, [])

    done = send(finance, place, act="reject", answer="已在 9 月入账")

    assert done.status_code == 303
    state, answer, (told,) = stands()
    assert (state, answer) == ("rejected", "已在 9 月入账")
    assert told["status"] == "rejected"
    assert told["answer"] == "已在 9 月入账"
    assert told["partner_ref"] == "T9"
    assert 'id="accept"' not in finance.get(place).text


def test_a_dispute_is_accepted_by_two(desk, send, place, stands):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    asked = send(maker, place, act="accept", answer="查到了，下月补记")
    assert asked.status_code == 303
    assert stands() == ("open", None, [])
    page = checker.get(asked.location).text
    assert "接受异议" in page
    assert "<ins>已接受</ins>" in page
    assert send(maker, asked.location, act="approve").status_code == 403

    assert send(checker, asked.location, act="approve").status_code == 303

    state, answer, told = stands()
    assert (state, answer) == ("accepted", "查到了，下月补记")
    assert [one["status"] for one in told] == ["accepted"]


def test_what_was_answered_meanwhile_is_not_answered_again(desk, send, place, stands):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    asked = send(maker, place, act="accept", answer="查到了")
    token = {"answer": "再看一次没有", "act": "reject"}
    send(maker, place, **token)

    late = send(checker, asked.location, act="approve")

    assert late.status_code == 409
    assert "已经答复过了" in late.text
    assert stands()[0] == "rejected"
    assert len(stands()[2]) == 1


def test_who_may_only_read_answers_nothing(desk, send, place, stands):
    auditor = desk("auditor")
    assert 'id="reject"' not in auditor.get(place).text
    page = auditor.get("/console/me")
    assert page.status_code == 200
    refused = send(auditor, "/console/me", to=place, act="reject", answer="不行")
    assert refused.status_code == 403
    assert stands()[0] == "open"
    assert auditor.get("/console/disputes/nothing").status_code == 404
    assert auditor.get("/console/disputes.xlsx").status_code == 200
