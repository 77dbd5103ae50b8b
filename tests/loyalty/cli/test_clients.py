"""Machines of partners, from the command line."""

import json

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text

SECRET = {"JIFEN_SECRET_KEY": "a secret of the tests, and of nobody else"}


@pytest.fixture
def bank(fresh_database):
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO partner (partner, kind, name) VALUES ('CEB', 'bank', 'B')"
            )
        )


@pytest.mark.usefixtures("bank")
def test_a_secret_is_printed_once(cli):
    added = cli(
        *("client", "add", "CEB", "--name", "core", "--scope", "balances:read"),
        **SECRET,
    )
    listed = cli("client", "list", "--json")

    assert added.exit_code == 0, added.stderr
    secret = added.stdout.partition("client_secret: ")[2].split()[0]
    (client,) = json.loads(listed.stdout)
    assert client["client_id"] in added.stdout
    assert client["scopes"] == ["balances:read"]
    assert secret not in listed.stdout


@pytest.mark.usefixtures("bank")
def test_a_machine_with_keys_has_no_secret(cli, tmp_path):
    keys = tmp_path / "jwks.json"
    public = ECKey.generate_key("P-256").as_dict(private=False)
    keys.write_text(json.dumps({"keys": [public]}))
    wanted = ("client", "add", "CEB", "--name", "core", "--scope", "balances:read")

    without = cli(*wanted, "--method", "private_key_jwt")
    added = cli(*wanted, "--method", "private_key_jwt", "--keys", keys)
    rotated = cli("client", "rotate", added.stdout.split()[1], "--keys", keys)

    assert (without.exit_code, added.exit_code, rotated.exit_code) == (2, 0, 0)
    assert "secret" not in added.stdout + rotated.stdout
    assert len(json.loads(cli("client", "list", "--json").stdout)) == 1


def test_a_partner_that_is_not_there_gets_no_machine(cli):
    refused = cli(
        *("client", "add", "NONE", "--name", "core", "--scope", "balances:read"),
        **SECRET,
    )

    assert refused.exit_code == 1
    assert "There is no such partner" in refused.stderr


@pytest.mark.usefixtures("bank")
def test_a_machine_is_let_in_no_more(cli):
    added = cli(
        *("client", "add", "CEB", "--name", "core", "--scope", "balances:read"),
        **SECRET,
    )
    client_id = added.stdout.split()[1]

    disabled = cli("client", "disable", client_id)
    rotated = cli("client", "rotate", client_id, **SECRET)

    assert (disabled.exit_code, rotated.exit_code) == (0, 1)
    assert "disabled" in cli("client", "list").stdout


def test_our_keys_follow_each_other(cli):
    first = cli("client", "rotate-keys", **SECRET)
    second = cli("client", "rotate-keys", **SECRET)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout != second.stdout
