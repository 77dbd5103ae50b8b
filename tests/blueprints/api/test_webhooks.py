"""Events told to partners: signed, in order, without gaps, and again when asked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from loyalty.clock import wall
from loyalty.events.delivery import tell
from loyalty.events.operations import publish
from tests.blueprints.api.conftest import accrual


class Ear:
    """A partner's server that listens; it answers as it is told."""

    def __init__(self):
        self.heard: list[tuple[bytes, dict[str, str]]] = []
        self.statuses: list[int] = []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((body, dict(self.headers)))
                self.send_response(ear.statuses.pop(0) if ear.statuses else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def understood(self, secret):
        """What was heard, each checked against the secret."""
        return [Webhook(secret).verify(body, headers) for body, headers in self.heard]

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def ear():
    ear = Ear()
    yield ear
    ear.close()


@pytest.fixture
def app(app):
    """The site; one's own machine may be told, for it is the test's."""
    known = app.extensions["jifen"]
    settings = replace(known.settings, webhooks_to_loopback=True)
    app.extensions["jifen"] = replace(known, settings=settings)
    return app


@pytest.fixture
def endpoint(bank, ear):
    """The bank wants to know what was posted and taken back."""
    body = {"url": ear.url, "types": ["accrual.posted", "accrual.reversed"]}
    answer = bank.post("/webhook-endpoints", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def run(fresh_database, keyring):
    """Tell what there is to be told; `later`: as if so much time had passed."""

    def go(later=timedelta(0)):
        return tell(
            fresh_database, keyring, clock=lambda: wall() + later, loopback=True
        )

    return go


@pytest.fixture
def supervisor(browser, employ):
    """Somebody who looks at the console."""
    return browser(staff_id=employ("mou", "supervisor"))


def test_what_happened_is_told_signed_and_in_order(bank, ear, endpoint, run, proved):
    for number in range(3):
        bank.post("/accruals", accrual(f"T{number}"))
    bank.post("/reversals", {"partner_ref": "R1", "original_ref": "T1"})

    told = run()

    assert (told.published, told.delivered, told.failed) == (4, 4, 0)
    heard = ear.understood(endpoint["secret"])
    assert [event["sequence"] for event in heard] == [1, 2, 3, 4]
    assert [event["type"] for event in heard] == ["accrual.posted"] * 3 + [
        "accrual.reversed"
    ]
    assert heard[3]["data"]["points"] == -100
    assert run().delivered == 0
    assert proved() == []


def test_what_was_refused_is_told_to_nobody(bank, ear, endpoint, run):
    bank.post("/accruals", accrual(account_ref="nobody"))
    bank.post("/accruals", accrual())
    bank.post("/accruals", accrual())

    assert run().delivered == 1
    assert ear.understood(endpoint["secret"])[0]["data"]["partner_ref"] == "T1"


def test_what_is_not_taken_holds_back_what_comes_after(bank, ear, endpoint, run):
    for number in range(3):
        bank.post("/accruals", accrual(f"T{number}"))
    ear.statuses = [200, 500, 302]

    first, at_once = run(), run()
    second, third = run(timedelta(minutes=1)), run(timedelta(minutes=4))

    assert (first.delivered, first.failed) == (1, 1)
    assert (at_once.delivered, at_once.failed) == (0, 0)
    assert (second.delivered, second.failed) == (0, 1), "a redirect is not followed"
    assert (third.delivered, third.failed) == (2, 0)
    heard = [event["sequence"] for event in ear.understood(endpoint["secret"])]
    assert heard == [1, 2, 2, 2, 3]
    path = f"/webhook-endpoints/{endpoint['id']}/deliveries"
    rows = bank.get(path, after_sequence=1).json()["data"]
    assert [(row["sequence"], row["attempts"]) for row in rows] == [(2, 3), (3, 1)]
    assert all(row["delivered_at"] for row in rows)


def test_everything_is_told_again_from_a_number_on(bank, ear, endpoint, run):
    for number in range(3):
        bank.post("/accruals", accrual(f"T{number}"))
    run()
    path = f"/webhook-endpoints/{endpoint['id']}/replay"
    beyond = bank.post(path, {"from_sequence": 5})
    replayed = bank.post(path, {"from_sequence": 2})
    run()

    assert (beyond.status_code, beyond.json()["last_sequence"]) == (422, 3)
    assert replayed.json()["next_sequence"] == 2
    heard = ear.understood(endpoint["secret"])
    assert [event["sequence"] for event in heard] == [1, 2, 3, 2, 3]
    assert heard[1]["id"] == heard[3]["id"]


def test_numbers_have_no_gaps_however_many_publish(
    bank, endpoint, fresh_database, rows
):
    def post(number):
        answer = bank.post("/accruals", accrual(f"T{number}"))
        with fresh_database.unit_of_work() as session:
            publish(session)
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(40))) == {201}
    with fresh_database.unit_of_work() as session:
        publish(session)

    told = rows(
        "SELECT sequence FROM webhook_delivery WHERE endpoint_id = :id ORDER BY 1",
        id=endpoint["id"],
    )
    assert told == [(number,) for number in range(1, 41)]


