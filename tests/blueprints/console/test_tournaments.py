"""Tournaments as managers of clubs run them in the console."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.contests import operations, queries
from tests.blueprints.web.conftest import Evenings


@pytest.fixture
def evenings(fresh_database, join):
    """A venue, and members who play."""
    return Evenings(fresh_database, join)


@pytest.fixture
def manager(browser, employ):
    """Somebody who manages clubs."""
    return browser(staff_id=employ("guan", "club_manager"))


def form(**other):
    today = now().date()
    return {
        "title_zh": "全省乒乓球赛",
        "title_en": "Provincial tournament",
        "club": "",
        "subsidy": "10.50",
        "entries_until": f"{today}",
        "heats": f"广州 {today + timedelta(days=7)} 8 2 TTCLUB\n"
        f"深圳 {today + timedelta(days=7)} 8 1",
        "final_city": "广州",
        "final_on": f"{today + timedelta(days=30)}",
    } | other


def announce(manager, send, **other):
    """Announce a tournament through the form; return its address."""
    answer = send(
        manager, "/console/tournaments/new", to="/console/tournaments", **form(**other)
    )
    assert answer.status_code == 303
    return answer.location


@pytest.mark.parametrize(
    "wrong",
    [
        {"heats": "Guangzhou"},
        {"heats": "Guangzhou 2008-13-40 8 2"},
        {"subsidy": "much"},
        {"final_on": ""},
        {"club": "NONE"},
        {"title_en": ""},
    ],
)
def test_what_makes_no_sense_is_typed_again(manager, send, wrong):
    answer = send(
        manager, "/console/tournaments/new", to="/console/tournaments", **form(**wrong)
    )

    assert answer.status_code == 422
    assert "这一项不合理" in answer.text


def test_a_heat_is_drawn_played_and_won(manager, send, evenings, fresh_database):
    path = announce(manager, send)
    contest_id = int(path.rsplit("/", 1)[-1])
    players = [evenings.member() for _ in range(4)]
    with fresh_database.unit_of_work() as session:
        for player in players:
            operations.enter(
                session,
                member_id=player,
                contest_id=contest_id,
                city="广州",
                is_in_club=False,
                at=now(),
            )
    heat = f"{path}/heat/广州"
    early = send(manager, heat, to=heat, do="drawn")
    assert "报名截止后才能抽签" in manager.get(early.location).text
    with fresh_database.owner_engine.begin() as owner:
        owner.execute(text("UPDATE contest SET entries_until = entries_until - 1"))

    send(manager, heat, to=heat, do="drawn")
    page = manager.get(heat).text
    assert "可以复现" in page
    # Three have come; the one who has not loses.
    send(manager, heat, to=heat, do="checked_in", member=players[:3])
    send(manager, heat, to=heat, do="walked_over")
    for number in (1, 2):
        page = manager.get(heat).text
        matches = re.findall(
            r'name="winner-(\d+)".*?<option value="(\d+)">', page, re.DOTALL
        )
        results = {f"winner-{nth}": winner for nth, winner in matches}
        scores = {f"score-{nth}": "3:0" for nth, _ in matches}
        send(manager, heat, to=heat, do="recorded", round=number, **results, **scores)

    assert "已结束" in manager.get(heat).text
    assert manager.get(f"{heat}/list.xlsx").status_code == 200
    with fresh_database.unit_of_work() as session:
        lines = queries.players(
            session, contest_id=contest_id, stage="heat", city="广州"
        )
        cost = session.scalar(text("SELECT sum(fen) FROM club_cost"))
    assert sorted(line.place or 0 for line in lines) == [1, 2, 3, 4]
    assert lines[0].member_id in players[:3]
    assert cost == 3 * 1_050


def test_a_result_that_does_not_fit_is_refused(manager, send, evenings, fresh_database):
    path = announce(manager, send)
    contest_id = int(path.rsplit("/", 1)[-1])
    player, other = evenings.member(), evenings.member()
    group: dict[str, Any] = {
        "contest_id": contest_id,
        "stage": "heat",
        "city": "深圳",
    }
    with fresh_database.unit_of_work() as session:
        for one in (player, other):
            operations.enter(
                session,
                member_id=one,
                contest_id=contest_id,
                city="深圳",
                is_in_club=False,
                at=now(),
            )
        operations.draw(
            session, **group, seed="x", actor="test", at=now() + timedelta(days=1)
        )
    heat = f"{path}/heat/深圳"

    answer = send(
        manager, heat, to=heat, do="recorded", round="1", **{"winner-1": "999"}
    )

    assert "填不进去" in manager.get(answer.location).text


def test_a_tournament_that_is_not_there_is_not_found(manager):
    assert manager.get("/console/tournaments/999").status_code == 404
    assert manager.get("/console/tournaments/999/heat/广州").status_code == 404
