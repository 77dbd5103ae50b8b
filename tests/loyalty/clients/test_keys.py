"""Which keys and ways back of strangers are taken."""

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from loyalty.clients.errors import BadClientKey
from loyalty.clients.operations import leads_back
from loyalty.clients.signing import client_keys


def public(key):
    return key.as_dict(private=False)


@pytest.mark.parametrize(
    "key",
    [
        ECKey.generate_key("P-256"),
        OKPKey.generate_key("Ed25519"),
        RSAKey.generate_key(2048),
    ],
)
def test_keys_of_the_profile_are_taken(key):
    (taken,) = client_keys({"keys": [public(key)]})

    assert taken.thumbprint() == key.thumbprint()


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": "all of them"},
        {"keys": ["one"]},
        {"keys": [{"kty": "EC"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]},
        {"keys": [public(ECKey.generate_key("P-384"))]},
        {"keys": [public(OKPKey.generate_key("X25519"))]},
        {"keys": [OctKey.generate_key(256).as_dict()]},
        {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]},
        {"keys": [public(ECKey.generate_key("P-256")) for _ in range(6)]},
    ],
)
def test_keys_that_cannot_be_relied_on_are_refused(jwks):
    with pytest.raises(BadClientKey):
        client_keys(jwks)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_short_rsa_key_is_refused():
    with pytest.raises(BadClientKey) as told:
        client_keys({"keys": [public(RSAKey.generate_key(1024))]})

    assert "2048" in str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://bank.example/back",
        "https://bank.example/back?from=jifen",
        "http://127.0.0.1:4000/back",
        "http://localhost/back",
    ],
)
def test_a_way_back_leads_to_the_partner(address):
    assert leads_back(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "back",
        "http://bank.example/back",
        "https://bank.example/back#there",
        "https://user@bank.example/",
        "https://bank.example\\@evil.example/",
        "https://bank.example/ back",
        "javascript:alert(1)",
        "https://[::",
    ],
)
def test_a_way_back_that_could_lead_elsewhere_is_refused(address):
    assert not leads_back(address)
