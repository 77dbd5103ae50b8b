"""The document that the API serves is true of what it answers."""

from html import unescape

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from blueprints.api.describing import operations
from blueprints.api.documents import API
from blueprints.tmf import ROOT
from loyalty.clients.rules import SCOPES

_CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
_EXAMPLES = 12


def test_every_address_of_the_api_is_described(app):
    described = {(one.method, one.path) for one in _operations(app)}
    open_to_all = {("GET", "/api/v1/openapi.json"), ("GET", "/api/docs")}
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert served == described | open_to_all


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_read_of_every_address(app, language):
    page = app.test_client().get(f"/api/docs?lang={language}")

    assert page.status_code == 200
    for one in _operations(app):
        assert f"{one.method} {one.path}" in page.text
        assert one.contract.does[language == "en"] in unescape(page.text)


def test_every_address_asks_for_a_scope(app):
    for one in _operations(app):
        assert one.scopes, one.path
        assert set(one.scopes) <= set(SCOPES)


def test_a_machine_without_the_scope_is_refused_everywhere(app, enroll):
    everything = _operations(app)
    for scope in SCOPES:
        machine = enroll("CEB", scopes=(scope,))
        for one in everything:
            if one.scopes == (scope,):
                continue
            path = one.path.replace("{", "").replace("}", "")
            answer = machine.client.request(
                one.method, machine.site + path, json={}, timeout=20
            )

            assert answer.status_code == 403, one.path
            assert answer.json()["code"] == "insufficient_scope"


@pytest.mark.parametrize("root", ["/api/v1", ROOT])
def test_no_call_is_answered_in_a_way_that_is_not_described(bank, proved, root):
    # The document is asked for as a stranger asks: over HTTP.
    schema = schemathesis.openapi.from_url(f"{bank.site}{root}/openapi.json")
    token = bank.client.token["access_token"]

    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    answers = [status for one in found for status in _tried(one, token)]
    assert len(found) == schema.statistic.operations.total
    assert {200, 400, 404, 422} <= set(answers)
    assert proved() == []


def _tried(operation, token):
    """Call an operation in many ways; return the statuses of the answers."""
    statuses = []

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case):
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(headers=headers, timeout=20)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=list(_CHECKS), headers=headers)

    given(case=operation.as_strategy())(call)()
    return statuses


def _operations(app):
    with app.test_request_context("http://127.0.0.1/"):
        return list(operations(API))
