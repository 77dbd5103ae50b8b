"""Tournaments: entries, draws that can be repeated, results, one winner."""

from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.contests import operations, queries
from loyalty.contests.errors import (
    AlreadyDrawn,
    BadContest,
    BadResult,
    DrawTooEarly,
    EnteredElsewhere,
    EntriesClosed,
    NotEntered,
    NotForOutsiders,
)
from loyalty.contests.leaving import end_all, reinstate
from loyalty.contests.operations import Result
from loyalty.contests.rules import GroupFacts, first_matches
from loyalty.finance.rules import next_month
from loyalty.journal.facts.reading import facts
from tests.loyalty.contests.table_tennis import (
    FINAL_DAY,
    HEAT_DAY,
    NOW,
    SEED,
    UNTIL,
    heat,
)

# As many as played in the province (domain.md A45), over its cities.
CITIES = {"广州": 400, "深圳": 333, "佛山": 257, "东莞": 128, "湛江": 21, "梅州": 1}
ENTRANTS = 1_140


def leave(games, *members, at=NOW):
    return end_all(
        games.session,
        leavers={member: f"departure-{member}" for member in members},
        actor="churn",
        at=at,
    )


def come_back(games, *members, at=NOW):
    return reinstate(
        games.session,
        returners={member: f"departure-{member}" for member in members},
        at=at,
    )


def test_a_province_ends_with_one_winner_and_everybody_placed_once(games):
    assert sum(CITIES.values()) == ENTRANTS
    contest_id = games.plan(
        *(
            heat(city, places=many, advance=min(many, 4))
            for city, many in CITIES.items()
        )
    )
    for city, many in CITIES.items():
        for member_id in games.bring(many):
            assert games.enter(member_id, contest_id, city).state == "entered"

    for city, many in CITIES.items():
        games.draw(contest_id, city=city)
        if many > 1:
            assert games.play(contest_id, city=city) == (many - 1).bit_length()
        places = games.places(contest_id, city=city)
        assert sorted(places.values()) == list(range(1, many + 1))

    games.draw(contest_id, "final", at=FINAL_DAY)
    finalists = games.places(contest_id, "final")
    games.play(contest_id, "final")

    assert len(finalists) == 21
    for city, many in CITIES.items():
        heat_places = games.places(contest_id, city=city)
        went_on = sorted(
            heat_places[one] or 0 for one in finalists if one in heat_places
        )
        assert went_on == list(range(1, min(many, 4) + 1))
    final_places = games.places(contest_id, "final")
    assert sorted(final_places.values()) == list(range(1, 22))
    assert queries.contest(games.session, contest_id=contest_id).is_over
    # Nobody plays after losing, and everybody who is not first has lost once.
    assert games.rows(
        """
        SELECT count(*) FROM contest_match g, contest_match later
         WHERE g.contest_id = later.contest_id AND g.stage = later.stage
           AND g.city = later.city AND later.round > g.round
           AND (g.one IN (later.one, later.other) AND g.winner <> g.one
                OR g.other IN (later.one, later.other) AND g.winner <> g.other)
        """
    ) == [(0,)]
    assert games.rows(
        "SELECT count(*) FROM contest_match WHERE stage = 'heat' AND state = 'played'"
    ) == [(ENTRANTS - len(CITIES),)]


@pytest.mark.parametrize(
    ("players", "matches"), [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (1_140, 1_024)]
)
def test_from_the_second_round_on_the_matches_halve(players, matches):
    assert first_matches(players) == matches


@pytest.mark.parametrize("many", [0, 1, 2, 3, 5, 6, 7, 9, 12, 31, 33])
def test_groups_of_any_size_place_everybody_once(games, many):
    contest_id = games.plan()
    members = games.bring(many)
    for member_id in members:
        games.enter(member_id, contest_id)

    group = games.draw(contest_id)
    if many > 1:
        assert group.state == "playing"
        games.play(contest_id)

    places = games.places(contest_id)
    assert set(places) == set(members)
    assert sorted(places.values()) == list(range(1, many + 1))
    firsts = games.rows(
        "SELECT count(*) FILTER (WHERE one IS NOT NULL)"
        " + count(*) FILTER (WHERE other IS NOT NULL) FROM contest_match"
        " WHERE round = 1"
    )
    assert firsts == [(many if many > 1 else 0,)]


