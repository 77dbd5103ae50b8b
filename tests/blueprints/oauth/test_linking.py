"""A member lets a partner in: asked once, confirmed, ended at will."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text

from blueprints.oauth.authenticating import ASSERTION_TYPE
from loyalty.clients.queries import client as known_client
from loyalty.clock import now
from loyalty.linking import operations
from loyalty.linking.models import LinkConsent
from loyalty.linking.queries import consents_of, linked_member, may, state_of
from loyalty.members.operations import erase
from tests.blueprints.oauth.conftest import (
    BACK,
    KINDS,
    VERIFIER,
    carried,
    challenge,
    proof,
)
from tests.loyalty.access.authenticator import Authenticator

SITE = "http://localhost"


@pytest.fixture
def rows(fresh_database):
    """Ask the database."""

    def ask(statement, **facts):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]

    return ask


def test_a_yes_gives_tokens_for_that_member_alone(linked, whoami, rows):
    machine, _, _, token = linked

    assert token["token_type"] == "Bearer"
    assert token["scope"].split() == list(KINDS)
    ((member_id,),) = rows("SELECT member_id FROM member")
    assert whoami(token["access_token"]).get_json() == {
        "client_id": machine.client_id,
        "partner": "CEB",
        "member_id": member_id,
        "scopes": ["accruals:write", "accrue", "balance.read", "balances:read"],
    }


@pytest.mark.usefixtures("linked")
def test_a_yes_links_the_account_and_may_be_asked_about(fresh_database, rows):
    ((member_id,),) = rows("SELECT member_id FROM member")
    at = now()
    with fresh_database.unit_of_work() as session:
        told = {"partner": "CEB", "member_id": member_id, "at": at}
        assert linked_member(session, partner="CEB", account_ref="C-0001") == member_id
        assert linked_member(session, partner="MU", account_ref="C-0001") is None
        assert may(session, kind="balance.read", **told)
        assert not may(session, kind="exchange.out", **told)
        (given,) = consents_of(session, member_id=member_id)
    assert rows("SELECT partner, account_ref FROM link") == [("CEB", "C-0001")]
    assert given.granted_at is not None
    assert (given.expires_at - given.granted_at).days == 180
    assert given.channel == "web"
    assert b"C-0001" not in (given.account_sealed or b"")


def test_the_answer_carries_our_name_and_the_state(linking, push, consenting):
    machine = linking()

    told = consenting(machine, push(machine).get_json()).agree()

    assert (told["iss"], told["state"]) == (SITE, "as it was")


def test_the_page_says_who_gets_what(linking, push, consenting):
    machine = linking()

    page = consenting(machine, push(machine).get_json()).page()

    assert "光大银行" in page.text
    assert "客服 95595" in page.text
    assert "查看您的积分余额和明细" in page.text
    assert "为您的消费记入积分" in page.text
    assert "…0001" in page.text
    assert "C-0001" not in page.text
    (box,) = re.findall(r'<input type="checkbox"[^>]*>', page.text)
    assert "checked" not in box
    leads_to = "form-action 'self' http://127.0.0.1:9;"
    assert leads_to in page.headers["Content-Security-Policy"]


def test_no_box_no_yes(linking, push, consenting, telephone):
    machine = linking()

    answer = consenting(machine, push(machine).get_json()).send(do="send")

    assert answer.status_code == 422
    assert "请先勾选" in answer.text
    assert telephone.messages == []


def test_a_wrong_code_is_no_yes(linking, push, consenting):
    machine = linking()
    member = consenting(machine, push(machine).get_json())
    member.send(do="send", agree="yes")
    wrong = "000000" if member.telephone.code() != "000000" else "000001"

    answer = member.send(do="confirm", agree="yes", code=wrong)

    assert answer.status_code == 422
    assert "验证码不对" in answer.text


def test_a_no_is_carried_back(linking, push, consenting, rows):
    machine = linking()

    answer = consenting(machine, push(machine).get_json()).send(do="reject")

    assert answer.status_code == 303
    assert carried(answer)["error"] == "access_denied"
    assert carried(answer)["iss"] == SITE
    assert rows("SELECT state, account_hash, account_sealed FROM link_consent") == [
        ("rejected", None, None)
    ]
    assert rows("SELECT * FROM link") == []


def test_a_request_is_answered_once(linking, push, consenting):
    machine = linking()
    member = consenting(machine, push(machine).get_json())
    member.agree()

    again = member.page()

    assert again.status_code == 404
    assert again.mimetype == "text/html"


def test_an_account_of_somebody_else_is_refused(linking, push, consenting, join, rows):
    machine = linking()
    consenting(machine, push(machine).get_json()).agree()
    other = join("13300000002", "李明")
    member = consenting(machine, push(machine).get_json(), member_id=other)
    member.send(do="send", agree="yes")

    answer = member.send(do="confirm", agree="yes", code=member.telephone.code())

    assert answer.status_code == 422
    assert "另一位会员" in answer.text
    assert rows("SELECT count(*) FROM link_consent WHERE state = 'authorized'") == [
        (1,)
    ]


def test_a_later_yes_replaces_an_earlier_one(linked, agree, spend, whoami, rows):
    machine, _, _, token = linked
    ((member_id,),) = rows("SELECT member_id FROM member")

    told = agree(machine, member_id=member_id, scope="balance.read")
    later = spend(machine, code=told["code"]).get_json()

    assert whoami(token["access_token"]).status_code == 401
    assert whoami(later["access_token"]).status_code == 200
    assert rows("SELECT state, reason FROM link_consent ORDER BY asked_at") == [
        ("revoked", "replaced"),
        ("authorized", None),
    ]


def test_a_code_that_comes_twice_ends_its_family(linked, spend, whoami):
    machine, _, code, token = linked
    assert whoami(token["access_token"]).status_code == 200

    again = spend(machine, code=code)

    assert (again.status_code, again.get_json()["error"]) == (400, "invalid_grant")
    assert whoami(token["access_token"]).status_code == 401
    refreshed = spend(
        machine, grant_type="refresh_token", refresh_token=token["refresh_token"]
    )
    assert refreshed.get_json()["error"] == "invalid_grant"


def test_a_refresh_token_is_replaced_by_the_next(linked, spend, whoami):
    machine, _, _, token = linked

    following = spend(
        machine, grant_type="refresh_token", refresh_token=token["refresh_token"]
    ).get_json()

    assert following["refresh_token"] != token["refresh_token"]
    assert following["scope"] == token["scope"]
    assert whoami(following["access_token"]).status_code == 200


def test_a_refresh_token_that_comes_twice_ends_its_family(linked, spend, whoami):
    machine, _, _, token = linked
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    following = spend(machine, **form).get_json()

    again = spend(machine, **form)

    assert again.get_json()["error"] == "invalid_grant"
    assert whoami(following["access_token"]).status_code == 401
    form["refresh_token"] = following["refresh_token"]
    assert spend(machine, **form).get_json()["error"] == "invalid_grant"


def test_a_refreshed_token_carries_no_more_than_was_given(linked, spend):
    machine, _, _, token = linked
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}

    more = spend(machine, scope="balance.read exchange.out", **form)
    less = spend(machine, scope="balance.read", **form)

    assert more.get_json()["error"] == "invalid_scope"
    assert less.get_json()["scope"] == "balance.read"


@pytest.mark.parametrize(
    "told",
    [
        {"code_verifier": "another-verifier-of-at-least-forty-three-characters"},
        {"code_verifier": None},
        {"redirect_uri": f"{BACK}/elsewhere"},
        {"redirect_uri": None},
        {"code": "guessed"},
    ],
)
def test_a_code_needs_what_it_was_asked_with(linking, push, consenting, spend, told):
    machine = linking()
    code = consenting(machine, push(machine).get_json()).agree()["code"]

    answer = spend(machine, **({"code": code} | told))

    assert answer.status_code == 400
    assert answer.get_json()["error"] in {"invalid_grant", "invalid_request"}


def test_a_code_is_worth_nothing_to_another_client(linking, push, consenting, spend):
    machine, thief = linking(), linking()
    code = consenting(machine, push(machine).get_json()).agree()["code"]

    assert spend(thief, code=code).get_json()["error"] == "invalid_grant"
    assert spend(machine, code=code).status_code == 200


def test_a_code_is_good_for_a_minute(linking, push, consenting, spend, fresh_database):
    machine = linking()
    code = consenting(machine, push(machine).get_json()).agree()["code"]
    with fresh_database.unit_of_work() as session:
        left = session.scalar(text("SELECT expires_at - now() FROM oauth_code"))
        session.execute(text("UPDATE oauth_code SET expires_at = now()"))

    assert 50 < left.total_seconds() <= 60
    assert spend(machine, code=code).get_json()["error"] == "invalid_grant"


def test_a_code_can_be_bound_to_a_key(linking, push, consenting, spend):
    machine, key = linking(require_dpop=True), ECKey.generate_key("P-256")
    pushed = push(machine, dpop_jkt=key.thumbprint()).get_json()
    code = consenting(machine, pushed).agree()["code"]
    address = f"{SITE}/oauth/token"
    other = proof(ECKey.generate_key("P-256"), "POST", address)

    stolen = spend(machine, code=code, headers={"DPoP": other})
    good = proof(key, "POST", address)
    token = spend(machine, code=code, headers={"DPoP": good})

    assert stolen.get_json()["error"] == "invalid_grant"
    assert token.get_json()["token_type"] == "DPoP"


WRONG_REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
    ({"redirect_uri": 'https://evil.example/"'}, "invalid_request"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "balances:read"}, "invalid_scope"),
    ({"scope": "exchange.out"}, "invalid_scope"),
    ({"account_ref": None}, "invalid_request"),
    ({"account_ref": "x" * 65}, "invalid_request"),
    ({"account_ref": "a\x00b"}, "invalid_request"),
    ({"state": "\x00"}, "invalid_request"),
    ({"state": "x" * 2001}, "invalid_request"),
    ({"client_id": "cli_another"}, "invalid_request"),
    ({"request": "e30.e30."}, "invalid_request"),
    ({"request_uri": "urn:example:x"}, "invalid_request"),
    ({"link_consent": "lnk_nothing"}, "invalid_request"),
    ({"link_consent": "\x00"}, "invalid_request"),
]


def test_a_request_that_is_not_whole_is_told_to_the_client(linking, push):
    machine = linking()
    for told, error in WRONG_REQUESTS:
        answer = push(machine, **told)

        assert answer.status_code == 400, told
        assert answer.get_json()["error"] == error, told
        assert "Location" not in answer.headers


def test_a_request_is_pushed_by_who_proves_who_it_is(linking, push):
    machine = linking()
    machine.secret = "guessed"

    assert push(machine).status_code == 401


def test_a_client_that_has_no_way_back_asks_nobody(enroll, push):
    answer = push(enroll())

    assert answer.get_json()["error"] == "invalid_request"


def test_a_request_of_another_client_is_not_shown(linking, push, consenting):
    machine, other = linking(), linking()

    assert consenting(other, push(machine).get_json()).page().status_code == 404


def test_a_request_that_waited_too_long_is_over(
    linking, push, consenting, fresh_database
):
    machine = linking()
    pushed = push(machine).get_json()
    with fresh_database.unit_of_work() as session:
        session.execute(text("UPDATE oauth_pushed_request SET expires_at = now()"))

    assert pushed["expires_in"] < 600
    assert consenting(machine, pushed).page().status_code == 404


@pytest.fixture
def asked_before(fresh_database, keyring):
    """The name of a consent that a machine asked for before it pushes a request."""

    def ask(machine):
        with fresh_database.unit_of_work() as session:
            return operations.ask(
                session,
                client=known_client(session, client_id=machine.client_id),
                account_ref="C-0002",
                kinds=KINDS,
                keyring=keyring,
                at=now(),
            ).consent_ref

    return ask


def test_a_consent_asked_for_before_is_decided_by_a_request(
    linking, push, agree, asked_before, rows
):
    machine = linking()
    asked = asked_before(machine)
    wrong = push(machine, link_consent=asked, scope="accrue")

    agree(machine, link_consent=asked, account_ref=None)

    assert wrong.get_json()["error"] == "invalid_scope"
    assert rows("SELECT account_ref FROM link") == [("C-0002",)]
    assert push(machine, link_consent=asked).get_json()["error"] == "invalid_request"


@pytest.fixture
def in_the_address():
    """What a client asks without pushing it."""
    return lambda machine: {
        "response_type": "code",
        "client_id": machine.client_id,
        "redirect_uri": BACK,
        "scope": "balance.read",
        "state": "s",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        "account_ref": "C-0003",
    }


def test_a_client_that_need_not_push_may_ask_in_the_address(
    linking, in_the_address, browser, join
):
    machine = linking(require_par=False)
    told = in_the_address(machine)
    member = browser(member_id=join())

    wrong = member.get(
        "/oauth/authorize", query_string=told | {"code_challenge_method": "plain"}
    )
    led = member.get("/oauth/authorize", query_string=told)

    assert carried(wrong)["error"] == "invalid_request"
    assert (carried(wrong)["state"], carried(wrong)["iss"]) == ("s", SITE)
    assert "balance" not in led.location
    assert member.get(led.location).status_code == 200


def test_a_client_that_must_push_may_not_ask_in_the_address(linking, browser, join):
    machine = linking()

    answer = browser(member_id=join()).get(
        "/oauth/authorize",
        query_string={"client_id": machine.client_id, "redirect_uri": BACK},
    )

    assert answer.status_code == 422
    assert answer.location is None


def test_a_stranger_signs_in_first(linking, push, browser):
    machine = linking()
    name = push(machine).get_json()["request_uri"]

    answer = browser().get(
        "/oauth/authorize",
        query_string={"client_id": machine.client_id, "request_uri": name},
    )

    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=")


def test_a_member_ends_it_and_new_calls_stop_at_once(linked, spend, whoami, rows, csrf):
    machine, member, _, token = linked
    page = member.client.get("/profile/links")
    assert "光大银行" in page.text
    ((consent_ref,),) = rows("SELECT consent_ref FROM link_consent")

    ended = member.client.post(
        f"/profile/links/{consent_ref}/end", data={"csrf_token": csrf(page.text)}
    )

    assert ended.status_code == 303
    assert whoami(token["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert spend(machine, **form).get_json()["error"] == "invalid_grant"
    assert rows("SELECT state, reason FROM link_consent") == [("revoked", "member")]
    # What was earned there stays the member's, and so does the account.
    assert rows("SELECT account_ref FROM link") == [("C-0001",)]


@pytest.mark.usefixtures("linked")
def test_a_member_ends_only_what_is_their_own(browser, join, csrf, rows):
    ((consent_ref,),) = rows("SELECT consent_ref FROM link_consent")
    other = browser(member_id=join("13300000002", "李明"))
    token = csrf(other.get("/profile/links").text + other.get("/profile").text)

    answer = other.post(f"/profile/links/{consent_ref}/end", data={"csrf_token": token})

    assert answer.status_code == 404
    assert rows("SELECT state FROM link_consent") == [("authorized",)]


def test_a_consent_ends_by_itself(linked, fresh_database, spend, whoami, rows):
    machine, _, _, token = linked
    with fresh_database.unit_of_work() as session:
        session.execute(text("UPDATE link_consent SET expires_at = now()"))

    assert whoami(token["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert spend(machine, **form).status_code == 400
    with fresh_database.unit_of_work() as session:
        assert operations.expire(session, at=now()) == 1
    assert rows("SELECT state FROM link_consent") == [("expired",)]


def test_what_waited_too_long_is_expired_before_anybody_notes_it(
    linking, push, fresh_database
):
    push(linking())
    with fresh_database.unit_of_work() as session:
        waiting = session.query(LinkConsent).one()

    assert state_of(waiting, at=now()) == "awaiting_authorization"
    assert state_of(waiting, at=waiting.expires_at) == "expired"


@pytest.fixture
def tell(app):
    """Ask the authorization server about a token, or take it back."""

    def send(machine, path, token, **other):
        return app.test_client().post(
            path,
            data={"token": token} | other,
            auth=(machine.client_id, machine.secret),
        )

    return send


def test_a_client_learns_what_its_tokens_are_worth(linked, tell, linking):
    machine, _, _, token = linked

    access = tell(machine, "/oauth/introspect", token["access_token"]).get_json()
    refresh = tell(machine, "/oauth/introspect", token["refresh_token"]).get_json()

    assert access["active"] is refresh["active"] is True
    assert access["client_id"] == machine.client_id
    assert access["sub"] == refresh["sub"]
    assert access["sub"].startswith("lnk_")
    for guess in (token["access_token"], token["refresh_token"], "nonsense"):
        answer = tell(linking(), "/oauth/introspect", guess)
        assert answer.get_json() == {"active": False}


def test_a_refresh_token_taken_back_takes_its_family(linked, tell, whoami):
    machine, _, _, token = linked

    assert tell(machine, "/oauth/revoke", token["refresh_token"]).status_code == 200

    assert whoami(token["access_token"]).status_code == 401
    for name in ("access_token", "refresh_token"):
        told = tell(machine, "/oauth/introspect", token[name]).get_json()
        assert told == {"active": False}


def test_an_access_token_taken_back_leaves_the_refresh_token(
    linked, tell, spend, whoami
):
    machine, _, _, token = linked

    tell(
        machine,
        "/oauth/revoke",
        token["access_token"],
        token_type_hint="refresh_token",
    )

    assert whoami(token["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert spend(machine, **form).status_code == 200


def test_a_token_of_another_client_cannot_be_taken_back(linked, tell, linking, whoami):
    _, _, _, token = linked

    for name in ("access_token", "refresh_token"):
        tell(linking(), "/oauth/revoke", token[name])

    assert whoami(token["access_token"]).status_code == 200


def test_what_was_never_ours_is_taken_back_without_a_word(linked, tell):
    machine, *_ = linked

    assert tell(machine, "/oauth/revoke", "nonsense").status_code == 200


def test_who_is_forgotten_is_linked_no_more(linked, fresh_database, whoami, rows):
    _, _, _, token = linked
    ((member_id,),) = rows("SELECT member_id FROM member")
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO erasure_request (member_id, asked_at, due_on)"
                " VALUES (:member, now() - interval '40 days', current_date - 1)"
            ),
            {"member": member_id},
        )
        erase(session, member_id=member_id, at=now())

    assert whoami(token["access_token"]).status_code == 401
    assert rows(
        "SELECT state, reason, account_hash, account_sealed, source FROM link_consent"
    ) == [("revoked", "member_erased", None, None, None)]
    assert rows("SELECT revoke_reason FROM oauth_grant") == [("member_erased",)]


def test_two_who_bring_one_code_at_once_get_tokens_once(linking, agree, spend, whoami):
    machine = linking()
    code = agree(machine)["code"]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: spend(machine, code=code), range(4)))

    good = [answer.get_json() for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert whoami(good[0]["access_token"]).status_code == 401


def test_a_passkey_says_yes_to_exactly_this(linking, push, consenting, csrf):
    machine, device = linking(), Authenticator()
    member = consenting(machine, push(machine).get_json())
    client = member.client
    token = {"csrf_token": csrf(client.get("/profile/passkeys").text)}
    asked = client.post("/profile/passkeys/question", data=token)
    made = {"credential": device.create(asked.text), "label": "phone"}
    assert client.post("/profile/passkeys", data=token | made).status_code == 303

    def confirm(bound):
        asked = client.post("/confirm/passkey/question", data=token | {"bound": bound})
        return member.send(agree="yes", credential=device.get(asked.text))

    bound = re.findall(r'name="bound" value="([^"]+)"', member.page().text)[0]
    other, good = confirm("link:lnk_another"), confirm(bound)

    assert other.status_code == 422
    assert "code" in carried(good)


def test_a_client_with_a_key_asks_and_ends_as_others_do(linking, app, consenting):
    machine, client = linking(method="private_key_jwt"), app.test_client()

    def send(path, **form):
        proved = {
            "client_id": machine.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": machine.assertion(SITE),
        }
        answer = client.post(path, data=form | proved)
        assert answer.status_code in {200, 201}, answer.text
        return answer.get_json()

    pushed = send(
        "/oauth/par",
        response_type="code",
        redirect_uri=BACK,
        scope="accrue",
        code_challenge=challenge(),
        code_challenge_method="S256",
        account_ref="C-0009",
    )
    token = send(
        "/oauth/token",
        grant_type="authorization_code",
        code=consenting(machine, pushed).agree()["code"],
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    token = send(
        "/oauth/token",
        grant_type="refresh_token",
        refresh_token=token["refresh_token"],
    )
    access = token["access_token"]

    assert send("/oauth/introspect", token=access)["active"] is True
    send("/oauth/revoke", token=access)
    assert send("/oauth/introspect", token=access) == {"active": False}
