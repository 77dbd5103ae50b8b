"""A statement from its draft to its end: what stands on it, who may move it, when."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.approvals.errors import OwnRequest
from loyalty.approvals.operations import approve
from loyalty.prepaid import queries as prepaid
from loyalty.settlement import netting, statements
from loyalty.settlement.errors import (
    DisputesOpen,
    DisputeWindowOver,
    EarlierDraft,
    NothingAgreed,
    NothingToState,
    Overpaid,
    PaymentKnown,
    PeriodRunning,
    PeriodStated,
    StatementChanged,
    StatementMovedOn,
)
from loyalty.settlement.operations import raise_dispute
from partners.ports import Outcome
from tests.loyalty.exchange.alliance import A_DAY, SENT_AT
from tests.loyalty.settlement.desk import (
    CLERK,
    NOVEMBER_5,
    OCTOBER,
    TO_NOVEMBER,
    exchange_both_ways,
)

DECEMBER_5 = NOVEMBER_5 + timedelta(days=30)


def dispute(desk, *, at=NOVEMBER_5, ref=None, claimed=None):
    return raise_dispute(
        desk.session,
        partner="MU",
        period=date(2007, 10, 1),
        partner_ref=ref,
        break_code="RATE_DIFF",
        reason="at another rate",
        claimed_fen=claimed,
        actor="client:jc_mu",
        at=at,
    )


def test_t7_and_t8_at_one_partner_come_to_35_yuan_that_we_pay(alliance, carrier, desk):
    """Report R6: receivable 45.00 less payable 80.00 is net payable 35.00."""
    exchange_both_ways(alliance, carrier)
    owed = {one.partner: one.outstanding_fen for one in owing(desk)}
    assert owed == {"MU": 45_00}

    issued = desk.issue(desk.draw())

    assert (issued.receivable_fen, issued.payable_fen) == (45_00, 80_00)
    assert (issued.opening_fen, issued.due_fen, issued.lines) == (0, -35_00, 2)
    settlement = desk.agree(issued) and desk.net()
    assert settlement.net_fen == -35_00
    assert issued.state == "netted"
    desk.pay(settlement, -20_00)
    assert issued.state == "netted"
    assert [one.outstanding_fen for one in owing(desk)] == [45_00]
    desk.pay(settlement, -15_00, ref="B-2")
    assert issued.state == "paid"
    assert [one.outstanding_fen for one in owing(desk)] == [0]
    moved = statements.move_on(desk.session, on=date(2007, 12, 6), at=DECEMBER_5)
    assert moved.closed == 1
    history = alliance.rows(
        "SELECT state FROM statement_event WHERE statement_id = :s ORDER BY at, state",
        s=issued.statement_id,
    )
    assert {state for (state,) in history} == {
        *("draft", "issued", "in_dispute_window", "agreed", "netted", "paid", "closed")
    }


def owing(desk):
    return prepaid.credits_of_partners(desk.session)


def test_what_was_billed_in_january_is_not_billed_with_february(
    alliance, carrier, desk
):
    """domain.md 3.1: a bill for a longer period has only what was not billed."""
    exchange_both_ways(alliance, carrier)
    desk.issue(desk.draw())
    with pytest.raises(NothingToState):
        desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)
    desk.adjust(7_00)

    later = desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)

    assert (later.first_on, later.last_on) == (date(2007, 10, 1), date(2007, 11, 30))
    assert (later.lines, later.adjusted_fen, later.receivable_fen) == (1, 7_00, 0)
    assert (later.opening_fen, later.due_fen) == (-35_00, -28_00)
    assert alliance.rows("SELECT count(*), sum(fen)::int FROM statement_line") == [
        (3, -28_00)
    ]


def test_a_draft_grows_and_what_is_issued_never_does(alliance, carrier, desk):
    exchange_both_ways(alliance, carrier)
    draft = desk.draw()
    assert desk.draw() is draft
    assert draft.lines == 2
    asked = statements.ask_issue(
        desk.session, statement_id=draft.statement_id, **desk.asks()
    )
    desk.adjust(-1, at=NOVEMBER_5 - timedelta(days=9))
    assert desk.draw().lines == 3

    with pytest.raises(StatementChanged):
        statements.apply_issue(desk.session, approval=desk.agreed(asked), at=NOVEMBER_5)

    desk.issue(draft)
    with pytest.raises(PeriodStated):
        desk.draw()
    desk.adjust(-2, about="late", at=NOVEMBER_5 - timedelta(days=8))
    (line,) = alliance.rows(
        "SELECT l.fen, l.effective_on < s.first_on FROM statement_line l"
        " JOIN settlement_statement s USING (statement_id)"
        " WHERE statement_id = :s",
        s=desk.draw(
            period=replace(TO_NOVEMBER, first_on=date(2007, 11, 1)), at=DECEMBER_5
        ).statement_id,
    )
    assert line == (-2, True)


def test_a_statement_is_issued_by_two_once_its_period_is_over(alliance, carrier, desk):
    exchange_both_ways(alliance, carrier)
    draft = desk.draw(at=NOVEMBER_5 - timedelta(days=10))
    key = {"statement_id": draft.statement_id}
    with pytest.raises(PeriodRunning):
        statements.ask_issue(
            desk.session, **key, **desk.asks(at=NOVEMBER_5 - timedelta(days=5))
        )
    asked = statements.ask_issue(desk.session, **key, **desk.asks())
    with pytest.raises(OwnRequest):
        approve(
            desk.session,
            approval_id=asked.approval_id,
            checker=desk.maker,
            note=None,
            at=NOVEMBER_5,
        )
    with pytest.raises(EarlierDraft):
        desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)

    statements.apply_issue(desk.session, approval=desk.agreed(asked), at=NOVEMBER_5)

    assert draft.state == "issued"
    assert draft.disputable_until == date(2007, 12, 5)


def test_each_state_is_left_in_one_way_only(alliance, carrier, desk):
    exchange_both_ways(alliance, carrier)
    statement = desk.draw()
    with pytest.raises(NothingAgreed):
        desk.net()
    with pytest.raises(StatementMovedOn):
        desk.agree(statement)
    desk.issue(statement)
    with pytest.raises(StatementMovedOn):
        desk.issue(statement)
    with pytest.raises(NothingAgreed):
        desk.net()
    desk.agree(statement)
    assert desk.agree(statement).state == "agreed"
    with pytest.raises(StatementMovedOn):
        dispute(desk)
    settlement = desk.net()
    with pytest.raises(NothingAgreed):
        desk.net()
    with pytest.raises(StatementMovedOn):
        desk.agree(statement)
    for fen in (35_00, 0, -35_01):
        with pytest.raises(Overpaid):
            desk.pay(settlement, fen)
    first = desk.pay(settlement, -30_00)
    assert desk.pay(settlement, -30_00) is first
    with pytest.raises(PaymentKnown):
        desk.pay(settlement, -5_00)
    with pytest.raises(Overpaid):
        desk.pay(settlement, -6_00, ref="B-2")
    desk.pay(settlement, -5_00, ref="B-2")
    with pytest.raises(Overpaid):
        desk.pay(settlement, -1, ref="B-3")

    assert statement.state == "paid"
    assert settlement.open_fen == 0


_AGAIN = """
INSERT INTO statement_line
SELECT statement_id, line_no + 9, partner, kind, member_id, {ref}, sub_ref, about,
       effective_on, occurred_on, rate_version, unit, units, price_num, price_den,
       billing_pct, fee_fen, parts, fen
  FROM statement_line WHERE statement_id = :s
