"""A partner's statements from files to payment, and every sum of them computed anew."""

import json
import threading
from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from loyalty.errors import LoyaltyError
from loyalty.journal import queries as journal
from loyalty.prepaid.errors import CreditUsedUp
from loyalty.settings import TIME_ZONE
from loyalty.settlement import charging, drawing, reading
from loyalty.settlement.errors import NothingToState
from loyalty.settlement.rules import PARTS
from tests.journeys.test_prepaid_accruals import CEB, Finance, card
from tests.loyalty.settlement.desk import Desk

NOVEMBER_5 = datetime(2007, 11, 5, 12, tzinfo=TIME_ZONE)
DECEMBER_5 = NOVEMBER_5 + timedelta(days=30)


@pytest.fixture
def finance(programme):
    desk = Finance(programme)
    yield desk
    desk.check()


@pytest.fixture
def desk(programme, finance):
    """Do something at the settlement desk, in a transaction of its own."""

    def do(what):
        with programme.database.unit_of_work() as session:
            return what(Desk(session, finance.maker, finance.checker))

    return do


def draw(desk, partner=CEB, *, day=date(2007, 10, 20), at=NOVEMBER_5):
    return desk(
        lambda one: drawing.draw_up(
            one.session, partner=partner, day=day, actor="staff:1", at=at
        )
    )


def issue(desk, statement, *, at=NOVEMBER_5):
    return desk(
        lambda one: one.issue(
            reading.statement(one.session, statement_id=statement.statement_id), at=at
        )
    )


def pay_in_full(desk, statement, *, at=NOVEMBER_5):
    """Have a statement agreed to, netted and paid."""

    def settle(one):
        found = reading.statement(one.session, statement_id=statement.statement_id)
        one.agree(found, at=at)
        netted = one.net(statement.partner, at=at)
        if netted.open_fen:
            one.pay(netted, netted.net_fen, at=at)

    desk(settle)


