"""What is asked of every page, whoever reads it, in both languages and lights."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import text

from loyalty.adjustments.evidence import look_at
from loyalty.adjustments.governance import load_reasons
from loyalty.adjustments.granting import Line, Said, ask_grants
from loyalty.adjustments.operations import apply_ask
from loyalty.adjustments.operations import ask as ask_change_of_points
from loyalty.adjustments.rules import Wish
from loyalty.app import create_app
from loyalty.approvals.operations import approve
from loyalty.catalogue.operations import ask_change, load_items
from loyalty.catalogue.queries import item
from loyalty.catalogue.rules import facts_of
from loyalty.churn.delivery import chase as chase_churn
from loyalty.clients.operations import Profile
from loyalty.clients.operations import add as add_client
from loyalty.clients.rules import SCOPES
from loyalty.clients.signing import rotate as rotate_keys
from loyalty.clock import now
from loyalty.clubs.benefits import issue_code, use
from loyalty.clubs.operations import invite
from loyalty.connections import Connections
from loyalty.contests.operations import draw, enter, plan
from loyalty.contests.rules import ContestFacts, GroupFacts
from loyalty.exchange import operations
from loyalty.exchange.linking import ask as ask_for_number
from loyalty.exchange.linking import binding
from loyalty.exchange.linking import settle as settle_number
from loyalty.keyring import Keyring
from loyalty.matching.models import PartnerLine
from loyalty.matching.operations import match
from loyalty.matching.receiving import receive
from loyalty.orders.belonging import join_club
from loyalty.orders.operations import place
from loyalty.prepaid.blocks import buy as buy_block
from loyalty.purchases.operations import place as buy_points
from loyalty.rules.operations import starting_terms
from loyalty.settlement import charging
from loyalty.settlement.drawing import draw_up
from loyalty.settlement.operations import raise_dispute
from loyalty.staff.operations import add as add_staff
from loyalty.staff.rules import ROLES
from loyalty.tiers.operations import appeal as appeal_tier
from loyalty.tiers.reviewing import review as review_tiers
from loyalty.venues.operations import hold_session
from loyalty.venues.rules import SessionFacts
from partners.matching import PersonName
from partners.ports import Outcome, Receipt
from tests.browser.conftest import DESK, TICKET
from tests.browser.reading import accessibility_faults, strange_words, too_wide
from tests.journeys.conftest import PARTNERS, PLACE, WANG
from tests.loyalty.exchange.alliance import TO_MILES, TODAY, Alliance
from tests.loyalty.settlement.desk import desk_of

LOGIN, PASSWORD = "zhou.min", "一匹马 rode over 7 hills"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ORDER_REF = "0f2c4e6a8b1d43f5a7c9e1b3d5f70924"
WHY = "与市场价一致"
NARROW = {"width": 360, "height": 740}
WIDE = {"width": DESK[0], "height": DESK[1]}
LOTS = [
    ("WANG", unit, points, issuer, f"{year}-{month:02}", f"{year + 3}-{month:02}-28")
    for unit, issuer, points in (("CUP", "operator", 431_250), ("UNI", "CEB", 1_377))
    for year in (2006, 2007)
    for month in range(1, 12)
]
# Pages that are answers, and what is no page: files, and what machines ask.
NO_PAGES = re.compile(
    r"\.(csv|pdf|xlsx|svg)$|/static/|/export$|^/healthz$|^/oauth/|^/\.well-known/"
    r"|^/api/v1/|^/tmf-api/|/certificate$|/evidence$"
)
# Of people, partners and halls; and what somebody wrote.
NAMES = (
    *(name for _, _, name in PARTNERS),
    "周敏",
    "客***",
    "客户WANG",
    PLACE[2],
    PLACE[0],
    WHY,
)
# One that is turned, one of the journal, and one of what waits for somebody.
UNLIKE_REPORTS = ("comparison", "liability", "suspense")
# Pages of somebody who has not come in yet; others are sent on from there.
DOORS = ("/sign-in", "/console/sign-in")


@pytest.fixture
def signed_in(open_page, sign_in):
    """A browser in which Wang and somebody of staff are both signed in."""

    def come_in(language):
        page = open_page(language, size=DESK)
        sign_in(page)
        page.goto("/console/sign-in")
        page.fill("[name=login]", LOGIN)
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=totp]", pyotp.TOTP(TOTP_SECRET).now())
        page.press("[name=totp]", "Enter")
        page.wait_for_url("**/console/")
        return page

    return come_in


@pytest.fixture
def busy(site):
    """Let there be much to see: forty lots, staff, an order, something to approve.

    Gives what the addresses of pages are made of.
    """
    assert site.programme.load("opening", *LOTS).rejected == 0
    departed = leave_and_return(site)
    with site.database.unit_of_work() as session:
        load_items(session, items=[TICKET])
    at, keyring = now(), Keyring.open(site.settings)
    billed_on = at.date() - timedelta(days=9)
    bill = ("T1", WANG, f"{billed_on:%Y-%m}", billed_on, at.date(), "2400.00")
    assert site.programme.load("bills", bill).rejected == 0
    with site.database.unit_of_work() as session:
        staff_id = add_staff(
            session,
            login=LOGIN,
            name="周敏",
            roles=tuple(ROLES),
            channel="hall",
            hall="天河营业厅",
            password=PASSWORD,
            totp_secret=TOTP_SECRET,
            keyring=keyring,
            at=at,
        ).staff_id
        ((member_id,),) = site.programme.rows(
            "SELECT member_id FROM member WHERE member_ref = 'WANG'"
        )
        place(
            session,
            member_id=member_id,
            order_ref=ORDER_REF,
            item_code="TICKET",
            quantity=1,
            way="points",
            channel="web",
            recipient=None,
            staff_id=None,
            fresh_at=at,
            expected_points=100,
            expected_cash_fen=0,
            keyring=keyring,
            at=at,
        )
        review_tiers(session, on=at.date(), at=at)
        appeal_tier(session, member_id=member_id, words=WHY, at=at)
        asked = ask_change(
            session,
            item_code="EV50",
            facts=replace(facts_of(item(session, "EV50")), points=5_200),
            effective_on=at.date() + timedelta(days=7),
            reason=WHY,
            maker=staff_id,
            at=at,
        )
        profile = Profile(
            partner="CEB",
            name="core",
            auth_method="private_key_jwt",
            scopes=tuple(SCOPES),
        )
        client_id = add_client(session, profile=profile, at=at).client_id
        disputed = raise_dispute(
            session,
            partner="MU",
            period=TODAY.replace(day=1),
            partner_ref="T9",
            break_code="MISSING_OURS",
            reason="少一个航班",
            actor="client:jc_mu",
            at=at,
        )
        exchanged = exchange_something(session, member_id, keyring)
        exchanged |= join_something(session, member_id, keyring)
        exchanged |= play_something(session)
        exchanged |= buy_something(session, member_id)
        exchanged |= settle_something(session)
        exchanged |= match_something(session)
        exchanged |= change_something(session, member_id, staff_id, keyring)
        rotate_keys(session, keyring=keyring, at=at)
    return (
        exchanged
        | departed
        | {
            "client_id": client_id,
            "dispute_id": disputed.dispute_id,
            "item_code": "INS-A",
            "order_ref": ORDER_REF,
            "member_id": member_id,
            "approval_id": asked.approval_id,
            "login": LOGIN,
            "staff_id": staff_id,
            "report": "ageing",
            "facts": "lots",
            "period": f"{at:%Y-%m}",
        }
    )


def leave_and_return(site):
    """Have left and come back, while the bank never said what became of the card."""
    left_at = now() - timedelta(days=40)
    site.programme.event("E-1", WANG, "closed", f"{left_at:%Y-%m-%d}", "voluntary")
    connections = Connections.open(site.settings)
    keyring = Keyring.open(site.settings)
    for at in (left_at + timedelta(days=1), now()):
        on = at.date()
        chase_churn(site.database, connections, keyring, business_date=on, at=at)
    back_on = left_at + timedelta(days=9)
    site.programme.event("E-2", WANG, "reconnected", f"{back_on:%Y-%m-%d}")
    return {"departure_ref": "E-1"}


def exchange_something(session, member_id, keyring):
    """Have a rate, a block, a number to compare and an exchange there to be seen."""
    alliance = Alliance(session)
    alliance.maker, alliance.checker = (alliance.staff(n) for n in ("lin", "luo"))
    alliance.rate("MU", "out", TO_MILES)
    buy_block(
        session,
        partner="MU",
        direction="out",
        units=5_000,
        price_fen=400_00,
        starts_on=TO_MILES.valid_from,
        ends_on=None,
        reorder_units=6_000,
        at=now(),
    )
    # She has flown under another number, so that a change waits a week.
    for number, name, at in (
        (
            "MU600001",
            PersonName(family="客户", given="WANG"),
            now() - timedelta(days=15),
        ),
        ("MU600002", PersonName(family="WANG", given="FANG"), now()),
    ):
        bound = binding(partner="MU", account_ref=number)
        alliance.confirm(member_id, bound, at=at)
        wanted = {"member_id": member_id, "partner": "MU", "at": at}
        row = ask_for_number(
            session, account_ref=number, name=name, keyring=keyring, **wanted
        )
        settle_number(
            session, nth=row.nth, receipt=Receipt(Outcome.CONFIRMED), **wanted
        )
    # Asked for six days ago, and the airline has not answered in its three days.
    asked_at = now() - timedelta(days=6)
    quote = alliance.quote(10_000, at=asked_at)
    exchange = alliance.request(member_id, quote, at=asked_at)
    key = {"member_id": member_id, "exchange_ref": exchange.exchange_ref}
    at = asked_at + timedelta(days=1)
    for receipt in (
        Receipt(Outcome.CONFIRMED, partner_ref="MV-1"),
        Receipt(Outcome.UNKNOWN, reason="no answer"),
    ):
        ask = operations.claim(session, **key, keyring=keyring, at=at)
        operations.settle(session, **key, ask=ask, receipt=receipt, at=at)
    return {
        "exchange_ref": exchange.exchange_ref,
        "partner": "MU",
        "direction": "out",
        "version": 1,
    }


def join_something(session, member_id, keyring):
    """Have a card of a club, with a code to show, and something that was used."""
    invite(
        session,
        member_id=member_id,
        club="TT",
        days=30,
        reference="invited",
        actor="test",
        at=now(),
    )
    joined = join_club(
        session,
        member_id=member_id,
        club="TT",
        way="invitation",
        reference="joined",
        actor="member",
        at=now(),
    )
    benefit = {
        "member_id": member_id,
        "membership_ref": joined.membership_ref,
        "entitlement": "coaching",
        "at": now(),
    }
    use(session, reference="used", actor="staff:1", channel="club", **benefit)
    issue_code(session, keyring=keyring, **benefit)
    return {"club": "TT", "entitlement": "coaching"}


def match_something(session):
    """Have a line of a partner's that we know nothing of, and money of it."""
    today = now().date()
    session.add(
        PartnerLine(
            partner="MU",
            partner_ref="F-77",
            kind="accrual",
            nth=1,
            occurred_on=today,
            units=12,
            amount_fen=1_200_00,
            status="posted",
            feed_file=1,
            line_no=2,
        )
    )
    session.flush()
    period = today.replace(day=1)
    match(session, partner="MU", period=period, actor=LOGIN, at=now())
    break_id = session.scalar(
        text("SELECT break_id FROM statement_break WHERE code = 'MISSING_OURS'")
    )
    receive(
        session,
        partner="MU",
        bank_ref="B-77",
        fen=50_00,
        on=today,
        reason=WHY,
        at=now(),
    )
    return {"break_id": break_id, "partner": "MU", "bank_ref": "B-77"}