def test_a_draw_can_be_made_again_by_its_seed_and_another_seed_draws_otherwise(games):
    here, there, other = (games.plan() for _ in range(3))
    members = games.bring(40)
    # They come in another order, which the draw must not see.
    for contest_id, order in (
        (here, members),
        (there, members[::-1]),
        (other, members),
    ):
        for member_id in order:
            games.enter(member_id, contest_id)

    for contest_id, seed in ((here, SEED), (there, SEED), (other, SEED[::-1])):
        games.draw(contest_id, seed=seed)

    def drawn(contest_id):
        return [
            line.member_id
            for line in queries.players(
                games.session, contest_id=contest_id, stage="heat", city="广州"
            )
        ]

    assert drawn(here) == drawn(there)
    assert drawn(here) != drawn(other)
    assert drawn(here) not in (members, members[::-1])
    group = {"contest_id": here, "stage": "heat", "city": "广州"}
    assert queries.draw_differs(games.session, **group) == []

    first, second = drawn(here)[:2]
    games.session.connection().exec_driver_sql(
        f"UPDATE contest_player SET slot = 3 - slot WHERE contest_id = {here}"
        " AND slot < 3"
    )
    assert set(queries.draw_differs(games.session, **group)) == {first, second}


def test_a_group_is_drawn_once_and_not_before_entries_close(games):
    contest_id = games.plan()
    for member_id in games.bring(4):
        games.enter(member_id, contest_id)

    with pytest.raises(DrawTooEarly):
        games.draw(contest_id, at=NOW)
    with pytest.raises(DrawTooEarly):
        games.draw(contest_id, "final")
    games.draw(contest_id)
    with pytest.raises(AlreadyDrawn):
        games.draw(contest_id, seed=SEED[::-1])


def test_who_finds_no_place_waits_and_moves_up_in_order(games):
    contest_id = games.plan(heat("广州", places=2))
    first, second, third, fourth = games.bring(4)
    for member_id in (second, first, fourth, third):
        games.enter(member_id, contest_id)
    assert games.state(fourth, contest_id) == "waiting"

    games.withdraw(second, contest_id)

    assert games.state(fourth, contest_id) == "entered"
    assert games.state(third, contest_id) == "waiting"
    games.draw(contest_id)
    assert games.state(third, contest_id) == "not_reached"
    assert set(games.places(contest_id)) == {first, fourth}


def test_one_enters_once_in_one_city(games):
    contest_id = games.plan(heat("广州"), heat("深圳"))
    member_id = games.player()

    first = games.enter(member_id, contest_id, "广州")
    assert games.enter(member_id, contest_id, "广州") is first
    with pytest.raises(EnteredElsewhere):
        games.enter(member_id, contest_id, "深圳")

    games.withdraw(member_id, contest_id)
    assert games.enter(member_id, contest_id, "深圳").city == "深圳"
    taken = {
        group.city: group.taken
        for group in queries.contest(games.session, contest_id=contest_id).heats
    }
    assert taken == {"广州": 0, "深圳": 1}


def test_who_may_not_enter_leaves_nothing_behind(games):
    for_all, for_club = games.plan(), games.plan(club="TT")
    member_id, gone = games.bring(2)
    games.session.connection().exec_driver_sql(
        f"UPDATE member SET left_on = '2007-10-01' WHERE member_id = {gone}"
    )
    too_late = HEAT_DAY

    with pytest.raises(NotForOutsiders):
        games.enter(member_id, for_club)
    with pytest.raises(NotForOutsiders):
        games.enter(gone, for_all)
    with pytest.raises(EntriesClosed):
        games.enter(member_id, for_all, at=too_late)
    with pytest.raises(NotEntered):
        games.withdraw(member_id, for_all)

    assert games.rows("SELECT * FROM contest_entry") == []
    assert games.enter(member_id, for_club, is_in_club=True).state == "entered"


