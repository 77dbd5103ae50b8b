"""Many at once want the same session."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ledger.book import Book
from loyalty.database import retrying
from loyalty.venues import operations
from loyalty.venues.queries import one_session
from tests.loyalty.orders.shop import NOON
from tests.loyalty.venues.hall import Hall

RACERS, CAPACITY = 50, 12


@pytest.fixture
def race(fresh_database):
    """Let fifty members book at once; gives the database, session and members."""
    with fresh_database.unit_of_work() as session:
        hall = Hall(session)
        hall.open()
        evening = hall.hold(capacity=CAPACITY)
        players = [hall.player(600) for _ in range(RACERS)]
        for player in players:
            hall.agree(player, hall.offer(player, evening).bound, at=NOON)
    together(
        fresh_database,
        [
            partial(
                operations.book,
                member_id=player,
                session_id=evening,
                is_in_club=False,
                expected_points=600,
                at=NOON,
            )
            for player in players
        ],
    )
    return fresh_database, evening, players


def together(database, calls):
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(retrying, database, call) for call in calls]:
            done.result()


def standing(database, evening):
    """Return how many are in which state; the books prove."""
    with database.unit_of_work() as session:
        hall = Hall(session)
        shown = one_session(session, session_id=evening)
        states = list(hall.states(evening).values())
        held = hall.rows("SELECT coalesce(sum(held), 0) FROM ledger.balance")[0][0]
        assert Book(session).prove() == []
    assert shown.taken == states.count("booked")
    assert shown.waiting == states.count("waiting")
    assert held == 600 * (shown.taken + shown.waiting)
    return shown.taken, shown.waiting


def test_fifty_at_once_get_the_places_there_are(race):
    database, evening, _ = race

    assert standing(database, evening) == (CAPACITY, RACERS - CAPACITY)
    with database.unit_of_work() as session:
        arrivals = sorted(
            row[0] for row in Hall(session).rows("SELECT arrival FROM session_place")
        )
    assert arrivals == list(range(1, RACERS + 1))


def test_places_given_up_at_once_go_to_those_who_waited_longest(race):
    database, evening, _ = race
    with database.unit_of_work() as session:
        rows = Hall(session).rows(
            "SELECT member_id, state FROM session_place ORDER BY arrival"
        )
    booked = [member for member, state in rows if state == "booked"]
    waiting = [member for member, state in rows if state == "waiting"]
    # Some of those who wait give it up in the same moment.
    leavers = [*booked[:8], *waiting[:3]]

    together(
        database,
        [
            partial(
                operations.cancel,
                member_id=member,
                session_id=evening,
                actor="member",
                at=NOON,
            )
            for member in leavers
        ],
    )

    assert standing(database, evening) == (CAPACITY, RACERS - CAPACITY - len(leavers))
    with database.unit_of_work() as session:
        states = Hall(session).states(evening)
    assert [states[member] for member in waiting[3:11]] == ["booked"] * 8


def test_one_member_who_clicks_ten_times_has_one_place(race):
    database, _, (player, *_) = race
    with database.unit_of_work() as session:
        evening = Hall(session).hold()
        hall = Hall(session)
        hall.earn(player, 6_000)
        hall.agree(player, hall.offer(player, evening).bound, at=NOON)

    together(
        database,
        [
            partial(
                operations.book,
                member_id=player,
                session_id=evening,
                is_in_club=False,
                expected_points=600,
                at=NOON,
            )
        ]
        * 10,
    )

    with database.unit_of_work() as session:
        hall = Hall(session)
        assert (hall.taken(evening), hall.held(player)) == (1, 1_200)
        assert Book(session).prove() == []
