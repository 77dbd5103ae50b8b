"""Places in a session: their price, their order, and who may give one up until when."""

from datetime import date, timedelta
from typing import Any

import pytest

from loyalty.access.errors import ConfirmationMissing
from loyalty.costs.queries import club_costs
from loyalty.finance.queries import month_report
from loyalty.venues import operations
from loyalty.venues.errors import (
    BadSession,
    CancelTooLate,
    ForTheClub,
    NoLongerMember,
    PlaceMovedOn,
    PlacePointsMissing,
    PlacePriceChanged,
    SessionClosed,
    SessionNotBegun,
    SpendingClosed,
    TooFewPlaces,
    UnknownPlace,
)
from loyalty.venues.queries import offers, one_session, places_of, roster
from tests.loyalty.orders.shop import NOON, TO_PLAY
from tests.loyalty.venues.hall import NEXT_WEEK

AFTER = NEXT_WEEK + timedelta(hours=3)


def finish(hall, at=AFTER):
    return operations.finish(hall.session, actor="job:close-sessions", at=at)


@pytest.mark.parametrize(
    ("tier", "points", "worth_fen"),
    [
        ("DIAMOND", 0, 0),
        ("GOLD", 300, 1_500),
        ("SILVER", 480, 2_400),
        (None, 600, 3_000),
    ],
)
def test_a_place_costs_what_the_tier_pays(hall, tier, points, worth_fen):
    player = hall.player(tier=tier)

    shown = hall.offer(player, hall.hold())

    assert (shown.points, shown.price.worth_fen) == (points, worth_fen)
    assert (shown.list_price.points, shown.list_price.worth_fen) == (600, 3_000)


def test_who_is_not_in_the_club_is_refused_or_pays_the_list_price(hall):
    player = hall.player(600, tier="DIAMOND")
    closed, open_ = hall.hold(club="TT"), hall.hold(club="TT", takes_guests=True)

    with pytest.raises(ForTheClub):
        hall.book(player, closed)

    assert hall.offer(player, open_).price.worth_fen == 3_000
    assert hall.offer(player, open_, is_in_club=True).price.worth_fen == 0
    assert hall.book(player, closed, is_in_club=True).state == "booked"


def test_a_diamond_member_plays_for_nothing_at_the_cost_of_the_club(hall):
    zhao = hall.player(1_000, tier="DIAMOND")
    evening = hall.hold(club="TT")
    hall.book(zhao, evening, is_in_club=True)

    operations.attend(
        hall.session, member_id=zhao, session_id=evening, actor="door", at=NEXT_WEEK
    )

    assert hall.available(zhao) == 1_000
    assert hall.costs() == [("TT", "TTCLUB", zhao, 3_000, "session")]
    assert hall.payable() == {"TTCLUB": 3_000}
    # Nothing of it is a cost of points (domain.md A17).
    assert hall.rows("SELECT DISTINCT cost_treatment FROM redemption") == [
        ("CLUB_COST",)
    ]
    (line,) = club_costs(hall.session, first=date(2007, 10, 1), last=date(2007, 10, 31))
    assert (line.club, line.venue, line.times, line.fen) == ("TT", "TTCLUB", 1, 3_000)


def test_points_are_set_aside_and_leave_when_the_session_takes_place(hall):
    player = hall.player(700)
    evening = hall.hold()

    hall.book(player, evening)

    assert (hall.available(player), hall.held(player)) == (100, 600)
    assert hall.payable() == {}

    operations.attend(
        hall.session, member_id=player, session_id=evening, actor="door", at=NEXT_WEEK
    )

    assert (hall.available(player), hall.held(player)) == (100, 0)
    assert hall.payable() == {"TTCLUB": 3_000}
    report: dict[str, Any] = month_report(hall.session, date(2007, 10, 1))
    assert report["units"]["CUP"]["redeemed"]["service"] == 600


def test_what_a_file_redeemed_at_the_clubs_cost_counts_once(hall):
    player = hall.player(1_200)
    evening = hall.hold()
    hall.book(player, evening)
    operations.miss(
        hall.session, member_id=player, session_id=evening, actor="door", at=NEXT_WEEK
    )
    hall.place(player, "TT1", recipient=TO_PLAY, at=NOON)

    lines = club_costs(hall.session, first=date(2007, 10, 1), last=date(2007, 10, 31))

    assert [(line.kind, line.fen) for line in lines] == [
        ("redemption", 3_000),
        ("session", 3_000),
    ]


def test_a_second_click_books_nothing_more(hall):
    player = hall.player(1_200)
    evening = hall.hold()

    first = hall.book(player, evening)
    second = hall.book(player, evening, expected_points=1)

    assert second is first
    assert (hall.held(player), hall.taken(evening)) == (600, 1)