def test_whoever_withdraws_after_the_draw_loses_to_who_was_drawn_against(games):
    contest_id = games.plan()
    for member_id in games.bring(4):
        games.enter(member_id, contest_id)
    games.draw(contest_id)
    one, *_ = queries.matches(
        games.session, contest_id=contest_id, stage="heat", city="广州"
    )

    games.withdraw(one.one, contest_id, at=HEAT_DAY)

    matches = queries.matches(
        games.session, contest_id=contest_id, stage="heat", city="广州"
    )
    assert [(match.state, match.winner) for match in matches] == [
        ("walkover", one.other),
        ("open", None),
    ]
    games.play(contest_id)
    assert sorted(games.places(contest_id).values()) == [1, 2, 3, 4]


def test_who_qualified_and_withdraws_makes_room_for_the_next(games):
    contest_id = games.plan(heat("广州", advance=2), heat("深圳", advance=2))
    for city in ("广州", "深圳"):
        for member_id in games.bring(4):
            games.enter(member_id, contest_id, city)
        games.draw(contest_id, city=city)
        games.play(contest_id, city=city)
    by_place = {place: m for m, place in games.places(contest_id).items()}

    games.withdraw(by_place[2], contest_id, at=FINAL_DAY)
    games.draw(contest_id, "final", at=FINAL_DAY)

    finalists = games.places(contest_id, "final")
    assert {by_place[1], by_place[3]} <= set(finalists)
    assert by_place[2] not in finalists
    assert len(finalists) == 4


def test_who_does_not_come_loses_without_playing(games):
    contest_id = games.plan(subsidy_fen=1_000, club="TT", takes_guests=True)
    for member_id in games.bring(8):
        games.enter(member_id, contest_id)
    games.draw(contest_id)
    group = {"contest_id": contest_id, "stage": "heat", "city": "广州"}
    pairs = [m.players for m in queries.matches(games.session, **group)]
    # Of the first pair both have come, of the next one each, of the last nobody.
    came = [*pairs[0], pairs[1][0], pairs[2][1]]

    for _ in range(2):
        operations.check_in(games.session, **group, members=came, at=HEAT_DAY)
    decided = operations.walk_over(games.session, **group, actor="referee", at=HEAT_DAY)

    states = [(m.state, m.winner) for m in queries.matches(games.session, **group)]
    assert decided == 3
    assert states == [
        ("open", None),
        ("walkover", pairs[1][0]),
        ("walkover", pairs[2][1]),
        ("void", None),
    ]
    games.play(contest_id)
    assert sorted(games.places(contest_id).values()) == list(range(1, 9))
    # Each who came is on the club's cost line, once (domain.md A17).
    assert games.rows(
        "SELECT club, fen, kind, member_id FROM club_cost ORDER BY member_id"
    ) == [("TT", 1_000, "contest", member) for member in sorted(came)]


def test_what_a_late_check_in_costs_is_in_the_journal_of_the_first_open_month(games):
    contest_id = games.plan(subsidy_fen=1_000, club="TT", takes_guests=True)
    for member_id in games.bring(4):
        games.enter(member_id, contest_id)
    games.draw(contest_id)
    group = {"contest_id": contest_id, "stage": "heat", "city": "广州"}
    (pair, *_) = [m.players for m in queries.matches(games.session, **group)]
    period = HEAT_DAY.date().replace(day=1)
    Book(games.session).close(period)

    operations.check_in(games.session, **group, members=pair, at=HEAT_DAY)

    open_on = next_month(period)
    assert games.rows("SELECT DISTINCT incurred_on, effective_on FROM club_cost") == [
        (HEAT_DAY.date(), open_on)
    ]
    (cost,) = facts(games.session, first=period, until=next_month(open_on))
    assert (cost.period, cost.event, cost.item) == (open_on, "club_cost", "TT")
    assert cost.amount == 20_00
    assert cost.count == 2


