"""Who may join a club, for how long, and what leaving gives back."""

from datetime import date, timedelta

import pytest

from loyalty.clubs import operations, queries
from loyalty.clubs.errors import (
    AlreadyMember,
    MembershipRefReused,
    NotInvited,
    NotTakingPart,
    TierTooLow,
    UnknownClub,
    UnknownMembership,
    WayNotOpen,
)
from loyalty.clubs.rules import Span, term, unused_months
from loyalty.orders.errors import (
    ClubNotAllowed,
    ClubPlaceOrdered,
    QuantityOutOfRange,
    StoredValueReached,
)
from loyalty.orders.operations import payment_expired
from loyalty.rules.operations import starting_terms
from tests.loyalty.clubs.conftest import at_noon
from tests.loyalty.orders.shop import NOON, TO_PLAY

TODAY = NOON.date()


def test_the_car_club_costs_25_yuan_and_ends_after_a_year(club):
    """domain.md A42: joined on 2007-10-15, the last day is 2008-10-14."""
    member_id = club.member()

    placed = club.place(member_id, "CLUB-CAR", way="cash")
    assert (placed.order.state, placed.order.cash_fen) == ("awaiting_payment", 25_00)
    assert queries.cards(club.session, member_id=member_id, on=TODAY) == []
    paid = club.pay(member_id, placed.order.order_ref)

    card = club.card(member_id)
    assert paid.state == "fulfilled"
    assert (card.membership.starts_on, card.membership.ends_on) == (
        date(2007, 10, 15),
        date(2008, 10, 14),
    )
    assert card.membership.way == "fee"
    assert paid.item.market_fen == 3 * 25_00


def test_a_fee_is_club_business_and_never_becomes_airtime(club):
    member_id = club.member()

    order_ref = club.pay_fee(member_id)

    assert club.rows("SELECT count(*) FROM prepaid_credit") == [(0,)]
    assert club.rows("SELECT cost_treatment, points FROM redemption") == [
        ("CLUB_COST", 0)
    ]
    assert club.rows(
        "SELECT service_channel FROM member_order WHERE order_ref = :ref", ref=order_ref
    ) == [("CLUB",)]


def test_a_fee_that_is_not_paid_makes_nobody_a_member(club):
    member_id = club.member()
    placed = club.place(member_id, "CLUB-CAR", way="cash")

    club.tell(member_id, placed.order.order_ref, "expired")
    after = payment_expired(
        club.session, member_id=member_id, order_ref=placed.order.order_ref, at=NOON
    )

    assert after.state == "canceled"
    assert queries.history(club.session, member_id=member_id) == []


def test_points_buy_a_place_as_money_does(club):
    member_id = club.member(2_600)

    placed = club.place(member_id, "CLUB-CAR")

    assert placed.order.state == "fulfilled"
    assert club.available(member_id) == 100
    assert club.card(member_id).membership.way == "points"


def test_nobody_joins_twice(club):
    member_id = club.member(5_000)
    club.place(member_id, "CLUB-CAR")

    with pytest.raises(AlreadyMember) as refused:
        club.place(member_id, "CLUB-CAR")

    assert refused.value.facts == {
        "until": date(2008, 10, 14),
        "renew_from": date(2008, 8, 15),
    }
    assert club.available(member_id) == 2_500


def test_nobody_orders_two_places_at_once(club):
    member_id = club.member(5_000)
    club.place(member_id, "CLUB-CAR", way="cash")

    with pytest.raises(ClubPlaceOrdered):
        club.place(member_id, "CLUB-CAR")
    with pytest.raises(QuantityOutOfRange):
        club.place(member_id, "CLUB-LADY", quantity=2)


def test_a_renewal_begins_on_the_day_after_the_last_one(club):
    member_id = club.member(5_000)
    club.place(member_id, "CLUB-CAR")

    soon = at_noon(date(2008, 9, 1))
    club.place(member_id, "CLUB-CAR", at=soon)

    newest, first = queries.history(club.session, member_id=member_id)
    assert (first.state, newest.state) == ("active", "waiting")
    assert (newest.starts_on, newest.ends_on) == (
        date(2008, 10, 15),
        date(2009, 10, 14),
    )
    assert club.card(member_id, on=soon.date()).until == date(2009, 10, 14)


