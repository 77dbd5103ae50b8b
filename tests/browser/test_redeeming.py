"""A member gets something for points: once, for the price that was shown."""

import re

import pytest
from playwright.sync_api import expect

from loyalty.catalogue.operations import load_items
from tests.browser.conftest import PATIENCE_MS, TICKET
from tests.journeys.conftest import WANG

OFFER_A = {"points": 2_500, "mix_points": 1_250, "mix_fen": 2_000, "owed_fen": 2_000}
PAYING = "4242 4242 4242 4242"
INSURED_ID = "11010519491231002X"
_STATES = "SELECT state FROM member_order ORDER BY placed_at"
AN_ORDER = re.compile(r"/orders/[0-9a-f-]+(\?.*)?$")


@pytest.fixture
def wang(page, site, sign_in):
    """Wang, signed in on a phone, with points to spend; gives the page."""

    def come(points):
        site.give("WANG", points)
        sign_in(page)
        return page

    return come


@pytest.fixture
def tickets(site):
    """A ticket that can be had without a code, on sale."""
    with site.database.unit_of_work() as session:
        load_items(session, items=[TICKET])
    return "/catalogue/TICKET/checkout"


def orders_of(site):
    """Return the state of each order there is."""
    return [state for (state,) in site.programme.rows(_STATES)]


def insure(page):
    """Say who is insured, and that this person agrees."""
    page.fill("[name=insured_name]", "王芳")
    page.fill("[name=insured_id]", INSURED_ID)
    page.check("[name=consent]")


def confirm(page, site):
    """Confirm with the code that comes by message."""
    page.click("#send-code")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", site.code_to(WANG))
    page.click("#confirm")


def test_offer_a_is_had_twice_and_not_a_third_time(wang, site):
    page = wang(2 * OFFER_A["points"])

    for left in (OFFER_A["points"], 0):
        page.goto("/catalogue/INS-A")
        page.click("#way-points")
        insure(page)
        confirm(page, site)
        page.wait_for_url(AN_ORDER)
        expect(page.locator("h1")).to_contain_text("保障已生效", timeout=PATIENCE_MS)
        assert site.points_of("WANG") == left

    page.goto("/catalogue/INS-A")
    expect(page.locator("#way-points")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("还差 2,500 积分")

    # Whoever kept the address of the last step is told the same there.
    page.goto("/catalogue/INS-A/checkout?way=points")
    expect(page.locator("main")).to_contain_text("还差 2,500 积分")
    expect(page.locator("#confirm")).to_have_count(0)
    expect(page.locator("#send-code")).to_have_count(0)

    assert orders_of(site) == ["fulfilled", "fulfilled"]
    report = site.programme.report("2008-01")
    assert report["payable"] == {"PINGAN": 2 * OFFER_A["owed_fen"]}


def test_points_and_cash_are_paid_and_come_back(wang, site):
    page = wang(OFFER_A["mix_points"])

    page.goto("/catalogue/INS-A")
    page.click("#way-points_cash")
    insure(page)
    confirm(page, site)
    page.wait_for_url(f"{site.stripe.address}/**")
    expect(page.locator("#amount")).to_have_text("¥20.00")
    page.fill("#number", "4000 0000 0000 0002")
    page.fill("#expiry", "12 / 79")
    page.fill("#cvc", "123")
    page.click("#submit")
    expect(page.locator("#refusal")).to_contain_text("没有扣款")
    page.fill("#number", PAYING)
    page.fill("#expiry", "12 / 79")
    page.fill("#cvc", "123")
    page.click("#submit")
    page.wait_for_url(AN_ORDER)
    expect(page.locator("h1")).to_contain_text("保障已生效", timeout=PATIENCE_MS)
    assert site.points_of("WANG") == 0

    page.click("#cancel")
    expect(page.locator("h1")).to_contain_text("已取消")
    expect(page.get_by_role("status")).to_contain_text("1,250 积分已退回")
    expect(page.get_by_role("status")).to_contain_text("¥20.00 将原路退回")
    assert site.points_of("WANG") == OFFER_A["mix_points"]
    refunds = site.programme.rows("SELECT amount_fen, state FROM refund")
    assert refunds == [(OFFER_A["mix_fen"], "succeeded")]


def test_a_payment_left_alone_can_be_let_go(wang, site):
    page = wang(OFFER_A["mix_points"])

    page.goto("/catalogue/INS-A/checkout?way=points_cash")
    insure(page)
    confirm(page, site)
    page.wait_for_url(f"{site.stripe.address}/**")
    page.click("#back")

    expect(page.locator("h1")).to_contain_text("还差一步")
    assert site.points_of("WANG") == 0
    page.click("#cancel")
    expect(page.locator("h1")).to_contain_text("已取消")
    assert site.points_of("WANG") == OFFER_A["mix_points"]
    assert site.programme.rows("SELECT count(*) FROM refund") == [(0,)]


def test_an_order_that_was_cancelled_gives_its_points_back(wang, site):
    page = wang(5_000)

    page.goto("/catalogue/EV50")
    page.click("#way-points")
    confirm(page, site)
    page.wait_for_url(AN_ORDER)
    expect(page.locator("main")).to_contain_text(re.compile(r"(\w{4} ){3}\w{4}"))
    assert site.points_of("WANG") == 0

    page.click("#cancel")
    expect(page.locator("h1")).to_contain_text("已取消")
    expect(page.get_by_role("status")).to_contain_text("5,000 积分已退回")
    assert site.points_of("WANG") == 5_000


@pytest.mark.parametrize("javascript", [True, False])
def test_a_double_click_gets_one(open_page, site, sign_in, tickets, javascript):
    site.give("WANG", 1_000)
    page = open_page(javascript=javascript)
    sign_in(page)

    page.goto(tickets)
    page.dblclick("#confirm")
    page.wait_for_url(AN_ORDER)

    assert orders_of(site) == ["fulfilled"]
    assert site.points_of("WANG") == 900


def test_going_back_and_sending_again_gets_one(wang, site, tickets):
    page = wang(1_000)

    page.goto(tickets)
    page.click("#confirm")
    page.wait_for_url(AN_ORDER)
    first = page.url
    page.go_back()
    page.click("#confirm")
    page.wait_for_url(AN_ORDER)

    assert page.url == first
    assert orders_of(site) == ["fulfilled"]
    assert site.points_of("WANG") == 900


def test_two_tabs_get_one(wang, site, tickets):
    page = wang(1_000)
    other = page.context.new_page()

    for tab in (page, other):
        tab.goto(tickets)
    for tab in (page, other):
        tab.click("#confirm")
        tab.wait_for_url(AN_ORDER)

    assert page.url == other.url
    assert orders_of(site) == ["fulfilled"]
    assert site.points_of("WANG") == 900


def test_an_answer_that_was_lost_is_asked_for_again(wang, site, tickets):
    page = wang(1_000)

    page.goto(tickets)
    typed = page.evaluate(
        "Object.fromEntries(new FormData(document.querySelector('#checkout')))"
    )
    # It is done there, and the person at this page never hears of it.
    page.request.post(tickets, form=typed | {"act": "confirm"}, max_redirects=0)
    assert orders_of(site) == ["fulfilled"]
    page.click("#confirm")
    page.wait_for_url(AN_ORDER)

    assert orders_of(site) == ["fulfilled"]
    assert site.points_of("WANG") == 900