def buy_something(session, member_id):
    """Have points that were ordered and not paid yet, and a payout of others."""
    buy_points(
        session,
        member_id=member_id,
        purchase_ref="bought",
        points=1_000,
        expected_fen=1_200,
        at=now(),
    )
    for statement in (
        (
            "INSERT INTO balance_transaction SELECT 'txn_1', 'charge', 'ch_1', 'pi_1',"
            " 1200, 7, 1193, NULL, :at, :on, :on, :on, :at"
        ),
        "INSERT INTO payout VALUES ('po_1', 1193, true, :at, :on, :on, :at)",
        "INSERT INTO payout_state VALUES ('po_1', 1, 'paid', :at, :on)",
        "INSERT INTO payout_line VALUES ('txn_1', 'po_1')",
    ):
        session.execute(text(statement), {"at": now(), "on": now().date()})
    return {"purchase_ref": "bought", "payout_id": "po_1"}


def settle_something(session):
    """Have a fee on a statement that was issued, agreed to and netted."""
    alliance = Alliance(session)
    alliance.maker, alliance.checker = (alliance.staff(n) for n in ("mei", "lan"))
    desk, today = desk_of(alliance), now().date()
    at = now()
    asked = charging.ask_fee(
        session,
        partner="MU",
        cause="late",
        about="F-1",
        fen=12_50,
        points=None,
        on=today - timedelta(days=40),
        **desk.asks(at=at),
    )
    charging.apply_fee(session, approval=desk.agreed(asked, at=at), at=at)
    day = today - timedelta(days=40)
    draft = draw_up(session, partner="MU", day=day, actor="staff:1", at=at)
    desk.agree(desk.issue(draft, at=at), at=at)
    return {
        "statement_id": draft.statement_id,
        "line_no": 1,
        "settlement_id": desk.net(at=at).settlement_id,
    }


