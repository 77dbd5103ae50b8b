"""Who we are is not for the caller to say."""

import base64
from dataclasses import replace

import pytest

from blueprints.oauth.issuer import is_same_address
from loyalty.app import create_app

PUBLIC = "https://points.example"
KNOWN = "/.well-known/oauth-authorization-server"


@pytest.fixture
def public(app, fresh_database):
    """The site as it is called at an address of its own, behind a proxy."""
    known = app.extensions["jifen"]
    return create_app(
        fresh_database,
        settings=replace(known.settings, public_url=PUBLIC),
        connections=known.connections,
    )


def test_without_an_address_strangers_are_told_nothing(app):
    answer = app.test_client().get(KNOWN, base_url="http://evil.example")

    assert answer.status_code == 503
    assert answer.get_json()["type"] == "/problems/address_unset"


def test_our_address_is_what_was_set(public):
    told = public.test_client().get(KNOWN, base_url="http://10.0.0.7:8000").get_json()

    assert told["issuer"] == PUBLIC
    assert told["token_endpoint"] == f"{PUBLIC}/oauth/token"


def test_behind_a_proxy_an_assertion_for_us_is_taken(public, enroll):
    machine = enroll(method="private_key_jwt")
    client = public.test_client()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": (
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ),
    }
    inside = "http://10.0.0.7:8000"

    good = client.post(
        "/oauth/token",
        data=form | {"client_assertion": machine.assertion(PUBLIC)},
        base_url=inside,
    )
    bad = client.post(
        "/oauth/token",
        data=form | {"client_assertion": machine.assertion(inside)},
        base_url=inside,
    )

    assert good.status_code == 200
    assert bad.status_code == 401


def test_a_token_of_another_address_of_ours_is_refused(public, app, enroll):
    machine = enroll()
    secret = f"{machine.client_id}:{machine.secret}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(secret).decode()}"}
    form = {"grant_type": "client_credentials"}
    token = public.test_client().post("/oauth/token", data=form, headers=basic)

    answer = app.test_client().get(
        "/api/v1/whoami",
        headers={"Authorization": f"Bearer {token.get_json()['access_token']}"},
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("told", "is_same"),
    [
        ("https://points.example/a", True),
        ("https://POINTS.example:443/a", True),
        ("https://points.example/a?b=c#d", True),
        ("https://points.example/b", False),
        ("http://points.example/a", False),
        ("https://points.example:444/a", False),
        ("https://points.example:x/a", False),
        ("", False),
    ],
)
def test_spellings_of_one_address_are_the_same(told, is_same):
    assert is_same_address(told, f"{PUBLIC}/a") == is_same
