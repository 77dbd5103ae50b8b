"""Bring staff in, let them sign in, and change what they may do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyotp
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.access import passwords
from loyalty.access.operations import count_failure, end_sessions, let_try
from loyalty.access.rules import by_address, by_login
from loyalty.approvals import operations as approvals
from loyalty.approvals.models import Approval
from loyalty.keyring import Keyring
from loyalty.staff.errors import (
    LoginTaken,
    NotPermitted,
    OwnRoles,
    UnknownOwnAccount,
    UnknownRole,
)
from loyalty.staff.models import Staff
from loyalty.staff.queries import by_login as staff_of
from loyalty.staff.rules import ROLES, Permission, permissions_of

TOTP_SECONDS = 30
# A clock may be half a minute off, and people type slowly.
_TOTP_STEPS_AROUND = 1
_PURPOSE = "staff.totp"


def add(
    session: Session,
    *,
    login: str,
    name: str,
    roles: Sequence[str],
    channel: str,
    hall: str | None,
    password: str,
    totp_secret: str | None,
    keyring: Keyring,
    at: datetime,
    is_temporary: bool = False,
    member_ref: str | None = None,
) -> Staff:
    """Let somebody work here; a temporary password must be changed at once.

    Whoever is a member as well says which, for others look after those points.

    Raises `UnknownRole`, `LoginTaken`, `PasswordTooWeak`, `UnknownOwnAccount`.
    """
    known(roles)
    passwords.accept(password, own=(login,))
    made: Staff | None = session.scalar(
        insert(Staff)
        .values(
            login=login,
            name=name,
            roles=sorted(set(roles)),
            channel=channel,
            hall=hall,
            password_hash=passwords.hashed(password),
            password_is_temporary=is_temporary,
            totp_secret=_sealed(keyring, totp_secret),
            created_at=at,
            member_id=_own_account(session, member_ref),
        )
        .on_conflict_do_nothing(index_elements=["login"])
        .returning(Staff)
    )
    if made is None:
        raise LoginTaken(login=login)
    return made


def tell_account(session: Session, *, login: str, member_ref: str | None) -> Staff:
    """Say which member somebody is, whose points others look after; None: is none.

    Raises `UnknownStaff`, `UnknownOwnAccount`.
    """
    found = staff_of(session, login=login)
    found.member_id = _own_account(session, member_ref)
    session.flush()
    return found


def known(roles: Sequence[str]) -> None:
    """Accept roles that there are.

    Raises `UnknownRole`.
    """
    for role in roles:
        if role not in ROLES:
            raise UnknownRole(role=role)


def permit(session: Session, *, login: str, permission: Permission) -> Staff:
    """Return who has a login, if a role of theirs gives the permission.

    Raises `UnknownStaff`, `NotPermitted`.
    """
    found = staff_of(session, login=login)
    allowed = permissions_of(found.roles) if found.disabled_at is None else frozenset()
    if permission not in allowed:
        raise NotPermitted(login=login, permission=permission)
    return found


def sign_in(
    session: Session,
    *,
    login: str,
    password: str,
    totp: str,
    address: str,
    keyring: Keyring,
    at: datetime,
    wall: datetime,
) -> Staff | None:
    """Return who has this login, password and second factor; None: they are wrong.

    A failure is counted, so the caller commits either way. A second factor is good
    once: the step it belongs to is kept (RFC 6238, 5.2). Its time is the real one.

    Raises `TooManyAttempts`.
    """
    throttles = (by_login(login), by_address(address))
    let_try(session, throttles=throttles, keyring=keyring, at=at)
    found = session.query(Staff).filter_by(login=login).with_for_update().one_or_none()
    works_here = found is not None and found.disabled_at is None
    is_right = passwords.is_right(found.password_hash if found else None, password)
    step = _step(found, totp, keyring=keyring, wall=wall) if found else None
    if found is None or not works_here or not is_right or step is None:
        count_failure(session, throttles=throttles, keyring=keyring, at=at)
        return None
    found.totp_last_step = step
    session.flush()
    return found


def disable(session: Session, *, login: str, at: datetime) -> Staff:
    """Let somebody in no more, and end what they are signed in to.

    Raises `UnknownStaff`.
    """
    found = staff_of(session, login=login)
    if found.disabled_at is None:
        found.disabled_at = at
        session.flush()
    end_sessions(session, owner="staff", owner_id=found.staff_id, at=at)
    return found


def reset(
    session: Session,
    *,
    login: str,
    password: str,
    totp_secret: str | None,
    keyring: Keyring,
    at: datetime,
) -> Staff:
    """Give somebody a temporary password and second factor, and let them in again.

    Raises `UnknownStaff`, `PasswordTooWeak`.
    """
    found = staff_of(session, login=login)
    passwords.accept(password, own=(login,))
    found.password_hash = passwords.hashed(password)
    found.password_is_temporary = True
    found.totp_secret = _sealed(keyring, totp_secret)
    found.totp_last_step = 0
    found.disabled_at = None
    session.flush()
    end_sessions(session, owner="staff", owner_id=found.staff_id, at=at)
    return found


def change_password(
    session: Session,
    *,
    staff_id: int,
    present: str,
    wanted: str,
    address: str,
    keyring: Keyring,
    at: datetime,
    but: bytes,
) -> bool:
    """Change one's own password; all other sign-ins of theirs end.

    False: the present one is wrong, which is counted, so the caller commits.

    Raises `PasswordTooWeak`, `TooManyAttempts`.
    """
    found = session.get_one(Staff, staff_id)
    throttles = (by_login(found.login), by_address(address))
    let_try(session, throttles=throttles, keyring=keyring, at=at)
    if not passwords.is_right(found.password_hash, present):
        count_failure(session, throttles=throttles, keyring=keyring, at=at)
        return False
    passwords.accept(wanted, own=(found.login,))
    found.password_hash = passwords.hashed(wanted)
    found.password_is_temporary = False
    session.flush()
    end_sessions(session, owner="staff", owner_id=staff_id, at=at, but=but)
    return True


def ask_roles(
    session: Session,
    *,
    login: str,
    roles: Sequence[str],
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that somebody else have other roles (domain.md 4.8).

    Raises `UnknownStaff`, `UnknownRole`, `OwnRoles`, `AlreadyRequested`.
    """
    found = staff_of(session, login=login)
    known(roles)
    if found.staff_id == maker:
        raise OwnRoles(login=login)
    return approvals.request(
        session,
        action="staff.roles",
        subject=login,
        before={"roles": found.roles},
        after={"roles": sorted(set(roles))},
        reason=reason,
        maker=maker,
        at=at,
    )


