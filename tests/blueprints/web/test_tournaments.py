"""Tournaments as a member meets them on the web."""

from datetime import timedelta

import pytest

from loyalty.clock import now
from loyalty.contests import operations, queries
from loyalty.contests.operations import Result
from loyalty.contests.rules import ContestFacts, GroupFacts


@pytest.fixture
def games(fresh_database):
    """A tournament with two heats; gives its number."""
    today = now().date()
    facts = ContestFacts(
        title_zh="全省乒乓球赛",
        title_en="Provincial tournament",
        club=None,
        entries_until=today,
        heats=[
            GroupFacts("广州", today + timedelta(days=7), places=2),
            GroupFacts("深圳", today + timedelta(days=7), places=2),
        ],
        final=GroupFacts("广州", today + timedelta(days=30), places=2),
    )
    with fresh_database.unit_of_work() as session:
        return operations.plan(session, facts=facts, actor="test", at=now()).contest_id


def test_a_member_enters_sees_the_opponent_and_the_result(
    browser, send, evenings, games, fresh_database
):
    wang, li, zhao = (evenings.member() for _ in range(3))
    path = f"/tournaments/{games}"
    for member_id in (wang, li, zhao):
        answer = send(
            browser(member_id=member_id), path, to=f"{path}/enter", city="广州"
        )
        assert answer.status_code == 303
    client = browser(member_id=wang)
    assert "已报名" in client.get("/tournaments").text
    assert "候补中" in browser(member_id=zhao).get(path).text

    group = {"contest_id": games, "stage": "heat", "city": "广州"}
    later = now() + timedelta(days=8)
    with fresh_database.unit_of_work() as session:
        operations.draw(session, **group, seed="a seed", actor="test", at=later)
    assert "对手：王*" in client.get(path).text

    with fresh_database.unit_of_work() as session:
        (match,) = queries.matches(session, **group)
        operations.record(
            session,
            **group,
            round_=1,
            results=[Result(match.nth, wang, "3:2")],
            actor="test",
            at=later,
        )
    assert "3:2" in client.get(path).text
    results = client.get(f"{path}/heat/广州").text
    assert "a seed" in results
    assert "您" in results


def test_a_member_withdraws_and_the_next_one_plays(browser, send, evenings, games):
    path = f"/tournaments/{games}"
    first, second, third = (evenings.member() for _ in range(3))
    for member_id in (first, second, third):
        send(browser(member_id=member_id), path, to=f"{path}/enter", city="广州")

    send(browser(member_id=first), path, to=f"{path}/withdraw")

    assert "已报名" in browser(member_id=third).get(path).text
    assert 'id="withdraw"' not in browser(member_id=first).get(path).text


def test_one_cannot_enter_in_two_cities(browser, send, evenings, games):
    path = f"/tournaments/{games}"
    client = browser(member_id=evenings.member())
    send(client, path, to=f"{path}/enter", city="广州")

    answer = send(client, path, to=f"{path}/enter", city="深圳")

    assert "您已在广州报名" in client.get(answer.location).text


@pytest.mark.parametrize("city", ["nowhere", ""])
def test_a_city_without_a_heat_is_refused(browser, send, evenings, games, city):
    path = f"/tournaments/{games}"
    client = browser(member_id=evenings.member())

    answer = send(client, path, to=f"{path}/enter", city=city)

    assert "没有这项比赛" in client.get(answer.location).text
    assert client.get(f"{path}/heat/nowhere").status_code == 404
