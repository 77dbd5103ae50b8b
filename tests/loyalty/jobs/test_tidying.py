"""What is over is forgotten, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.clients import operations, signing
from loyalty.clients.queries import signing_keys
from loyalty.clock import wall
from loyalty.jobs.running import run_job
from loyalty.keyring import Keyring

SECRET = "a secret of the tests, and of nobody else"


@pytest.fixture
def tidy(fresh_database, monkeypatch):
    """Run the job."""
    monkeypatch.setenv("JIFEN_SECRET_KEY", SECRET)
    return lambda: run_job(fresh_database, "tidy-oauth", wall().date())


def test_what_can_be_used_no_more_is_forgotten(tidy, fresh_database):
    with fresh_database.unit_of_work() as session:
        for jti, days in (("over", -1), ("good", 1)):
            expires_at = wall() + timedelta(days=days)
            operations.revoke_token(session, jti=jti, expires_at=expires_at)
            assert operations.use_once(
                session, space="proof", owner="key", jti=jti, expires_at=expires_at
            )

    told = tidy()

    assert told == "2 tokens and proofs forgotten, 0 consents ended"
    assert tidy().startswith("0 tokens")
    with fresh_database.unit_of_work() as session:
        left = session.scalars(text("SELECT jti FROM oauth_revoked_token")).all()
        assert left == ["good"]
        assert session.scalar(text("SELECT count(*) FROM oauth_used_once")) == 1


def test_a_key_signs_for_ninety_days(tidy, fresh_database):
    keyring = Keyring(SECRET.encode())
    with fresh_database.unit_of_work() as session:
        first = signing.rotate(
            session, keyring=keyring, at=wall() - timedelta(days=89, hours=23)
        ).kid

    assert "next key" not in tidy()
    with fresh_database.unit_of_work() as session:
        session.execute(
            text("UPDATE oauth_key SET current_at = current_at - interval '1 hour'")
        )
    assert "next key" in tidy()
    assert "next key" not in tidy()
    with fresh_database.unit_of_work() as session:
        states = {key.kid: key.state for key in signing_keys(session)}
    assert states[first] == "retired"
    assert sorted(states.values()) == ["current", "next", "retired"]
