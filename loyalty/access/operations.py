"""Sessions, one-time codes, passwords, and what guards a member's spending.

Who fails is counted; the count must be committed, so that what counts returns an
answer instead of raising one.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from loyalty.access import passwords
from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    ConfirmationMissing,
    TooManyAttempts,
    TooManyCodes,
)
from loyalty.access.models import AttemptFailed, MemberAccess, OneTimeCode, WebSession
from loyalty.access.rules import (
    CODE_ATTEMPTS,
    CODE_DIGITS,
    CODE_MINUTES,
    CODE_RESEND_SECONDS,
    CODES_PER_HOUR,
    COOL_DOWN_HOURS,
    DORMANT_COOL_DOWN_HOURS,
    DORMANT_DAYS,
    Throttle,
)
from loyalty.keyring import Keyring

_TOKEN_BYTES = 32
_HOUR = timedelta(hours=1)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_BEFORE_SIGN_IN = ("sign_in", "recover")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code to be sent to somebody, and the name under which it is verified."""

    code_id: UUID
    code: str


def start_session(
    session: Session,
    *,
    owner: str,
    owner_id: int,
    method: str,
    keyring: Keyring,
    at: datetime,
) -> str:
    """Sign somebody in; return the token that their browser brings from now on."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.execute(
        insert(WebSession).values(
            token_hash=token_hash(keyring, token),
            owner=owner,
            owner_id=owner_id,
            started_at=at,
            seen_at=at,
            fresh_at=at,
            method=method,
        )
    )
    return token


def token_hash(keyring: Keyring, token: str) -> bytes:
    """Return what we keep of a token."""
    return keyring.digest("session", token)


def refresh_session(session: Session, *, token_hash: bytes, at: datetime) -> None:
    """Remember that the person has just proved again to be that person."""
    session.execute(
        update(WebSession)
        .where(WebSession.token_hash == token_hash)
        .values(fresh_at=at, seen_at=at)
    )


def touch_session(session: Session, *, token_hash: bytes, at: datetime) -> None:
    """Remember that the person is still there."""
    session.execute(
        update(WebSession)
        .where(WebSession.token_hash == token_hash)
        .values(seen_at=func.greatest(WebSession.seen_at, at))
    )


def end_session(session: Session, *, token_hash: bytes, at: datetime) -> None:
    """Sign somebody out."""
    session.execute(
        update(WebSession)
        .where(WebSession.token_hash == token_hash, WebSession.ended_at.is_(None))
        .values(ended_at=at)
    )


def end_sessions(
    session: Session,
    *,
    owner: str,
    owner_id: int,
    at: datetime,
    but: bytes | None = None,
) -> None:
    """Sign somebody out everywhere, but for one session if told."""
    ending = update(WebSession).where(
        WebSession.owner == owner,
        WebSession.owner_id == owner_id,
        WebSession.ended_at.is_(None),
    )
    if but is not None:
        ending = ending.where(WebSession.token_hash != but)
    session.execute(ending.values(ended_at=at))


def record_sign_in(session: Session, *, member_id: int, at: datetime) -> None:
    """Remember when a member signed in.

    Whoever comes back after a year is waited for a day before much can be spent:
    accounts that nobody watches are the ones that are drained (domain.md 4.3).
    """
    session.execute(
        upsert(MemberAccess).values(member_id=member_id).on_conflict_do_nothing()
    )
    known = session.get_one(MemberAccess, member_id, with_for_update=True)
    before = known.last_sign_in_at
    if before is not None and at - before > timedelta(days=DORMANT_DAYS):
        cool_down(session, member_id=member_id, at=at, hours=DORMANT_COOL_DOWN_HOURS)
    known.last_sign_in_at = at
    session.flush()


def issue_code(
    session: Session,
    *,
    member_id: int | None,
    purpose: str,
    bound: str,
    keyring: Keyring,
    at: datetime,
) -> IssuedCode:
    """Make a code that confirms what it is bound to; earlier ones for that end.

    Without a member the code can be verified by nobody, and all else is the same:
    who asks with a stranger's number learns nothing.

    Raises `TooManyCodes`.
    """
    _throttle_codes(session, member_id=member_id, purpose=purpose, bound=bound, at=at)
    session.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.purpose == purpose,
            OneTimeCode.bound == bound,
            OneTimeCode.member_id.is_not_distinct_from(member_id),
            OneTimeCode.verified_at.is_(None),
            OneTimeCode.expires_at > at,
        )
        .values(expires_at=at)
    )
    issued = IssuedCode(uuid4(), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}")
    session.execute(
        insert(OneTimeCode).values(
            code_id=issued.code_id,
            member_id=member_id,
            purpose=purpose,
            way="code",
            bound=bound,
            code_hash=_code_hash(keyring, issued.code_id, issued.code),
            created_at=at,
            expires_at=at + timedelta(minutes=CODE_MINUTES),
            attempts_left=CODE_ATTEMPTS,
        )
    )
    return issued


def verify_code(
    session: Session, *, code_id: UUID, code: str, keyring: Keyring, at: datetime
) -> bool:
    """Tell whether this is the code; a wrong one costs an attempt.

    Call it in a unit of work of its own, so that the attempt is kept whatever
    happens next. A code that was verified can be used for five minutes more.

    Raises `CodeExpired`, `CodeSpent`.
    """
    found = session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.code_id == code_id, OneTimeCode.way == "code")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None or found.expires_at <= at:
        raise CodeExpired
    if found.used_at is not None or found.attempts_left == 0:
        raise CodeSpent
    expected = _code_hash(keyring, code_id, code)
    is_right = compare_digest(found.code_hash, expected) and found.member_id is not None
    if not is_right:
        found.attempts_left -= 1
    elif found.verified_at is None:
        found.verified_at = at
        found.expires_at = at + timedelta(minutes=CODE_MINUTES)
    session.flush()
    return is_right


def verify_newest(
    session: Session,
    *,
    member_id: int,
    purpose: str,
    bound: str,
    code: str,
    keyring: Keyring,
    at: datetime,
) -> bool:
    """Tell whether this is the code that was last sent for this; see `verify_code`.

    Raises `CodeExpired`, `CodeSpent`.
    """
    code_id = session.scalar(
        select(OneTimeCode.code_id)
        .where(
            OneTimeCode.member_id == member_id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.bound == bound,
            OneTimeCode.way == "code",
        )
        .order_by(OneTimeCode.created_at.desc())
        .limit(1)
    )
    if code_id is None:
        raise CodeExpired
    return verify_code(session, code_id=code_id, code=code, keyring=keyring, at=at)


def sign_in_with_code(
    session: Session, *, code_id: UUID, code: str, keyring: Keyring, at: datetime
) -> int | None:
    """Return who signs in with this code, which is used up; None: it is wrong.

    Raises `CodeExpired`, `CodeSpent`.
    """
    if not verify_code(session, code_id=code_id, code=code, keyring=keyring, at=at):
        return None
    found = session.get_one(OneTimeCode, code_id)
    if found.purpose not in _BEFORE_SIGN_IN:
        raise CodeExpired
    found.used_at = at
    session.flush()
    return found.member_id


def spend_code(
    session: Session, *, member_id: int, purpose: str, bound: str, at: datetime
) -> None:
    """Use up a confirmation, in the transaction of what it confirms.

    Raises `ConfirmationMissing` if none was verified, or none for exactly this.
    """
    usable = (
        select(OneTimeCode.code_id)
        .where(*_usable(member_id=member_id, purpose=purpose, bound=bound, at=at))
        .order_by(OneTimeCode.created_at)
        .limit(1)
        .with_for_update()
    )
    spent = session.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.code_id == usable.scalar_subquery(),
            OneTimeCode.used_at.is_(None),
        )
        .values(used_at=at)
        .returning(OneTimeCode.code_id)
    ).first()
    if spent is None:
        raise ConfirmationMissing(purpose=purpose)


def verified(
    session: Session, *, member_id: int, purpose: str, bound: str, at: datetime
) -> bool:
    """Tell whether this has been confirmed, and the confirmation can still be used."""
    wanted = select(OneTimeCode.code_id).where(
        *_usable(member_id=member_id, purpose=purpose, bound=bound, at=at)
    )
    return session.scalar(wanted.limit(1)) is not None


def let_try(
    session: Session, *, throttles: Iterable[Throttle], keyring: Keyring, at: datetime
) -> None:
    """Let another attempt be made, unless too many have failed of late.

    Raises `TooManyAttempts`.
    """
    for throttle in throttles:
        key = keyring.digest("attempts", throttle.key)
        # Attempts that come together are made one after the other.
        session.execute(_LOCK, {"key": key.hex()})
        since = at - timedelta(seconds=throttle.seconds)
        count, oldest = session.execute(
            select(func.count(), func.min(AttemptFailed.at)).where(
                AttemptFailed.key == key, AttemptFailed.at > since
            )
        ).one()
        if count >= throttle.failures:
            wait = oldest + timedelta(seconds=throttle.seconds) - at
            raise TooManyAttempts(retry_after=_whole_seconds(wait))


def count_failure(
    session: Session, *, throttles: Iterable[Throttle], keyring: Keyring, at: datetime
) -> None:
    """Count an attempt that failed, for everyone it may have come from."""
    for throttle in throttles:
        key = keyring.digest("attempts", throttle.key)
        session.execute(
            delete(AttemptFailed).where(
                AttemptFailed.key == key,
                AttemptFailed.at <= at - timedelta(seconds=throttle.seconds),
            )
        )
        session.execute(insert(AttemptFailed).values(key=key, at=at))


def forget_failures(session: Session, *, throttle: Throttle, keyring: Keyring) -> None:
    """Forget the failures of somebody who came in after all."""
    key = keyring.digest("attempts", throttle.key)
    session.execute(delete(AttemptFailed).where(AttemptFailed.key == key))


def set_password(
    session: Session, *, member_id: int, password: str | None, own: Iterable[str]
) -> None:
    """Give a member a password, or none; `own` is what it must not contain.

    Raises `PasswordTooWeak`.
    """
    hashed = None
    if password is not None:
        passwords.accept(password, own=own)
        hashed = passwords.hashed(password)
    _write(session, member_id, password_hash=hashed)


def check_password(session: Session, *, member_id: int | None, password: str) -> bool:
    """Tell whether this is the member's password; strangers take as long."""
    known = None if member_id is None else session.get(MemberAccess, member_id)
    stored = None if known is None else known.password_hash
    return passwords.is_right(stored, password)


