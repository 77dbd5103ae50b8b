"""Staff: a password, a second factor that is good once, and roles by four eyes."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty.access.errors import PasswordTooWeak, TooManyAttempts
from loyalty.access.operations import start_session
from loyalty.approvals import operations as approvals
from loyalty.keyring import Keyring
from loyalty.staff import operations
from loyalty.staff.errors import (
    LoginTaken,
    NotPermitted,
    OwnRoles,
    UnknownRole,
    UnknownStaff,
)
from loyalty.staff.queries import by_login, everybody, names, staff
from loyalty.staff.rules import Permission

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "一匹马 rode over 7 hills"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = timedelta(seconds=30)


@pytest.fixture
def keyring():
    return Keyring(b"a secret of the tests, and of nobody else")


@pytest.fixture
def employ(session, keyring):
    def hire(login="li.na", *roles, password=PASSWORD, secret=SECRET):
        return operations.add(
            session,
            login=login,
            name="李娜",
            roles=roles or ("clerk",),
            channel="hall",
            hall="天河",
            password=password,
            totp_secret=secret,
            keyring=keyring,
            at=NOON,
        )

    return hire


@pytest.fixture
def sign_in(session, keyring):
    def knock(login="li.na", password=PASSWORD, totp=None, *, at=NOON):
        return operations.sign_in(
            session,
            login=login,
            password=password,
            totp=pyotp.TOTP(SECRET).at(at) if totp is None else totp,
            address="192.0.2.1",
            keyring=keyring,
            at=at,
            wall=at,
        )

    return knock


def test_a_password_and_its_second_factor_let_in(employ, sign_in):
    made = employ()

    assert sign_in() is made


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": "wu"},
        {"password": "another password"},
        {"totp": "000000"},
        {"totp": ""},
        {"password": "", "totp": ""},
    ],
)
def test_one_wrong_part_is_enough_to_stay_outside(employ, sign_in, wrong):
    employ()

    assert sign_in(**wrong) is None


def test_a_second_factor_is_good_once(employ, sign_in):
    employ()
    code = pyotp.TOTP(SECRET).at(NOON)

    assert sign_in(totp=code)
    assert sign_in(totp=code, at=NOON + timedelta(seconds=5)) is None
    assert sign_in(at=NOON + STEP)


def test_an_older_code_is_dead_once_a_newer_one_was_used(employ, sign_in):
    employ()
    older = pyotp.TOTP(SECRET).at(NOON - STEP)

    assert sign_in()
    assert sign_in(totp=older) is None


@pytest.mark.parametrize(("steps", "is_good"), [(-2, 0), (-1, 1), (1, 1), (2, 0)])
def test_a_clock_may_be_half_a_minute_off(employ, sign_in, steps, is_good):
    employ()

    found = sign_in(totp=pyotp.TOTP(SECRET).at(NOON + steps * STEP))

    assert (found is not None) == bool(is_good)


def test_who_has_no_second_factor_needs_a_passkey(employ, sign_in):
    employ(secret=None)

    assert sign_in() is None


def test_secrets_are_sealed_and_hashed(employ, session):
    employ()

    kept = session.execute(text("SELECT password_hash, totp_secret FROM staff")).one()
    assert kept.password_hash.startswith("$argon2id$")
    assert SECRET.encode() not in kept.totp_secret


def test_guessing_ends_after_ten(employ, sign_in):
    employ()
    for _ in range(10):
        assert sign_in(password="a guess") is None

    with pytest.raises(TooManyAttempts):
        sign_in()
    assert sign_in(at=NOON + timedelta(minutes=16))


def test_who_left_is_let_in_no_more(employ, sign_in, session, keyring):
    made = employ()
    start_session(
        session,
        owner="staff",
        owner_id=made.staff_id,
        method="test",
        keyring=keyring,
        at=NOON,
    )

    operations.disable(session, login="li.na", at=NOON)

    assert sign_in() is None
    assert staff(session, staff_id=made.staff_id) is None
    assert session.scalar(text("SELECT ended_at FROM web_session")) == NOON
    assert [person.login for person in everybody(session)] == ["li.na"]
    assert names(session) == {made.staff_id: "李娜"}


def test_a_reset_gives_a_temporary_password(employ, sign_in, session, keyring):
    made = employ()
    operations.disable(session, login="li.na", at=NOON)

    operations.reset(
        session,
        login="li.na",
        password="seven hills and a horse",
        totp_secret=SECRET,
        keyring=keyring,
        at=NOON,
    )

    assert sign_in() is None
    assert sign_in(password="seven hills and a horse") is made
    assert made.password_is_temporary


@pytest.mark.parametrize(
    ("present", "is_changed"), [(PASSWORD, True), ("another", False)]
)
def test_a_password_is_changed_by_who_knows_it(
    employ, session, keyring, present, is_changed
):
    made = employ()
    operations.reset(
        session,
        login="li.na",
        password=PASSWORD,
        totp_secret=SECRET,
        keyring=keyring,
        at=NOON,
    )

    answer = operations.change_password(
        session,
        staff_id=made.staff_id,
        present=present,
        wanted="seven hills and a horse",
        address="192.0.2.1",
        keyring=keyring,
        at=NOON,
        but=b"",
    )

    assert answer is is_changed
    assert made.password_is_temporary is not is_changed


def test_a_login_is_given_once(employ):
    employ()

    with pytest.raises(LoginTaken):
        employ()


def test_a_role_that_is_none_is_refused(employ, session):
    with pytest.raises(UnknownRole):
        employ("wu", "king")
    with pytest.raises(DBAPIError, match="staff_roles_known"):
        session.execute(
            text(
                "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                " VALUES ('wu', 'wu', '{king}', '', now())"
            )
        )


def test_a_login_is_no_password(employ):
    with pytest.raises(PasswordTooWeak):
        employ("zhang.xiaoming", password="I am zhang.xiaoming")


def test_roles_are_given_by_two(employ, session):
    admin, other = employ("wu", "admin"), employ("zhao", "admin")
    employ("li.na", "clerk")

    asked = operations.ask_roles(
        session,
        login="li.na",
        roles=["supervisor", "clerk"],
        reason="leads the hall from April",
        maker=admin.staff_id,
        at=NOON,
    )
    found = approvals.approve(
        session,
        approval_id=asked.approval_id,
        checker=other.staff_id,
        note=None,
        at=NOON,
    )
    operations.set_roles(session, approval=found, at=NOON)

    assert by_login(session, login="li.na").roles == ["clerk", "supervisor"]


def test_nobody_asks_for_roles_of_their_own(employ, session):
    admin = employ("wu", "admin")

    with pytest.raises(OwnRoles):
        operations.ask_roles(
            session,
            login="wu",
            roles=["finance_checker"],
            reason="why not",
            maker=admin.staff_id,
            at=NOON,
        )


def test_commands_ask_the_roles_of_a_login(employ, session):
    employ("wu", "auditor")

    def permit(permission, login="wu"):
        return operations.permit(session, login=login, permission=permission)

    assert permit(Permission.READ).login == "wu"
    with pytest.raises(NotPermitted):
        permit(Permission.OPERATE)
    with pytest.raises(UnknownStaff):
        permit(Permission.READ, "nobody")
    operations.disable(session, login="wu", at=NOON)
    with pytest.raises(NotPermitted):
        permit(Permission.READ)
