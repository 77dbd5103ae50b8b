"""Whatever strangers send, the authorization server answers in words of its own."""

import random

from joserfc import jws
from joserfc.jwk import ECKey

from tests.blueprints.oauth.conftest import BACK, challenge

PARAMETERS = (
    "client_id",
    "client_assertion",
    "client_assertion_type",
    "grant_type",
    "response_type",
    "redirect_uri",
    "request_uri",
    "scope",
    "state",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "refresh_token",
    "token",
    "token_type_hint",
    "account_ref",
    "link_consent",
    "dpop_jkt",
)
NONSENSE = (
    "",
    "\x00",
    "a\x00b",
    '"\\',
    "é",
    "积分",
    "x" * 5_000,
    "..",
    "a.b.c",
    "e30.e30.e30",
    "eyJhbGciOiJFUzI1NiJ9.bnVsbA.x",
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "code",
    "balance.read",
    "balances:read",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "urn:ietf:params:oauth:request_uri:x",
    BACK,
    "S256",
    challenge(),
)
MACHINES = ("/oauth/token", "/oauth/par", "/oauth/revoke", "/oauth/introspect")


def test_machines_are_told_what_was_wrong(linking, app):
    machine, chance = linking(require_par=False), random.Random(7)  # noqa: S311
    client = app.test_client()
    for _ in range(400):
        told = {
            name: chance.choice(NONSENSE)
            for name in chance.sample(PARAMETERS, chance.randrange(1, 8))
        }
        auth = chance.choice([None, (machine.client_id, machine.secret), ("\x00", "é")])
        proof = chance.choice([None, *NONSENSE[3:12]])
        path = chance.choice(MACHINES)

        answer = client.post(
            path,
            data=told,
            auth=auth,
            headers={} if proof is None else {"DPoP": proof.encode().decode("latin1")},
        )

        assert answer.status_code < 500, (path, told, auth, proof, answer.text)
        assert answer.is_json


def test_a_form_is_no_novel(linking, app):
    machine = linking()

    answer = app.test_client().post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "scope": "x" * 100_000},
        auth=(machine.client_id, machine.secret),
    )

    assert answer.status_code == 413


def test_people_are_told_that_it_is_over(linking, browser, join):
    machine, chance = linking(require_par=False), random.Random(11)  # noqa: S311
    client = browser(member_id=join())
    for _ in range(200):
        told = {"client_id": machine.client_id, "redirect_uri": BACK} | {
            name: chance.choice(NONSENSE)
            for name in chance.sample(PARAMETERS, chance.randrange(1, 8))
        }

        answer = client.get("/oauth/authorize", query_string=told)

        assert answer.status_code in {302, 303, 404, 422}, (told, answer.text)
        if answer.location is not None and answer.location.startswith("http"):
            assert answer.location.startswith(f"{BACK}?")


def test_names_that_cannot_be_are_not_there(browser, join, employ, csrf):
    client = browser(member_id=join(), staff_id=employ("an", "admin"))
    token = csrf(client.get("/profile").text)

    for path in ("/profile/links/%00/end", "/console/clients/%00/disable"):
        answer = client.post(path, data={"csrf_token": token})
        assert answer.status_code == 404, path


def test_a_token_that_says_anything_is_refused(app):
    key = ECKey.generate_key("P-256")
    for said in (
        b"null",
        b"[]",
        b"1",
        b"{}",
        b'{"jti":1,"client_id":[],"grant_id":{}}',
    ):
        token = jws.serialize_compact({"alg": "ES256", "kid": "k"}, said, key)

        answer = app.test_client().get(
            "/api/v1/whoami", headers={"Authorization": f"Bearer {token}"}
        )

        assert answer.status_code == 401
