"""What each policy does, for each reason, to each state of each benefit (Q19)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.churn.operations import void_due
from loyalty.churn.showing import Rule
from loyalty.rules.leaving import load_churn_terms
from loyalty.rules.operations import starting_terms
from tests.loyalty.churn.world import LEAVING, World
from tests.loyalty.exchange.alliance import A_DAY
from tests.loyalty.orders.shop import NOON

REASONS = {
    "ported_out": ("ported_out", ""),
    "voluntary": ("closed", "voluntary"),
    "arrears": ("closed", "arrears"),
    "lost": ("closed", "lost"),
    "fraud": ("closed", "fraud"),
}
SPARED = {"internal": ("closed", "internal"), "deceased": ("deceased", "")}

# Benefit, how it comes to be, its state; what the policy ends becomes, and its step.
TABLE = [
    ("orders", World.order, "awaiting_payment", "canceled", "done"),
    ("orders", World.order, "accepted", "canceled", "done"),
    ("orders", World.order, "in_progress", "in_progress", "survived"),
    ("orders", World.order, "fulfilled", "fulfilled", None),
    ("vouchers", World.voucher, "unused", "void", "done"),
    ("vouchers", World.voucher, "used", "used", None),
    ("orders", World.policy_of, "free_look", "in_progress", "waiting"),
    ("orders", World.policy_of, "free_look_over", "fulfilled", None),
    ("exchanges", World.exchange, "requested", "declined", "done"),
    ("exchanges", World.exchange, "sent", "sent", "waiting"),
    ("exchanges", World.exchange, "confirmed", "confirmed", None),
    ("bookings", World.place_in, "to_come", "canceled", "done"),
    ("bookings", World.place_in, "over", "booked", None),
]


@pytest.mark.parametrize("reason", [*REASONS, *SPARED])
@pytest.mark.parametrize("policy", ["all", "none", "all_but_this"])
def test_every_benefit_in_every_state_for_every_reason(world, reason, policy):
    everything = starting_terms()["churn"]["policy"][0]["voids"]
    for benefit, make, state, ended, step in TABLE:
        voids = {
            "all": everything,
            "none": [],
            "all_but_this": [other for other in everything if other != benefit],
        }[policy]
        world.rule(voids=voids)
        member, seen = make(world, state)
        before = world.rows(seen, m=member)

        world.depart(member, *(REASONS | SPARED)[reason])
        steps = world.go_on(member)

        is_touched = policy == "all" and reason in REASONS and step is not None
        assert steps.get(benefit) == (step if is_touched else None), state
        assert world.rows(seen, m=member) == ([(ended,)] if is_touched else before)
        keeps_points = policy == "none" or reason in SPARED
        assert (world.available(member) > 0) == keeps_points, state


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize(
    "days",  # of grace, of notice, told before; and when the points are void
    [(0, 0, 0, 0), (10, 0, 0, 10), (0, 7, 0, 7), (10, 7, 30, 10), (0, 7, 3, 4)],
)
def test_points_are_void_after_the_days_of_the_policy(world, reason, days):
    grace, notice, told_before, void_after = days
    world.rule(grace_days=grace, notice_days=notice)
    member = world.member(1_000)
    if told_before:
        world.depart(
            member, "pre_cancelled", "", at=LEAVING - timedelta(days=told_before)
        )
    world.depart(member, *REASONS[reason])

    left_on = LEAVING.date()
    for day in range(void_after):
        assert world.balance(member, "CUP").available == 1_000
        void_due(world.session, business_date=left_on + timedelta(days=day))
        world.session.execute(text("DISCARD TEMP"))
    void_due(world.session, business_date=left_on + timedelta(days=void_after))
    assert world.balance(member, "CUP").available == 0


@pytest.mark.parametrize(
    ("told_before", "kept"), [(None, 15), (0, 15), (5, 10), (40, 10)]
)
def test_a_member_is_told_for_how_many_days_points_stay(told_before, kept):
    rule = Rule(1, "voluntary", 15, 10, may_redeem=True, reinstate_within_days=90)
    left_on = LEAVING.date()
    told_on = None if told_before is None else left_on - told_before * A_DAY

    assert rule.days_kept(told_on=told_on, left_on=left_on) == kept


def test_only_the_day_decides_which_version_holds(world):
    terms = starting_terms()["churn"]
    later = terms | {"version": 2, "policy": [terms["policy"][0] | {"voids": []}]}
    load_churn_terms(
        world.session,
        terms=later,
        starts_on=LEAVING.date() + timedelta(days=1),
        at=NOON,
    )
    today, tomorrow = world.member(1_000), world.member(1_000)

    world.depart(today, "ported_out", "")
    world.depart(tomorrow, "ported_out", "", at=LEAVING + A_DAY)

    assert world.balance(today, "CUP").available == 0
    assert world.balance(tomorrow, "CUP").available == 1_000


def test_where_a_line_is_enough_another_one_does_not_help(world):
    world.rule(scope="line")
    member = world.member(1_000)
    world.session.execute(
        text(
            "INSERT INTO subscription (member_id, msisdn, activated_on, network, brand,"
            " pay_type, state_at, content) VALUES (:m, '13399999999', '2005-01-01',"
            " 'GSM', 'up', 'postpaid', '2005-01-01', gen_random_uuid())"
        ),
        {"m": member},
    )
    ((msisdn,),) = world.rows(
        "SELECT min(msisdn) FROM subscription WHERE member_id = :m", m=member
    )
    world.end(msisdn, "closed", "voluntary", at=LEAVING)

    assert world.balance(member, "CUP").available == 0
    world.end(msisdn, "reconnected", "", at=LEAVING + A_DAY)
    assert world.balance(member, "CUP").available == 1_000