def set_roles(session: Session, *, approval: Approval, at: datetime) -> Staff:
    """Give somebody the roles that were approved; they sign in again for them.

    Raises `UnknownStaff`, `UnknownRole`.
    """
    assert approval.action == "staff.roles"
    assert approval.state == "approved"
    asked: dict[str, Any] = approval.after
    known(asked["roles"])
    found = staff_of(session, login=approval.subject)
    found.roles = list(asked["roles"])
    session.flush()
    end_sessions(session, owner="staff", owner_id=found.staff_id, at=at)
    return found


def _step(found: Staff, totp: str, *, keyring: Keyring, wall: datetime) -> int | None:
    """Return the time step of a second factor; None: it is wrong, or was used."""
    if found.totp_secret is None:
        return None
    clock = pyotp.TOTP(keyring.unseal(_PURPOSE, found.totp_secret))
    present = int(wall.timestamp()) // TOTP_SECONDS
    for step in range(present - _TOTP_STEPS_AROUND, present + _TOTP_STEPS_AROUND + 1):
        if step > found.totp_last_step and pyotp.utils.strings_equal(
            clock.generate_otp(step), totp
        ):
            return step
    return None


def _own_account(session: Session, member_ref: str | None) -> int | None:
    if member_ref is None:
        return None
    member_id: int | None = session.scalar(
        text("SELECT member_id FROM member WHERE member_ref = :ref"),
        {"ref": member_ref},
    )
    if member_id is None:
        raise UnknownOwnAccount(member_ref=member_ref)
    return member_id


def _sealed(keyring: Keyring, totp_secret: str | None) -> bytes | None:
    return None if totp_secret is None else keyring.seal(_PURPOSE, totp_secret)
