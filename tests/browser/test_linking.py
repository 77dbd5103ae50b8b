"""A member links a bank in the browser; the bank's client was not written here."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from playwright.sync_api import expect
from requests_oauthlib import OAuth2Session as RequestsSession

from loyalty.clients import operations
from loyalty.clients.operations import Profile
from loyalty.clock import now
from loyalty.keyring import Keyring
from tests.browser.conftest import DESK, PHONE
from tests.browser.reading import accessibility_faults, strange_words, too_wide
from tests.journeys.conftest import PARTNERS, WANG

VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
SCOPES = ("balance.read", "exchange.out", "churn.notify", "balances:read")
NAMES = (*(name for _, _, name in PARTNERS), "客服 95595")


@pytest.fixture(autouse=True)
def _over_http(monkeypatch):
    # The site answers on loopback, without TLS; oauthlib asks to be told so.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


class _Back(BaseHTTPRequestHandler):
    """The bank's page to which browsers come back."""

    def do_GET(self):
        page = b"<!doctype html><title>Bank</title><h1>Back at the bank</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def back():
    """The address of the bank's page."""
    server = HTTPServer(("127.0.0.1", 0), _Back)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/back"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def enroll(site, back):
    """Let a machine of the bank in; returns its name, its secret, and our metadata."""
    return lambda **other: _enrolled(site, back, **other)


def _enrolled(site, back, **other):
    with site.database.unit_of_work() as session:
        profile = Profile(
            partner="CEB",
            name="手机银行",
            auth_method="client_secret_basic",
            scopes=SCOPES,
            contact="客服 95595",
            redirect_uris=(back,),
            **other,
        )
        client_id = operations.add(session, profile=profile, at=now()).client_id
        secret = operations.new_secret(
            session, client_id=client_id, keyring=Keyring.open(site.settings)
        )
    well_known = f"{site.address}/.well-known/oauth-authorization-server"
    return client_id, secret, requests.get(well_known, timeout=10).json()


@pytest.fixture
def bank(enroll, back):
    """Authlib's client of the bank, and what the metadata says."""
    client_id, secret, metadata = enroll()
    client = OAuth2Session(
        client_id, secret, redirect_uri=back, code_challenge_method="S256"
    )
    return client, metadata


def push(client, metadata):
    """Push what the bank asks, and return where the browser is sent."""
    asked = requests.post(
        metadata["pushed_authorization_request_endpoint"],
        auth=(client.client_id, client.client_secret),
        data={
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": "balance.read exchange.out churn.notify",
            "state": "begun at the bank",
            "code_challenge": create_s256_code_challenge(VERIFIER),
            "code_challenge_method": "S256",
            "account_ref": "6225-0001",
        },
        timeout=10,
    ).json()
    endpoint = metadata["authorization_endpoint"]
    return f"{endpoint}?client_id={client.client_id}&request_uri={asked['request_uri']}"


def agree(page, site, back):
    """Say yes, and be led back."""
    page.check("[name=agree]")
    page.click("#send-code")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", site.code_to(WANG))
    page.click("#agree-link")
    page.wait_for_url(lambda address: address.startswith(back))


def test_linking_leads_there_and_back(page, site, bank, back):
    client, metadata = bank

    page.goto(push(client, metadata))
    page.wait_for_url(lambda address: "/sign-in?" in address)
    page.fill("[name=msisdn]", WANG)
    page.press("[name=msisdn]", "Enter")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", site.code_to(WANG))
    page.press("[name=code]", "Enter")
    page.wait_for_url(lambda address: "/oauth/authorize?" in address)
    expect(page.locator("[name=agree]")).not_to_be_checked()
    page.click("#send-code")
    expect(page.locator("[role=alert]:visible")).to_contain_text("请先勾选")
    agree(page, site, back)
    expect(page.locator("h1")).to_have_text("Back at the bank")

    told = parse_qs(urlsplit(page.url).query)
    assert told["iss"] == [metadata["issuer"]]
    assert told["state"] == ["begun at the bank"]
    token = client.fetch_token(
        metadata["token_endpoint"],
        authorization_response=page.url,
        state="begun at the bank",
        code_verifier=VERIFIER,
    )
    assert token["scope"] == "balance.read exchange.out churn.notify"
    introspected = client.introspect_token(
        metadata["introspection_endpoint"], token["access_token"]
    ).json()
    assert introspected["active"] is True
    later = client.refresh_token(metadata["token_endpoint"], token["refresh_token"])

    page.goto("/profile/links")
    page.click("#end-1")
    expect(page.locator(".notice.done")).to_contain_text("已撤回")
    introspected = client.introspect_token(
        metadata["introspection_endpoint"], later["access_token"]
    ).json()
    assert introspected == {"active": False}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_consent_page_can_be_read(language, open_page, bank, sign_in):
    client, metadata = bank
    page = open_page(language)
    sign_in(page)
    page.goto(push(client, metadata))

    faults = accessibility_faults(page)
    faults += strange_words(page, language, names=NAMES)
    for size in (PHONE, DESK):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        faults += too_wide(page)
    page.emulate_media(color_scheme="dark")
    faults += accessibility_faults(page, "color-contrast")

    assert faults == []


def test_who_does_not_agree_goes_back_with_a_no(page, bank, sign_in, back):
    client, metadata = bank
    sign_in(page)
    page.goto(push(client, metadata))

    page.click("#reject")

    page.wait_for_url(lambda address: address.startswith(back))
    assert parse_qs(urlsplit(page.url).query)["error"] == ["access_denied"]


def test_requests_oauthlib_links_without_pushing(page, site, enroll, sign_in, back):
    client_id, secret, metadata = enroll(require_par=False)
    client = RequestsSession(
        client_id, redirect_uri=back, scope=["balance.read"], pkce="S256"
    )
    sign_in(page)

    address, _ = client.authorization_url(
        metadata["authorization_endpoint"], account_ref="6225-0002"
    )
    page.goto(address)
    agree(page, site, back)
    token = client.fetch_token(
        metadata["token_endpoint"],
        authorization_response=page.url,
        client_secret=secret,
    )
    later = client.refresh_token(metadata["token_endpoint"], auth=(client_id, secret))

    assert token["scope"] == later["scope"] == ["balance.read"]
    assert later["refresh_token"] != token["refresh_token"]
