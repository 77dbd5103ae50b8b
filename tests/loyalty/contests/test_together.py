"""Many at once want the places of one heat."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from loyalty.contests import operations, queries
from loyalty.database import retrying
from tests.loyalty.contests.table_tennis import NOW, Tournament, heat

RACERS, PLACES = 40, 12


def test_forty_at_once_get_the_places_there_are_and_one_leaves_room(fresh_database):
    with fresh_database.unit_of_work() as session:
        games = Tournament(session)
        contest_id = games.plan(heat("广州", places=PLACES), heat("深圳"))
        members = games.bring(RACERS)

    def together(calls):
        with ThreadPoolExecutor(16) as pool:
            for done in [pool.submit(retrying, fresh_database, c) for c in calls]:
                done.result()

    def states():
        with fresh_database.unit_of_work() as session:
            games = Tournament(session)
            (group,) = [
                one
                for one in queries.contest(session, contest_id=contest_id).heats
                if one.city == "广州"
            ]
            entered = games.rows(
                "SELECT member_id, state FROM contest_entry ORDER BY arrival"
            )
        counted = [state for _, state in entered]
        assert group.taken == counted.count("entered")
        assert group.waiting == counted.count("waiting")
        return entered, (group.taken, group.waiting)

    together(
        partial(
            operations.enter,
            member_id=member_id,
            contest_id=contest_id,
            city="广州",
            is_in_club=False,
            at=NOW,
        )
        for member_id in members
    )
    entered, counts = states()
    assert counts == (PLACES, RACERS - PLACES)

    together(
        partial(
            operations.withdraw,
            member_id=member_id,
            contest_id=contest_id,
            actor="member",
            at=NOW,
        )
        for member_id, _ in entered[:5]
    )
    after, counts = states()
    assert counts == (PLACES, RACERS - PLACES - 5)
    moved = [member for member, _ in entered[PLACES : PLACES + 5]]
    assert {dict(after)[member] for member in moved} == {"entered"}
