"""Visitors of the site: members, staff, and the forms they fill in."""

import re
from datetime import date
from html import unescape

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.access import operations as access
from loyalty.app import create_app
from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.keyring import Keyring
from loyalty.settings import Settings
from loyalty.staff.operations import add as add_staff
from partners.ports import Message, Outcome, Receipt
from partners.sandbox.twins import BillingTwin, InsurerTwin

PASSWORD = "一匹马 rode over 7 hills"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Telephone:
    """Keeps the messages that were sent, in order."""

    def __init__(self):
        self.messages: list[Message] = []

    def send(self, message):
        self.messages.append(message)
        return Receipt(Outcome.CONFIRMED)

    def code(self):
        """The code in the last message."""
        return re.findall(r"\b(\d{6})\b", self.messages[-1].words)[0]


@pytest.fixture
def telephone():
    return Telephone()


@pytest.fixture
def keyring():
    return Keyring(b"a secret of the tests, and of nobody else")


@pytest.fixture
def app(fresh_database, telephone):
    """The site on a fresh database; messages arrive at the telephone."""
    return create_app(
        fresh_database,
        settings=Settings(secret_key="a secret of the tests, and of nobody else"),
        connections=Connections(
            messenger=telephone,
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=None,
        ),
    )


@pytest.fixture
def join(fresh_database):
    """Bring a member in who has one line; return the member's id."""

    def bring(
        msisdn="13300000001", name="王芳", *, left_on=None, ended_on=None, **line
    ):
        facts = {"brand": "up", "hall": None, "state": "active", **line}
        with fresh_database.unit_of_work() as session:
            member_id = session.execute(
                text(
                    "INSERT INTO member (member_ref, joined_on, left_on)"
                    " VALUES (:ref, :on, :left_on) RETURNING member_id"
                ),
                {"ref": f"M{msisdn}", "on": date(2005, 3, 1), "left_on": left_on},
            ).scalar_one()
            about = {"member": member_id, "msisdn": msisdn, "name": name}
            for space, key in (("member", f"M{msisdn}"), ("msisdn", msisdn)):
                session.execute(
                    text(
                        "INSERT INTO claim (space, key, member_id, content)"
                        " VALUES (:space, :key, :member, gen_random_uuid())"
                    ),
                    {"space": space, "key": key, "member": member_id},
                )
            session.execute(
                text(
                    "INSERT INTO person (member_id, name, id_hash)"
                    " VALUES (:member, :name, 'hash')"
                ),
                about,
            )
            session.execute(
                text(
                    """
                    INSERT INTO subscription (
                        member_id, msisdn, activated_on, network, brand, pay_type,
                        hall, state, state_at, ended_on, content)
                    VALUES (:member, :msisdn, '2005-03-01', 'CDMA', :brand,
                            'postpaid', :hall, :state, '2005-03-01', :ended_on,
                            gen_random_uuid())
                    """
                ),
                about | facts | {"ended_on": ended_on},
            )
            Book(session).open([member_id], opened_on=date(2005, 3, 1))
        return member_id

    return bring


@pytest.fixture
def employ(fresh_database, keyring):
    """Let somebody work here; return their id."""

    def hire(login="li.na", *roles, channel="hall", hall=None):
        with fresh_database.unit_of_work() as session:
            return add_staff(
                session,
                login=login,
                name=f"员工 {login}",
                roles=roles or ("clerk",),
                channel=channel,
                hall=hall,
                password=PASSWORD,
                totp_secret=TOTP_SECRET,
                keyring=keyring,
                at=now(),
            ).staff_id

    return hire


@pytest.fixture
def browser(app):
    """Open a browser; `member_id` or `staff_id`: somebody is signed in there."""

    def open_one(*, member_id=None, staff_id=None):
        client = app.test_client()
        owners = {"member": member_id, "staff": staff_id}
        for owner, owner_id in owners.items():
            if owner_id is None:
                continue
            services = app.extensions["jifen"]
            with services.database.unit_of_work() as session:
                token = access.start_session(
                    session,
                    owner=owner,
                    owner_id=owner_id,
                    method="test",
                    keyring=services.keyring,
                    at=now(),
                )
            with client.session_transaction() as cookie:
                cookie[owner] = token
        return client

    return open_one


@pytest.fixture
def csrf():
    """The token of the forms on a page."""

    def token(page):
        return unescape(re.findall(r'name="csrf_token" value="([^"]+)"', page)[0])

    return token


@pytest.fixture
def send(csrf):
    """Fill a form in as a person does: open its page, then send it."""

    def fill_in(client, path, *, to=None, **fields):
        page = client.get(path)
        assert page.status_code == 200, f"{path} answers {page.status_code}"
        return client.post(to or path, data={"csrf_token": csrf(page.text), **fields})

    return fill_in
