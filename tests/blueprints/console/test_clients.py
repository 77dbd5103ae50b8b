"""Machines of partners in the console: two decide, and a secret is shown once."""

import json
import re

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text


@pytest.fixture(autouse=True)
def _bank(fresh_database):
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO partner (partner, kind, name)"
                " VALUES ('CEB', 'bank', '光大银行')"
            )
        )


@pytest.fixture
def rows(fresh_database):
    """Ask the database."""

    def ask(statement):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    return ask


@pytest.fixture
def admins(browser, employ):
    """Two administrators, each at a screen of their own."""
    return [browser(staff_id=employ(login, "admin")) for login in ("an", "bo")]


@pytest.fixture
def ask(send):
    """Ask for a machine to be let in."""

    def fill_in(client, **other):
        fields = {
            "partner": "CEB",
            "name": "核心系统",
            "auth_method": "client_secret_basic",
            "scopes": ["balances:read", "accruals:write"],
            "require_par": "on",
            "reason": "开通接口",
        } | other
        return send(client, "/console/clients/new", to="/console/clients", **fields)

    return fill_in


@pytest.fixture
def let_in(admins, ask, send, rows):
    """Two administrators let a machine in; returns its page."""

    def come(**other):
        an, bo = admins
        asked = ask(an, **other)
        assert asked.status_code == 303, asked.text
        send(bo, asked.location, act="approve")
        ((client_id,),) = rows("SELECT client_id FROM partner_client")
        return f"/console/clients/{client_id}"

    return come


def test_nobody_lets_a_machine_in_alone(admins, ask, send, rows):
    an, bo = admins

    asked = ask(an)
    page = an.get(asked.location)
    alone = an.post(
        asked.location,
        data={"act": "approve", "csrf_token": _token(page)},
    )

    assert alone.status_code == 403
    assert rows("SELECT * FROM partner_client") == []
    shown = bo.get(asked.location).text
    assert "查看已关联会员的余额和明细" in shown
    assert send(bo, asked.location, act="approve").status_code == 303
    assert rows("SELECT partner, name, scopes, secret_hash FROM partner_client") == [
        ("CEB", "核心系统", ["accruals:write", "balances:read"], None)
    ]


def test_a_secret_is_shown_once(let_in, admins, send, app):
    an, _ = admins
    page = let_in()

    shown = send(an, page, to=f"{page}/secret")
    secret = re.findall(r'id="secret">([^<]+)<', shown.text)[0]

    assert shown.headers["Cache-Control"] == "no-store"
    assert secret not in an.get(page).text
    client_id = page.rpartition("/")[2]
    token = app.test_client().post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client_id, secret),
    )
    assert token.status_code == 200


def test_a_machine_is_given_other_keys(let_in, admins, send, rows):
    an, _ = admins
    page = let_in(auth_method="private_key_jwt")
    public = ECKey.generate_key("P-256", auto_kid=True).as_dict(private=False)
    secret = ECKey.generate_key("P-256").as_dict(private=True)

    good = send(an, page, to=f"{page}/keys", jwks=json.dumps({"keys": [public]}))

    assert good.status_code == 303
    for told in ("{", "[]", json.dumps({"keys": [secret]})):
        refused = send(an, page, to=f"{page}/keys", jwks=told)
        assert refused.status_code == 422, told
        assert "公钥不能用" in refused.text
    ((kept,),) = rows("SELECT jwks FROM partner_client")
    assert kept == {"keys": [public]}
    assert send(an, page, to=f"{page}/secret").status_code == 409


def test_other_rights_need_a_second_person(let_in, admins, send, rows):
    an, bo = admins
    page = let_in()
    fields = {
        "name": "核心系统",
        "scopes": ["balances:read"],
        "require_par": "on",
        "reason": "收回记分权限",
    }

    same = send(
        an,
        f"{page}/change",
        **fields | {"scopes": ["balances:read", "accruals:write"]},
    )
    asked = send(an, f"{page}/change", **fields)

    assert same.status_code == 422
    assert rows("SELECT cardinality(scopes) FROM partner_client") == [(2,)]
    send(bo, asked.location, act="approve")
    assert rows("SELECT scopes FROM partner_client") == [(["balances:read"],)]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"partner": "NONE"}, "没有 NONE 这个伙伴"),
        ({"scopes": []}, "请至少选择一项权限"),
        ({"scopes": ["everything"]}, "没有 everything 这项权限"),
        ({"scopes": ["accrue"]}, "写明会员怎样联系对方"),
        ({"scopes": ["accrue"], "contact": "95595"}, "返回地址"),
        ({"redirect_uris": "http://bank.example/"}, "返回地址"),
        ({"name": " "}, "请写上名称"),
        ({"reason": ""}, "请写明理由"),
    ],
)
def test_a_form_that_lacks_something_says_what(admins, ask, told, said, rows):
    an, _ = admins

    answer = ask(an, **told)

    assert answer.status_code == 422
    assert said in answer.text
    assert rows("SELECT * FROM approval") == []


def test_a_machine_is_shut_out_at_once(let_in, admins, send, rows):
    an, _ = admins
    page = let_in()
    send(an, page, to=f"{page}/secret")

    assert send(an, page, to=f"{page}/disable").status_code == 303

    assert rows("SELECT disabled_at IS NULL FROM partner_client") == [(False,)]
    assert "已停用" in an.get("/console/clients").text
    assert {action for (action,) in rows("SELECT action FROM audit")} == {
        "client.add.asked",
        "client.add.approved",
        "client.secret",
        "client.disable",
    }


def test_the_signing_key_is_changed(admins, send, rows):
    an, _ = admins

    for _ in range(2):
        send(an, "/console/clients", to="/console/signing-keys/rotate")

    assert sorted(rows("SELECT state FROM oauth_key")) == [
        ("current",),
        ("next",),
        ("retired",),
    ]
    assert "使用中" in an.get("/console/clients").text


def _token(page):
    return re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