def lock_spending(
    session: Session, *, member_id: int, at: datetime, locked: bool = True
) -> None:
    """Lock a member's spending as the member wishes, or unlock it."""
    _write(session, member_id, spend_locked_at=at if locked else None)


def cool_down(
    session: Session, *, member_id: int, at: datetime, hours: int = COOL_DOWN_HOURS
) -> datetime:
    """Let a change of contact settle before much is spent; return until when."""
    until = at + timedelta(hours=hours)
    known = _write(
        session,
        member_id,
        cool_down_until=func.greatest(until, MemberAccess.cool_down_until),
    )
    assert known.cool_down_until is not None
    return known.cool_down_until


def remember_language(session: Session, *, member_id: int, language: str) -> None:
    """Remember the language in which a member is written to."""
    _write(session, member_id, language=language)


def _write(session: Session, member_id: int, **facts: object) -> MemberAccess:
    """Write how a member signs in, whether or not anything was known before."""
    session.execute(
        upsert(MemberAccess).values(member_id=member_id).on_conflict_do_nothing()
    )
    changed: MemberAccess = session.scalars(
        update(MemberAccess)
        .where(MemberAccess.member_id == member_id)
        .values(facts)
        .returning(MemberAccess)
        .execution_options(populate_existing=True)
    ).one()
    return changed