def test_the_night_after_the_last_day_the_next_term_begins(club):
    member_id = club.member(5_000)
    club.place(member_id, "CLUB-CAR")
    club.place(member_id, "CLUB-CAR", at=at_noon(date(2008, 9, 1)))

    on = date(2008, 10, 15)
    # It holds from its first day on, whether the job has run or not.
    assert club.card(member_id, on=on).membership.starts_on == on
    changed = operations.lapse(club.session, on=on, at=at_noon(on))

    newest, first = queries.history(club.session, member_id=member_id)
    assert (changed, first.state, newest.state) == (2, "lapsed", "active")
    assert operations.lapse(club.session, on=on, at=at_noon(on)) == 0


def test_whoever_let_it_lapse_joins_anew(club):
    member_id = club.member()
    club.join(member_id)

    later = at_noon(date(2009, 1, 10))
    again = club.join(member_id, at=later)

    assert (again.state, again.starts_on) == ("active", later.date())
    assert [
        one.state for one in queries.history(club.session, member_id=member_id)
    ] == [
        "active",
        "lapsed",
    ]


def test_money_that_came_for_a_member_buys_the_next_term(club):
    """Joined in another way while the card was being charged: nothing is lost."""
    member_id = club.member()
    placed = club.place(member_id, "CLUB-CAR", way="cash")
    other = club.member(2_500)
    club.place(other, "CLUB-CAR")
    club.session.flush()
    operations.admit(
        club.session,
        member_id=member_id,
        item_code="CLUB-CAR",
        way="points",
        order_ref="a-gift-of-the-hall",
        actor="staff:1",
        at=NOON,
    )

    club.pay(member_id, placed.order.order_ref)

    assert [
        (one.way, one.state)
        for one in queries.history(club.session, member_id=member_id)
    ] == [("fee", "waiting"), ("points", "active")]


@pytest.mark.parametrize(
    ("tier", "club_code", "error"),
    [
        ("SILVER", "TT", None),
        ("DIAMOND", "BIZ", None),
        ("SILVER", "BIZ", TierTooLow),
        (None, "TT", TierTooLow),
        ("DIAMOND", "FIT", WayNotOpen),
        ("DIAMOND", "CAR", WayNotOpen),
        ("DIAMOND", "CHESS", UnknownClub),
    ],
)
def test_a_tier_opens_the_clubs_that_name_it(club, tier, club_code, error):
    member_id = club.member()
    if tier:
        club.stand(member_id, tier)

    if error is None:
        joined = club.join(member_id, club_code, way="tier")
        assert (joined.state, joined.order_ref) == ("active", None)
    else:
        with pytest.raises(error):
            club.join(member_id, club_code, way="tier")


@pytest.mark.parametrize(
    ("tier", "points"), [("DIAMOND", 0), ("GOLD", 300), ("SILVER", 480), (None, 600)]
)
def test_a_session_is_free_with_diamonds_and_cheaper_with_a_card(club, tier, points):
    """domain.md A45, Q21: of a list price of 30 yuan, gold half and silver 80 %."""
    member_id = club.member(600)
    if tier:
        club.stand(member_id, tier)

    placed = club.place(member_id, "TT1", recipient=TO_PLAY)

    assert placed.order.points == points
    assert club.available(member_id) == 600 - points


def test_a_fee_is_not_gone_around(club):
    member_id = club.member()

    for way in ("fee", "points"):
        with pytest.raises(WayNotOpen):
            club.join(member_id, "CAR", way=way)


def test_an_invitation_is_good_once_and_until_its_day(club):
    member_id, late = club.member(), club.member()
    club.invite(member_id, days=1)
    club.invite(late, days=1)

    club.join(member_id, invited=False, at=NOON + timedelta(days=1))
    with pytest.raises(NotInvited):
        club.join(late, invited=False, at=NOON + timedelta(days=2))
    club.leave(member_id, at=NOON + timedelta(days=1))
    with pytest.raises(NotInvited):
        club.join(member_id, invited=False, at=NOON + timedelta(days=1))


def test_a_joining_sent_again_is_the_same(club):
    member_id = club.member()
    first = club.join(member_id, reference="click")

    assert club.join(member_id, reference="click", invited=False) is first
    with pytest.raises(MembershipRefReused):
        club.join(member_id, "FIT", reference="click")


def test_who_has_left_the_network_joins_nothing(club):
    member_id = club.member()
    club.left(member_id)

    with pytest.raises(NotTakingPart):
        club.join(member_id)


