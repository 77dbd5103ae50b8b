"""Machines get tokens of their own, with clients that were not written here."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from loyalty.clients import operations
from loyalty.clients.signing import header_of, unverified
from loyalty.clock import wall

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

KEYS: dict[str, Key] = {
    "ES256": ECKey.generate_key("P-256"),
    "PS256": RSAKey.generate_key(2048),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}


@pytest.fixture(autouse=True)
def _over_http(monkeypatch):
    # The site answers on loopback, without TLS; oauthlib asks to be told so.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_requests_oauthlib_gets_a_token_with_a_secret(site, metadata, enroll):
    machine = enroll()
    client = OAuth2Session(
        client=BackendApplicationClient(machine.client_id, scope=["balances:read"])
    )

    token = client.fetch_token(
        metadata["token_endpoint"],
        client_id=machine.client_id,
        client_secret=machine.secret,
    )

    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 300
    assert client.get(f"{site}/api/v1/whoami").json() == {
        "client_id": machine.client_id,
        "partner": "CEB",
        "scopes": ["balances:read"],
        "member_id": None,
    }


def test_requests_oauthlib_gets_a_token_with_a_key(site, metadata, enroll):
    machine = enroll(method="private_key_jwt")
    client = OAuth2Session(client=BackendApplicationClient(machine.client_id))

    client.fetch_token(
        metadata["token_endpoint"],
        include_client_id=True,
        client_assertion_type=ASSERTION,
        client_assertion=machine.assertion(metadata["issuer"]),
    )

    assert client.get(f"{site}/api/v1/whoami").status_code == 200


def test_authlib_gets_a_token_with_a_secret(site, metadata, enroll):
    machine = enroll()
    client = AuthlibSession(
        machine.client_id, machine.secret, token_endpoint_auth_method=None
    )

    client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")

    assert client.get(f"{site}/api/v1/whoami").json()["scopes"] == [
        "accruals:write",
        "balances:read",
    ]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("alg", list(KEYS))
def test_authlib_gets_a_token_with_a_key(site, metadata, enroll, fresh_database, alg):
    machine = enroll(method="private_key_jwt")
    key = KEYS[alg]
    with fresh_database.unit_of_work() as session:
        jwks = {"keys": [key.as_dict(private=False)]}
        operations.set_keys(session, client_id=machine.client_id, jwks=jwks)
    client = AuthlibSession(
        machine.client_id, key, token_endpoint_auth_method="private_key_jwt"
    )
    client.register_client_auth_method(
        PrivateKeyJWT(metadata["token_endpoint"], alg=alg)
    )

    client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")

    assert client.get(f"{site}/api/v1/whoami").status_code == 200


def test_a_token_can_be_verified_by_whoever_reads_our_keys(
    site, metadata, enroll, token_of
):
    machine = enroll()
    keys = requests.get(metadata["jwks_uri"], timeout=10).json()

    token = jwt.decode(token_of(machine), KeySet.import_key_set(keys))

    assert token.header["typ"] == "at+jwt"
    assert token.claims["iss"] == metadata["issuer"] == site
    assert token.claims["aud"] == site
    assert token.claims["sub"] == token.claims["client_id"] == machine.client_id
    assert token.claims["exp"] - token.claims["iat"] == 300
    assert all("d" not in key for key in keys["keys"])


def test_a_scope_the_client_may_not_have_is_refused(enroll, ask_token):
    answer = ask_token(enroll(), scope="balances:read orders:write")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_what_only_a_member_can_give_is_refused(enroll, ask_token):
    machine = enroll(
        scopes=("balances:read", "balance.read"),
        redirect_uris=("https://bank.example/back",),
        contact="95595",
    )

    answer = ask_token(machine, scope="balance.read")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_client_of_one_scope_is_refused_another(enroll, token_of, call):
    token = token_of(enroll(scopes=("balances:read",)))

    answer = call(token, "/api/v1/orders-only")

    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/insufficient_scope"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="orders:write"' in answer.headers["WWW-Authenticate"]


def test_a_wrong_secret_is_answered_401(enroll, ask_token):
    machine = enroll()
    machine.secret = "guessed"

    answer = ask_token(machine)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_client_that_was_disabled_gets_nothing(
    enroll, ask_token, token_of, call, fresh_database
):
    machine = enroll()
    token = token_of(machine)
    with fresh_database.unit_of_work() as session:
        operations.disable(session, client_id=machine.client_id, at=wall())

    assert ask_token(machine).status_code == 401
    assert call(token).status_code == 401


def test_an_old_secret_is_worth_nothing(enroll, ask_token, fresh_database, keyring):
    machine = enroll()
    with fresh_database.unit_of_work() as session:
        operations.new_secret(session, client_id=machine.client_id, keyring=keyring)

    assert ask_token(machine).status_code == 401


NOT_FOR_US: list[dict[str, Any]] = [
    {"aud": "https://other.example/oauth/token"},
    {"aud": None},
    {"exp": None},
    {"jti": None},
    {"iss": "somebody else"},
    {"exp": 1_000_000_000},
    {"exp": 9_999_999_999},
    {"iat": 9_999_999_999},
    {"jti": "\ud800"},
    {"jti": "x" * 300},
    {"exp": "soon"},
    {"exp": float("inf")},
]


def test_an_assertion_that_is_not_for_us_and_now_is_refused(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    for claims in NOT_FOR_US:
        told = {"audience": site} | claims
        audience = told.pop("aud", told.pop("audience"))

        answer = ask_token(
            client_assertion_type=ASSERTION,
            client_assertion=machine.assertion(audience, **told),
        )

        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_for_us_and_others_is_refused(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    assertion = machine.assertion([site, "https://other.example"])

    answer = ask_token(client_assertion_type=ASSERTION, client_assertion=assertion)

    assert answer.json()["error"] == "invalid_client"


def test_an_assertion_serves_once(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    form = {
        "client_assertion_type": ASSERTION,
        "client_assertion": machine.assertion(site),
    }

    first, second = ask_token(**form), ask_token(**form)

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (401, "invalid_client")


def test_of_assertions_that_come_at_once_one_serves(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    form = {
        "client_assertion_type": ASSERTION,
        "client_assertion": machine.assertion(site),
    }

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask_token(**form), range(4)))

    assert sorted(one.status_code for one in answers) == [200, 401, 401, 401]


def test_the_first_who_come_at_once_share_one_key(enroll, ask_token):
    machine = enroll()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask_token(machine), range(4)))

    tokens = [answer.json()["access_token"] for answer in answers]
    assert len({header_of(token)["kid"] for token in tokens}) == 1
    assert len({unverified(token)["jti"] for token in tokens}) == 4


def test_an_assertion_a_little_ahead_of_our_clock_is_taken(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    ahead = int(time.time()) + 8

    answer = ask_token(
        client_assertion_type=ASSERTION,
        client_assertion=machine.assertion(site, iat=ahead, nbf=ahead),
    )

    assert answer.status_code == 200


def test_a_public_key_is_no_secret_to_sign_with(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    public = json.dumps(machine.key.as_dict(private=False)).encode()
    forged = machine.assertion(site, key=OctKey.import_key(public), alg="HS256")

    answer = ask_token(client_assertion_type=ASSERTION, client_assertion=forged)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_of_another_key_is_refused(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    forged = machine.assertion(site, key=ECKey.generate_key("P-256"))

    answer = ask_token(client_assertion_type=ASSERTION, client_assertion=forged)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unsigned_assertion_is_refused(site, enroll, ask_token):
    machine = enroll(method="private_key_jwt")
    _, claims, _ = machine.assertion(site).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()

    answer = ask_token(
        client_assertion_type=ASSERTION, client_assertion=f"{none}.{claims}."
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_rs256_assertion_is_refused_even_with_the_right_key(
    site, enroll, ask_token, fresh_database
):
    machine = enroll(method="private_key_jwt")
    key = RSAKey.generate_key(2048)
    with fresh_database.unit_of_work() as session:
        jwks = {"keys": [key.as_dict(private=False)]}
        operations.set_keys(session, client_id=machine.client_id, jwks=jwks)

    answer = ask_token(
        client_assertion_type=ASSERTION,
        client_assertion=machine.assertion(site, key=key, alg="RS256"),
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


UNREADABLE = [
    "Basic",
    "Basic !!!",
    "Basic /w==",
    "Basic OgA=",
    "Basic YWJj",
    "Bearer x",
]


def test_a_header_that_cannot_be_read_is_no_client(ask_token):
    for header in UNREADABLE:
        answer = ask_token(headers={"Authorization": header})

        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_grant_we_do_not_know_is_refused(enroll, ask_token):
    answer = ask_token(enroll(), grant_type="password")

    assert answer.json()["error"] == "unsupported_grant_type"


def test_nothing_is_taken_from_the_address(site, enroll):
    machine = enroll()

    answer = requests.post(
        f"{site}/oauth/token?grant_type=client_credentials",
        auth=(machine.client_id, machine.secret),
        timeout=10,
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_parameter_is_sent_once(site, enroll):
    machine = enroll()

    answer = requests.post(
        f"{site}/oauth/token",
        data=[("grant_type", "client_credentials")] * 2,
        auth=(machine.client_id, machine.secret),
        timeout=10,
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