def test_an_endpoint_that_fails_for_days_is_told_nothing_more(
    bank, ear, endpoint, run, supervisor
):
    bank.post("/accruals", accrual())
    ear.statuses = [500] * 100
    for hours in range(0, 80, 5):
        run(timedelta(hours=hours))
    path = f"/webhook-endpoints/{endpoint['id']}"
    assert bank.get(path).json()["state"] == "disabled"
    attempts = len(ear.heard)
    run(timedelta(hours=200))
    assert len(ear.heard) == attempts
    assert ear.url in supervisor.get("/console/").text

    ear.statuses = []
    bank.post(f"{path}/replay", {"from_sequence": 1})
    run()

    assert bank.get(path).json()["state"] == "enabled"
    assert ear.url not in supervisor.get("/console/").text


def test_two_secrets_sign_while_one_replaces_the_other(bank, ear, endpoint, run):
    path = f"/webhook-endpoints/{endpoint['id']}/rotate-secret"
    new = bank.post(path).json()["secret"]
    bank.post("/accruals", accrual("T1"))
    run()
    assert ear.understood(new) == ear.understood(endpoint["secret"])

    ear.heard.clear()
    bank.post("/accruals", accrual("T2"))
    run(timedelta(hours=25))
    ((body, headers),) = ear.heard
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    by_new = Webhook(new).sign(headers["webhook-id"], at, body.decode())
    assert headers["webhook-signature"] == by_new, "the old one signs no more"


def test_a_secret_is_shown_once(bank, endpoint, rows):
    listed = bank.get("/webhook-endpoints").json()["data"]

    assert [one["id"] for one in listed] == [endpoint["id"]]
    assert "secret" not in listed[0]
    kept = rows("SELECT secret, body FROM webhook_endpoint, api_call WHERE body <> ''")
    for columns in kept:
        assert all(endpoint["secret"].encode() not in column for column in columns)


def test_nobody_else_sees_an_endpoint_or_what_is_told(enroll, endpoint, run):
    other = enroll("MU")
    path = f"/webhook-endpoints/{endpoint['id']}"

    assert other.get(path).status_code == 404
    assert other.get(f"{path}/deliveries").status_code == 404
    assert other.delete(path).status_code == 404
    assert run().failed == 0


def test_what_is_removed_is_told_nothing(bank, ear, endpoint, run):
    bank.post("/accruals", accrual())
    removed = bank.delete(f"/webhook-endpoints/{endpoint['id']}")

    assert removed.status_code == 204
    assert run().delivered == 0
    assert ear.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "HTTP:points",
        "https://user@points.bank.example/",
        "ftp://points.bank.example/",
        "https://10.0.0.1/",
        "https://[fe80::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https:///nowhere",
        "https://bank.example:99999/",
    ],
)
def test_addresses_of_inner_networks_are_refused(bank, url):
    body = {"url": url, "types": ["accrual.posted"]}
    answer = bank.post("/webhook-endpoints", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "address_refused")