def test_leaving_gives_back_the_months_that_have_not_begun(club):
    member_id = club.member()
    order_ref = club.pay_fee(member_id)

    # In the fourth month: eight of twelve have not begun.
    given = club.leave(member_id, "CAR", at=at_noon(date(2008, 2, 1)))

    assert (given.months, given.cash_fen, given.points) == (8, 25_00 * 8 // 12, 0)
    assert club.rows("SELECT amount_fen, state FROM refund") == [(16_66, "asked")]
    assert club.rows(
        "SELECT state FROM member_order WHERE order_ref = :ref", ref=order_ref
    ) == [("returned",)]
    assert [
        one.state for one in queries.history(club.session, member_id=member_id)
    ] == ["refunded"]


def test_leaving_twice_gives_back_once(club):
    member_id = club.member()
    club.pay_fee(member_id)
    club.leave(member_id, "CAR", reference="click")

    again = club.leave(member_id, "CAR", reference="click")

    assert again.memberships == 0
    assert club.rows("SELECT count(*) FROM refund") == [(1,)]
    with pytest.raises(UnknownMembership):
        club.leave(member_id, "CAR")


def test_points_go_back_to_the_lots_they_came_from(club):
    member_id = club.member(1_500)
    before = club.lots(member_id)
    club.place(member_id, "CLUB-LADY")

    given = club.leave(member_id, "LADY", at=NOON + timedelta(days=14))

    assert (given.points, given.months) == (1_200, 6)
    assert club.lots(member_id) == before


@pytest.mark.parametrize("why", ["used", "late"])
def test_full_within_some_days_means_unused_and_within_them(club, why):
    member_id = club.member(1_200)
    club.place(member_id, "CLUB-LADY")
    at = NOON + timedelta(days=15 if why == "late" else 1)
    if why == "used":
        club.use(club.code(member_id, "class").code)

    given = club.leave(member_id, "LADY", at=at)

    assert (given.points, club.available(member_id)) == (0, 0)
    assert [
        one.state for one in queries.history(club.session, member_id=member_id)
    ] == ["ended"]


def test_a_renewal_that_has_not_begun_is_given_back_whole(club):
    member_id = club.member()
    club.pay_fee(member_id)
    soon = at_noon(date(2008, 9, 1))
    club.pay_fee(member_id, at=soon)

    given = club.leave(member_id, "CAR", at=soon)

    assert (given.memberships, given.months) == (2, 1 + 12)
    assert given.cash_fen == 25_00 // 12 + 25_00


def test_a_fuel_card_is_for_members_within_the_days_limit(club):
    stranger, member_id = club.member(20_000), club.member(20_000)
    club.place(member_id, "CLUB-CAR")
    # So cheap that the points of a day do not stop anybody first.
    (fuel,) = (
        one for one in starting_terms()["item"] if one["item_code"] == "CAR-FUEL"
    )
    club.sell(fuel, item_code="CAR-FUEL-1000", points=1_000)

    with pytest.raises(ClubNotAllowed):
        club.place(stranger, "CAR-FUEL")
    placed = club.place(member_id, "CAR-FUEL-1000", quantity=2)
    assert placed.order.state == "fulfilled"
    with pytest.raises(StoredValueReached) as refused:
        club.place(member_id, "CAR-FUEL-1000", quantity=4)

    assert refused.value.facts == {"max_fen": 500_00, "left_fen": 300_00}


@pytest.mark.parametrize(
    ("starts_on", "months", "ends_on"),
    [
        (date(2007, 10, 15), 12, date(2008, 10, 14)),
        (date(2008, 2, 29), 12, date(2009, 2, 27)),
        (date(2007, 8, 31), 6, date(2008, 2, 28)),
        (date(2008, 1, 1), 1, date(2008, 1, 31)),
    ],
)
def test_a_term_ends_on_the_day_before_its_day_comes_again(starts_on, months, ends_on):
    assert term(starts_on, months=months) == Span(starts_on, ends_on)


def test_python_and_the_database_count_unused_months_alike(club):
    for starts_on in (date(2007, 10, 15), date(2007, 8, 31), date(2008, 2, 29)):
        for day in range(-2, 370, 7):
            on = starts_on + timedelta(days=day)
            ((counted,),) = club.rows(
                "SELECT count(*) FROM generate_series(0, 11) k"
                " WHERE CAST(:on AS date) < CAST(:starts AS date)"
                " + make_interval(months => k)",
                on=on,
                starts=starts_on,
            )
            span = term(starts_on, months=12)
            assert unused_months(span, months=12, on=on) == counted
