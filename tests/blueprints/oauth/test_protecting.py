"""What a call must bring, and what is refused."""

import base64
import json
import time
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import text

from loyalty.clients import operations, signing
from loyalty.clients.queries import signing_keys
from loyalty.clock import wall
from tests.blueprints.oauth.conftest import proof


@pytest.fixture
def forge(site, fresh_database, keyring):
    """A token signed with our own key that says something else."""

    def sign(machine, *, typ="at+jwt", **claims):
        present = int(time.time())
        said = {
            "iss": site,
            "aud": site,
            "sub": machine.client_id,
            "client_id": machine.client_id,
            "scope": "balances:read",
            "iat": present,
            "exp": present + 300,
            "jti": "forged",
        } | claims
        with fresh_database.unit_of_work() as session:
            return signing.sign(session, said, typ=typ, keyring=keyring, at=wall())

    return sign


def refused(answer, error="invalid_token", scheme="Bearer"):
    assert answer.status_code == 401, answer.text
    assert answer.json()["type"] == f"/problems/{error}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith(f"{scheme} ")
    return f'error="{error}"' in answer.headers["WWW-Authenticate"]


def test_what_we_sign_ourselves_is_let_in(enroll, forge, call):
    assert call(forge(enroll())).status_code == 200


NOT_OURS: list[dict[str, Any]] = [
    {"iss": "https://other.example"},
    {"aud": "https://other.example"},
    {"exp": 1_000_000_000},
    {"exp": 9_999_999_999},
    {"iat": 9_999_999_999},
    {"client_id": "cli_nobody"},
    {"client_id": "\x00"},
    {"client_id": None},
    {"grant_id": "00000000-0000-4000-8000-000000000000"},
    {"grant_id": "nonsense"},
    {"typ": "JWT"},
]


def test_a_token_that_is_not_ours_or_not_now_is_refused(enroll, forge, call):
    machine = enroll()
    for claims in NOT_OURS:
        assert refused(call(forge(machine, **claims)))


def test_a_token_just_expired_on_our_clock_is_taken(enroll, forge, call):
    machine = enroll()

    assert call(forge(machine, exp=int(time.time()) - 5)).status_code == 200
    assert refused(call(forge(machine, exp=int(time.time()) - 61)))


def test_nothing_at_all_is_asked_for_a_token(site):
    answer = requests.get(f"{site}/api/v1/whoami", timeout=10)

    assert not refused(answer, "token_missing")
    assert "error" not in answer.headers["WWW-Authenticate"]
    assert 'DPoP realm="jifen", algs="ES256 ' in answer.headers["WWW-Authenticate"]


NONSENSE = ["x", "a.b.c", "..", "e30.e30.e30", "eyJhbGciOjF9.W10.x", "é"]


def test_nonsense_is_refused(call):
    for token in NONSENSE:
        assert refused(call(token))


def test_a_token_in_the_address_is_not_looked_at(site, enroll, token_of):
    token = token_of(enroll())

    answer = requests.get(
        f"{site}/api/v1/whoami", params={"access_token": token}, timeout=10
    )

    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_an_unsigned_token_is_refused(enroll, token_of, call):
    _, claims, _ = token_of(enroll()).split(".")
    header = json.dumps({"alg": "none", "typ": "at+jwt"}).encode()
    none = base64.urlsafe_b64encode(header).rstrip(b"=").decode()

    assert refused(call(f"{none}.{claims}."))


def test_our_public_key_is_no_secret_to_sign_with(
    site, metadata, enroll, token_of, call
):
    machine = enroll()
    token_of(machine)
    (public, *_) = requests.get(metadata["jwks_uri"], timeout=10).json()["keys"]
    present = int(time.time())
    said = {
        "iss": site,
        "aud": site,
        "client_id": machine.client_id,
        "scope": "balances:read",
        "exp": present + 60,
        "jti": "forged",
    }
    header = {"alg": "HS256", "typ": "at+jwt", "kid": public["kid"]}
    secret = OctKey.import_key(json.dumps(public).encode())

    assert refused(call(jwt.encode(header, said, secret)))


def test_another_key_under_our_name_is_refused(site, metadata, enroll, call):
    machine = enroll()
    (public, *_) = requests.get(metadata["jwks_uri"], timeout=10).json()["keys"]
    said = {
        "iss": site,
        "aud": site,
        "client_id": machine.client_id,
        "scope": "balances:read",
        "exp": int(time.time()) + 60,
        "jti": "forged",
    }
    header = {"alg": "ES256", "typ": "at+jwt", "kid": public["kid"]}

    assert refused(call(jwt.encode(header, said, ECKey.generate_key("P-256"))))


def test_a_changed_token_is_refused(enroll, token_of, call):
    header, claims, signature = token_of(enroll(), scope="balances:read").split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    said["scope"] = "balances:read orders:write"
    more = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()

    assert refused(call(f"{header}.{more}.{signature}", "/api/v1/orders-only"))


def test_a_revoked_token_is_refused(enroll, forge, call, fresh_database):
    token = forge(enroll())
    with fresh_database.unit_of_work() as session:
        operations.revoke_token(session, jti="forged", expires_at=wall())

    assert refused(call(token))


