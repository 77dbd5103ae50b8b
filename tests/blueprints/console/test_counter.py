from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.alliance.operations import link_account
from loyalty.clients.operations import Profile
from loyalty.clients.operations import add as add_client
from loyalty.clock import now
from loyalty.linking.validating import Asked, validate_member
from partners.matching import PersonName
from tests.blueprints.console.conftest import MSISDN
from tests.loyalty.orders.shop import TICKET


def test_a_clerk_redeems_with_the_members_code(
    counter, customer, points_of, rows, words_of
):
    member_id, clerk = customer(1_000), counter()

    done = clerk.redeem()

    assert done.status_code == 303
    receipt = words_of(clerk.client.get(done.location))
    assert "话费券 × 1" in receipt
    assert "900" in receipt  # what is left
    assert points_of(member_id) == 900
    assert rows("SELECT channel, staff_id FROM member_order") == [
        ("hall", clerk.staff_id)
    ]
    # The code of the voucher goes to the member and to nobody else.
    told = clerk.telephone.messages[-1].words
    assert "话费券券码" in told
    voucher = told.split("券码：")[1].split("。")[0]
    assert voucher not in receipt


def test_the_hotline_is_written_down_as_such(counter, customer, rows):
    customer()

    assert counter("wu.min", channel="hotline").redeem().status_code == 303
    assert rows("SELECT channel FROM member_order") == [("hotline",)]


def test_every_step_is_in_the_audit_trail(counter, customer, rows):
    customer()
    counter().redeem()

    kept = rows("SELECT action, before, after FROM audit ORDER BY id")
    assert [line[0] for line in kept] == [
        "member.look_up",
        "member.code_asked",
        "order.placed",
    ]
    assert MSISDN not in str(kept)


@pytest.mark.parametrize("code", ["", "000000", "abc"])
def test_a_wrong_code_spends_nothing(counter, customer, points_of, rows, code):
    member_id, clerk = customer(), counter()
    path = clerk.serve()
    wish = clerk.wish(path)
    clerk.ask(path, wish)
    is_right = code == clerk.telephone.code()  # once in a million

    refused = clerk.place(path, wish, "999999" if is_right else code)

    assert refused.status_code == 422
    assert "这个验证码不对" in refused.text
    assert points_of(member_id) == 1_000
    assert rows("SELECT count(*) FROM member_order") == [(0,)]


def test_a_code_is_good_for_what_the_member_was_told_alone(
    counter, customer, points_of
):
    member_id, clerk = customer(), counter()
    path = clerk.serve()
    wish = clerk.wish(path)
    clerk.ask(path, wish)

    refused = clerk.place(path, wish | {"quantity": "5"})

    assert refused.status_code == 422
    assert points_of(member_id) == 1_000


def test_pressing_twice_places_one_order(counter, customer, points_of, rows):
    member_id, clerk = customer(), counter()
    path = clerk.serve()
    wish = clerk.wish(path)
    clerk.ask(path, wish)
    code = clerk.telephone.code()

    first, second = clerk.place(path, wish, code), clerk.place(path, wish, code)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert points_of(member_id) == 900
    assert rows("SELECT count(*) FROM member_order") == [(1,)]


def test_a_clerk_stops_at_twenty_a_day(counter, customer, points_of, rows):
    member_id, clerk = customer(5_000), counter()
    for _ in range(20):
        assert clerk.redeem().status_code == 303
        _age_codes(rows)

    refused = clerk.redeem()

    assert refused.status_code == 422
    assert points_of(member_id) == 3_000
    assert rows("SELECT count(*) FROM member_order") == [(20,)]
    # Another clerk has a day of their own.
    _age_codes(rows)
    assert counter("wu.min").redeem().status_code == 303


def test_a_clerk_stops_at_fifty_thousand_points_a_day(
    counter, customer, points_of, in_shop, rows
):
    member_id, clerk = customer(60_000), counter()
    big = _sell(in_shop, "BIG", points=30_000)
    assert clerk.redeem(big).status_code == 303
    _age_codes(rows)

    refused = clerk.redeem(big)

    assert refused.status_code == 422
    assert points_of(member_id) == 30_000


