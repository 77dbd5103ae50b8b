"""The operator tells what happens to lines, over HTTP and signed on both sides."""

import json
import time

import pytest

from loyalty.app import create_app
from loyalty.settings import Settings
from partners.ports import Incoming
from partners.sandbox.operator_server import OperatorSandbox
from partners.signing import new_nonce
from tests.browser.conftest import served
from tests.journeys.conftest import WANG, begin
from tests.partners.benches import SHARED_SECRET, tell

NUMBER_OF_NOBODY = "13300000099"


@pytest.fixture
def operator():
    with OperatorSandbox(code="BOSS", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def programme(fresh_database, tmp_path):
    """A programme in which Wang has 150 points."""
    programme = begin(fresh_database, tmp_path)
    programme.load("opening", ("WANG", "CUP", 150, "operator", "2007-10", "2010-10-31"))
    yield programme
    assert programme.report("2007-11")["proved"]


@pytest.fixture
def app(fresh_database, tmp_path, operator, programme):
    del programme
    path = tmp_path / "partners.toml"
    path.write_text(
        f'[BOSS]\nadapter = "operator"\naddress = "{operator.address}"\n'
        f'secret = "{SHARED_SECRET}"\nallow_loopback = true\n',
        encoding="utf-8",
    )
    settings = Settings(
        data_dir=tmp_path,
        secret_key="a secret of the tests, and of nobody else",
        messages=str(tmp_path / "messages"),
        partners=path,
    )
    return create_app(fresh_database, settings=settings)


@pytest.fixture
def push(app, operator):
    """Have the operator push events; return the answer to each, or how it failed."""
    with served(app) as site:

        def push(events):
            url = f"{site}/hooks/network"
            answer = tell(operator.address, "events", url=url, events=events)["done"]
            if answer["status"] != 200:
                return answer["status"]
            told = answer["told"]["events"]
            asked = events if isinstance(events, list) else [events]
            assert [one["event_ref"] for one in told] == [
                one["event_ref"] for one in asked
            ]
            return [(one["status"], one.get("reason")) for one in told]

        yield push


@pytest.fixture
def statuses(app, operator):
    """Send the same signed message so often; return the status of each answer."""

    def statuses(events, times=1):
        body = json.dumps(events).encode()
        question = Incoming("POST", "/hooks/network", {}, body)
        at = int(time.time())
        headers = operator.signer.sign(question, nonce=new_nonce(), at=at)
        client = app.test_client()
        return [
            client.post("/hooks/network", data=body, headers=headers).status_code
            for _ in range(times)
        ]

    return statuses


def event(ref, what, day, reason="", msisdn=WANG):
    return {
        "event_ref": ref,
        "msisdn": msisdn,
        "event": what,
        "reason": reason,
        "occurred_at": f"{day}T12:00:00+08:00",
    }


LEFT = event("CRM-1", "closed", "2007-11-10", "voluntary")
BACK = event("CRM-2", "reconnected", "2007-11-20")
BOOKED, KNOWN = ("booked", None), ("already_booked", None)


def test_who_leaves_loses_the_points_once(programme, push):
    assert push(LEFT) == [BOOKED]
    assert push([LEFT]) == [KNOWN]

    wang = programme.member("WANG")
    assert (wang.points, wang.left_on) == ((0, 0, 0), "2007-11-10")
    assert programme.report("2007-11")["units"]["CUP"]["voided"] == 150


def test_a_file_and_a_push_know_each_other(programme, push):
    assert push(LEFT) == [BOOKED]

    answer = programme.event("CRM-1", WANG, "closed", "2007-11-10", "voluntary")
    assert (answer.booked, answer.already_booked) == (0, 1)

    programme.event("CRM-2", WANG, "reconnected", "2007-11-20")
    assert push(BACK) == [KNOWN]
    assert programme.member("WANG").points == (150, 0, 0)


@pytest.mark.parametrize("is_one_push", [True, False])
def test_events_may_come_in_the_wrong_order(programme, push, is_one_push):
    if is_one_push:
        assert push([BACK, LEFT]) == [BOOKED, BOOKED]
    else:
        assert [push(BACK), push(LEFT)] == [[BOOKED], [BOOKED]]

    wang = programme.member("WANG")
    assert (wang.points, wang.left_on, wang.gate) == ((150, 0, 0), None, "open")


def test_each_event_has_an_answer_and_none_spoils_another(programme, push):
    answers = push(
        [
            event("CRM-7", "vanished", "2007-11-10"),
            LEFT | {"event_ref": "CRM 8"},
            LEFT | {"event_ref": "CRM-9", "occurred_at": "2007-11-10T12:00:00"},
            event("CRM-10", "closed", "2007-11-10", msisdn=NUMBER_OF_NOBODY),
            LEFT,
            LEFT,
            LEFT | {"reason": "arrears"},
        ]
    )

    assert [status for status, _ in answers] == (
        ["rejected"] * 4 + ["booked", "already_booked", "rejected"]
    )
    assert [reason.partition(":")[0] for _, reason in answers[:4]] == [
        "event",
        "event_ref",
        "occurred_at",
        "unknown_msisdn",
    ]
    assert answers[-1] == ("rejected", "reference_reused")
    assert programme.member("WANG").left_on == "2007-11-10"


def test_a_thousand_events_are_taken_and_not_one_more(programme, push, statuses):
    many = [
        event(f"CRM-{number}", "suspended", "2007-11-10", "lost", NUMBER_OF_NOBODY)
        for number in range(1_001)
    ]

    assert statuses(many) == [413]
    assert push(many[1:]) == [("rejected", "unknown_msisdn")] * 1_000
    assert push([]) == []
    assert programme.member("WANG").points == (150, 0, 0)


def test_the_same_message_twice_is_a_replay(programme, statuses):
    assert statuses([LEFT], times=2) == [200, 409]
    assert programme.member("WANG").left_on == "2007-11-10"


def test_what_the_operator_did_not_sign_changes_nothing(programme, app):
    answer = app.test_client().post("/hooks/network", json=[LEFT])

    assert answer.status_code == 400
    assert programme.member("WANG").points == (150, 0, 0)


def test_without_an_operator_nobody_is_heard(programme, fresh_database):
    settings = Settings(secret_key="a secret of the tests, and of nobody else")
    app = create_app(fresh_database, settings=settings)

    answer = app.test_client().post("/hooks/network", json=[LEFT])

    assert answer.status_code == 404
    assert programme.member("WANG").points == (150, 0, 0)