def test_a_scope_that_was_taken_away_opens_nothing_more(
    enroll, token_of, call, fresh_database
):
    machine = enroll()
    token = token_of(machine)
    with fresh_database.unit_of_work() as session:
        session.execute(
            text("UPDATE partner_client SET scopes = ARRAY['accruals:write']")
        )

    assert call(token).status_code == 403


@pytest.fixture
def rotate(fresh_database, keyring):
    """Let our next key sign."""

    def turn():
        with fresh_database.unit_of_work() as session:
            signing.rotate(session, keyring=keyring, at=wall())

    return turn


def test_keys_follow_each_other_without_a_gap(enroll, token_of, call, metadata, rotate):
    machine = enroll()
    before = token_of(machine)
    known = requests.get(metadata["jwks_uri"], timeout=10).json()["keys"]
    rotate()
    after = token_of(machine)

    assert call(before).status_code == call(after).status_code == 200
    # Whoever read our keys before the rotation knows the one that signs after it.
    assert signing.header_of(after)["kid"] in [key["kid"] for key in known]
    assert signing.header_of(after)["kid"] != signing.header_of(before)["kid"]


def test_one_key_signs_and_one_is_to_come(rotate, fresh_database):
    for _ in range(3):
        rotate()

    with fresh_database.unit_of_work() as session:
        states = sorted(key.state for key in signing_keys(session))
    assert states == ["current", "next", "retired", "retired"]


def test_a_key_retired_long_ago_verifies_nothing(
    enroll, token_of, call, rotate, fresh_database
):
    token = token_of(enroll())
    rotate()
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE oauth_key SET retired_at = now() - interval '1 hour'"
                " WHERE state = 'retired'"
            )
        )

    assert refused(call(token))
    with fresh_database.unit_of_work() as session:
        signing.forget_retired(session, at=wall())
        left = [key.kid for key in signing_keys(session)]
    assert signing.header_of(token)["kid"] not in left


@pytest.fixture
def bound(site, enroll, ask_token):
    """A machine that must prove to have its key, the key, and a token of it."""
    machine, key = enroll(require_dpop=True), ECKey.generate_key("P-256")
    answer = ask_token(
        machine, headers={"DPoP": proof(key, "POST", f"{site}/oauth/token")}
    )
    assert answer.json()["token_type"] == "DPoP"
    return machine, key, answer.json()["access_token"]


def test_a_client_that_must_prove_its_key_gets_nothing_without(enroll, ask_token):
    answer = ask_token(enroll(require_dpop=True))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_bound_token_opens_with_a_proof_of_its_key(site, bound, call):
    _, key, token = bound
    good = proof(key, "GET", f"{site}/api/v1/whoami", token=token)

    assert call(token, scheme="DPoP", DPoP=good).status_code == 200


def test_a_bound_token_is_no_bearer_token(bound, call):
    _, _, token = bound

    assert refused(call(token), scheme="DPoP")


def test_a_bound_token_without_a_proof_is_refused(bound, call):
    _, _, token = bound

    assert refused(call(token, scheme="DPoP"), "invalid_dpop_proof", "DPoP")


def test_a_proof_serves_once(site, bound, call):
    _, key, token = bound
    good = proof(key, "GET", f"{site}/api/v1/whoami", token=token)

    assert call(token, scheme="DPoP", DPoP=good).status_code == 200
    again = call(token, scheme="DPoP", DPoP=good)
    assert refused(again, "invalid_dpop_proof", "DPoP")


SOMETHING_ELSE: list[dict[str, Any]] = [
    {"htm": "POST"},
    {"htu": "https://other.example/api/v1/whoami"},
    {"htu": "http://127.0.0.1:1/api/v1/whoami"},
    {"htu": "http://[::"},
    {"htu": None},
    {"ath": None},
    {"ath": "\ud800"},
    {"jti": None},
    {"iat": None},
    {"iat": 1_000_000_000},
    {"iat": 9_999_999_999},
    {"typ": "JWT"},
    {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
    {"jwk": ECKey.generate_key("P-256").as_dict(private=True)},
]


def test_a_proof_of_something_else_is_refused(site, bound, call):
    for told in SOMETHING_ELSE:
        _, key, token = bound
        bad = proof(key, "GET", f"{site}/api/v1/whoami", **({"token": token} | told))

        answer = call(token, scheme="DPoP", DPoP=bad)

        assert refused(answer, "invalid_dpop_proof", "DPoP")


def test_a_proof_of_another_key_is_refused(site, bound, call):
    _, _, token = bound
    other = ECKey.generate_key("P-256")
    bad = proof(other, "GET", f"{site}/api/v1/whoami", token=token)

    answer = call(token, scheme="DPoP", DPoP=bad)

    assert refused(answer, "invalid_dpop_proof", "DPoP")


def test_an_unbound_token_of_a_client_that_must_prove_its_key_is_refused(
    bound, forge, call
):
    machine, _, _ = bound

    assert refused(call(forge(machine)), scheme="DPoP")


def test_a_question_in_the_address_is_no_part_of_the_proof(site, bound, call):
    _, key, token = bound
    good = proof(key, "GET", f"{site}/api/v1/whoami", token=token)

    answer = call(token, "/api/v1/whoami?limit=3", scheme="DPoP", DPoP=good)

    assert answer.status_code == 200
