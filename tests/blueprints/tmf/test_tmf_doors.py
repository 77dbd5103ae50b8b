"""Who is let in by TM Forum's names, and who is told what happens."""

import re
from dataclasses import replace

import pytest

from loyalty.clients.rules import SCOPES
from loyalty.events.operations import publish
from loyalty.events.rules import TYPES
from tests.blueprints.tmf.conftest import ROOT, WANG, earn

HOOK = "http://127.0.0.1:9/listener"


@pytest.fixture
def app(app):
    """The site; one's own machine may be told, for it is the test's."""
    known = app.extensions["jifen"]
    settings = replace(known.settings, webhooks_to_loopback=True)
    app.extensions["jifen"] = replace(known, settings=settings)
    return app


def test_each_door_needs_the_scope_it_names(app, enroll, speak, member):
    assert member
    doors = [
        (rule, app.view_functions[rule.endpoint].required_scopes)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(ROOT) and rule.endpoint != "tmf.openapi"
    ]
    assert {scope for _, scopes in doors for scope in scopes} == {
        "balances:read",
        "accruals:write",
        "redemptions:write",
        "webhooks:write",
        "catalogue:read",
    }
    for scope in {scope for _, scopes in doors for scope in scopes}:
        others = tuple(one for one in SCOPES if one != scope)
        machine = speak(enroll("CEB", scopes=others))
        for rule, scopes in doors:
            if scope not in scopes:
                continue
            path = re.sub(r"<\w+>", WANG, rule.rule)
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                answer = machine.call(method, path, body={})

                assert answer.status_code == 403, path
                told = answer.json()
                assert told["code"] == "insufficient_scope"
                wanted = f'scope="{" ".join(scopes)}"'
                assert wanted in answer.headers["WWW-Authenticate"]


def test_every_door_is_described_to_anybody(app):
    served = {
        (method.lower(), rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(ROOT) and rule.endpoint != "tmf.openapi"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    told = app.test_client().get(f"{ROOT}/openapi.json").get_json()

    described = {
        (method, path) for path in told["paths"] for method in told["paths"][path]
    }
    assert described == served


def test_a_listener_is_a_webhook_endpoint(machine, bank, fresh_database, proved):
    query = "eventType=accrual.posted"
    told = machine.post("/hub", {"callback": HOOK, "query": query})
    listener = told.json()
    machine.post("/loyaltyEarn", earn())
    with fresh_database.unit_of_work() as session:
        publish(session)

    assert told.status_code == 201, told.text
    assert (listener["callback"], listener["query"]) == (HOOK, query)
    assert listener["secret"].startswith("whsec_")
    shown = machine.get(told.headers["Location"]).json()
    assert shown == {k: v for k, v in listener.items() if k != "secret"}
    path = f"/webhook-endpoints/{listener['id']}"
    (delivery,) = bank.get(f"{path}/deliveries").json()["data"]
    assert delivery["type"] == "accrual.posted"

    gone = machine.delete(listener["href"])

    assert (gone.status_code, gone.text) == (204, "")
    assert bank.get(path).status_code == 404
    assert machine.delete(listener["href"]).status_code == 404
    assert proved() == []


def test_a_listener_that_names_no_type_hears_all(machine, bank):
    listener = machine.post("/hub", {"callback": HOOK}).json()
    found = bank.get(f"/webhook-endpoints/{listener['id']}").json()

    assert found["types"] == sorted(TYPES)


def test_what_no_listener_can_be(machine, enroll, speak):
    for query in ("eventType=no.such", "colour=red", "eventType", "eventType="):
        refused = machine.post("/hub", {"callback": HOOK, "query": query})
        assert refused.status_code == 400, query
        assert refused.json()["message"].startswith("/query")
    inner = machine.post("/hub", {"callback": "https://10.0.0.1/"})
    listener = machine.post("/hub", {"callback": HOOK}).json()
    stranger = speak(enroll("MU"))

    assert inner.json()["code"] == "address_refused"
    assert stranger.get(listener["href"]).status_code == 404
    assert stranger.delete(listener["href"]).status_code == 404
