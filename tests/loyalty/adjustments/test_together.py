"""Several people at once: nothing is given twice, and no limit is passed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ledger.book import Book
from loyalty.adjustments.governance import apply_limits, ask_limits
from loyalty.adjustments.queries import all_limits
from loyalty.approvals.operations import approve
from loyalty.errors import LoyaltyError
from tests.loyalty.adjustments.conftest import Desk
from tests.loyalty.orders.shop import NOON, TODAY


@pytest.fixture
def committed(fresh_database):
    """Do something at a desk, in a transaction of its own; return why not, if so."""

    def do(what):
        try:
            with fresh_database.unit_of_work() as session:
                desk = Desk(session)
                desk.agent, desk.boss, desk.money = (1, 2, 3)
                return what(desk)
        except LoyaltyError as error:
            return error.code

    do(Desk.open)
    yield do
    assert do(lambda desk: Book(desk.session).prove()) == []


def together(committed, *whats):
    with ThreadPoolExecutor(len(whats)) as pool:
        return list(pool.map(committed, whats))


def given(committed):
    return committed(
        lambda desk: desk.rows(
            "SELECT coalesce(sum(points), 0) FROM adjustment_posting"
        )
    )[0][0]


def test_two_supervisors_agree_to_one_request_once(committed):
    member = committed(lambda desk: desk.shop.member())
    asked = committed(lambda desk: desk.ask(member, 100, ref="one"))

    answers = together(
        committed,
        lambda desk: desk.approve(asked, desk.boss).state,
        lambda desk: desk.approve(asked, desk.money).state,
    )

    assert sorted(answers) == ["approval_decided", "approved"]
    assert given(committed) == 100


def test_two_clicks_ask_once(committed):
    member = committed(lambda desk: desk.shop.member())

    first, second = together(
        committed,
        *[lambda desk: desk.ask(member, 100, ref="one").approval_id] * 2,
    )

    assert first == second


def test_an_agent_asks_for_so_much_however_many_windows_are_open(committed):
    members = committed(lambda desk: [desk.shop.member() for _ in range(6)])

    answers = together(
        committed,
        *[
            lambda desk, member=member: desk.ask(member, 9_000, ref=f"of{member}").state
            for member in members
        ],
    )

    assert sorted(answers) == ["agent_cap_reached"] + ["open"] * 5


def test_a_members_day_and_the_months_budget_are_not_passed_by_a_race(committed):
    def narrow(desk):
        wanted = replace(
            all_limits(desk.session)[0],
            starts_on=TODAY.replace(day=16),
            member_points_per_day=1_000,
            budget_points_per_month=2_500,
        )
        asked = ask_limits(
            desk.session, wanted=wanted, reason="省", maker=desk.money, at=NOON
        )
        done = approve(
            desk.session, approval_id=asked.approval_id, checker=2, note=None, at=NOON
        )
        apply_limits(desk.session, approval=done, at=NOON)

    members = committed(lambda desk: [desk.shop.member() for _ in range(4)])
    # All of it was asked for while more was allowed.
    asked = committed(
        lambda desk: [
            desk.ask(member, 600, ref=f"{nth}of{member}")
            for member in members
            for nth in range(2)
        ]
    )
    committed(narrow)
    tomorrow = NOON.replace(day=16)

    answers = together(
        committed,
        *[lambda desk, one=one: desk.approve(one, at=tomorrow).state for one in asked],
    )

    assert answers.count("approved") == 4
    assert set(answers) <= {
        "approved",
        "member_cap_reached",
        "adjustment_budget_used_up",
    }
    assert given(committed) == 2_400
