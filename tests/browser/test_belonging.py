"""Zhao belongs to clubs, leaves the network and comes back (domain.md 1.7, 5 and 7)."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from loyalty.churn import delivery
from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.keyring import Keyring
from loyalty.tiers.operations import grant
from loyalty.venues.operations import hold_session
from loyalty.venues.rules import SessionFacts
from partners.sandbox.bank_server import BankSandbox
from tests.browser.conftest import PATIENCE_MS, TODAY
from tests.browser.test_redeeming import PAYING
from tests.journeys.conftest import WANG
from tests.partners.benches import SHARED_SECRET, connection, tell

CARD = "6226-1"  # Wang's, in the files of the journeys
LEFT_ON = TODAY - timedelta(days=1)


@pytest.fixture
def bank():
    """The bank of the card."""
    with BankSandbox(code="CEB", secret=SHARED_SECRET) as sandbox:
        tell(sandbox.address, "cards", accounts=[CARD])
        yield sandbox


@pytest.fixture
def settings(settings, bank, tmp_path):
    """The site knows how to reach the bank."""
    file = tmp_path / "partners.toml"
    told = {name: value for name, value in connection(bank).items() if name != "code"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    file.write_text("\n".join(["[CEB]", 'adapter = "bank"', *lines]))
    return replace(settings, partners=file)


@pytest.fixture
def evening(site):
    """An evening at the hall to come, and a diamond card for Zhao, who is Wang here."""
    ((wang,),) = site.programme.rows(
        "SELECT member_id FROM member WHERE member_ref = 'WANG'"
    )
    with site.database.unit_of_work() as session:
        grant(
            session,
            member_id=wang,
            tier="DIAMOND",
            granted_on=date(2007, 1, 1),
            until=date(2008, 12, 31),
            reason="test",
            actor="test",
        )
        facts = SessionFacts(
            venue="TTCLUB",
            club=None,
            item_code="TT1",
            starts_at=now() + timedelta(days=7),
            minutes=90,
            capacity=2,
        )
        held = hold_session(session, facts=facts, actor="test", at=now())
        return held.session_id


def chase(site, *, days=0):
    """Let the job run once, perhaps on a later day."""
    return delivery.chase(
        site.database,
        Connections.open(site.settings),
        Keyring.open(site.settings),
        business_date=TODAY + timedelta(days=days),
        at=now() + timedelta(days=days),
    )


def pay(page):
    """Pay on the provider's page."""
    page.fill("#number", PAYING)
    page.fill("#expiry", "12 / 79")
    page.fill("#cvc", "123")
    page.click("#submit")


def test_what_leaving_ends_comes_back_with_who_returns(
    site, page, sign_in, evening, bank
):
    site.give("WANG", 1_000)
    site.give("WANG", 2_300, unit="UNI")
    sign_in(page)

    page.goto("/clubs/CAR")
    page.click("#way-fee")
    page.click("#confirm")
    page.wait_for_url(f"{site.stripe.address}/**")
    expect(page.locator("#amount")).to_have_text("¥25.00")
    pay(page)
    page.wait_for_url(re.compile(r"/orders/"))
    page.goto("/clubs/CAR")
    expect(page.locator("#term")).to_contain_text("2009", timeout=PATIENCE_MS)

    page.goto(f"/sessions/{evening}")
    expect(page.locator("dl.facts")).to_contain_text("免费")
    page.click("#book-place")
    expect(page.locator("dl.facts")).to_contain_text("已预约")
    page.goto("/")
    expect(page.locator("main")).to_contain_text("3,300")

    site.programme.event("E-1", WANG, "ported_out", LEFT_ON.isoformat())
    first = chase(site)
    assert first.failed == 0
    tell(bank.address, "settle")
    chase(site, days=1)
    assert tell(bank.address, "state")["cards"][CARD] is False
    assert site.points_of("WANG") == 0
    page.goto("/leaving")
    expect(page.locator("main")).to_contain_text("3,300")
    page.goto("/clubs/CAR")
    expect(page.locator("#term")).to_have_count(0)
    page.goto(f"/sessions/{evening}")
    expect(page.locator("main")).not_to_contain_text("已预约")

    site.programme.event("E-2", WANG, "reconnected", TODAY.isoformat())
    assert chase(site, days=2).failed == 0
    page.goto("/")
    expect(page.locator("main")).to_contain_text("3,300")
    page.goto("/clubs/CAR")
    expect(page.locator("#term")).to_contain_text("2009")
    page.goto(f"/sessions/{evening}")
    expect(page.locator("dl.facts")).to_contain_text("已预约")
