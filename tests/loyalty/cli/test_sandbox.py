"""Partners are played from the command line, for adapters as they are."""

import json
from typing import Any

from partners.adapters.airline import Airline, AirlineSettings
from partners.adapters.bank import Bank, BankSettings
from partners.adapters.sftp import SftpSettings, open_sftp
from partners.ports import AirlineMember, Outcome
from tests.partners.benches import tell
from tests.sandboxes import PATIENCE_SECONDS, last_word, running

CHEN = AirlineMember("CHEN", "MEI", "MU600000000015")
SECRET = "sixteen characters or more"


def told(code: str, address: str, secret: str) -> dict[str, Any]:
    return {"code": code, "address": address, "secret": secret, "allow_loopback": True}


def test_an_airline_is_played_until_interrupted():
    with running("airline") as process:
        address = last_word(process)
        assert process.stdout is not None
        secret = process.stdout.readline().split()[-1]
        airline = Airline(AirlineSettings(**told("MU", address, secret)))

        assert airline.validate_member(CHEN).outcome is Outcome.CONFIRMED
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_bank_is_played_under_a_code_and_a_secret_of_ones_own():
    with running("bank", "--code", "CMB", "--secret", SECRET) as process:
        address = last_word(process)
        bank = Bank(BankSettings(**told("CMB", address, SECRET)))

        assert bank.look_up("nothing").outcome is Outcome.ABSENT
        assert tell(address, "state")["lines"] == 0


def test_files_are_brought_over_sftp_as_told():
    with running("files", "--bring", "good", "--bring", "late") as process:
        last_word(process)
        assert process.stdout is not None
        settings = json.loads(process.stdout.readline().removeprefix("settings: "))
        exchange = open_sftp(SftpSettings(**settings))

        assert exchange.waiting().names == ("CEBA0001.csv",)
        assert b"SANDBOX-1" in exchange.fetch("CEBA0001.csv").content
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_secret_that_can_be_guessed_is_refused(cli):
    answer = cli("partner-sandbox", "airline", "--port", "0", "--secret", "short")

    assert answer.exit_code != 0
    assert "--secret" in answer.stderr


def test_a_port_that_is_taken_is_told(cli):
    with running("bank") as process:
        port = last_word(process).rpartition(":")[2]

        answer = cli("partner-sandbox", "airline", "--port", port)

    assert answer.exit_code != 0
    assert answer.stderr == f"Error: port {port} is taken\n"