"""
_SET = "UPDATE settlement_statement SET {} WHERE statement_id = :s"


def test_the_database_bills_nothing_twice_and_lets_nobody_alone_issue(
    alliance, carrier, desk
):
    exchange_both_ways(alliance, carrier)
    statement = desk.draw()
    alone = (
        "state = 'issued', issued_at = now(), disputable_until = now(), approval_id ="
        " (SELECT min(approval_id) FROM approval)"
    )

    refused(desk, statement, _AGAIN.format(ref="event_ref"), _SET.format(alone))
    for change in ("due_fen = due_fen + 1", "state = 'issued'", "state = 'netted'"):
        refused(desk, statement, _SET.format(change))

    desk.issue(statement)
    for change in (
        "state = 'agreed'",
        "state = 'draft'",
        "receivable_fen = receivable_fen + 1, due_fen = due_fen + 1",
        "disputable_until = now()",
    ):
        refused(desk, statement, _SET.format(change))
    refused(desk, statement, _AGAIN.format(ref="event_ref || '-2'"))


def refused(desk, statement, *changes):
    for change in changes:
        with pytest.raises(IntegrityError), desk.session.begin_nested():
            desk.session.execute(text(change), {"s": statement.statement_id})


def test_a_dispute_that_is_granted_stands_on_the_next_statement(
    alliance, carrier, desk
):
    exchange_both_ways(alliance, carrier)
    first = desk.issue(desk.draw())
    raised = dispute(desk, claimed=5_00)
    assert first.state == "in_dispute_window"
    assert raised.statement_id == first.statement_id
    with pytest.raises(DisputesOpen):
        desk.agree(first)
    silent: dict[str, Any] = {"on": date(2007, 12, 6), "at": DECEMBER_5}
    assert statements.move_on(desk.session, **silent).agreed == 0

    desk.accept(raised, 4_00)

    assert statements.move_on(desk.session, **silent).agreed == 1
    later = desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)
    assert (later.disputed_fen, later.due_fen) == (-4_00, -39_00)
    desk.session.refresh(raised)
    assert (raised.state, raised.settled_in) == ("settled", later.statement_id)
    desk.issue(later, at=DECEMBER_5)
    desk.agree(later, at=DECEMBER_5)
    settlement = desk.net(at=DECEMBER_5)
    assert (settlement.receivable_fen, settlement.payable_fen) == (41_00, 80_00)


def test_nothing_is_disputed_after_thirty_days(alliance, carrier, desk):
    exchange_both_ways(alliance, carrier)
    desk.issue(desk.draw())
    assert dispute(desk, at=DECEMBER_5).state == "open"

    with pytest.raises(DisputeWindowOver):
        dispute(desk, at=DECEMBER_5 + timedelta(days=1))


def test_what_is_not_paid_stands_as_due_on_the_next_one_and_is_written_off_by_two(
    alliance, carrier, desk
):
    exchange_both_ways(alliance, carrier)
    desk.agree(desk.issue(desk.draw()))
    settlement = desk.net()
    desk.pay(settlement, -34_00)
    desk.adjust(100_00)
    later = desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)
    assert (later.opening_fen, later.due_fen) == (-1_00, 99_00)

    asked = netting.ask_write_off(
        desk.session, settlement_id=settlement.settlement_id, **desk.asks()
    )
    netting.apply_write_off(desk.session, approval=desk.agreed(asked), at=NOVEMBER_5)

    assert settlement.open_fen == 0
    issued = desk.issue(later, at=DECEMBER_5)
    assert (issued.opening_fen, issued.due_fen) == (0, 100_00)
    (row,) = alliance.rows(
        "SELECT kind, fen, actor FROM settlement_payment WHERE nth = 2"
    )
    assert row == ("written_off", -1_00, f"staff:{desk.checker}")


def test_what_is_taken_back_of_an_exchange_is_a_line_of_its_own(
    alliance, carrier, desk
):
    exchange_both_ways(alliance, carrier)
    desk.issue(desk.draw())
    ((member, ref),) = alliance.rows(
        "SELECT member_id, exchange_ref FROM exchange WHERE direction = 'out'"
    )
    carrier.tell(Outcome.DECLINED, done=False)
    alliance.advance(carrier, member, ref, at=SENT_AT + A_DAY)
    assert alliance.state(member, ref) == "declined"

    later = desk.draw(period=TO_NOVEMBER, at=DECEMBER_5)

    assert alliance.rows(
        "SELECT kind, fen FROM statement_line WHERE statement_id = :s",
        s=later.statement_id,
    ) == [("exchange_out_reversed", 80_00)]
    assert (later.payable_fen, later.due_fen) == (-80_00, 45_00)


def test_what_comes_to_nothing_is_paid_when_it_is_netted(alliance, carrier, desk):
    exchange_both_ways(alliance, carrier)
    desk.adjust(35_00, at=NOVEMBER_5 - timedelta(days=9))
    statement = desk.agree(desk.issue(desk.draw()))

    settlement = desk.net()

    assert (settlement.net_fen, statement.state) == (0, "paid")
    assert [one.outstanding_fen for one in owing(desk)] == [0]
    assert settlement.made_by == CLERK
    assert OCTOBER.call_on == settlement.call_on