def _throttle_codes(
    session: Session, *, member_id: int | None, purpose: str, bound: str, at: datetime
) -> None:
    """Let a code be made: five an hour for a number or member, one a minute."""
    # Before the sign-in it is the number that counts, whoever has it or nobody.
    is_open = purpose in _BEFORE_SIGN_IN
    key = f"{purpose}:{bound}" if is_open else f"member:{member_id}"
    # Two requests at once must not both find room for the last one.
    session.execute(_LOCK, {"key": key})
    wanted = select(
        func.count(),
        func.min(OneTimeCode.created_at),
        func.max(OneTimeCode.created_at).filter(OneTimeCode.bound == bound),
    ).where(OneTimeCode.way == "code", OneTimeCode.created_at > at - _HOUR)
    if is_open:
        wanted = wanted.where(
            OneTimeCode.purpose == purpose, OneTimeCode.bound == bound
        )
    else:
        wanted = wanted.where(
            OneTimeCode.member_id == member_id,
            OneTimeCode.purpose.not_in(_BEFORE_SIGN_IN),
        )
    count, oldest, last = session.execute(wanted).one()
    newest: datetime | None = last
    if count >= CODES_PER_HOUR:
        raise TooManyCodes(retry_after=_whole_seconds(oldest + _HOUR - at))
    pause = timedelta(seconds=CODE_RESEND_SECONDS)
    if newest is not None and at < newest + pause:
        raise TooManyCodes(retry_after=_whole_seconds(newest + pause - at))


def _usable(
    *, member_id: int, purpose: str, bound: str, at: datetime
) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeCode.member_id == member_id,
        OneTimeCode.purpose == purpose,
        OneTimeCode.bound == bound,
        OneTimeCode.verified_at.is_not(None),
        OneTimeCode.used_at.is_(None),
        OneTimeCode.expires_at > at,
    )


def _code_hash(keyring: Keyring, code_id: UUID, code: str) -> bytes:
    return keyring.digest("one_time_code", f"{code_id}:{code}")


def _whole_seconds(wait: timedelta) -> int:
    """Return a wait in seconds, rounded up, and at least one."""
    return max(1, -int(-wait.total_seconds() // 1))
