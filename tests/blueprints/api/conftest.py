"""A partner's machine that calls the API over HTTP, with a token of its own."""

import threading
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import pytest
from authlib.integrations.requests_client import OAuth2Session
from sqlalchemy import text
from werkzeug.serving import make_server

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.clients import operations
from loyalty.clients.operations import Profile
from loyalty.clients.rules import SCOPES
from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms

PARTNERS = {"CEB": "bank", "MU": "airline", "CAFE": "merchant", "TTCLUB": "venue"}
ACCOUNT = "4402"


@dataclass
class Partner:
    """A partner's machine, and what it has called so far."""

    site: str
    client: OAuth2Session

    def post(self, path, body=None, *, key=None, **headers):
        """Call with a key of its own, unless told one."""
        return self.client.post(
            f"{self.site}/api/v1{path}",
            json=body,
            headers={"Idempotency-Key": key or uuid4().hex} | headers,
            timeout=60,
        )

    def get(self, path, **query):
        """Ask something."""
        return self.client.get(f"{self.site}/api/v1{path}", params=query, timeout=60)

    def delete(self, path):
        """End something."""
        return self.client.delete(f"{self.site}/api/v1{path}", timeout=60)


def yuan(fen):
    return {"amount": f"{fen / 100:.2f}", "currency": "CNY"}


def accrual(partner_ref="T1", fen=100_000, **other):
    """A card line of 1,000.00 at a supermarket, unless told."""
    return {
        "partner_ref": partner_ref,
        "account_ref": ACCOUNT,
        "activity": "card",
        "occurred_on": now().date().isoformat(),
        "amount": yuan(fen),
        "mcc": "5411",
    } | other


@pytest.fixture(autouse=True)
def _programme(fresh_database):
    """Terms, a catalogue, and the partners of the alliance."""
    terms = starting_terms()
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=terms, at=now())
        load_items(session, items=terms["item"])
        for partner, kind in PARTNERS.items():
            session.execute(
                text(
                    "INSERT INTO partner (partner, kind, name)"
                    " VALUES (:partner, :kind, :partner)"
                ),
                {"partner": partner, "kind": kind},
            )


@pytest.fixture
def link(fresh_database):
    """Let a member have an account at a partner."""

    def tie(member_id, account_ref=ACCOUNT, partner="CEB"):
        with fresh_database.unit_of_work() as session:
            facts = {"m": member_id, "p": partner, "a": account_ref}
            session.execute(
                text(
                    "INSERT INTO claim (space, key, member_id, content)"
                    " VALUES ('account', :p || '/' || :a, :m, gen_random_uuid())"
                ),
                facts,
            )
            session.execute(
                text(
                    "INSERT INTO link (member_id, partner, account_ref, linked_on)"
                    " VALUES (:m, :p, :a, :on)"
                ),
                facts | {"on": date(2007, 10, 1)},
            )

    return tie


@pytest.fixture
def agree(fresh_database, keyring):
    """Let a member agree to what a partner may have or do, at its newest machine."""

    def say_yes(member_id, *kinds, partner="CEB", account_ref=ACCOUNT):
        with fresh_database.unit_of_work() as session:
            session.execute(
                text(
                    """
                    INSERT INTO link_consent (
                        consent_ref, partner, client_id, member_id, account_hash,
                        kinds, purpose_version, state, asked_at, expires_at, granted_at)
                    SELECT :ref, :partner, client_id, :member, :hash, :kinds, 1,
                           'authorized', now(), now() + interval '9 days', now()
                      FROM partner_client WHERE partner = :partner
                     ORDER BY created_at DESC LIMIT 1
                    """
                ),
                {
                    "ref": f"lnk_{uuid4().hex[:30]}",
                    "partner": partner,
                    "member": member_id,
                    "hash": keyring.digest("test", account_ref),
                    "kinds": list(kinds),
                },
            )

    return say_yes


@pytest.fixture
def member(join, link):
    """Wang, who has a card of the bank."""
    member_id = join("13300000001")
    link(member_id)
    return member_id


@pytest.fixture
def site(app):
    """The address at which the site answers over HTTP."""
    app.config["API_CALLS_PER_MINUTE"] = 1_000_000
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def enroll(site, fresh_database, keyring):
    """Let a machine of a partner in; it has all scopes, unless told."""
    opened: list[OAuth2Session] = []

    def come(partner="CEB", scopes=tuple(SCOPES)):
        with fresh_database.unit_of_work() as session:
            profile = Profile(
                partner=partner,
                name=f"积分系统 {len(opened)}",
                auth_method="client_secret_basic",
                scopes=scopes,
            )
            client_id = operations.add(session, profile=profile, at=now()).client_id
            secret = operations.new_secret(
                session, client_id=client_id, keyring=keyring
            )
        client = OAuth2Session(
            client_id, secret, token_endpoint_auth_method="client_secret_basic"
        )
        client.fetch_token(f"{site}/oauth/token", grant_type="client_credentials")
        opened.append(client)
        return Partner(site, client)

    yield come
    for client in opened:
        client.close()


@pytest.fixture
def bank(enroll, member, agree):
    """The bank's machine; Wang is linked to it, and lets it see her points."""
    machine = enroll("CEB")
    agree(member, "balance.read")
    return machine


@pytest.fixture
def proved(fresh_database):
    """Prove the ledger."""

    def prove():
        with fresh_database.unit_of_work() as session:
            return Book(session).prove()

    return prove


@pytest.fixture
def rows(fresh_database):
    """Ask the database a question."""

    def ask(statement, **facts):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]

    return ask


@pytest.fixture
def change(fresh_database):
    """Change the database as the application could."""

    def do(statement, **facts):
        with fresh_database.unit_of_work() as session:
            session.execute(text(statement), facts)

    return do