def test_lines_are_exact_and_rounded_once_over_all_statements(programme, finance, desk):
    """1,000 points for 1.55, of which 83 %: a line alone is no whole fen."""
    finance.agree("postpaid", price=155, pct=83)
    amounts = [f"{7 * n + 10}.00" for n in range(1, 30)]
    programme.load("activities", *(card(f"T-{n}", a) for n, a in enumerate(amounts)))
    programme.load("activities", card("R-1", "-100.00", of="T-20", on="2007-10-12"))
    first = issue(desk, draw(desk))
    programme.load("activities", card("T-90", "70.00", on="2007-11-02"))
    programme.load("activities", card("T-91", "10.00", on="2007-10-31"))

    second = issue(
        desk,
        draw(desk, day=date(2007, 11, 2), at=DECEMBER_5),
        at=DECEMBER_5,
    )

    exact = """
        SELECT sum((CASE WHEN original_ref IS NULL THEN points ELSE -points END)
                   * 155 * 83)::bigint
          FROM activity WHERE {where}
    """
    ((of_october,),) = programme.rows(
        exact.format(where="partner_ref NOT IN ('T-90', 'T-91')")
    )
    ((of_both,),) = programme.rows(exact.format(where="true"))
    assert of_october % PARTS not in (0, PARTS // 2)
    assert first.receivable_fen == _half_up(of_october)
    assert first.receivable_fen + second.receivable_fen == _half_up(of_both)
    assert (first.lines, second.lines, second.opening_fen) == (
        30,
        2,
        first.receivable_fen,
    )
    assert programme.rows(
        "SELECT l.event_ref FROM statement_line l JOIN settlement_statement s"
        " USING (statement_id) WHERE l.occurred_on < s.first_on"
    ) == [("T-91",)]
    assert programme.rows(
        "SELECT count(*), sum(parts)::bigint FROM statement_line"
    ) == [(32, of_both)]


def _half_up(parts):
    return (2 * parts + PARTS) // (2 * PARTS)


def test_what_halls_and_venues_are_owed_stands_on_their_statements(
    programme, desk, redeem
):
    programme.load(
        "opening", ("WANG", "CUP", 50_000, "operator", "2007-09", "2010-09-30")
    )
    for n, item in enumerate(["INS-A", "INS-A", "INS-B", "TT1", "EV50"]):
        redeem(f"R-{n}", "WANG", item, f"2007-10-{10 + n}")

    insurer, venue = draw(desk, "PINGAN"), draw(desk, "TTCLUB")

    report = programme.report("2007-10")
    assert report["payable"] == {"PINGAN": 80_00, "TTCLUB": 30_00}
    assert (insurer.payable_fen, insurer.due_fen, insurer.lines) == (80_00, -80_00, 3)
    assert (venue.payable_fen, venue.due_fen, venue.lines) == (30_00, -30_00, 1)
    again = programme.rows(
        """
        SELECT r.partner, sum(r.settlement_fen)::bigint FROM redemption r
         WHERE r.partner IS NOT NULL GROUP BY 1 ORDER BY 1
        """
    )
    assert again == [("PINGAN", 80_00), ("TTCLUB", 30_00)]


def test_what_is_paid_lets_a_partner_owe_again(programme, finance, desk):
    finance.agree("postpaid", price=1_000)
    finance.limit(100)
    programme.load("activities", card("T-1", "1000.00"), card("T-2", "10.00"))
    assert programme.rejects == [CreditUsedUp.code]
    assert finance.owed == {CEB: (100, True)}

    pay_in_full(desk, issue(desk, draw(desk)))

    assert finance.owed == {CEB: (0, False)}
    programme.load("activities", card("T-3", "10.00", on="2007-11-02"))
    assert programme.rejects == []
    assert finance.owed == {CEB: (1, False)}


def test_a_fee_in_points_costs_what_the_partner_pays_for_points(
    programme, finance, desk
):
    finance.agree("postpaid", price=155, pct=83)
    programme.load("activities", card("T-1"))

    def charge(one):
        asked = charging.ask_fee(
            one.session,
            partner=CEB,
            cause="erroneous",
            about="file 7",
            fen=None,
            points=5_000,
            on=date(2007, 10, 31),
            **one.asks(),
        )
        return charging.apply_fee(
            one.session, approval=one.agreed(asked), at=NOVEMBER_5
        )

    fee = desk(charge)

    assert (fee.points, fee.fen) == (5_000, _half_up(5_000 * 155 * 83))
    drawn = draw(desk)
    assert drawn.receivable_fen == fee.fen + _half_up(10 * 155 * 83)
    assert programme.rows(
        "SELECT units, fen FROM statement_line WHERE kind = 'fee'"
    ) == [(5_000, fee.fen)]


def test_two_who_draw_up_at_once_bill_nothing_twice(programme, finance, desk):
    finance.agree("postpaid", price=900)
    programme.load("activities", *(card(f"T-{n}") for n in range(200)))
    ready, said = threading.Barrier(4), []

    def run():
        ready.wait(timeout=60)
        try:
            said.append(draw(desk).lines)
        except LoyaltyError as error:
            said.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert said == [200] * 4
    assert programme.rows(
        "SELECT lines, receivable_fen, (SELECT count(*) FROM statement_line)"
        " FROM settlement_statement"
    ) == [(200, 200 * 9, 200)]


def test_the_job_draws_up_what_has_closed_and_silence_agrees(
    programme, finance, desk, cli
):
    finance.agree("postpaid", price=900)
    programme.load("activities", card("T-1"), card("T-2", on="2007-11-01"))

    assert programme.run("settle-statements", "2007-11-02").startswith("0 statements")
    assert programme.run("settle-statements", "2007-11-03").startswith("1 statements")
    assert programme.run("settle-statements", "2007-12-03").startswith("0 statements")
    ((statement_id,),) = programme.rows(
        "SELECT statement_id FROM settlement_statement WHERE state = 'draft'"
    )
    issue(
        desk,
        desk(lambda one: reading.statement(one.session, statement_id=statement_id)),
    )
    said = programme.run("settle-statements", "2007-12-04")
    assert said == "1 statements drawn up, 1 may be disputed, 0 agreed, 0 closed"
    said = programme.run("settle-statements", "2007-12-06")
    assert said == "0 statements drawn up, 0 may be disputed, 1 agreed, 0 closed"

    told = cli("report", "statement", CEB, "--period", "2007-10", "--json")
    page = cli("report", "statement", CEB, "--period", "2007-10")

    (one,) = json.loads(told.stdout)["statements"]
    assert (one["state"], one["lines"], one["due_fen"]) == ("agreed", 1, 9)
    assert "net due" in page.stdout
    assert "0.09" in page.stdout
    assert cli("report", "statement", "NOBODY").exit_code == 1


def test_what_comes_after_the_month_was_closed_is_said_to_be_of_it(
    programme, finance, desk
):
    finance.agree("postpaid", price=900)
    programme.load("activities", card("T-1"))
    issue(desk, draw(desk))
    programme.close("2007-10")
    programme.load("activities", card("T-2", on="2007-10-30"))
    with pytest.raises(NothingToState):
        draw(desk, "PINGAN", day=date(2007, 11, 2), at=DECEMBER_5)

    later = draw(desk, day=date(2007, 11, 2), at=DECEMBER_5)

    assert programme.rows(
        "SELECT event_ref, effective_on::text, occurred_on::text FROM statement_line"
        " WHERE statement_id = :s",
        s=later.statement_id,
    ) == [("T-2", "2007-11-01", "2007-10-30")]


@pytest.mark.parametrize("view", ["C", "D"])
def test_what_statements_come_to_is_what_the_journal_has_with_each_partner(
    programme, finance, desk, redeem, view
):
    finance.agree("postpaid", price=155, pct=83)
    programme.load("activities", *(card(f"T-{n}", f"{70 + n}.00") for n in range(40)))
    programme.load("activities", card("R-1", "-50.00", of="T-20", on="2007-10-12"))
    programme.load(
        "opening", ("WANG", "CUP", 50_000, "operator", "2007-09", "2010-09-30")
    )
    for n, item in enumerate(["INS-A", "INS-B", "TT1"]):
        redeem(f"R-{n}", "WANG", item, f"2007-10-{10 + n}")
    october = date(2007, 10, 1)

    drawn = {one: draw(desk, one).due_fen for one in (CEB, "PINGAN", "TTCLUB")}

    with programme.database.unit_of_work() as session:
        entries = journal.month(session, period=october, view=view)
    told: Counter[str] = Counter()
    for one in entries:
        if one.account in ("1122", "2202") and one.partner in drawn:
            told[one.partner] += one.debit_fen - one.credit_fen
    assert dict(told) == drawn