def play_something(session):
    """Have a session with a place, and a tournament under way, to be seen."""
    venue, when = "TTCLUB", now() + timedelta(days=7)
    facts = SessionFacts(
        venue=venue,
        club=None,
        item_code="TT1",
        starts_at=when,
        minutes=90,
        capacity=8,
    )
    session_id = hold_session(session, facts=facts, actor=LOGIN, at=now()).session_id
    today = now().date()
    heat = GroupFacts("广州", today + timedelta(days=1), places=8, venue=venue)
    contest_id = plan(
        session,
        facts=ContestFacts(
            title_zh="全省乒乓球赛",
            title_en="Provincial tournament",
            club=None,
            entries_until=today,
            heats=[heat],
            final=GroupFacts("广州", today + timedelta(days=9), places=1),
        ),
        actor=LOGIN,
        at=now(),
    ).contest_id
    group: dict[str, Any] = {"contest_id": contest_id, "city": "广州"}
    for player in session.scalars(text("SELECT member_id FROM member")).all():
        enter(session, member_id=player, is_in_club=False, at=now(), **group)
    draw(
        session,
        stage="heat",
        seed="7d0c1f",
        actor=LOGIN,
        at=now() + timedelta(days=1),
        **group,
    )
    return {"session_id": session_id, "contest_id": contest_id, "stage": "heat"} | group


