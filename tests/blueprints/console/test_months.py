"""A month-end in the console: ticks with evidence, and two people to sign it off."""

import re
from datetime import date

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.closing.queries import is_closed
from loyalty.closing.rules import Month
from loyalty.closing.steps import steps_of
from loyalty.jobs.running import run_job
from tests.journeys.conftest import begin

PLACE = "/console/months/2007-10"
OCTOBER = date(2007, 10, 1)
STEPS_OF_OCTOBER = len(steps_of(Month(OCTOBER)))


@pytest.fixture
def programme(fresh_database, tmp_path):
    """A month with a bill that was paid, whose books prove at the end."""
    programme = begin(fresh_database, tmp_path)
    bill = ("B-1", "13300000001", "2007-10", "2007-10-05", "2007-10-25", "120.00")
    programme.load("bills", bill)
    programme.load("payments", ("P-1", "B-1", "2007-10-09", "120.00"))
    for job in ("expire-points", "cancel-unpaid"):
        run_job(fresh_database, job, date(2007, 10, 31))
    yield programme
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def desk(browser, employ):
    """A browser of somebody with a role, who reads English."""

    def sit(role, login=None):
        client = browser(staff_id=employ(login or f"of.{role}", role))
        client.get("/console/?lang=en")
        return client

    return sit


@pytest.fixture
def tick_all(send):
    """Tick off all steps of the month, each by who owns it."""

    def tick(maker, checker, *, note="看过"):
        for step in steps_of(Month(OCTOBER)):
            who = maker if step.owner == "finance_make" else checker
            answer = send(
                who, PLACE, to=f"{PLACE}/steps/{step.code}", act="tick", note=note
            )
            assert answer.status_code == 303, step.code

    return tick


def closed(database):
    with database.unit_of_work() as session:
        return is_closed(session, period=OCTOBER)


def test_one_prepares_another_reviews_and_the_month_is_closed(
    *, programme, desk, send, tick_all, words_of, fresh_database
):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    early = send(maker, PLACE, to=f"{PLACE}/sign-off", reason="十月")
    tick_all(maker, checker)

    asked = send(maker, PLACE, to=f"{PLACE}/sign-off", reason="十月")
    own = send(maker, asked.location, act="approve")
    assert not closed(fresh_database)
    signed = send(checker, asked.location, act="approve")

    assert (early.status_code, asked.status_code) == (409, 303)
    assert (own.status_code, signed.status_code) == (403, 303)
    assert closed(fresh_database)
    page = words_of(maker.get(PLACE))
    assert "Signed off" in page
    assert f"{STEPS_OF_OCTOBER} of {STEPS_OF_OCTOBER} steps" in page
    assert "reviewed by 员工 of.finance_checker" in page
    assert "Closed" in words_of(maker.get("/console/months"))
    assert programme.rows("SELECT period, nth, actor LIKE 'staff:%' FROM month_close")
    again = send(maker, PLACE, to=f"{PLACE}/sign-off", reason="十月")
    assert again.status_code == 409


def test_a_tick_holds_only_while_its_evidence_does(
    *, programme, desk, send, tick_all, words_of
):
    maker, checker = desk("finance_maker"), desk("finance_checker")
    tick_all(maker, checker)
    asked = send(maker, PLACE, to=f"{PLACE}/sign-off", reason="十月")

    late = ("B-2", "13300000001", "2007-10", "2007-10-30", "2007-11-25", "50.00")
    programme.load("bills", late)

    page = words_of(maker.get(PLACE))
    assert "Changed since" in page
    assert f"{STEPS_OF_OCTOBER} of" not in page
    # What was asked about is not what would be signed.
    assert send(checker, asked.location, act="approve").status_code == 409


@pytest.mark.usefixtures("programme")
def test_what_blocks_is_said_in_words_and_cannot_be_ticked(
    desk, send, words_of, fresh_database
):
    maker = desk("finance_maker")
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO statement_break (subject, partner, about_on, reference,"
                " code, found_at, seen_at) VALUES ('insurer_bill', 'PINGAN',"
                " '2007-10-01', 'P1 issued', 'MISSING_OURS', now(), now())"
            )
        )

    answer = send(maker, PLACE, to=f"{PLACE}/steps/partner_match", act="tick")

    assert answer.status_code == 409
    page = words_of(maker.get(PLACE))
    assert "It cannot be closed yet" in page
    assert "Partners match : 1 breaks with partners are open" in page


