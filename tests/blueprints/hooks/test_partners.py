"""Partners tell late outcomes to the site, over HTTP and signed."""

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.app import create_app
from loyalty.calls.operations import forget
from loyalty.clock import wall
from loyalty.connections import Connections, TwoOfAKind
from loyalty.keyring import Keyring
from loyalty.orders.delivery import advance
from loyalty.settings import Settings
from partners.adapters.airline import Airline
from partners.adapters.insurer import Insurer
from partners.adapters.operator import Operator
from partners.ports import Incoming
from partners.sandbox.insurer_server import InsurerSandbox
from partners.sandbox.twins import InsurerTwin
from partners.signing import new_nonce
from tests.browser.conftest import served
from tests.loyalty.orders.shop import INSURED, NOON, Shop
from tests.partners.benches import SHARED_SECRET, tell

PATIENCE_SECONDS = 30
SECRET_KEY = "a secret of tests, and of nothing else"  # as the shop has it


@pytest.fixture
def told(tmp_path):
    """Write the file that JIFEN_PARTNERS names; give the settings with it."""

    def write(**partners):
        path = tmp_path / "partners.toml"
        path.write_text(
            "".join(
                f'[{code}]\nadapter = "{adapter}"\naddress = "{address}"\n'
                f'secret = "{SHARED_SECRET}"\nallow_loopback = true\n'
                for code, (adapter, address) in partners.items()
            ),
            encoding="utf-8",
        )
        return Settings(
            data_dir=tmp_path,
            secret_key=SECRET_KEY,
            messages=str(tmp_path / "messages"),
            partners=path,
        )

    return write


def test_each_partner_is_spoken_with_by_its_adapter(told):
    nowhere = "http://127.0.0.1:9"
    settings = told(
        MU=("airline", nowhere), PINGAN=("insurer", nowhere), BOSS=("operator", nowhere)
    )

    found = Connections.open(settings)

    assert isinstance(found.airline("MU"), Airline)
    assert isinstance(found.insurer, Insurer)
    assert isinstance(found.billing, Operator)
    assert set(found.notifiers) == {"MU", "PINGAN", "BOSS"}


def test_without_an_insurer_there_is_a_twin(told):
    assert isinstance(Connections.open(told()).insurer, InsurerTwin)


def test_of_two_insurers_nobody_knows_which(told):
    nowhere = "http://127.0.0.1:9"

    with pytest.raises(TwoOfAKind):
        Connections.open(told(A=("insurer", nowhere), B=("insurer", nowhere)))


@pytest.fixture
def insurer():
    with InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def site(fresh_database, told, insurer):
    """The site, and what the insurer has been told of it; gives its address."""
    app = create_app(fresh_database, settings=told(PINGAN=("insurer", insurer.address)))
    with served(app) as address:
        tell(insurer.address, "webhook", url=f"{address}/hooks/partners/PINGAN")
        yield address


@pytest.mark.usefixtures("site")
def test_what_an_insurer_tells_later_ends_the_order(fresh_database, insurer, told):
    tell(insurer.address, "faults", fates=["pending"])
    keyring = Keyring(SECRET_KEY.encode())
    connections = Connections.open(told(PINGAN=("insurer", insurer.address)))
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        shop.open()
        member = shop.member(2_500)
        order_ref = shop.place(member, "INS-A", recipient=INSURED).order.order_ref
    key: dict[str, Any] = {"member_id": member, "order_ref": order_ref}
    order = advance(fresh_database, connections, keyring, at=NOON, **key)
    assert order.state == "in_progress"

    tell(
        insurer.address,
        "settle",
        reference=f"{order_ref}-{member}",
        status="success",
    )

    def state():
        with fresh_database.unit_of_work() as session:
            return session.scalar(text("SELECT state FROM member_order"))

    deadline = time.monotonic() + PATIENCE_SECONDS
    while state() != "fulfilled":
        assert time.monotonic() < deadline, state()
        time.sleep(0.05)
    with fresh_database.unit_of_work() as session:
        assert Shop(session).held(member) == 0
        assert Book(session).prove() == []


def test_the_same_message_twice_is_a_replay(fresh_database, told, insurer):
    app = create_app(fresh_database, settings=told(PINGAN=("insurer", insurer.address)))
    target = "/hooks/partners/PINGAN"
    body = (
        b'{"type": "policy.updated", "data": {"reference": "r", "status": "success"}}'
    )

    def signed():
        question = Incoming("POST", target, {}, body)
        return insurer.signer.sign(question, nonce=new_nonce(), at=int(time.time()))

    headers = signed()
    client = app.test_client()
    statuses = [
        client.post(target, data=body, headers=one).status_code
        for one in (headers, headers, signed())
    ]

    assert statuses == [200, 409, 200]
    with fresh_database.unit_of_work() as session:
        assert session.scalar(text("SELECT count(*) FROM heard_nonce")) == 2
        forget(session, at=wall() + timedelta(hours=2))
        assert session.scalar(text("SELECT count(*) FROM heard_nonce")) == 0


@pytest.mark.parametrize("code", ["PINGAN", "NOBODY"])
def test_what_nobody_signed_is_refused(fresh_database, told, insurer, code):
    app = create_app(fresh_database, settings=told(PINGAN=("insurer", insurer.address)))

    answer = app.test_client().post(f"/hooks/partners/{code}", data=b'{"type": "x"}')

    assert answer.status_code == {"PINGAN": 400, "NOBODY": 404}[code]
