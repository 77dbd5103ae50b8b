"""Whoever calls, each view and each command has said beforehand whom it lets in."""

import re

import click
import pytest

from loyalty.cli import jifen
from loyalty.clients.rules import SCOPES
from loyalty.staff.rules import ROLES, Permission

FACES = {"public", "signed", "member", "client", "token"}
MACHINES = {"client", "token"}
PERMISSIONS = {permission.value for permission in Permission}
SOMETHING = {"int": "1", "uuid": "00000000-0000-4000-8000-000000000000"}


@pytest.fixture
def views(app):
    """Every view but files: its access, an address of it, and its methods."""
    return [
        (app.view_functions[rule.endpoint].access, _address(rule), rule.methods)
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static")
    ]


@pytest.fixture
def guarded(views):
    """The views that only some may see."""
    return [view for view in views if view[0] not in {"public", "signed"} | MACHINES]


def test_each_view_asks_for_something_there_is(views):
    assert {access for access, *_ in views} <= FACES | PERMISSIONS


def test_strangers_are_sent_to_sign_in(browser, guarded, csrf):
    client = browser()
    token = csrf(client.get("/console/sign-in").text)
    for access, path, methods in guarded:
        door = "/sign-in" if access == "member" else "/console/sign-in"
        answers = [
            client.open(path, method=method, data={"csrf_token": token})
            for method in methods & {"GET", "POST"}
        ]

        for answer in answers:
            assert answer.status_code == 303, path
            assert answer.location.partition("?")[0] == door, path


def test_machines_prove_who_they_are(browser, views, employ, join):
    stranger = browser()
    somebody = browser(member_id=join(), staff_id=employ("mou", *ROLES))
    for access, path, methods in views:
        if access not in MACHINES:
            continue
        for client in (stranger, somebody):
            for method in methods - {"HEAD", "OPTIONS"}:
                answer = client.open(path, method=method)

                assert answer.status_code in {400, 401}, path
                assert answer.is_json, path


def test_each_view_for_machines_names_its_scopes(app):
    for view in app.view_functions.values():
        if getattr(view, "access", None) == "token":
            assert view.required_scopes
            assert set(view.required_scopes) <= set(SCOPES)


def test_members_are_no_staff_and_staff_no_members(browser, employ, guarded, join):
    member = browser(member_id=join())
    clerk = browser(staff_id=employ("mou", *ROLES))
    for access, path, methods in guarded:
        if "GET" not in methods:
            continue
        client = clerk if access == "member" else member

        assert "/sign-in?" in client.get(path).headers.get("Location", ""), path


@pytest.mark.parametrize("role", list(ROLES))
def test_a_role_opens_what_its_permissions_open(browser, employ, guarded, csrf, role):
    client = browser(staff_id=employ("mou", role))
    token = csrf(client.get("/console/me").text)
    for access, path, methods in guarded:
        if access == "member":
            continue
        if "GET" in methods:
            is_refused = client.get(path).status_code == 403
            assert is_refused == (access not in ROLES[role]), path
        if "POST" in methods and access not in ROLES[role]:
            answer = client.post(path, data={"csrf_token": token})
            assert answer.status_code == 403, path


def test_each_command_says_what_it_needs():
    silent = [
        name
        for name, command in _commands(jifen, "jifen")
        if not isinstance(getattr(command.callback, "needs", None), Permission)
    ]

    assert silent == []


def test_a_command_refuses_whom_it_does_not_let(cli, employ):
    employ("shen", "auditor")

    refused = cli("staff", "disable", "shen", JIFEN_STAFF="shen")

    assert refused.exit_code == 1
    assert cli("staff", "list", JIFEN_STAFF="shen").exit_code == 0


def _address(rule):
    def value(found):
        return SOMETHING.get(found[1] or "", "NOTHING")

    return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", value, rule.rule)


def _commands(command, path):
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from _commands(child, f"{path} {name}")