def test_billing_that_does_not_tie_out_is_found(
    *, programme, desk, words_of, fresh_database
):
    maker = desk("finance_maker")
    figures = words_of(maker.get(PLACE))
    same = r"Points by the rule (\d+) points Points in the ledger \1 points"
    assert re.search(same, figures)

    with fresh_database.owner_engine.begin() as connection:
        connection.execute(text("UPDATE bill SET amount_fen = amount_fen + 100"))

    assert "1 bills earned other points than the rule says" in words_of(
        maker.get(PLACE)
    )
    assert programme.rows("SELECT count(*) FROM month_close") == [(0,)]


def test_findings_are_explained_and_a_tick_can_be_taken_back(
    *, programme, desk, send, words_of, fresh_database
):
    maker = desk("finance_maker")
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO dispute (dispute_id, partner, period, break_code, reason,"
                " raised_at, raised_by) VALUES ('dis_1', 'MU', '2007-09-01',"
                " 'MISSING_OURS', '少', '2007-09-02', 'client:1')"
            )
        )
    step = f"{PLACE}/steps/statements"

    silent = send(maker, PLACE, to=step, act="tick")
    explained = send(maker, PLACE, to=step, act="tick", note="十一月了结")

    assert (silent.status_code, explained.status_code) == (409, 303)
    assert "十一月了结" in words_of(maker.get(PLACE))
    send(maker, PLACE, to=step, act="take_back")
    assert "十一月了结" not in words_of(maker.get(PLACE))
    assert programme.rows("SELECT withdraws FROM step_tick ORDER BY tick_id") == [
        (False,),
        (True,),
    ]


@pytest.mark.usefixtures("programme")
def test_only_the_owner_of_a_step_ticks_it_off(desk, send):
    maker, auditor = desk("finance_maker"), desk("auditor")

    for who, step in ((maker, "flags"), (auditor, "files_in")):
        answer = send(who, PLACE, to=f"{PLACE}/steps/{step}", act="tick")
        assert answer.status_code == 403
    assert send(maker, PLACE, to=f"{PLACE}/steps/nothing").status_code == 404
    assert maker.get("/console/months/2007-13").status_code == 404


def test_a_closed_month_is_opened_again_by_controller_and_cfo(
    *, programme, desk, send, words_of, fresh_database
):
    programme.close("2007-10")
    controller, cfo = desk("finance_checker"), desk("cfo")
    other = desk("finance_checker", "lu.hua")

    silent = send(controller, PLACE, to=f"{PLACE}/reopen", reason="")
    asked = send(controller, PLACE, to=f"{PLACE}/reopen", reason="漏了一家商户")
    colleague = send(other, asked.location, act="approve")
    assert closed(fresh_database)
    agreed = send(cfo, asked.location, act="approve")

    assert (silent.status_code, asked.status_code) == (422, 303)
    assert (colleague.status_code, agreed.status_code) == (403, 303)
    assert not closed(fresh_database)
    late = ("B-2", "13300000001", "2007-10", "2007-10-30", "2007-11-25", "50.00")
    programme.load("bills", late)
    assert programme.rows(
        "SELECT max(effective_on) FROM ledger.transfer WHERE kind = 'bill_accrual'"
    ) == [(date(2007, 10, 30),)]
    programme.close("2007-10")
    assert programme.rows("SELECT nth FROM month_close ORDER BY nth") == [(1,), (2,)]
    assert programme.rows(
        "SELECT nth, superseded_at IS NULL FROM journal_run"
        " WHERE period = '2007-10-01' ORDER BY nth"
    ) == [(1, False), (2, True)]
    again = words_of(cfo.get(f"{PLACE}?recompute=1"))
    assert "All figures were computed again, and are those of the close." in again
    assert "漏了一家商户" in words_of(cfo.get(PLACE))


def test_only_the_last_closed_month_is_opened_again(
    *, programme, desk, send, fresh_database
):
    programme.close("2007-10")
    programme.close("2007-11")
    controller, cfo = desk("finance_checker"), desk("cfo")

    early = send(controller, PLACE, to=f"{PLACE}/reopen", reason="漏了")
    november = "/console/months/2007-11"
    asked = send(controller, november, to=f"{november}/reopen", reason="漏了")
    programme.close("2007-12")
    overtaken = send(cfo, asked.location, act="approve")

    assert (early.status_code, overtaken.status_code) == (409, 409)
    with fresh_database.unit_of_work() as session:
        assert Book(session).closed_through() == date(2007, 12, 31)