def test_an_item_is_had_only_in_its_channels(
    counter, customer, in_shop, points_of, words_of
):
    """domain.md A22: own halls and the retention team only."""
    member_id = customer()
    _sell(in_shop, "HALL", points=100, channels=["hall", "manager"])
    clerk = counter("wu.min", channel="hotline")
    path = clerk.serve()
    assert "只在" in words_of(clerk.client.get(path))
    wish = clerk.wish(path) | {"item_code": "HALL"}

    assert clerk.ask(path, wish).status_code == 422
    assert clerk.place(path, wish, "123456").status_code == 422
    assert points_of(member_id) == 1_000
    assert clerk.telephone.messages == []


def test_an_agent_sells_nothing_that_is_kept_for_own_halls(
    counter, customer, points_of
):
    """domain.md A22: an order from an agent channel is refused."""
    member_id, own = customer(10_000), counter()
    wish = own.wish(own.serve()) | {
        "item_code": "INS-A",
        "insured_name": "王小明",
        "insured_id": "440106198001011234",
        "consent": "on",
    }
    agent = counter("agent", channel="agent")
    path = agent.serve()
    wish |= agent.form(agent.client.get(path).text)

    assert agent.ask(path, wish).status_code == 422
    assert agent.place(path, wish, "123456").status_code == 422
    assert agent.telephone.messages == []
    assert points_of(member_id) == 10_000


def test_the_script_is_on_the_page(counter, customer, words_of):
    customer()
    clerk = counter()

    page = words_of(clerk.client.get(clerk.serve()))

    assert "请对客户说 您的积分可以换 50 元话费：5,000 积分" in page


@pytest.mark.parametrize("tier", ["SILVER", "GOLD", "DIAMOND"])
def test_who_is_served_first_is_said(counter, customer, rows, words_of, tier):
    """domain.md C07: mid and high-end members are answered first."""
    member_id, clerk = customer(), counter()
    _grant(rows, member_id, tier)

    assert "优先服务" in words_of(clerk.client.get(clerk.serve()))


def test_nobody_else_is_served_first(counter, customer, words_of):
    customer()
    clerk = counter()

    assert "优先服务" not in words_of(clerk.client.get(clerk.serve()))


def test_a_member_is_found_by_reference_too(counter, customer):
    customer()

    assert counter().find(f"M{MSISDN}").status_code == 303


def test_who_is_not_found_is_said(counter, customer, rows):
    customer()

    missing = counter().find("13399999999")

    assert missing.status_code == 404
    assert "没有找到这位会员" in missing.text
    assert ("member:?",) in rows("SELECT object FROM audit")


def test_a_page_opens_to_nobody_who_did_not_look_the_member_up(counter, customer):
    customer()
    path = counter().serve()

    assert counter("wu.min").client.get(path).status_code == 404


def test_who_has_no_counter_is_kept_out(counter):
    assert counter("zhao", "product").client.get("/console/counter").status_code == 403


def _sell(in_shop, item_code, **other):
    return in_shop(lambda shop: shop.sell(TICKET, item_code=item_code, **other))


def _grant(rows, member_id, tier):
    today = now().date()
    rows(
        "INSERT INTO tier_grant (member_id, tier, granted_on, until, reason, actor)"
        " VALUES (:member, :tier, :on, :until, 'test', 'test') RETURNING 1",
        member=member_id,
        tier=tier,
        on=today,
        until=today + timedelta(days=30),
    )


def _age_codes(rows):
    """Let time pass for the codes that were sent, so that more may be."""
    rows(
        "UPDATE one_time_code SET created_at = created_at - interval '1 day'"
        " RETURNING 1"
    )


def test_a_clerk_sees_which_partners_checked_the_name(
    *, counter, customer, in_shop, words_of, keyring
):
    member = customer()

    def check(shop):
        session = shop.session
        session.execute(
            text("INSERT INTO partner (partner, kind, name) VALUES ('CEB', 'bank', '')")
        )
        profile = Profile(
            partner="CEB",
            name="core",
            auth_method="client_secret_basic",
            scopes=("members:validate",),
        )
        machine = add_client(session, profile=profile, at=now())
        today = now().date()
        link_account(
            session, member_id=member, partner="CEB", account_ref="C-1", on=today
        )
        asked = Asked(machine, "C-1", PersonName(family="王", given="芳"), only=None)
        told = validate_member(session, asked=asked, keyring=keyring, at=now())
        assert told.status == "invalid", "she agreed to nothing"

    in_shop(check)
    desk = counter()

    words = words_of(desk.client.get(desk.serve()))

    assert "伙伴核对过姓名" in words
    assert "光大银行" in words
    assert "不符" in words
