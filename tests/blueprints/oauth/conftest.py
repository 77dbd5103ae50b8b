"""Partners with machines of their own, and a site that answers over HTTP."""

import json
import threading
import time
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