def test_a_result_that_cannot_be_changes_nothing(games):
    contest_id = games.plan()
    for member_id in games.bring(4):
        games.enter(member_id, contest_id)
    games.draw(contest_id)
    group = {"contest_id": contest_id, "stage": "heat", "city": "广州"}
    first, second = queries.matches(games.session, **group)
    one, other = first.players

    for results in (
        [Result(first.nth, second.players[0])],
        [Result(9, one)],
        [Result(first.nth, one), Result(first.nth, other)],
    ):
        with pytest.raises(BadResult), games.session.begin_nested():
            operations.record(
                games.session,
                **group,
                round_=1,
                results=results,
                actor="referee",
                at=HEAT_DAY,
            )

    assert queries.matches(games.session, **group) == [first, second]


def test_leaving_the_network_ends_what_is_still_to_come(games):
    waiting_for = games.plan(heat("广州", places=2))
    drawn = games.plan()
    leaver, other, next_one = games.bring(3)
    for member_id in (leaver, other, next_one):
        games.enter(member_id, waiting_for)
    for member_id in (leaver, other):
        games.enter(member_id, drawn)
    games.draw(drawn)

    assert leave(games, leaver) == 2
    assert leave(games, leaver) == 0

    assert games.state(next_one, waiting_for) == "entered"
    assert games.places(drawn) == {other: 1, leaver: 2}


def test_what_was_won_stays_won(games):
    contest_id = games.plan()
    members = games.bring(2)
    for member_id in members:
        games.enter(member_id, contest_id)
    games.draw(contest_id)
    games.play(contest_id)
    games.draw(contest_id, "final", at=FINAL_DAY)
    before = games.places(contest_id, "final")

    assert leave(games, *members, at=FINAL_DAY) == 0
    assert games.places(contest_id, "final") == before
    assert list(before.values()) == [1]


def test_who_comes_back_in_time_has_entered_again_and_once(games):
    contest_id = games.plan(heat("广州", places=1))
    leaver, quick = games.bring(2)
    games.enter(leaver, contest_id)
    leave(games, leaver)
    games.enter(quick, contest_id)

    assert come_back(games, leaver) == 1
    assert come_back(games, leaver) == 0
    assert games.state(leaver, contest_id) == "waiting"

    leave(games, leaver)
    assert come_back(games, leaver, at=HEAT_DAY) == 0
    assert games.state(leaver, contest_id) == "withdrawn"


@pytest.mark.parametrize(
    ("heats", "other", "faults"),
    [
        ([heat("")], {}, ["heats"]),
        ([heat("广州"), heat("广州")], {}, ["heats"]),
        ([heat("广州", places=1, advance=2)], {}, ["heats"]),
        ([heat("广州")], {"title_en": ""}, ["title_en"]),
        ([heat("广州")], {"subsidy_fen": -1}, ["subsidy_fen"]),
        ([heat("广州")], {"entries_until": HEAT_DAY.date()}, ["heats"]),
        (
            [heat("广州")],
            {"entries_until": NOW.date() - timedelta(days=1)},
            ["entries_until"],
        ),
        (
            [heat("广州", advance=2)],
            {"final": GroupFacts("广州", FINAL_DAY.date(), places=3)},
            ["final"],
        ),
        (
            [heat("广州")],
            {"final": GroupFacts("广州", UNTIL, places=1)},
            ["final"],
        ),
    ],
)
def test_a_tournament_that_makes_no_sense_is_not_announced(games, heats, other, faults):
    with pytest.raises(BadContest) as refused:
        games.plan(*heats, **other)

    assert refused.value.facts["faults"] == faults
