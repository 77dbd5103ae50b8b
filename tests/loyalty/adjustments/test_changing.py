"""Points are changed by hand only as two people, or three, agree."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.adjustments.errors import (
    AdjustmentRefReused,
    AgentCapReached,
    BadAdjustment,
    BadEvidence,
    BudgetUsedUp,
    MemberCapReached,
    MemberHasLeft,
    OwnPoints,
    PointsGone,
    SamePerson,
    UndoneAlready,
)
from loyalty.adjustments.evidence import look_at
from loyalty.adjustments.governance import apply_limits, ask_limits
from loyalty.adjustments.queries import all_limits, change, open_evidence
from loyalty.adjustments.rules import Standing
from loyalty.approvals.errors import ApprovalExpired, OwnRequest
from loyalty.approvals.operations import approve
from tests.loyalty.adjustments.conftest import PAPER
from tests.loyalty.orders.shop import KEYRING, NOON, TODAY


@pytest.mark.parametrize(
    ("wish", "after", "figure", "fen"),
    [
        (("goodwill", 500), (1_500, 0), {"issued": 500}, 500),
        (("compensation", 500), (1_500, 0), {"issued": 500}, 500),
        (("fraud_recredit", 500), (1_500, 0), {"issued": 500}, 500),
        (("correction_up", 500), (1_500, 0), {"adjusted": 500}, 500),
        (("correction_down", 300), (700, 0), {"adjusted": -300}, -300),
        (("correction_down", 1_300), (0, 300), {"adjusted": -1_300}, -1_300),
        (("fraud_forfeit", 400), (600, 0), {"forfeited": 400}, -400),
    ],
)
def test_a_reason_says_where_points_come_from(desk, wish, after, figure, fen):
    member = desk.shop.member(1_000)
    reason, points = wish

    desk.approve(desk.ask(member, points, reason))

    assert desk.has(member) == after
    month = desk.month()
    assert month == {"opening": 1_000, "closing": after[0] - after[1]} | figure
    (row,) = desk.register().rows
    assert (row.reason, row.value_fen) == (reason, fen)
    assert {row.asked_by, row.approved_by} == {"agent", "boss"}
    assert row.sha256 == PAPER.sha256


def test_a_partner_who_was_wrong_funds_the_points(desk):
    member = desk.shop.member()

    desk.approve(desk.ask(member, 250, "partner_fault", unit="UNI", partner="CEB"))

    assert desk.has(member, "UNI") == (250, 0)
    assert desk.rows(
        "SELECT l.issuer, l.funding, l.cost_class, l.expires_on::text, t.debit"
        "  FROM ledger.lot l, ledger.transfer t WHERE t.kind = 'adjustment'"
    ) == [("CEB", "CEB", "adjustment", "2010-10-31", "issued.partner:CEB")]


def test_the_checker_is_shown_what_it_becomes(desk):
    member = desk.shop.member(1_000)

    asked = desk.ask(member, 1_300, "correction_down")

    assert asked.before == {"points_available": 1_000, "points_owed": 0}
    assert asked.after["points_available"] == 0
    assert asked.after["points_owed"] == 300
    assert asked.after["evidence"] == PAPER.sha256


@pytest.mark.parametrize(
    ("has", "points", "then"),
    [
        (Standing(0, 300), 200, Standing(0, 100)),
        (Standing(0, 300), 500, Standing(200, 0)),
        (Standing(100, 0), -250, Standing(0, 150)),
    ],
)
def test_what_is_owed_is_paid_first(has, points, then):
    assert has.after(points) == then


def test_above_the_limit_finance_is_the_third(desk):
    member = desk.shop.member()
    at_limit = desk.approve(desk.ask(member, 10_000))
    assert desk.has(member) == (10_000, 0)
    tomorrow = NOON + timedelta(days=1)

    above = desk.ask(member, 10_001, at=tomorrow)
    desk.approve(above, at=tomorrow)

    assert at_limit.state == "approved"
    assert desk.has(member) == (10_000, 0)
    assert (
        change(desk.session, member_id=member, adjustment_ref="ref1", at=tomorrow).state
        == "checked"
    )
    with pytest.raises(OwnRequest), desk.session.begin_nested():
        desk.release(above, by=desk.boss, at=tomorrow)
    with pytest.raises(SamePerson), desk.session.begin_nested():
        desk.release(above, by=desk.agent, at=tomorrow)
    desk.release(above, at=tomorrow)
    assert desk.has(member) == (20_001, 0)
    assert desk.register().rows[1].released_by == "money"


def test_the_database_holds_it_to_so_many_people(desk):
    member = desk.shop.member()
    desk.approve(desk.ask(member, 100))
    copy = (
        "INSERT INTO adjustment_posting SELECT (jsonb_populate_record(p,"
        " jsonb_build_object('adjustment_ref', 'ref1', {facts}))).*"
        " FROM adjustment_posting p"
    )
    desk.ask(member, 100)
    for facts in (
        "'approved_by', p.asked_by",
        "'approved_by', null",
        "'released_by', p.asked_by",
        "'released_by', p.approved_by",
        "'third_above', 99",
        "'points', 99",
    ):
        with pytest.raises(IntegrityError), desk.session.begin_nested():
            desk.session.execute(text(copy.format(facts=facts)))
    desk.session.execute(
        text("UPDATE staff SET member_id = :member WHERE login = 'boss'"),
        {"member": member},
    )
    with pytest.raises(IntegrityError), desk.session.begin_nested():
        desk.session.execute(text(copy.format(facts="'points', 100")))


@pytest.mark.parametrize("login", ["agent", "boss", "money"])
def test_nobody_changes_their_own_points(desk, login):
    member = desk.shop.member()
    desk.session.execute(
        text("UPDATE staff SET member_id = :member WHERE login = :login"),
        {"member": member, "login": login},
    )
    desk.session.expire_all()

    def all_three():
        asked = desk.ask(member, 10_001)
        desk.approve(asked)
        desk.release(asked)

    with pytest.raises(OwnPoints), desk.session.begin_nested():
        all_three()

    assert desk.has(member) == (0, 0)


def test_the_same_request_again_is_one_request(desk):
    member = desk.shop.member()

    first, again = (desk.ask(member, 100, ref="once") for _ in range(2))

    assert first is again
    with pytest.raises(AdjustmentRefReused):
        desk.ask(member, 101, ref="once")


def test_a_request_expires_after_three_days(desk):
    member = desk.shop.member()
    asked = desk.ask(member, 100)
    late = NOON + timedelta(hours=72, seconds=1)

    with pytest.raises(ApprovalExpired):
        desk.approve(asked, at=late)

    shown = change(desk.session, member_id=member, adjustment_ref="ref0", at=late)
    assert shown.state == "expired"


def test_limits_of_a_day_hold_when_asked_and_when_agreed(desk):
    members = [desk.shop.member() for _ in range(4)]
    for member in members[:2]:
        desk.ask(member, 20_000)
    with pytest.raises(MemberCapReached) as told:
        desk.ask(members[0], 1)
    assert told.value.facts == {"points_max": 20_000, "left": 0}
    with pytest.raises(AgentCapReached) as too_many:
        desk.ask(members[2], 10_001)
    assert too_many.value.facts == {"points_max": 50_000, "left": 10_000}
    desk.ask(members[2], 10_000)

    # What another day asked for is agreed to on this one.
    tomorrow = NOON + timedelta(days=1)
    one = desk.ask(members[3], 9_000, by=desk.money)
    assert desk.approve(one, at=tomorrow).state == "approved"
    two = desk.ask(members[3], 9_000, by=desk.money, at=tomorrow)
    three = desk.ask(members[3], 2_000, by=desk.money, at=tomorrow)
    desk.approve(two, at=tomorrow)
    desk.approve(three, at=tomorrow)
    assert desk.has(members[3]) == (20_000, 0)
    with pytest.raises(MemberCapReached):
        desk.ask(members[3], 1, by=desk.money, at=tomorrow)


def test_a_month_has_so_much_goodwill_and_no_more(desk):
    wanted = replace(
        all_limits(desk.session)[0],
        starts_on=TODAY + timedelta(days=1),
        budget_points_per_month=1_000,
    )
    asked = ask_limits(
        desk.session, wanted=wanted, reason="省", maker=desk.money, at=NOON
    )
    done = approve(
        desk.session,
        approval_id=asked.approval_id,
        checker=desk.boss,
        note=None,
        at=NOON,
    )
    assert apply_limits(desk.session, approval=done, at=NOON) == wanted.starts_on
    member, tomorrow = desk.shop.member(), NOON + timedelta(days=1)
    waiting = [desk.ask(member, 600, at=tomorrow) for _ in range(2)]

    desk.approve(waiting[0], at=tomorrow)
    with pytest.raises(BudgetUsedUp) as told, desk.session.begin_nested():
        desk.approve(waiting[1], at=tomorrow)

    assert told.value.facts == {"points_max": 1_000, "left": 400}
    desk.approve(desk.ask(member, 5_000, "correction_up", at=tomorrow), at=tomorrow)
    assert desk.has(member) == (5_600, 0)


def test_a_forfeit_takes_what_is_there_and_lets_nobody_owe(desk):
    member = desk.shop.member(1_000)
    asked = desk.ask(member, 900, "fraud_forfeit")
    desk.approve(desk.ask(member, 200, "correction_down"))

    with pytest.raises(PointsGone) as told, desk.session.begin_nested():
        desk.approve(asked)

    assert told.value.facts == {"needed": 900, "available": 800}


def test_who_has_left_is_given_nothing(desk):
    member = desk.shop.member()
    asked = desk.ask(member, 100)
    desk.session.execute(
        text("UPDATE member SET left_on = '2007-10-14' WHERE member_id = :member"),
        {"member": member},
    )

    with pytest.raises(MemberHasLeft), desk.session.begin_nested():
        desk.approve(asked)


@pytest.mark.parametrize(
    ("points", "reason", "other", "fault"),
    [
        (0, "goodwill", {}, "points"),
        (100, "goodwill", {"words": ""}, "words"),
        (100, "goodwill", {"unit": "UNI", "partner": "CEB"}, "unit"),
        (100, "goodwill", {"partner": "CEB"}, "partner"),
        (100, "partner_fault", {"unit": "UNI"}, "partner"),
        (100, "correction_up", {"unit": "UNI", "partner": "NOBODY"}, "partner"),
        (100, "campaign", {}, "reason"),
        (100, "goodwill", {"ref": "grant:G1"}, "adjustment_ref"),
    ],
)
def test_what_makes_no_sense_is_named(desk, points, reason, other, fault):
    with pytest.raises(BadAdjustment) as told:
        desk.ask(desk.shop.member(), points, reason, **other)

    assert told.value.facts == {"faults": [fault]}


def test_evidence_is_sealed_and_is_what_it_was(desk):
    member = desk.shop.member()
    desk.ask(member, 100)

    about, content = open_evidence(
        desk.session, member_id=member, adjustment_ref="ref0", keyring=KEYRING
    )

    assert (content, about.sha256) == (PAPER.content, PAPER.sha256)
    ((sealed,),) = desk.rows("SELECT sealed FROM adjustment_evidence")
    assert PAPER.content not in sealed
    for content in (b"", b"PK\x03\x04\xff", b"\x00text", b"%PDF-" + bytes(2_097_152)):
        with pytest.raises(BadEvidence):
            look_at(name="x", content=content)


@pytest.mark.parametrize(
    ("reason", "points", "month"),
    [
        ("goodwill", 500, {"issued": 500, "clawed_back": 500}),
        ("correction_up", 500, {}),
        ("correction_down", 300, {}),
        ("correction_down", 1_300, {}),
        ("fraud_forfeit", 400, {}),
    ],
)
def test_undoing_is_a_request_of_its_own(desk, reason, points, month):
    member = desk.shop.member(1_000)
    desk.approve(desk.ask(member, points, reason))

    desk.approve(desk.undo(member, "ref0", "undo"))

    assert desk.has(member) == (1_000, 0)
    assert desk.month() == {"opening": 1_000, "closing": 1_000} | month
    given, back = desk.register().rows
    assert (back.points, back.value_fen) == (-given.points, -given.value_fen)
    assert back.reverses == given.adjustment_ref
    for of in ("ref0", "undo"):
        with pytest.raises(UndoneAlready):
            desk.undo(member, of, "again")


def test_what_was_owed_and_paid_since_comes_back_as_points(desk):
    member = desk.shop.member(1_000)
    desk.approve(desk.ask(member, 1_300, "correction_down"))
    desk.approve(desk.ask(member, 500, "compensation"))
    assert desk.has(member) == (200, 0)

    desk.approve(desk.undo(member, "ref0", "undo"))

    assert desk.has(member) == (1_500, 0)


def test_points_given_and_spent_are_owed_when_undone(desk):
    member = desk.shop.member()
    desk.approve(desk.ask(member, 500))
    desk.approve(desk.ask(member, 400, "correction_down"))

    desk.approve(desk.undo(member, "ref0", "undo"))

    assert desk.has(member) == (0, 400)


def test_the_register_tells_shares_of_the_whole(desk):
    member = desk.shop.member(1_000)
    desk.approve(desk.ask(member, 300))
    desk.approve(desk.ask(member, 100, "correction_down"))

    told = desk.register()

    assert [row.share for row in told.rows] == [Fraction(3, 4), Fraction(1, 4)]
    assert (told.given, told.taken, told.value_fen) == (300, 100, 200)
    assert told.share == Fraction(300, 300)
