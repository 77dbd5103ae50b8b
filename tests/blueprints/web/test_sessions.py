"""Sessions as a member finds, books and gives them up on the web."""

from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.clubs.operations import join as join_club


@pytest.fixture(autouse=True)
def _proved(fresh_database):
    yield
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_a_diamond_member_books_for_nothing(browser, send, evenings):
    zhao = evenings.member(tier="DIAMOND")
    evening = evenings.hold()
    client = browser(member_id=zhao)
    assert "免费" in client.get("/sessions").text

    answer = send(client, f"/sessions/{evening}", do="book")

    assert answer.status_code == 303
    assert evenings.states(evening) == {zhao: "booked"}
    assert "已预约" in client.get("/sessions").text


def test_what_costs_points_is_confirmed_by_a_code(browser, send, evenings, telephone):
    wang = evenings.member(1_000, tier="GOLD")
    evening = evenings.hold()
    client = browser(member_id=wang)
    path = f"/sessions/{evening}"
    page = client.get(path).text
    assert "300" in page
    assert "¥15.00" in page

    sent = send(client, path, do="send")
    assert sent.status_code == 200
    wrong = send(client, path, do="confirm", code="000000", sent_to="133 **** 0001")
    assert wrong.status_code == 422
    assert evenings.states(evening) == {}
    done = send(client, path, do="confirm", code=telephone.code())

    assert done.status_code == 303
    assert evenings.states(evening) == {wang: "booked"}
    assert evenings.held(wang) == 300


def test_who_finds_it_full_waits_and_moves_up(browser, send, evenings):
    first, second = (evenings.member(tier="DIAMOND") for _ in range(2))
    evening = evenings.hold(capacity=1)
    path = f"/sessions/{evening}"
    send(browser(member_id=first), path, do="book")
    waiting = browser(member_id=second)

    answer = send(waiting, path, do="book")
    assert "候补" in waiting.get(answer.location).text
    send(browser(member_id=first), path, to=f"{path}/cancel")

    assert evenings.states(evening) == {first: "canceled", second: "booked"}


def test_after_the_deadline_a_place_cannot_be_given_up(browser, send, csrf, evenings):
    wang = evenings.member(tier="DIAMOND")
    evening = evenings.hold(starts_at=now() + timedelta(hours=5))
    path = f"/sessions/{evening}"
    client = browser(member_id=wang)
    send(client, path, do="book")
    page = client.get(path).text
    assert "cancel-place" not in page

    # The form is not there; whoever sends it all the same is told why not.
    token = csrf(client.get("/profile").text)
    answer = client.post(f"{path}/cancel", data={"csrf_token": token})

    assert "以后不能再取消" in client.get(answer.location).text
    assert evenings.states(evening) == {wang: "booked"}


def test_who_has_too_few_points_sees_what_is_missing(browser, evenings):
    client = browser(member_id=evenings.member(100))
    evening = evenings.hold()

    page = client.get(f"/sessions/{evening}").text

    assert "还差 500 积分" in page
    assert "book-place" not in page


def test_a_session_of_a_club_is_for_the_club(browser, csrf, evenings):
    wang = evenings.member(tier="DIAMOND")
    evening = evenings.hold(club="TT")
    client = browser(member_id=wang)
    path = f"/sessions/{evening}"
    assert "只对俱乐部成员开放" in client.get(path).text

    token = csrf(client.get("/profile").text)
    answer = client.post(path, data={"csrf_token": token, "do": "book"})

    assert answer.status_code == 422
    assert evenings.states(evening) == {}


def test_in_the_club_a_diamond_session_costs_nothing_and_a_guest_pays_the_list_price(
    browser, send, evenings, fresh_database
):
    zhao, guest = (evenings.member(tier="DIAMOND") for _ in range(2))
    evening = evenings.hold(club="TT", takes_guests=True)
    with fresh_database.unit_of_work() as session:
        join_club(
            session,
            member_id=zhao,
            club="TT",
            way="tier",
            reference="zhao in the club",
            tier="DIAMOND",
            actor="member",
            at=now(),
        )
    path = f"/sessions/{evening}"

    send(browser(member_id=zhao), path, do="book")

    assert evenings.states(evening) == {zhao: "booked"}
    assert evenings.held(zhao) == 0
    assert "合 ¥30.00" in browser(member_id=guest).get(path).text


def test_a_session_that_is_not_there_is_not_found(browser, evenings):
    client = browser(member_id=evenings.member())

    assert client.get("/sessions/999").status_code == 404


def test_the_statement_says_what_points_were_set_aside_for(
    browser, send, evenings, telephone
):
    wang = evenings.member(600)
    evening = evenings.hold()
    client = browser(member_id=wang)
    path = f"/sessions/{evening}"
    send(client, path, do="send")
    send(client, path, do="confirm", code=telephone.code())

    assert "为“乒乓球俱乐部活动一次”留出" in client.get("/statement").text
    send(client, path, to=f"{path}/cancel")
    assert "“乒乓球俱乐部活动一次”未成，积分退回" in client.get("/statement").text