def test_a_place_that_costs_points_is_confirmed(hall):
    player = hall.player(600)
    evening = hall.hold()

    with pytest.raises(ConfirmationMissing):
        hall.book(player, evening, confirmed=False)

    assert (hall.held(player), hall.taken(evening)) == (0, 0)


@pytest.mark.parametrize(
    ("points", "other", "refusal"),
    [
        (599, {}, PlacePointsMissing),
        (600, {"expected_points": 300}, PlacePriceChanged),
        (600, {"at": NEXT_WEEK}, SessionClosed),
    ],
)
def test_a_refused_booking_leaves_nothing_behind(hall, points, other, refusal):
    player = hall.player(points)
    evening = hall.hold()

    with pytest.raises(refusal):
        hall.book(player, evening, **other)

    assert (hall.available(player), hall.taken(evening)) == (points, 0)
    assert hall.states(evening) == {}


def test_whoever_has_left_or_may_not_spend_books_nothing(hall):
    evening = hall.hold()
    gone, late = hall.player(tier="DIAMOND"), hall.player(600)
    hall.leave(gone)
    hall.session.connection().exec_driver_sql(
        f"SELECT ledger.set_gate(ARRAY[{late}]::bigint[], 'suspended')"
    )

    with pytest.raises(NoLongerMember):
        hall.book(gone, evening)
    with pytest.raises(SpendingClosed):
        hall.book(late, evening)


def test_who_waits_moves_up_in_the_order_of_arrival(hall):
    evening = hall.hold(capacity=1)
    first, second, third, fourth = (hall.player(600) for _ in range(4))
    # The order of arrival is not that of anybody's number.
    for player in (first, fourth, second, third):
        hall.book(player, evening)
    assert hall.states(evening) == {
        first: "booked", second: "waiting", third: "waiting", fourth: "waiting"
    }  # fmt: skip

    hall.give_up(first, evening)

    assert hall.states(evening)[fourth] == "booked"
    hall.give_up(fourth, evening)
    assert hall.states(evening) == {
        first: "canceled", second: "booked", third: "waiting", fourth: "canceled"
    }  # fmt: skip
    assert [hall.held(one) for one in (first, second, third, fourth)] == [
        0, 600, 600, 0
    ]  # fmt: skip
    assert hall.taken(evening) == 1


def test_who_asks_again_waits_behind_all_others(hall):
    evening = hall.hold(capacity=1)
    first, second, third = (hall.player(600) for _ in range(3))
    for player in (first, second, third):
        hall.book(player, evening)
    hall.give_up(second, evening)

    again = hall.book(second, evening)
    hall.give_up(first, evening)

    assert (again.nth, hall.states(evening)[second]) == (2, "waiting")
    assert hall.states(evening)[third] == "booked"
    assert [line.member_id for line in roster(hall.session, session_id=evening)] == [
        third,
        second,
    ]


def test_more_places_are_for_those_who_wait(hall):
    evening = hall.hold(capacity=1)
    players = [hall.player(tier="DIAMOND") for _ in range(4)]
    for player in players:
        hall.book(player, evening)

    operations.resize(
        hall.session, session_id=evening, capacity=3, actor="club", at=NOON
    )

    assert [hall.states(evening)[one] for one in players] == [
        "booked", "booked", "booked", "waiting"
    ]  # fmt: skip
    with pytest.raises(TooFewPlaces):
        operations.resize(
            hall.session, session_id=evening, capacity=2, actor="club", at=NOON
        )


def test_a_place_can_be_given_up_until_the_deadline_and_not_a_second_longer(hall):
    early, late = hall.player(600), hall.player(600)
    evening = hall.hold()
    for player in (early, late):
        hall.book(player, evening)
    deadline = NEXT_WEEK - timedelta(hours=24)

    hall.give_up(early, evening, at=deadline)
    with pytest.raises(CancelTooLate):
        hall.give_up(late, evening, at=deadline + timedelta(seconds=1))

    assert (hall.available(early), hall.held(late)) == (600, 600)
    assert hall.states(evening) == {early: "canceled", late: "booked"}


def test_who_moves_up_after_the_deadline_may_still_decline(hall):
    evening = hall.hold(capacity=1)
    first, second, third = (hall.player(600) for _ in range(3))
    for player in (first, second, third):
        hall.book(player, evening)
    late = NEXT_WEEK - timedelta(hours=2)
    hall.give_up(first, evening, actor="staff:1", at=late)
    assert hall.states(evening)[second] == "booked"

    hall.give_up(second, evening, at=late + timedelta(hours=1))

    assert hall.states(evening)[third] == "booked"
    assert hall.available(second) == 600
    with pytest.raises(SessionClosed):
        hall.give_up(third, evening, at=NEXT_WEEK)


