"""Clubs at the counter and in the office."""

import re

import pytest

from loyalty.clock import now
from loyalty.clubs.benefits import issue_code
from loyalty.orders.belonging import join_club
from tests.blueprints.console.conftest import MSISDN

PATH = "/console/benefits"


@pytest.fixture
def manager(counter, in_shop):
    """A club manager, where the terms name some clubs."""
    assert in_shop(lambda shop: shop.rows("SELECT count(*) FROM club_terms")) != [(0,)]
    return counter("deng.li", "club_manager", channel="club")


@pytest.fixture
def invite(manager):
    """Invite somebody as the form does; follows to the page."""

    def send(words, club="TT"):
        page = manager.client.get(f"/console/clubs/{club}").text
        reference = re.findall(r'name="reference" value="(\w+)"', page)[0]
        return manager.client.post(
            f"/console/clubs/{club}/invitations",
            data=manager.form(page, words=words, reference=reference),
            follow_redirects=True,
        )

    return send


@pytest.fixture
def player(invite, customer, in_shop, keyring):
    """A member of the table-tennis club, and a way to have a code made."""
    member_id = customer(1)
    assert invite(MSISDN).status_code == 200

    def join(shop):
        return join_club(
            shop.session,
            member_id=member_id,
            club="TT",
            way="invitation",
            reference="joined",
            actor="member",
            at=now(),
        ).membership_ref

    ref = in_shop(join)

    def code(shop):
        return issue_code(
            shop.session,
            member_id=member_id,
            membership_ref=ref,
            entitlement="coaching",
            keyring=keyring,
            at=now(),
        ).code

    return lambda: in_shop(code)


def test_a_manager_invites_by_number_or_reference(invite, customer, rows):
    customer(1)
    customer(1, msisdn="13300000002")

    assert "已邀请" in invite(MSISDN).text
    assert "已邀请" in invite("M13300000002").text
    assert "没有查到这位会员" in invite("13399999999").text

    assert (
        rows("SELECT club, actor LIKE 'staff:%' FROM club_invitation")
        == [("TT", True)] * 2
    )
    assert rows("SELECT count(*) FROM audit WHERE action = 'club.invited'") == [(2,)]


def test_the_list_shows_who_belongs_masked_and_filtered(manager, player, words_of):
    assert player()
    page = words_of(manager.client.get("/console/clubs/TT"))
    assert f"M{MSISDN} 王* 凭邀请" in page

    assert "没有这样的会员" in manager.client.get("/console/clubs/TT?q=M1").text
    assert MSISDN in manager.client.get(f"/console/clubs/TT?q={MSISDN}").text
    lapsed = manager.client.get("/console/clubs/TT?state=lapsed").text
    assert "没有这样的会员" in lapsed
    for path in ("/console/clubs/TT/members.xlsx", "/console/clubs.xlsx"):
        assert manager.client.get(path).data.startswith(b"PK")
    assert manager.client.get("/console/clubs/CHESS").status_code == 404


def test_a_clerk_takes_a_code_once(counter, player, rows):
    clerk = counter()
    code = player()
    page = clerk.client.get(PATH).text

    shown = clerk.client.post(PATH, data=clerk.form(page, code=code.lower())).text
    assert "王*" in shown
    assert "还剩 4 次，共 4 次" in shown
    answers = [
        clerk.client.post(f"{PATH}/use", data=clerk.form(page, code=code))
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert "还剩 3 次，共 4 次" in answers[0].text
    assert rows("SELECT used FROM club_benefit") == [(1,)]
    assert rows("SELECT club, kind, fen FROM club_cost") == [("TT", "coaching", 60_00)]


def test_who_guesses_codes_of_benefits_is_stopped(counter):
    clerk = counter()
    page = clerk.client.get(PATH).text
    guess = clerk.form(page, code="AAAA-BBBB-CCCC-DDDD")

    answers = [clerk.client.post(PATH, data=guess).status_code for _ in range(5)]
    answers += [
        clerk.client.post(f"{PATH}/use", data=guess).status_code for _ in range(6)
    ]

    assert answers[:10] == [404] * 10
    assert answers[10] in {409, 422}


def test_a_manager_undoes_what_did_not_happen(manager, player, rows, words_of):
    page = manager.client.get(PATH).text
    manager.client.post(f"{PATH}/use", data=manager.form(page, code=player()))
    page = manager.client.get("/console/clubs/TT").text
    undo = re.findall(r'action="(/console/clubs/TT/uses/[^"]+)"', page)[0]

    for reason in (" ", "教练没来"):
        manager.client.post(undo, data=manager.form(page, reason=reason))

    assert rows("SELECT sum(fen), count(*) FROM club_cost") == [(0, 2)]
    assert rows("SELECT used FROM club_benefit") == [(0,)]
    assert "教练没来" in words_of(manager.client.get("/console/clubs/TT"))


def test_the_figures_say_what_they_mean(manager, player, words_of):
    assert player()
    page = words_of(manager.client.get("/console/clubs"))

    assert "乒乓球俱乐部 1 1 0 0.00 %" in page
    assert "体育社区 1 100.00 %" in page
    assert "离网率＝期间离网的会员÷期间任何一天在会的会员" in page
    nonsense = manager.client.get("/console/clubs?first=x&last=2007-13-01")
    assert nonsense.status_code == 200


def test_a_clerk_sees_no_lists_and_invites_nobody(counter, invite, rows):
    clerk = counter("mou")
    page = clerk.client.get(PATH).text

    assert clerk.client.get("/console/clubs").status_code == 403
    answer = clerk.client.post(
        "/console/clubs/TT/invitations", data=clerk.form(page, words=MSISDN)
    )
    assert answer.status_code == 403
    assert rows("SELECT count(*) FROM club_invitation") == [(0,)]
    assert invite("nobody").status_code == 200


def test_an_auditor_reads_the_lists_and_changes_nothing(counter, player, rows):
    assert player()
    auditor = counter("sun", "auditor")

    assert auditor.client.get("/console/clubs").status_code == 200
    page = auditor.client.get("/console/clubs/TT").text
    assert "/invitations" not in page
    answer = auditor.client.post(
        "/console/clubs/TT/invitations", data=auditor.form(page, words=MSISDN)
    )
    assert answer.status_code == 403
    assert rows("SELECT count(*) FROM club_invitation") == [(1,)]
