"""Passkeys: key pairs of which we keep the public half (WebAuthn Level 3).

A question to a passkey is a row beside the one-time codes: it is asked once, for
one end, and what it confirms is spent in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from secrets import token_bytes
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from loyalty.access.errors import PasskeyRefused, UnknownPasskey
from loyalty.access.models import OneTimeCode, Passkey
from loyalty.access.rules import CODE_MINUTES
from loyalty.keyring import Keyring

LABEL_LENGTH_MAX = 60
PASSKEYS_MAX = 10
_CHALLENGE_BYTES = 32
_TIMEOUT_MS = CODE_MINUTES * 60_000
# What a library that reads strangers' bytes may raise over them.
_UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Site:
    """The site a passkey is for: its name in the DNS, and its origin."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whose passkey it is."""

    owner: str  # member or staff
    owner_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the browser hands to the passkey, and the name of the question."""

    question_id: UUID
    options: str  # JSON


def passkeys(session: Session, *, owner: str, owner_id: int) -> Sequence[Passkey]:
    """Return somebody's passkeys, the oldest first."""
    return session.scalars(
        select(Passkey)
        .where(Passkey.owner == owner, Passkey.owner_id == owner_id)
        .order_by(Passkey.added_at, Passkey.credential_id)
    ).all()


def ask_to_register(
    session: Session, *, person: Person, site: Site, keyring: Keyring, at: datetime
) -> Question:
    """Ask a device to make a passkey for somebody who is signed in.

    Raises `PasskeyRefused` if the person has ten already.
    """
    known = passkeys(session, owner=person.owner, owner_id=person.owner_id)
    if len(known) >= PASSKEYS_MAX:
        raise PasskeyRefused
    whose = f"{person.owner}:{person.owner_id}"
    question_id, challenge = _ask(
        session, member_id=None, purpose="passkey", bound=whose, at=at
    )
    options = generate_registration_options(
        rp_id=site.host,
        rp_name="Jifen",
        user_name=person.name,
        # The device shows this to nobody and we tell it nothing about the person.
        user_id=keyring.digest("passkey.person", whose),
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=key.credential_id) for key in known
        ],
    )
    return Question(question_id, options_to_json(options))


def register(
    session: Session,
    *,
    question_id: UUID,
    credential: str,
    person: Person,
    label: str,
    site: Site,
    at: datetime,
) -> None:
    """Keep the public half of a passkey that was made when we asked.

    Raises `PasskeyRefused`.
    """
    whose = f"{person.owner}:{person.owner_id}"
    question = _answered(session, question_id, purposes=("passkey",), at=at)
    if question.bound != whose:
        raise PasskeyRefused
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=question.code_hash,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise PasskeyRefused from error
    kept = session.scalar(
        insert_once(Passkey)
        .values(
            credential_id=made.credential_id,
            owner=person.owner,
            owner_id=person.owner_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            label=label.strip()[:LABEL_LENGTH_MAX] or "passkey",
            added_at=at,
        )
        .on_conflict_do_nothing()
        .returning(Passkey.credential_id)
    )
    if kept is None:
        raise PasskeyRefused
    question.used_at = at
    session.flush()


def ask_who(session: Session, *, owner: str, site: Site, at: datetime) -> Question:
    """Ask whoever is there to show a passkey."""
    question_id, challenge = _ask(
        session,
        member_id=None,
        purpose="sign_in" if owner == "member" else "staff",
        bound="passkey",
        at=at,
    )
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Question(question_id, options_to_json(options))


def ask_to_confirm(
    session: Session,
    *,
    member_id: int,
    purpose: str,
    bound: str,
    site: Site,
    at: datetime,
) -> Question:
    """Ask a member to confirm something with a passkey of theirs.

    Raises `UnknownPasskey` if they have none.
    """
    known = passkeys(session, owner="member", owner_id=member_id)
    if not known:
        raise UnknownPasskey
    question_id, challenge = _ask(
        session, member_id=member_id, purpose=purpose, bound=bound, at=at
    )
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=key.credential_id) for key in known
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Question(question_id, options_to_json(options))


