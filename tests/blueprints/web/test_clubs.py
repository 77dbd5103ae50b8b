"""Clubs as their members see them, from joining to leaving."""

import re
from html import unescape

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.clubs.benefits import find, use_code
from loyalty.clubs.operations import invite
from tests.loyalty.orders.shop import Shop


@pytest.fixture
def shop(fresh_database):
    """Do something in the shop, in a transaction of its own."""

    def do(what):
        with fresh_database.unit_of_work() as session:
            return what(Shop(session))

    do(lambda shop: shop.open())
    yield do
    assert do(lambda shop: Book(shop.session).prove()) == []


@pytest.fixture
def ask(shop):
    """Invite a member to a club."""

    def invited(member_id, club="TT"):
        shop(
            lambda shop: invite(
                shop.session,
                member_id=member_id,
                club=club,
                days=30,
                reference=f"invite-{member_id}-{club}",
                actor="test",
                at=now(),
            )
        )

    return invited


@pytest.fixture
def hidden():
    """The reference that a page carries."""
    return lambda page: re.findall(r'name="reference" value="(\w+)"', page)[0]


@pytest.fixture
def member(browser, join, ask):
    """A member who is invited to the table-tennis club, and her browser."""
    member_id = join()
    ask(member_id)
    return browser(member_id=member_id)


def test_a_newcomer_sees_what_there_is_to_join(member):
    page = member.get("/clubs").text

    assert "还没有会员卡" in page
    for title in ("车友俱乐部", "乒乓球俱乐部", "商务社区", "女性社区"):
        assert title in page
    assert "邀请您加入" in page


@pytest.fixture
def take(shop, keyring):
    """Take a code from a member, as a counter does."""

    def use(shop, code):
        found = find(shop.session, code=code, keyring=keyring)
        use_code(
            shop.session,
            code_hash=found.code_hash,
            reference="taken",
            actor="staff:1",
            channel="club",
            at=now(),
        )

    return lambda code: shop(lambda shop: use(shop, code))


def test_joining_showing_a_code_and_leaving(member, send, csrf, take, hidden):
    page = member.get("/clubs/TT").text
    reference = hidden(page)
    sent = {
        "csrf_token": csrf(page),
        "way": "invitation",
        "reference": reference,
    }
    for _ in range(2):  # a second click joins nothing more
        answer = member.post("/clubs/TT/join", data=sent)
        assert (answer.status_code, answer.location) == (303, "/clubs/TT")
    assert "教练指导" in member.get("/clubs/TT").text
    assert "还剩 4 次，共 4 次" in member.get("/clubs").text

    benefit = "/clubs/TT/benefits/coaching"
    assert send(member, benefit).location == benefit
    code = unescape(re.findall(r'id="code">([^<]+)<', member.get(benefit).text)[0])
    assert re.fullmatch(r"(\w{4} ){3}\w{4}", code)

    take(code)
    page = member.get(benefit).text
    assert code not in page
    assert "还剩 3 次，共 4 次" in page

    answer = send(member, "/clubs/TT/leave", reference=reference)
    assert (answer.status_code, answer.location) == (303, "/clubs")
    assert "已退出" in member.get("/clubs/TT").text
    assert member.get(benefit).status_code == 404


def test_a_closed_club_says_what_opens_it_and_lets_nobody_in(member, send):
    page = member.get("/clubs/BIZ").text
    assert "金卡、钻石卡可加入" in page

    answer = send(member, "/clubs/TT", to="/clubs/BIZ/join", way="tier")

    assert answer.status_code == 303
    assert "等级还不能免费加入" in member.get("/clubs/BIZ").text


def test_points_lead_to_the_checkout_and_money_only_where_it_is_taken(member):
    page = member.get("/clubs/CAR").text

    assert "/catalogue/CLUB-CAR/checkout?way=points" in page
    assert "用 2,500 积分加入" in page
    for benefit in ("现场救援", "2 次", "不限次数"):
        assert benefit in page
    assert "way=cash" not in page  # no card payments are connected here
    assert member.get("/catalogue/CLUB-CAR/checkout?way=points").status_code == 200


def test_a_member_of_the_car_club_is_told_until_when(browser, join, shop):
    member_id = join()
    client = browser(member_id=member_id)
    shop(lambda shop: shop.earn(member_id, 5_000, until=None))
    placed = shop(lambda shop: shop.place(member_id, "CLUB-CAR", at=now()))

    order = client.get(f"/orders/{placed.order.order_ref}").text
    assert "欢迎加入" in order
    assert 'href="/clubs" id="to-clubs"' in order
    assert "您已是会员" in client.get("/catalogue/CLUB-CAR").text
    page = client.get("/clubs/CAR").text
    assert "起可以续会" in page
    leaving = client.get("/clubs/CAR/leave").text
    # Eleven of the twelve months have not begun: 2,500 × 11 ÷ 12.
    assert "2,291 积分（11 个没开始的月份）" in leaving


def test_a_place_is_bought_at_the_checkout(browser, join, shop):
    member_id = join()
    client = browser(member_id=member_id)
    shop(lambda shop: shop.earn(member_id, 1_200, until=None))
    path = "/catalogue/CLUB-LADY/checkout"
    page = client.get(f"{path}?way=points").text
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)

    bought = client.post(
        path, data={n: unescape(v) for n, v in hidden} | {"act": "confirm"}
    )

    assert bought.status_code == 303
    assert "欢迎加入" in client.get(bought.location).text
    assert "体验课：还剩 2 次，共 2 次" in client.get("/clubs").text
    assert shop(lambda shop: shop.available(member_id)) == 0


def test_there_is_no_club_that_there_is_not(member):
    assert member.get("/clubs/CHESS").status_code == 404
    assert member.get("/clubs/TT/benefits/rescue").status_code == 404


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_clubs_opens_in_both_languages(member, send, hidden, language):
    send(
        member,
        "/clubs/TT",
        to="/clubs/TT/join",
        way="invitation",
        reference=hidden(member.get("/clubs/TT").text),
    )
    send(member, "/clubs/TT/benefits/coaching")

    for path in (
        "/clubs",
        "/clubs/TT",
        "/clubs/CAR",
        "/clubs/TT/leave",
        "/clubs/CAR/leave",
        "/clubs/TT/benefits/coaching",
    ):
        page = member.get(f"{path}?lang={language}")
        assert page.status_code == 200, path
        if language == "en":
            body = page.text.partition("<main")[2].partition("</main>")[0]
            assert not re.search("[\u4e00-\u9fff]", body), path
