"""Partners with machines of their own, and a site that answers over HTTP."""

import base64
import hashlib
import json
import threading
import time
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import pytest
import requests
from flask import jsonify
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import text
from werkzeug.serving import make_server

from blueprints.oauth.dpop import hash_of
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.clients import operations
from loyalty.clients.operations import Profile
from loyalty.clock import now

PARTNER = "CEB"
SCOPES = ("balances:read", "accruals:write")


class Machine:
    """A partner's machine: what it was given, and how it calls."""

    def __init__(self, client_id, secret, key):
        self.client_id, self.secret, self.key = client_id, secret, key

    def assertion(self, audience, *, key=None, alg="ES256", **claims):
        """Sign who it is; a claim that is None is left out."""
        said = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "exp": int(time.time()) + 60,
            "iat": int(time.time()),
            "jti": uuid4().hex,
        } | claims
        said = {name: value for name, value in said.items() if value is not None}
        signer = key or self.key
        return jws.serialize_compact({"alg": alg}, json.dumps(said), signer, [alg])


def proof(key, method, address, *, token=None, typ="dpop+jwt", jwk=None, **claims):
    """Prove to have a key; a claim that is None is left out."""
    said = {
        "jti": uuid4().hex,
        "htm": method,
        "htu": address,
        "iat": int(time.time()),
    }
    if token is not None:
        said["ath"] = hash_of(token)
    said = {k: v for k, v in (said | claims).items() if v is not None}
    header = {
        "typ": typ,
        "alg": "ES256",
        "jwk": jwk or key.as_dict(private=False),
    }
    return jws.serialize_compact(header, json.dumps(said), key)


@pytest.fixture
def enroll(fresh_database, keyring):
    """Let a machine of a partner in."""

    def come(*, partner=PARTNER, scopes=SCOPES, method="client_secret_basic", **other):
        key = ECKey.generate_key("P-256", auto_kid=True)
        with fresh_database.unit_of_work() as session:
            session.execute(
                text(
                    "INSERT INTO partner (partner, kind, name)"
                    " VALUES (:partner, 'bank', '光大银行') ON CONFLICT DO NOTHING"
                ),
                {"partner": partner},
            )
            profile = Profile(
                partner=partner,
                name="积分系统",
                auth_method=method,
                scopes=scopes,
                **other,
            )
            client_id = operations.add(session, profile=profile, at=now()).client_id
            secret = None
            if method == "client_secret_basic":
                secret = operations.new_secret(
                    session, client_id=client_id, keyring=keyring
                )
            else:
                jwks = {"keys": [key.as_dict(private=False)]}
                operations.set_keys(session, client_id=client_id, jwks=jwks)
        return Machine(client_id, secret, key)

    return come


@pytest.fixture
def app(app):
    """The site, with views that say who calls."""

    @app.get("/api/v1/whoami")
    @requires_scope("balances:read")
    def whoami():
        who = caller()
        return jsonify(
            client_id=who.client_id,
            partner=who.partner,
            scopes=sorted(who.scopes),
            member_id=who.member_id,
        )

    @app.get("/api/v1/orders-only")
    @requires_scope("orders:write")
    def orders_only():
        return jsonify(client_id=caller().client_id)

    return app


@pytest.fixture
def site(app):
    """The address at which the site answers over HTTP."""
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
def ask_token(site):
    """Ask for a token as a machine would by hand."""

    def ask(machine=None, *, headers=None, **form):
        told = {"grant_type": "client_credentials"} | form
        told = {name: value for name, value in told.items() if value is not None}
        auth = None
        if machine is not None and machine.secret is not None:
            auth = (machine.client_id, machine.secret)
        return requests.post(
            f"{site}/oauth/token", data=told, auth=auth, headers=headers, timeout=10
        )

    return ask