def test_who_moved_up_in_time_is_bound_by_the_deadline(hall):
    evening = hall.hold(capacity=1)
    first, second = hall.player(600), hall.player(600)
    for player in (first, second):
        hall.book(player, evening)
    hall.give_up(first, evening, at=NOON + timedelta(hours=1))

    with pytest.raises(CancelTooLate):
        hall.give_up(second, evening, at=NEXT_WEEK - timedelta(hours=1))


def test_who_waits_may_stop_waiting_until_it_begins_and_staff_may_cancel_later(hall):
    evening = hall.hold(capacity=1)
    booked, waiting = hall.player(600), hall.player(600)
    for player in (booked, waiting):
        hall.book(player, evening)
    shortly_before = NEXT_WEEK - timedelta(minutes=1)

    hall.give_up(waiting, evening, at=shortly_before)
    hall.give_up(booked, evening, actor="staff:1", at=shortly_before)

    assert hall.states(evening) == {booked: "canceled", waiting: "canceled"}
    assert (hall.available(booked), hall.available(waiting)) == (600, 600)


def test_who_does_not_come_has_used_the_place(hall):
    evening = hall.hold(capacity=1)
    absent, waiting = hall.player(600), hall.player(600)
    for player in (absent, waiting):
        hall.book(player, evening)

    done = finish(hall)

    assert (done.missed, done.canceled, done.closed) == (1, 1, 1)
    assert hall.states(evening) == {absent: "missed", waiting: "canceled"}
    assert (hall.available(absent), hall.available(waiting)) == (0, 600)
    assert hall.payable() == {"TTCLUB": 3_000}
    assert finish(hall) == operations.Finished()


def test_who_came_after_all_pays_no_second_time(hall):
    player = hall.player(600)
    evening = hall.hold()
    hall.book(player, evening)
    finish(hall)

    seen = {"member_id": player, "session_id": evening, "actor": "door", "at": AFTER}
    operations.attend(hall.session, **seen)
    operations.attend(hall.session, **seen)

    assert hall.states(evening) == {player: "attended"}
    assert hall.payable() == {"TTCLUB": 3_000}
    with pytest.raises(PlaceMovedOn):
        operations.miss(hall.session, **seen)


def test_nobody_is_seen_before_the_day_or_without_a_place(hall):
    evening = hall.hold(capacity=1)
    player, waiting, stranger = (hall.player(600) for _ in range(3))
    for one in (player, waiting):
        hall.book(one, evening)
    day_before = NEXT_WEEK - timedelta(days=1)

    def come(member_id, at):
        operations.attend(
            hall.session, member_id=member_id, session_id=evening, actor="door", at=at
        )

    with pytest.raises(SessionNotBegun):
        come(player, day_before)
    with pytest.raises(UnknownPlace):
        come(stranger, NEXT_WEEK)
    with pytest.raises(PlaceMovedOn):
        come(waiting, NEXT_WEEK)


def test_what_is_called_off_costs_nobody_anything(hall):
    evening = hall.hold(capacity=1)
    booked, waiting = hall.player(600), hall.player(600)
    for player in (booked, waiting):
        hall.book(player, evening)

    operations.call_off(hall.session, session_id=evening, at=NOON)
    done = finish(hall, at=NOON)

    assert (done.canceled, done.missed) == (2, 0)
    assert (hall.available(booked), hall.available(waiting)) == (600, 600)
    assert (hall.costs(), hall.taken(evening)) == ([], 0)
    assert hall.rows("SELECT DISTINCT news FROM session_place") == [("called_off",)]
    with pytest.raises(SessionClosed):
        hall.book(hall.player(600), evening)


@pytest.mark.parametrize(
    ("other", "faults"),
    [
        ({"item_code": "EV50"}, ["item_code", "venue"]),
        ({"venue": "PINGAN"}, ["venue"]),
        ({"starts_at": NOON}, ["starts_at"]),
        ({"minutes": 0}, ["minutes"]),
        ({"capacity": 0}, ["capacity"]),
        ({"cancel_hours": -1}, ["cancel_hours"]),
    ],
)
def test_a_session_that_makes_no_sense_is_not_offered(hall, other, faults):
    with pytest.raises(BadSession) as refused:
        hall.hold(**other)

    assert refused.value.facts["faults"] == faults


def test_a_member_sees_how_many_wait_before(hall):
    evening = hall.hold(capacity=1)
    players = [hall.player(tier="DIAMOND") for _ in range(3)]
    for player in players:
        hall.book(player, evening)

    (shown,) = places_of(hall.session, member_id=players[2], clubs=set(), at=NOON)
    (other,) = offers(
        hall.session,
        [one_session(hall.session, session_id=evening)],
        member_id=hall.player(),
        clubs=set(),
        at=NOON,
    )

    assert shown.mine is not None
    assert (shown.mine.state, shown.mine.ahead) == ("waiting", 1)
    assert (shown.shown.left, shown.shown.waiting) == (0, 2)
    assert other.mine is None
    assert (other.missing, other.is_open) == (600, True)
