"""Sessions as managers of clubs hold them in the console."""

from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.settings import TIME_ZONE
from tests.blueprints.web.conftest import Evenings


@pytest.fixture
def evenings(fresh_database, join):
    """Sessions at a venue, and members who book; the books prove at the end."""
    yield Evenings(fresh_database, join)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def manager(browser, employ):
    """Somebody who manages clubs."""
    return browser(staff_id=employ("guan", "club_manager"))


def form(**other):
    starts_at = now().astimezone(TIME_ZONE) + timedelta(days=7)
    return {
        "venue": "TTCLUB",
        "item_code": "TT1",
        "club": "TT",
        "starts_at": f"{starts_at:%Y-%m-%dT%H:%M}",
        "minutes": "90",
        "capacity": "2",
        "cancel_hours": "24",
    } | other


def hold(manager, send, **other):
    """Offer a session through the form; return its address."""
    answer = send(
        manager, "/console/sessions/new", to="/console/sessions", **form(**other)
    )
    assert answer.status_code == 303
    return answer.location


def test_a_manager_offers_a_session_that_members_find(manager, send, browser, evenings):
    path = hold(manager, send, club="")

    assert "TT1" not in manager.get("/console/sessions").text
    assert path in manager.get("/console/sessions").text
    member = browser(member_id=evenings.member(tier="DIAMOND"))
    assert "乒乓球俱乐部活动一次" in member.get("/sessions").text
    assert manager.get("/console/sessions.xlsx").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": "long"},
        {"capacity": "0"},
        {"starts_at": "2007-10-15T12:00"},
        {"starts_at": "soon"},
        {"club": "NONE"},
        {"item_code": "EV50"},
        {"item_code": "NOTHING"},
    ],
)
def test_what_makes_no_sense_is_typed_again(manager, send, evenings, wrong):
    assert evenings
    answer = send(
        manager, "/console/sessions/new", to="/console/sessions", **form(**wrong)
    )

    assert answer.status_code == 422
    assert "这一项不合理" in answer.text


def test_who_comes_is_noted_at_the_door(manager, send, evenings, fresh_database):
    wang, li = evenings.member(tier="DIAMOND"), evenings.member(tier="DIAMOND")
    evening = evenings.hold()
    for player in (wang, li):
        evenings.book(player, evening)
    path = f"/console/sessions/{evening}"
    assert "attend-" not in manager.get(path).text
    evenings.have_begun(evening)

    send(manager, path, to=f"{path}/{wang}", do="attend")
    send(manager, path, to=f"{path}/{li}", do="miss")

    assert evenings.states(evening) == {wang: "attended", li: "missed"}
    assert manager.get(f"{path}/list.xlsx").status_code == 200
    with fresh_database.unit_of_work() as session:
        actions = session.connection().exec_driver_sql(
            "SELECT action FROM audit WHERE action LIKE 'session.%%'"
        )
        noted = {row[0] for row in actions}
    assert noted >= {"session.attended", "session.missed", "session.list_read"}


def test_nobody_is_seen_before_the_day(manager, send, evenings):
    wang = evenings.member(tier="DIAMOND")
    evening = evenings.hold()
    evenings.book(wang, evening)
    path = f"/console/sessions/{evening}"

    answer = send(manager, path, to=f"{path}/{wang}", do="attend")

    assert "当天才能登记到场" in manager.get(answer.location).text
    assert evenings.states(evening) == {wang: "booked"}


def test_more_places_let_people_move_up_and_a_manager_cancels(manager, send, evenings):
    first, second, third = (evenings.member(tier="DIAMOND") for _ in range(3))
    evening = evenings.hold(capacity=1)
    for player in (first, second, third):
        evenings.book(player, evening)
    path = f"/console/sessions/{evening}"

    send(manager, path, to=path, do="resize", capacity="2")
    send(manager, path, to=f"{path}/{first}", do="cancel")
    fewer = send(manager, path, to=path, do="resize", capacity="1")

    assert "名额不能更少" in manager.get(fewer.location).text
    assert evenings.states(evening) == {
        first: "canceled", second: "booked", third: "booked"
    }  # fmt: skip


def test_a_session_is_called_off(manager, send, browser, evenings):
    wang = evenings.member(tier="DIAMOND")
    evening = evenings.hold()
    evenings.book(wang, evening)
    path = f"/console/sessions/{evening}"

    send(manager, path, to=path, do="call_off")

    assert "已取消" in manager.get(path).text
    member = browser(member_id=wang)
    assert "这一场取消了" in member.get(f"/sessions/{evening}").text


def test_a_session_that_is_not_there_is_not_found(manager):
    assert manager.get("/console/sessions/999").status_code == 404
