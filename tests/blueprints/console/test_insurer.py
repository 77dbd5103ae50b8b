"""At the counter the insurer is asked before the customer's code is."""

import pytest

from partners.sandbox.insurer_server import InsurerSandbox
from tests.blueprints.insured import INSURED, TOO_OLD, site
from tests.partners.benches import SHARED_SECRET, tell


@pytest.fixture(scope="module")
def sandbox():
    with InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as insurer:
        yield insurer


@pytest.fixture
def app(fresh_database, telephone, sandbox):
    tell(sandbox.address, "forget")
    return site(fresh_database, telephone, sandbox)


def test_who_cannot_be_insured_is_told_before_a_code_is_sent(
    counter, customer, points_of
):
    member_id, clerk = customer(10_000), counter()
    path = clerk.serve()
    wish = clerk.wish(path, "INS-A") | TOO_OLD

    refused = clerk.ask(path, wish)

    assert refused.status_code == 422
    assert "年龄不在承保范围内" in refused.text
    assert clerk.telephone.messages == []
    assert clerk.place(path, wish, "123456").status_code == 422
    assert points_of(member_id) == 10_000


def test_a_silent_insurer_is_said_and_the_next_try_goes_through(
    counter, customer, points_of, sandbox
):
    member_id, clerk = customer(10_000), counter()
    path = clerk.serve()
    wish = clerk.wish(path, "INS-A") | INSURED
    tell(sandbox.address, "faults", errors=9)

    silent = clerk.ask(path, wish)

    assert silent.status_code == 422
    assert "保险公司暂时没有答复" in silent.text
    assert clerk.telephone.messages == []
    tell(sandbox.address, "faults", errors=0)
    assert clerk.ask(path, wish).status_code == 200
    assert clerk.place(path, wish).status_code == 303
    assert points_of(member_id) == 7_500
