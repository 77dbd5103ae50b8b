"""A member binds an airline number and exchanges points, with the airline's sandbox."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.exchange import delivery
from loyalty.keyring import Keyring
from partners.sandbox.airline_server import AirlineSandbox
from tests.browser.conftest import DESK
from tests.browser.reading import accessibility_faults, strange_words, too_wide
from tests.journeys.conftest import LI, PARTNERS
from tests.loyalty.exchange.alliance import TO_MILES, Alliance
from tests.partners.benches import SHARED_SECRET, connection, tell

NUMBER = "MU600001"
NAMES = (*(name for _, _, name in PARTNERS), "客户", "LI")


@pytest.fixture
def airline():
    """The airline, on which Li flies."""
    with AirlineSandbox(code="MU", secret=SHARED_SECRET) as sandbox:
        tell(
            sandbox.address,
            "members",
            number=NUMBER,
            family_name="客户",
            given_name="LI",
        )
        yield sandbox


@pytest.fixture
def settings(settings, airline, tmp_path):
    """The site knows how to reach the airline."""
    file = tmp_path / "partners.toml"
    told = {
        name: value for name, value in connection(airline).items() if name != "code"
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    file.write_text("\n".join(["[MU]", 'adapter = "airline"', *lines]))
    return replace(settings, partners=file)


@pytest.fixture
def rated(site):
    """Points become miles, ten for one."""
    with site.database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.maker, alliance.checker = (alliance.staff(n) for n in ("lin", "luo"))
        alliance.rate("MU", "out", TO_MILES)
    site.give("LI", 12_000)
    return site


def bind(page):
    """Bind Li's number."""
    page.goto("/profile/accounts")
    page.fill("[name=number]", NUMBER)
    page.fill("[name=family]", "客户")
    page.fill("[name=given]", "LI")
    page.click("#connect")
    expect(page.locator("#accounts")).to_contain_text("0001")


def chase(site, *, days):
    """Let the job run on a later day."""
    return delivery.chase(
        site.database,
        Connections.open(site.settings).airline,
        Keyring.open(site.settings),
        at=now() + timedelta(days=days),
    )


def test_points_become_miles_as_was_shown(rated, page, sign_in, airline):
    sign_in(page, LI)
    bind(page)

    page.goto("/exchange")
    page.fill("[name=units]", "10400")
    page.press("[name=units]", "Enter")
    quote = page.locator("#quote")
    expect(quote).to_contain_text("10,000 我的积分")
    expect(quote).to_contain_text("1,000 东方航空 里程")
    expect(quote).to_contain_text("400 凑不成整份，不动")
    page.click("#send-code")
    page.fill("[name=code]", rated.code_to(LI))
    page.click("#confirm")
    page.wait_for_url("**/exchanges/*")

    expect(page.locator("h1")).to_contain_text("已申请")
    expect(page.locator(".timeline")).to_contain_text("积分已留住")
    assert rated.points_of("LI") == 2_000
    assert chase(rated, days=1).ended == 1
    page.reload()
    expect(page.locator("h1")).to_contain_text("已完成")
    expect(page.locator(".timeline")).to_contain_text("东方航空已入账")
    assert tell(airline.address, "state")["members"][NUMBER]["miles"] == 1_000


def test_it_is_called_off_before_the_day_is_over(rated, page, sign_in):
    sign_in(page, LI)
    bind(page)
    page.goto(f"/exchange?way=MU.out.UNI.MILE&units={10_000}")
    page.click("#send-code")
    page.fill("[name=code]", rated.code_to(LI))
    page.press("[name=code]", "Enter")
    page.wait_for_url("**/exchanges/*")

    page.click("#cancel")

    expect(page.locator(".timeline")).to_contain_text("您取消了")
    assert rated.points_of("LI") == 12_000
    assert chase(rated, days=1).found == 0


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.usefixtures("rated")
def test_the_quote_can_be_read(open_page, sign_in, language):
    page = open_page(language, size=DESK)
    sign_in(page, LI)
    bind(page)

    page.goto("/exchange?way=MU.out.UNI.MILE&units=10400")

    found = accessibility_faults(page) + strange_words(page, language, names=NAMES)
    page.emulate_media(color_scheme="dark")
    found += accessibility_faults(page, "color-contrast")
    page.set_viewport_size({"width": 360, "height": 740})
    found += too_wide(page)
    assert not found, "\n".join(found)
