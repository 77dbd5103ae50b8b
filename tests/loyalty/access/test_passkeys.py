"""Passkeys: whose they are, what they confirm, and who cannot imitate them."""

import json
from datetime import timedelta

import pytest

from loyalty.access import passkeys
from loyalty.access.errors import ConfirmationMissing, PasskeyRefused, UnknownPasskey
from loyalty.access.operations import spend_code, verify_code
from loyalty.access.passkeys import Person, Site
from tests.loyalty.access.authenticator import Authenticator

SITE = Site("localhost", "http://localhost")
WANG, LI = Person("member", 7, "王芳"), Person("member", 8, "李娜")
ORDER = "order 1: INS-A × 1 for 2500 points"


@pytest.fixture
def register(session, keyring, noon):
    def keep(device, person=WANG, site=SITE, at=noon):
        question = passkeys.ask_to_register(
            session, person=person, site=site, keyring=keyring, at=noon
        )
        passkeys.register(
            session,
            question_id=question.question_id,
            credential=device.create(question.options),
            person=person,
            label="手机",
            site=site,
            at=at,
        )
        return question

    return keep


@pytest.fixture
def who(session, noon):
    def ask(device, *, owner="member", answers=1, at=noon):
        question = passkeys.ask_who(session, owner=owner, site=SITE, at=noon)
        for _ in range(answers):
            credential = device.get(question.options)
            found = passkeys.who_showed(
                session,
                question_id=question.question_id,
                credential=credential,
                owner=owner,
                site=SITE,
                at=at,
            )
        return found

    return ask


@pytest.fixture
def confirm(session, noon):
    def ask(device, *, member_id=7, bound=ORDER, answered=ORDER):
        question = passkeys.ask_to_confirm(
            session,
            member_id=7,
            purpose="confirm",
            bound=bound,
            site=SITE,
            at=noon,
        )
        passkeys.confirm(
            session,
            question_id=question.question_id,
            credential=device.get(question.options),
            member_id=member_id,
            purpose="confirm",
            bound=answered,
            site=SITE,
            at=noon,
        )
        return question

    return ask


def test_a_passkey_says_who_somebody_is(register, who):
    device = Authenticator()
    register(device)

    assert who(device) == 7
    assert who(device) == 7


def test_a_device_is_told_nothing_about_the_person(register):
    told = json.loads(register(Authenticator()).options)

    assert told["user"]["name"] == "王芳"
    assert told["user"]["id"] != ""
    assert told["authenticatorSelection"]["userVerification"] == "required"
    assert told["excludeCredentials"] == []


def test_the_same_passkey_is_not_kept_twice(register):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        register(device)
    with pytest.raises(PasskeyRefused):
        register(device, LI)


def test_a_passkey_nobody_has_registered_is_refused(register, who):
    register(Authenticator())

    with pytest.raises(PasskeyRefused):
        who(Authenticator())


def test_another_key_under_the_same_name_is_refused(register, who):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        who(Authenticator(credential_id=device.credential_id))


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://jifen.example.net"},
        {"host": "jifen.example.net"},
        {"verifies": False},
    ],
)
def test_a_passkey_counts_on_this_site_and_from_a_person_only(register, who, wrong):
    device = Authenticator()
    register(device)
    for name, value in wrong.items():
        setattr(device, name, value)

    with pytest.raises(PasskeyRefused):
        who(device)
    with pytest.raises(PasskeyRefused):
        register(Authenticator(**wrong), LI)


def test_a_copy_of_a_passkey_is_noticed_by_its_count(register, who):
    device = Authenticator()
    register(device)
    who(device)
    device.uses = 0

    with pytest.raises(PasskeyRefused):
        who(device)


def test_a_question_is_answered_once(register, who):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        who(device, answers=2)


def test_a_question_is_open_for_five_minutes(register, who, noon):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        who(device, at=noon + timedelta(minutes=5))


def test_a_passkey_of_a_member_lets_nobody_into_the_console(register, who):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        who(device, owner="staff")


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"id": 7}', "\x00"])
def test_nonsense_is_refused(session, noon, keyring, answer):
    question = passkeys.ask_who(session, owner="member", site=SITE, at=noon)
    with pytest.raises(PasskeyRefused):
        passkeys.who_showed(
            session,
            question_id=question.question_id,
            credential=answer,
            owner="member",
            site=SITE,
            at=noon,
        )

    question = passkeys.ask_to_register(
        session, person=WANG, site=SITE, keyring=keyring, at=noon
    )
    with pytest.raises(PasskeyRefused):
        passkeys.register(
            session,
            question_id=question.question_id,
            credential=answer,
            person=WANG,
            label="",
            site=SITE,
            at=noon,
        )


def test_a_passkey_confirms_an_order_as_a_code_does(register, confirm, session, noon):
    device = Authenticator()
    register(device)
    confirm(device)

    about = {"member_id": 7, "purpose": "confirm"}
    with pytest.raises(ConfirmationMissing):
        spend_code(session, bound=f"{ORDER} more", at=noon, **about)  # type: ignore[arg-type]
    spend_code(session, bound=ORDER, at=noon, **about)  # type: ignore[arg-type]
    with pytest.raises(ConfirmationMissing):
        spend_code(session, bound=ORDER, at=noon, **about)  # type: ignore[arg-type]


def test_what_was_asked_for_one_order_confirms_no_other(register, confirm):
    device = Authenticator()
    register(device)

    with pytest.raises(PasskeyRefused):
        confirm(device, answered=f"{ORDER} more")


def test_nobody_confirms_with_the_passkey_of_another(register, confirm):
    hers, his = Authenticator(), Authenticator()
    register(hers)
    register(his, LI)

    with pytest.raises(PasskeyRefused):
        confirm(his)


def test_without_passkeys_none_is_asked(confirm):
    with pytest.raises(UnknownPasskey):
        confirm(Authenticator())


def test_a_question_to_a_passkey_is_no_code(register, confirm, session, keyring, noon):
    device = Authenticator()
    register(device)
    question = confirm(device)

    with pytest.raises(Exception, match="expired"):
        verify_code(
            session,
            code_id=question.question_id,
            code="123456",
            keyring=keyring,
            at=noon,
        )


def test_a_forgotten_passkey_is_nobodys(register, who, session):
    device = Authenticator()
    register(device)
    about = {"owner": "member", "credential_id": device.credential_id}

    with pytest.raises(UnknownPasskey):
        passkeys.forget(session, owner_id=8, **about)  # type: ignore[arg-type]
    passkeys.forget(session, owner_id=7, **about)  # type: ignore[arg-type]

    assert passkeys.passkeys(session, owner="member", owner_id=7) == []
    with pytest.raises(PasskeyRefused):
        who(device)


def test_ten_passkeys_are_enough(register):
    for _ in range(10):
        register(Authenticator())

    with pytest.raises(PasskeyRefused):
        register(Authenticator())