def change_something(session, member_id, staff_id, keyring):
    """Have points changed by hand, and a file of points that waits."""
    at = now()
    load_reasons(session, terms=starting_terms(), at=at)
    asked = ask_change_of_points(
        session,
        member_id=member_id,
        adjustment_ref="0f2c4e6a8b1d",
        wish=Wish("goodwill", "CUP", 300, None, WHY),
        shown=look_at(name="letter.txt", content=WHY.encode()),
        maker=staff_id,
        keyring=keyring,
        at=at,
    )
    approve(
        session,
        approval_id=asked.approval_id,
        checker=Alliance(session).staff("qin"),
        note=None,
        at=at,
    )
    apply_ask(session, approval=asked, at=at)
    file = ask_grants(
        session,
        name="october.csv",
        said=Said(records=2, total=250, sha256="f" * 64),
        sha256="f" * 64,
        lines=[Line(2, "G1", "WANG", 200), Line(3, "G2", "NOBODY", 50)],
        reason="campaign",
        words=WHY,
        maker=staff_id,
        at=at,
    )
    return {"adjustment_ref": "0f2c4e6a8b1d", "file_id": int(file.subject)}


def addresses(app: Flask, facts):
    """Return the address of every page there is, of reports those unlike others."""
    with app.test_request_context():
        return [
            app.url_map.bind("").build(
                rule.endpoint, {n: facts[n] for n in rule.arguments}
            )
            for rule in sorted(app.url_map.iter_rules(), key=str)
            if "GET" in (rule.methods or ()) and not NO_PAGES.search(rule.rule)
        ] + [f"/console/reports/{report}" for report in UNLIKE_REPORTS]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_can_be_read(language, site, busy, signed_in, open_page):
    app = create_app(site.database, settings=site.settings)
    guest, page = open_page(language, size=DESK), signed_in(language)
    page.goto("/console/counter")
    page.fill("[name=words]", WANG)
    page.press("[name=words]", "Enter")
    page.wait_for_url("**/console/counter/*")
    busy["served"] = page.url.rsplit("/", 1)[-1]

    faults = []
    for path in addresses(app, busy):
        reader = guest if path.startswith(DOORS) else page
        reader.set_viewport_size(WIDE)
        answer = reader.goto(path)
        found = [] if answer.ok else [f"answers {answer.status}"]
        if reader is page and urlsplit(reader.url).path.startswith(DOORS):
            found.append(f"leads out to {reader.url}")
        found += accessibility_faults(reader)
        found += strange_words(reader, language, names=NAMES)
        reader.emulate_media(color_scheme="dark")
        found += accessibility_faults(reader, "color-contrast")
        reader.emulate_media(color_scheme="light")
        reader.set_viewport_size(NARROW)
        found += too_wide(reader)
        faults += [f"{path}: {fault}" for fault in found]
    assert not faults, "\n".join(faults)


def test_a_page_says_what_it_is(open_page):
    for language, code in (("zh", "zh-CN"), ("en", "en")):
        page = open_page(language)

        page.goto("/")

        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.locator("h1")).to_have_count(1)
        expect(page).to_have_title(re.compile(r"\S · \S"))
