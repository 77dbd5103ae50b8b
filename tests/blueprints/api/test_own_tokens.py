"""A token that a member gave is good for that member alone."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest

from blueprints.oauth.examining import TOKEN_TYPE
from loyalty.clients.signing import sign
from loyalty.clients.tokens import grant
from loyalty.clock import now, wall
from tests.blueprints.api.conftest import accrual

SCOPES = ("accruals:write", "balances:read", "members:validate")


@pytest.fixture
def given_by(bank, fresh_database, keyring, rows):
    """Give the bank's machine a token that stands on a member's consent."""

    def give(member_id):
        client_id = bank.client.client_id
        ((consent_ref,),) = rows(
            "SELECT consent_ref FROM link_consent WHERE member_id = :m", m=member_id
        )
        with fresh_database.unit_of_work() as session:
            made = grant(
                session,
                client_id=client_id,
                consent_ref=consent_ref,
                scopes=SCOPES,
                expires_at=wall() + timedelta(hours=1),
                at=wall(),
            )
            claims = {
                "iss": bank.site,
                "aud": bank.site,
                "sub": client_id,
                "client_id": client_id,
                "scope": " ".join(SCOPES),
                "iat": int(time.time()),
                "exp": int(time.time()) + 60,
                "jti": uuid4().hex,
                "grant_id": str(made.grant_id),
            }
            token = sign(session, claims, typ=TOKEN_TYPE, keyring=keyring, at=wall())
        bank.client.token = {"access_token": token, "token_type": "Bearer"}

    return give


def test_nobody_is_reached_by_the_token_of_somebody_else(
    bank, member, given_by, other, proved
):
    given_by(member)
    hers = bank.post("/accruals", accrual("T1"))
    others = bank.post("/accruals", accrual("T2", account_ref="4403"))
    names = {"account_ref": "4403", "family_name": "王", "given_name": "芳"}

    assert other == "M13300000002"
    assert hers.status_code == 201, hers.text
    assert (others.status_code, others.json()["code"]) == (422, "unknown_account")
    assert bank.get("/members/M13300000001/balances").status_code == 200
    assert bank.get(f"/members/{other}/balances").status_code == 404
    assert bank.post("/member-validations", names).json()["status"] == "invalid"
    assert proved() == []


def test_a_token_ends_with_the_consent_behind_it(bank, member, given_by, change):
    given_by(member)
    assert bank.post("/accruals", accrual("T1")).status_code == 201
    change(
        "UPDATE link_consent SET state = 'revoked', ended_at = :at, reason = 'member'",
        at=now(),
    )

    assert bank.post("/accruals", accrual("T2")).status_code == 401


@pytest.fixture
def other(bank, join, link, agree):
    """Somebody else with an account, who agreed to everything too."""
    assert bank
    member_id = join("13300000002")
    link(member_id, "4403")
    agree(member_id, "validate", "balance.read", account_ref="4403")
    return "M13300000002"
