"""Who leaves the network loses places not yet used; who comes back has them again."""

from datetime import timedelta

from loyalty.venues import operations
from loyalty.venues.leaving import end_all, reinstate
from tests.loyalty.orders.shop import NOON
from tests.loyalty.venues.hall import NEXT_WEEK

LATER = NOON + timedelta(days=2)


def end(hall, *members, at=NOON):
    return end_all(
        hall.session,
        leavers={member: f"departure-{member}" for member in members},
        actor="churn",
        at=at,
    )


def come_back(hall, *members, at=LATER):
    return reinstate(
        hall.session,
        returners={member: f"departure-{member}" for member in members},
        actor="churn",
        at=at,
    )


def test_leaving_ends_what_is_still_to_come_and_others_move_up(hall):
    evening, other = hall.hold(capacity=1), hall.hold(capacity=1)
    leaver, waiting = hall.player(1_200), hall.player(600)
    for session_id in (evening, other):
        hall.book(leaver, session_id)
    hall.book(waiting, evening)

    assert end(hall, leaver) == 2
    assert end(hall, leaver) == 0

    assert hall.states(evening) == {leaver: "canceled", waiting: "booked"}
    assert (hall.taken(evening), hall.taken(other)) == (1, 0)
    assert (hall.available(leaver), hall.held(leaver)) == (1_200, 0)


def test_what_was_held_is_void_for_who_has_left_already(hall):
    evening = hall.hold()
    leaver = hall.player(600)
    hall.book(leaver, evening)
    hall.leave(leaver)

    end(hall, leaver)

    assert (hall.available(leaver), hall.held(leaver)) == (0, 0)
    assert hall.rows(
        "SELECT kind, credit FROM ledger.transfer WHERE kind = 'release'"
    ) == [("release", "voided.churn")]


def test_what_is_over_stays_as_it_was(hall):
    evening = hall.hold()
    leaver = hall.player(600)
    hall.book(leaver, evening)
    seen = {"member_id": leaver, "session_id": evening, "actor": "door"}
    operations.attend(hall.session, **seen, at=NEXT_WEEK)

    assert end(hall, leaver, at=NEXT_WEEK + timedelta(days=1)) == 0

    assert hall.states(evening) == {leaver: "attended"}
    assert hall.payable() == {"TTCLUB": 3_000}


def test_who_comes_back_has_the_place_again_and_once(hall):
    evening = hall.hold()
    player = hall.player(600)
    hall.book(player, evening)
    end(hall, player)

    assert come_back(hall, player) == 1
    assert (hall.states(evening), hall.held(player)) == ({player: "booked"}, 600)

    hall.give_up(player, evening, at=LATER)
    assert come_back(hall, player) == 0
    assert (hall.states(evening), hall.available(player)) == ({player: "canceled"}, 600)


def test_where_the_room_is_gone_one_waits(hall):
    evening = hall.hold(capacity=1)
    leaver, quick = hall.player(600), hall.player(600)
    hall.book(leaver, evening)
    end(hall, leaver)
    hall.book(quick, evening)

    assert come_back(hall, leaver) == 1

    assert hall.states(evening) == {leaver: "waiting", quick: "booked"}


def test_what_has_begun_or_can_no_longer_be_paid_does_not_come_back(hall):
    past, dear = hall.hold(), hall.hold(starts_at=NEXT_WEEK + timedelta(days=7))
    player = hall.player(1_200)
    for session_id in (past, dear):
        hall.book(player, session_id)
    end(hall, player)
    third = hall.hold(starts_at=NEXT_WEEK + timedelta(days=9))
    hall.earn(player, 500)
    for session_id in (third, hall.hold(starts_at=NEXT_WEEK + timedelta(days=9))):
        hall.book(player, session_id)

    assert come_back(hall, player, at=NEXT_WEEK) == 0

    assert hall.available(player) == 500
    assert hall.states(past) == hall.states(dear) == {player: "canceled"}


def test_another_leaving_is_not_taken_back(hall):
    evening = hall.hold()
    player = hall.player(600)
    hall.book(player, evening)
    end_all(hall.session, leavers={player: "an earlier one"}, actor="churn", at=NOON)

    assert come_back(hall, player) == 0
    assert hall.states(evening) == {player: "canceled"}


def test_many_leave_at_once(hall):
    evenings = [hall.hold(capacity=30) for _ in range(3)]
    leavers = [hall.player(1_800) for _ in range(30)]
    waiting = [hall.player(600) for _ in range(5)]
    for evening in evenings:
        for player in leavers:
            hall.book(player, evening)
    for player in waiting:
        hall.book(player, evenings[0])

    assert end(hall, *leavers) == 90

    assert [hall.taken(evening) for evening in evenings] == [5, 0, 0]
    assert all(hall.available(player) == 1_800 for player in leavers)
    assert come_back(hall, *leavers) == 90
    assert [hall.taken(evening) for evening in evenings] == [30, 30, 30]
    waiting_now = list(hall.states(evenings[0]).values()).count("waiting")
    assert waiting_now == 5