@pytest.fixture
def token_of(ask_token):
    """The access token of a machine that has a secret."""

    def get(machine, **form):
        answer = ask_token(machine, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    return get


@pytest.fixture
def call(site):
    """Call the API with a token."""

    def get(token, path="/api/v1/whoami", *, scheme="Bearer", **headers):
        return requests.get(
            f"{site}{path}",
            headers={"Authorization": f"{scheme} {token}"} | headers,
            timeout=10,
        )

    return get


@pytest.fixture
def metadata(site):
    """What the server says of itself."""
    answer = requests.get(f"{site}/.well-known/oauth-authorization-server", timeout=10)
    return json.loads(answer.text)


BACK = "http://127.0.0.1:9/back"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
KINDS = ("balance.read", "accrue")


def challenge(verifier=VERIFIER):
    """What a client shows of its verifier beforehand."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture
def linking(enroll):
    """A machine that may ask members, and call the API for those who agreed."""
    return lambda **other: enroll(
        scopes=(*SCOPES, *KINDS),
        redirect_uris=(BACK,),
        contact="客服 95595",
        **other,
    )


@pytest.fixture
def push(app):
    """Push what a machine wants to ask; a parameter that is None is left out."""

    def send(machine, *, headers=None, **other):
        told = {
            "response_type": "code",
            "client_id": machine.client_id,
            "redirect_uri": BACK,
            "scope": " ".join(KINDS),
            "state": "as it was",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
            "account_ref": "C-0001",
        } | other
        return app.test_client().post(
            "/oauth/par",
            data={name: value for name, value in told.items() if value is not None},
            auth=(machine.client_id, machine.secret),
            headers=headers,
        )

    return send


class Consenting:
    """A member at the consent page of one request."""

    def __init__(self, client, path, csrf, telephone):
        self.client, self.path = client, path
        self.csrf, self.telephone = csrf, telephone

    def page(self):
        """Open the page."""
        return self.client.get(self.path)

    def send(self, **fields):
        """Send the form of the page."""
        page = self.page()
        assert page.status_code == 200, page.text
        return self.client.post(
            self.path, data={"csrf_token": self.csrf(page.text)} | fields
        )

    def agree(self, **fields):
        """Say yes, with the code that was sent; returns what the browser carries."""
        assert self.send(do="send", agree="yes").status_code == 200
        code = self.telephone.code()
        answer = self.send(**({"do": "confirm", "agree": "yes", "code": code} | fields))
        assert answer.status_code == 303, answer.text
        return carried(answer)


def carried(answer):
    """What the browser carries back to who asked."""
    assert answer.location.startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(answer.location).query))


@pytest.fixture
def consenting(browser, join, csrf, telephone):
    """Bring a member to the consent page of a request."""

    def come(machine, pushed, *, member_id=None):
        client = browser(member_id=member_id or join())
        query = urlencode(
            {"client_id": machine.client_id, "request_uri": pushed["request_uri"]}
        )
        return Consenting(client, f"/oauth/authorize?{query}", csrf, telephone)

    return come


@pytest.fixture
def agree(push, consenting):
    """Let a member agree to what a machine pushes; returns what is carried back."""

    def say_yes(machine, *, member_id=None, **other):
        pushed = push(machine, **other).get_json()
        return consenting(machine, pushed, member_id=member_id).agree()

    return say_yes


@pytest.fixture
def spend(app):
    """Bring a code or a refresh token to the token endpoint."""

    def bring(machine, *, headers=None, **form):
        told = {
            "grant_type": "authorization_code",
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        } | form
        if told["grant_type"] == "refresh_token":
            told = form
        return app.test_client().post(
            "/oauth/token",
            data={name: value for name, value in told.items() if value is not None},
            auth=(machine.client_id, machine.secret),
            headers=headers,
        )

    return bring


@pytest.fixture
def whoami(app):
    """Call the API with a token."""
    return lambda token, path="/api/v1/whoami": app.test_client().get(
        path, headers={"Authorization": f"Bearer {token}"}
    )


@pytest.fixture
def linked(linking, push, consenting, spend):
    """A machine, the member who agreed, and the tokens that came of it."""
    machine = linking()
    member = consenting(machine, push(machine).get_json())
    told = member.agree()
    return machine, member, told["code"], spend(machine, code=told["code"]).get_json()
