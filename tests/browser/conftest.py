"""The site as a person meets it: Chromium against a server of our own."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from ledger.book import Book
from loyalty.app import create_app
from loyalty.clock import wall
from loyalty.database import Database
from loyalty.settings import Settings
from tests.journeys.conftest import WANG, Programme, begin
from tests.programs import program
from tests.sandboxes import KEY, SECRET, Sandbox

PATIENCE_MS = 10_000
TODAY, LAST_GOOD_DAY = date(2008, 1, 15), date(2010, 12, 31)
PHONE, DESK = (390, 844), (1440, 900)
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
# Our own and cheap, so that a sign-in of the last minutes is enough.
TICKET = {
    "item_code": "TICKET",
    "title_zh": "话费券",
    "title_en": "Airtime ticket",
    "family": "TELECOM",
    "kind": "VAS",
    "fulfilment": "VOUCHER",
    "points": 100,
    "market_fen": 100,
    "settlement_fen": 0,
    "cost_treatment": "NO_REVENUE_EFFECT",
    "account": "redeemed.telecom",
}


@dataclass(frozen=True)
class Site:
    """A site that is being served, and the people on it."""

    address: str
    database: Database
    programme: Programme
    settings: Settings
    stripe: Sandbox

    def words_to(self, msisdn: str) -> list[str]:
        """Return the messages that were sent to a number, the latest last."""
        path = Path(self.settings.messages)
        if not path.exists():
            return []
        messages = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return [message["words"] for message in messages if message["to"] == msisdn]

    def code_to(self, msisdn: str) -> str:
        """Return the one-time code that was sent to a number last."""
        found = re.findall(r"(?<!\d)\d{6}(?!\d)", self.words_to(msisdn)[-1])
        assert len(found) == 1
        return str(found[0])

    def give(self, member_ref: str, points: int, *, unit: str = "CUP") -> None:
        """Let a member have points earned the month before."""
        issuer = {"CUP": "operator", "UNI": "CEB"}[unit]
        lot = (issuer, "2007-12", LAST_GOOD_DAY)
        answer = self.programme.load("opening", (member_ref, unit, points, *lot))
        assert answer.rejected == 0, self.programme.rejects

    def points_of(self, member_ref: str) -> int:
        """Return what a member can spend."""
        purse = self.programme.member(member_ref)
        return int(purse.cup["available"] + purse.uni["available"])


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an application on a free port of this machine; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stripe_sandbox: Sandbox
) -> Settings:
    """What the site is set up with; it lives on a day of its own, and takes cards."""
    days_back = (wall().date() - TODAY).days
    monkeypatch.setenv("JIFEN_CLOCK_DAYS_BACK", str(days_back))
    return Settings(
        data_dir=tmp_path,
        secret_key="kept only by the tests of the browser",
        messages=str(tmp_path / "messages"),
        stripe_key=KEY,
        stripe_webhook_secret=SECRET,
        stripe_address=stripe_sandbox.address,
    )


@pytest.fixture
def site(
    fresh_database: Database,
    tmp_path: Path,
    settings: Settings,
    stripe_sandbox: Sandbox,
) -> Iterator[Site]:
    """The site with Wang and Li, whose books prove at the end."""
    programme = begin(fresh_database, tmp_path)
    app = create_app(fresh_database, settings=settings)
    with served(app) as address:
        stripe_sandbox.tell("webhooks", url=f"{address}/hooks/stripe", secret=SECRET)
        yield Site(address, fresh_database, programme, settings, stripe_sandbox)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium per worker."""
    chromium = program("chromium")
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open pages as people of their own; no page may break a rule of ours."""
    contexts = []
    complaints: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            # What the server refused is written there too, and is no fault.
            lambda message: (
                complaints.append(message.text)
                if message.type == "error"
                and not message.text.startswith("Failed to load resource")
                else None
            ),
        )

    def open_one(
        language: str = "zh",
        *,
        size: tuple[int, int] = PHONE,
        scheme: str = "light",
        javascript: bool = True,
        bypass_csp: bool = False,
    ) -> Page:
        context = browser.new_context(
            base_url=site.address,
            viewport={"width": size[0], "height": size[1]},
            locale=LOCALES[language],
            timezone_id="Asia/Shanghai",
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=javascript,
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", listen)
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A phone that reads Chinese."""
    return open_page()


@pytest.fixture
def sign_in(site: Site) -> Callable[..., None]:
    """Sign a member in with the code that was sent to the number."""

    def sign_in(page: Page, msisdn: str = WANG) -> None:
        page.goto("/sign-in")
        page.fill("[name=msisdn]", msisdn)
        page.press("[name=msisdn]", "Enter")
        page.wait_for_selector("[name=code]")  # until then nothing was sent
        page.fill("[name=code]", site.code_to(msisdn))
        page.press("[name=code]", "Enter")
        page.wait_for_url(lambda address: "/sign-in" not in address)

    return sign_in