def who_showed(
    session: Session,
    *,
    question_id: UUID,
    credential: str,
    owner: str,
    site: Site,
    at: datetime,
) -> int:
    """Return who of the members, or of staff, showed a passkey when we asked.

    Raises `PasskeyRefused`.
    """
    purpose = "sign_in" if owner == "member" else "staff"
    question = _answered(session, question_id, purposes=(purpose,), at=at)
    shown = _shown(session, question, credential=credential, site=site, at=at)
    if shown.owner != owner:
        raise PasskeyRefused
    question.used_at = at
    session.flush()
    return shown.owner_id


def confirm(
    session: Session,
    *,
    question_id: UUID,
    credential: str,
    member_id: int,
    purpose: str,
    bound: str,
    site: Site,
    at: datetime,
) -> None:
    """Keep a member's confirmation, to be spent like that of a code.

    Raises `PasskeyRefused`.
    """
    question = _answered(session, question_id, purposes=(purpose,), at=at)
    if (question.member_id, question.bound) != (member_id, bound):
        raise PasskeyRefused
    shown = _shown(session, question, credential=credential, site=site, at=at)
    if (shown.owner, shown.owner_id) != ("member", member_id):
        raise PasskeyRefused
    question.verified_at = at
    question.expires_at = at + timedelta(minutes=CODE_MINUTES)
    session.flush()


def forget(
    session: Session, *, owner: str, owner_id: int, credential_id: bytes
) -> None:
    """Forget a passkey of somebody.

    Raises `UnknownPasskey`.
    """
    forgotten = session.execute(
        delete(Passkey)
        .where(
            Passkey.credential_id == credential_id,
            Passkey.owner == owner,
            Passkey.owner_id == owner_id,
        )
        .returning(Passkey.credential_id)
    ).first()
    if forgotten is None:
        raise UnknownPasskey


def _ask(
    session: Session, *, member_id: int | None, purpose: str, bound: str, at: datetime
) -> tuple[UUID, bytes]:
    question_id, challenge = uuid4(), token_bytes(_CHALLENGE_BYTES)
    session.execute(
        insert(OneTimeCode).values(
            code_id=question_id,
            member_id=member_id,
            purpose=purpose,
            way="passkey",
            bound=bound,
            code_hash=challenge,  # the browser sees it: there is nothing to hide
            created_at=at,
            expires_at=at + timedelta(minutes=CODE_MINUTES),
            attempts_left=1,
        )
    )
    return question_id, challenge


def _answered(
    session: Session, question_id: UUID, *, purposes: tuple[str, ...], at: datetime
) -> OneTimeCode:
    """Return a question that waits for its one answer."""
    found = session.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.code_id == question_id,
            OneTimeCode.way == "passkey",
            OneTimeCode.purpose.in_(purposes),
            OneTimeCode.expires_at > at,
            OneTimeCode.verified_at.is_(None),
            OneTimeCode.used_at.is_(None),
            OneTimeCode.attempts_left > 0,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise PasskeyRefused
    found.attempts_left = 0
    return found


def _shown(
    session: Session,
    question: OneTimeCode,
    *,
    credential: str,
    site: Site,
    at: datetime,
) -> Passkey:
    """Return the passkey that answered a question, and count its use."""
    try:
        parsed = parse_authentication_credential_json(credential)
    except _UNREADABLE as error:
        raise PasskeyRefused from error
    known = session.get(Passkey, parsed.raw_id, with_for_update=True)
    if known is None:
        raise PasskeyRefused
    try:
        answer = verify_authentication_response(
            credential=parsed,
            expected_challenge=question.code_hash,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise PasskeyRefused from error
    assert compare_digest(answer.credential_id, known.credential_id)
    known.sign_count = answer.new_sign_count
    known.last_used_at = at
    return known
