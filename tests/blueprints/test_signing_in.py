"""How members and staff come in, and who does not."""

import pytest
from sqlalchemy import text


@pytest.fixture
def ask(fresh_database):
    def scalar(statement, **facts):
        with fresh_database.unit_of_work() as session:
            return session.execute(text(statement), facts).scalar()

    return scalar


def sign_in(client, send, telephone, msisdn="13300000001", **more):
    send(client, "/sign-in", msisdn=msisdn, **more)
    return send(client, "/sign-in/code", code=telephone.code(), **more)


def test_a_code_to_the_number_lets_a_member_in(browser, join, send, telephone):
    join()
    client = browser()

    answer = send(client, "/sign-in", msisdn="+86 133 0000 0001")
    assert answer.location == "/sign-in/code?next=/"
    answer = send(client, "/sign-in/code", code=telephone.code())

    assert answer.status_code == 303
    assert client.get("/profile/passkeys").status_code == 200
    assert telephone.messages[0].to == "13300000001"
