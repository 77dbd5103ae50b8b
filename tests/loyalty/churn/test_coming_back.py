"""Who comes back while leaving is under way, and who then leaves again."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.churn import saga
from loyalty.churn.models import ChurnStep
from loyalty.churn.operations import void_due
from loyalty.churn.telling import due_notices
from loyalty.orders.errors import NotAMember
from loyalty.orders.quotes import buyer
from loyalty.tiers.operations import grant
from loyalty.tiers.queries import standing
from partners.ports import Outcome, Receipt
from tests.loyalty.churn.world import LEAVING
from tests.loyalty.exchange.alliance import A_DAY
from tests.loyalty.orders.shop import NOON

CARD = "CARD-1"


def test_an_order_that_nobody_called_off_yet_is_kept_by_who_comes_back(world):
    member, seen = world.policy_of("free_look")
    world.stand(member, "in_progress")  # the insurer is issuing it
    world.depart(member, "ported_out", "")
    assert world.go_on(member)["orders"] == "waiting"

    world.depart(member, "reconnected", "", at=LEAVING + A_DAY)
    assert world.go_on(member)["orders"] == "waiting"
    world.stand(member, "fulfilled")

    assert world.go_on(member)["orders"] == "dropped"
    assert world.rows(seen, m=member) == [("fulfilled",)]


@pytest.mark.parametrize(("is_back", "state"), [(True, "dropped"), (False, "waiting")])
def test_a_bank_that_never_heard_of_it_is_not_told_of_who_is_back(
    world, is_back, state
):
    member = world.member(1_000)
    world.alliance.link(member, CARD)
    world.depart(member, "ported_out", "")
    (step,) = world.session.query(ChurnStep).filter_by(benefit="card").all()
    key = saga.key_of(step)
    absent = Receipt(Outcome.ABSENT)
    first = saga.claim_card(world.session, at=LEAVING, **key)
    assert first is not None
    assert first.is_new
    saga.settle_card(world.session, receipt=absent, at=LEAVING, **key)
    if is_back:
        world.depart(member, "reconnected", "", at=LEAVING + A_DAY)
        world.session.expire_all()

    again = saga.claim_card(world.session, at=LEAVING + A_DAY, **key)

    assert (again is None) == is_back
    assert world.session.get(ChurnStep, tuple(key.values())).state == state


def test_who_leaves_again_is_given_nothing_while_gone_and_all_of_it_on_return(world):
    member, seen = world.voucher("unused")
    world.depart(member, "ported_out", "")
    world.go_on(member)
    world.depart(member, "reconnected", "", at=LEAVING + A_DAY)
    world.depart(member, "ported_out", "", at=LEAVING + 2 * A_DAY)

    assert world.go_on(member)["return.vouchers"] == "dropped"
    assert world.rows(seen, m=member) == [("void",)]

    world.depart(member, "reconnected", "", at=LEAVING + 3 * A_DAY)
    assert world.go_on(member)["return.vouchers"] == "done"
    assert world.rows(seen, m=member) == [("issued",)]


def test_who_is_back_before_the_points_are_void_keeps_them(world):
    world.rule(grace_days=30, reinstate_within_days=5)
    member = world.member(1_000)
    world.depart(member, "ported_out", "")
    world.depart(member, "reconnected", "", at=LEAVING + 10 * A_DAY)

    assert void_due(world.session, business_date=(LEAVING + 30 * A_DAY).date()) == 0

    assert world.balance(member, "CUP").available == 1_000
    assert world.gate(member) == "open"


def test_a_new_line_in_days_of_grace_can_spend_what_is_earned_after_them(world):
    world.rule(grace_days=30)
    member = world.member(1_000)
    world.depart(member, "ported_out", "")
    world.session.execute(
        text("UPDATE member SET left_on = NULL WHERE member_id = :m"), {"m": member}
    )  # as the feed of lines does for a new one

    assert void_due(world.session, business_date=(LEAVING + 30 * A_DAY).date()) == 1

    assert world.balance(member, "CUP").available == 0
    assert world.gate(member) == "open"


def test_the_shop_serves_who_left_until_the_points_are_void(world):
    world.rule(grace_days=30)
    member = world.member(9_000)
    grant(
        world.session,
        member_id=member,
        tier="GOLD",
        granted_on=NOON.date(),
        until=LEAVING.date() + 400 * A_DAY,
        reason="",
        actor="staff:1",
    )
    world.depart(member, "ported_out", "")
    last = LEAVING + 29 * A_DAY

    placed = world.place(member, world.ticket, at=last)

    assert placed.order.state == "fulfilled"
    assert buyer(world.session, member_id=member, on=last.date()).tier == "GOLD"
    voids_on = last.date() + A_DAY
    with pytest.raises(NotAMember):
        buyer(world.session, member_id=member, on=voids_on)
    assert standing(world.session, member_id=member, on=voids_on).tier is None
    assert void_due(world.session, business_date=voids_on) == 1
    assert world.balance(member, "CUP").available == 0
    with pytest.raises(NotAMember):
        buyer(world.session, member_id=member, on=last.date())


def test_nobody_is_warned_of_what_has_happened_or_told_of_nothing(world):
    world.rule(grace_days=30)
    member = world.member(1_000)
    world.depart(member, "pre_cancelled", "", at=LEAVING - A_DAY)
    world.depart(member, "ported_out", "")
    assert world.told(member) == ["leaving"]

    world.depart(member, "reconnected", "", at=LEAVING + A_DAY)

    assert world.told(member) == ["return"]
    (notice,) = due_notices(world.session, at=LEAVING + timedelta(days=1), limit=9)
    assert "照旧" in notice.words
    assert "0 积分" not in notice.words
