"""Who may have what, in which way, how much of it, and how sure we must be."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.access.errors import ConfirmationMissing, CoolingDown
from loyalty.access.operations import cool_down
from loyalty.orders.errors import (
    ChannelNotAllowed,
    ClerkCapReached,
    ConsentMissing,
    GateClosed,
    OrderRefReused,
    PointsMissing,
    PriceChanged,
    RecipientIncomplete,
    SignInStale,
    SpendLocked,
    StoredValueReached,
    TierNotAllowed,
    VelocityReached,
)
from loyalty.orders.rules import Recipient
from loyalty.tiers.operations import grant
from tests.loyalty.orders.shop import (
    AT_HOME,
    INSURED,
    MUG,
    NOON,
    TICKET,
    TO_PLAY,
    TODAY,
    ref,
)

FUEL = TICKET | {"item_code": "FUEL", "points": 50, "market_fen": 100_00}


def test_a_voucher_is_there_at_once(shop):
    wang = shop.member(5_000)

    placed = shop.place(wang, "EV50")

    assert placed.order.state == "fulfilled"
    assert [voucher.state for voucher in placed.order.vouchers] == ["issued"]
    assert placed.order.vouchers[0].valid_until == TODAY + timedelta(days=365)
    assert shop.available(wang) == 0
    assert placed.order.may_cancel
    assert placed.order.service_channel == "RETENTION_WINDOW"
    assert [event.state for event in placed.order.events] == ["fulfilled"]


def test_soonest_expiring_points_leave_first_whatever_their_unit(shop):
    shop.sell(TICKET)
    wang = shop.member()
    shop.earn(wang, 60, until=TODAY + timedelta(days=90))
    shop.earn(wang, 60, unit="UNI", issuer="CEB", until=TODAY + timedelta(days=30))

    shop.place(wang, "TICKET")

    assert [lot[0::4] for lot in shop.lots(wang) if lot[4]] == [("CUP", 20)]


def test_an_agent_channel_is_refused_and_ours_are_not(shop):  # domain.md A22
    wang = shop.member(10_000)
    clerk = shop.staff()

    with pytest.raises(ChannelNotAllowed):
        shop.place(wang, "INS-A", channel="partner", recipient=INSURED)

    at_hall = shop.place(
        wang, "INS-A", channel="hall", staff_id=clerk, recipient=INSURED
    )
    on_the_web = shop.place(wang, "INS-A", recipient=INSURED)
    assert [placed.order.channel for placed in (at_hall, on_the_web)] == ["hall", "web"]


@pytest.mark.parametrize(
    ("tier", "points"), [("DIAMOND", 0), ("GOLD", 300), ("SILVER", 480), (None, 600)]
)
def test_a_club_session_costs_what_the_tier_says(shop, tier, points):  # A45
    wang = shop.member(1_000)
    if tier is not None:
        grant(
            shop.session,
            member_id=wang,
            tier=tier,
            granted_on=TODAY,
            until=TODAY,
            reason="a test",
            actor="test",
        )

    placed = shop.place(wang, "TT1", recipient=TO_PLAY)

    assert placed.order.points == points
    assert shop.available(wang) == 1_000 - points
    assert shop.payable() == {"TTCLUB": 30_00}  # the subsidy is the club's, A17
    assert placed.order.service_channel == "CLUB"


def test_who_is_not_of_the_tier_is_told_which(shop):
    shop.sell(TICKET, item_code="LOUNGE", tiers=["GOLD", "DIAMOND"])
    wang = shop.member(1_000)

    with pytest.raises(TierNotAllowed) as refused:
        shop.place(wang, "LOUNGE")

    assert refused.value.facts["tiers"] == ["GOLD", "DIAMOND"]


def test_too_few_points_are_named(shop):
    wang = shop.member(4_999)

    with pytest.raises(PointsMissing) as refused:
        shop.place(wang, "EV50")

    assert refused.value.facts == {
        "needed": 5_000,
        "available": 4_999,
        "missing": 1,
    }
    assert shop.available(wang) == 4_999


def test_a_price_that_has_changed_meanwhile_is_shown_first(shop):
    wang = shop.member(10_000)

    with pytest.raises(PriceChanged):
        shop.place(wang, "EV50", expected_points=4_900)


class TestOnceIsOnce:
    def test_the_same_order_again_has_the_same_answer(self, shop):
        wang, order_ref = shop.member(5_000), ref()
        first = shop.place(wang, "EV50", order_ref=order_ref)

        again = shop.place(
            wang, "EV50", order_ref=order_ref, confirmed=False, expected_points=1
        )

        assert (first.replayed, again.replayed) == (False, True)
        assert again.order.order_ref == order_ref
        assert shop.available(wang) == 0

    def test_another_order_under_the_same_name_is_refused(self, shop):
        wang, order_ref = shop.member(20_000), ref()
        shop.place(wang, "EV50", order_ref=order_ref)

        with pytest.raises(OrderRefReused):
            shop.place(wang, "EV50", order_ref=order_ref, quantity=2)

        assert shop.available(wang) == 15_000

    def test_two_members_may_name_their_orders_alike(self, shop):
        wang, li, order_ref = shop.member(5_000), shop.member(5_000), ref()

        placed = [shop.place(one, "EV50", order_ref=order_ref) for one in (wang, li)]

        assert not any(one.replayed for one in placed)
        assert (shop.available(wang), shop.available(li)) == (0, 0)


class TestHowSureWeMustBe:  # domain.md 4.3, L2 to L4
    def test_a_sign_in_of_the_last_minutes_is_enough_for_little_of_ours(self, shop):
        shop.sell(TICKET, points=2_000)
        wang = shop.member(4_000)

        shop.place(wang, "TICKET", confirmed=False)

        stale = NOON - timedelta(minutes=16)
        with pytest.raises(SignInStale):
            shop.place(wang, "TICKET", confirmed=False, fresh_at=stale)

    @pytest.mark.parametrize(
        "other", [{"points": 2_001}, {"partner": "SHOP", "settlement_fen": 1}]
    )
    def test_more_or_of_others_takes_a_code(self, shop, other):
        shop.sell(TICKET, **other)
        wang = shop.member(4_000)

        with pytest.raises(ConfirmationMissing):
            shop.place(wang, "TICKET", confirmed=False)

        assert shop.place(wang, "TICKET").order.state == "fulfilled"

    def test_a_code_confirms_one_order_of_one_amount_to_one_recipient(self, shop):
        shop.sell(MUG)
        wang = shop.member(10_000)
        wish = {
            "order_ref": ref(),
            "quantity": 1,
            "way": "points",
            "recipient": AT_HOME,
            "staff_id": None,
            "expected_points": 1_000,
            "expected_cash_fen": 0,
            "at": NOON,
        }
        elsewhere = Recipient(
            name="王芳", phone="13300000001", address="深圳市福田区 2 号"
        )
        shop.confirm(wang, "MUG", wish)

        for other in (
            {"recipient": elsewhere},
            {"quantity": 2, "expected_points": 2_000},
            {"order_ref": ref()},
        ):
            with pytest.raises(ConfirmationMissing):
                shop.place(wang, "MUG", **wish | other, confirmed=False)

        shop.place(wang, "MUG", **wish, confirmed=False)
        with pytest.raises(ConfirmationMissing):  # a code is good once
            shop.place(wang, "MUG", **wish | {"order_ref": ref()}, confirmed=False)

    def test_very_much_waits_for_a_person(self, shop):
        shop.sell(MUG, points=50_001, mix_points=None, mix_cash_fen=None)
        wang = shop.member(60_000)

        placed = shop.place(wang, "MUG", recipient=AT_HOME)

        assert placed.order.state == "awaiting_review"
        assert (shop.available(wang), shop.held(wang)) == (9_999, 50_001)

    def test_a_counter_takes_the_members_own_code(self, shop):
        shop.sell(TICKET)
        wang, clerk = shop.member(1_000), shop.staff()

        with pytest.raises(ConfirmationMissing):
            shop.place(wang, "TICKET", channel="hall", staff_id=clerk, confirmed=False)

        shop.place(wang, "TICKET", channel="hall", staff_id=clerk)

    def test_after_a_change_of_contact_nothing_large_is_done(self, shop):
        shop.sell(TICKET)
        wang = shop.member(10_000)
        cool_down(shop.session, member_id=wang, at=NOON, hours=72)

        shop.place(wang, "TICKET")
        with pytest.raises(CoolingDown):
            shop.place(wang, "EV50")

        shop.place(wang, "EV50", at=NOON + timedelta(hours=73))


class TestWhatKeepsPointsFromGoing:
    def test_a_member_who_has_locked_them(self, shop):
        wang = shop.member(5_000)
        shop.session.execute(
            text(
                "INSERT INTO member_access (member_id, spend_locked_at)"
                " VALUES (:member, :at)"
            ),
            {"member": wang, "at": NOON},
        )

        with pytest.raises(SpendLocked):
            shop.place(wang, "EV50")

    def test_a_line_in_arrears(self, shop):
        wang = shop.member(5_000)
        Book(shop.session).set_gate([wang], "suspended")

        with pytest.raises(GateClosed):
            shop.place(wang, "EV50")

        assert shop.available(wang) == 5_000

    def test_three_orders_a_day(self, shop):
        shop.sell(TICKET)
        wang = shop.member(1_000)
        for _ in range(3):
            shop.place(wang, "TICKET")

        with pytest.raises(VelocityReached):
            shop.place(wang, "TICKET")

        shop.place(wang, "TICKET", at=NOON + timedelta(days=1))

    def test_twenty_thousand_points_a_day(self, shop):
        shop.sell(MUG)
        wang = shop.member(30_000)
        shop.place(wang, "MUG", quantity=20, recipient=AT_HOME)

        with pytest.raises(VelocityReached):
            shop.place(wang, "MUG", recipient=AT_HOME)

    def test_an_order_that_was_canceled_does_not_count(self, shop):
        shop.sell(TICKET)
        wang = shop.member(1_000)
        for _ in range(3):
            order_ref = shop.place(wang, "TICKET").order.order_ref
            shop.cancel(wang, order_ref)

        assert shop.place(wang, "TICKET").order.state == "fulfilled"

    def test_what_one_clerk_may_do_in_a_day(self, shop):
        shop.sell(MUG)
        clerk, other = shop.staff(), shop.staff("other")
        at_hall = {"channel": "hall", "recipient": AT_HOME, "quantity": 25}
        for _ in range(2):
            shop.place(shop.member(25_000), "MUG", staff_id=clerk, **at_hall)

        with pytest.raises(ClerkCapReached):
            shop.place(shop.member(25_000), "MUG", staff_id=clerk, **at_hall)

        shop.place(shop.member(25_000), "MUG", staff_id=other, **at_hall)

    def test_what_is_as_good_as_money_is_500_yuan_a_day(self, shop):  # 4.4
        shop.sell(FUEL)
        wang = shop.member(1_000)
        shop.place(wang, "FUEL", quantity=4)

        with pytest.raises(StoredValueReached) as refused:
            shop.place(wang, "FUEL", quantity=2)

        assert refused.value.facts == {"max_fen": 500_00, "left_fen": 100_00}
        shop.place(wang, "FUEL")


class TestWhomItIsFor:
    def test_insurance_takes_the_consent_of_the_insured(self, shop):
        wang = shop.member(2_500)
        silent = Recipient(insured_name="王小明", insured_id="440106198001011234")

        with pytest.raises(ConsentMissing):
            shop.place(wang, "INS-A", recipient=silent)

    @pytest.mark.parametrize(
        ("item_code", "recipient"),
        [
            ("MUG", None),
            ("MUG", Recipient(name="王芳", phone="13300000001")),
            ("INS-A", Recipient(insured_name="王小明", consent=True)),
            ("TT1", None),
            ("TT1", Recipient(on_day=TODAY - timedelta(days=1))),
        ],
    )
    def test_what_is_missing_is_asked_for(self, shop, item_code, recipient):
        shop.sell(MUG)
        wang = shop.member(10_000)

        with pytest.raises(RecipientIncomplete):
            shop.place(wang, item_code, recipient=recipient)

    def test_whom_an_order_is_for_is_sealed(self, shop):
        shop.sell(MUG)
        wang = shop.member(1_000)
        shop.place(wang, "MUG", recipient=AT_HOME)

        ((sealed, hint),) = shop.rows(
            "SELECT recipient, recipient_hint FROM member_order"
        )

        address = "广州市天河路 1 号"
        assert AT_HOME.address == address
        assert address.encode() not in bytes(sealed)
        assert address not in hint
