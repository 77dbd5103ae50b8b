"""One person, one number at a partner that asks for name and number.

The first number that is bound stays. Another one takes its place seven days after it
was asked for and confirmed, in the same name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import digest
from loyalty.access.operations import spend_code
from loyalty.alliance.models import Link
from loyalty.exchange.errors import (
    AccountBound,
    AccountInUse,
    AccountNotBound,
    LinkMovedOn,
    NameDiffers,
)
from loyalty.exchange.models import BoundAccount
from loyalty.keyring import Keyring
from loyalty.members.models import Claim
from loyalty.settings import TIME_ZONE
from partners.matching import NameMatch, PersonName, match_full_name
from partners.ports import AirlineMember, Outcome, Receipt

CHANGE_WAITS = timedelta(days=7)  # domain.md 3.3, ASSUMED
ASKED_FOR = timedelta(days=30)  # then a number nobody answered about is free again
_SEALED = "exchange.name"


@dataclass(frozen=True, slots=True)
class Account:
    """A number that is bound, or on its way to be."""

    partner: str
    nth: int
    account_ref: str
    state: str  # asked, review, waiting, bound, replaced or refused
    reason: str | None  # None: nothing to explain
    asked_at: datetime
    effective_at: datetime | None  # None: not bound


def ask(
    session: Session,
    *,
    member_id: int,
    partner: str,
    account_ref: str,
    name: PersonName,
    keyring: Keyring,
    at: datetime,
) -> BoundAccount:
    """Ask for a number to be bound; then ask the partner, and `settle`.

    A second number needs a confirmation bound to exactly that change. The same one
    asked for again is the same. Raises `AccountInUse`, `AccountBound` while another
    change is on its way, `NameDiffers` and `ConfirmationMissing`.
    """
    Book(session).lock([member_id])
    rows = _rows(session, member_id, partner)
    open_ones = [row for row in rows if row.state in ("asked", "review")]
    mine = [row for row in rows if row.state == "bound"]
    for row in (*open_ones, *mine[-1:]):
        if row.account_ref == account_ref:
            return row
    is_waiting = mine and mine[-1].effective_at and mine[-1].effective_at > at
    if is_waiting or any(row.asked_at > at - ASKED_FOR for row in open_ones):
        raise AccountBound(partner=partner)
    if _owner(session, partner, account_ref) not in (None, member_id):
        raise AccountInUse(partner=partner)
    match = match_full_name(_name_of(session, member_id), name)
    if match is NameMatch.DIFFERENT:
        raise NameDiffers(partner=partner)
    if mine or _has_other(session, member_id, partner, account_ref):
        spend_code(
            session,
            member_id=member_id,
            purpose="confirm",
            bound=binding(partner=partner, account_ref=account_ref),
            at=at,
        )
    row = BoundAccount(
        member_id=member_id,
        partner=partner,
        nth=len(rows) + 1,
        account_ref=account_ref,
        family_name=keyring.seal(_SEALED, name.family),
        given_name=keyring.seal(_SEALED, name.given),
        name_match=str(match),
        state="asked",
        asked_at=at,
    )
    session.add(row)
    session.flush()
    return row


def settle(
    session: Session,
    *,
    member_id: int,
    partner: str,
    nth: int,
    receipt: Receipt,
    at: datetime,
) -> BoundAccount:
    """Do what the partner said of a name and number.

    A name that we could not compare ourselves is for a member of staff to judge.
    """
    row = _locked(session, member_id, partner, nth)
    if row.state != "asked":
        return row
    if receipt.outcome is Outcome.DECLINED:
        row.state, row.reason = "refused", "refused_by_partner"
    elif receipt.outcome is Outcome.CONFIRMED:
        if row.name_match == NameMatch.SAME:
            _bind(session, row, at=at)
        else:
            row.state, row.reason = "review", "name_to_compare"
    session.flush()
    return row


def decide(
    session: Session, *, member_id: int, partner: str, nth: int, ok: bool, at: datetime
) -> BoundAccount:
    """Say whether the name at an account is the member's own.

    Raises `LinkMovedOn` if it does not wait for anybody.
    """
    row = _locked(session, member_id, partner, nth)
    if row.state != "review":
        raise LinkMovedOn(partner=partner, state=row.state)
    if ok:
        _bind(session, row, at=at)
    else:
        row.state, row.reason = "refused", "another_name"
    session.flush()
    return row


def binding(*, partner: str, account_ref: str) -> str:
    """Return what a confirmation of another number is bound to."""
    return f"link|{partner}|{account_ref}"


def is_change(
    session: Session, *, member_id: int, partner: str, account_ref: str
) -> bool:
    """Tell whether a member has another number there, however it came to be known."""
    return _has_other(session, member_id, partner, account_ref)


def current(
    session: Session, *, member_id: int, partner: str, at: datetime
) -> BoundAccount | None:
    """Return the number that is bound at a time; None: none is."""
    return session.scalar(
        select(BoundAccount)
        .where(
            BoundAccount.member_id == member_id,
            BoundAccount.partner == partner,
            BoundAccount.state == "bound",
            BoundAccount.effective_at <= at,
        )
        .order_by(BoundAccount.nth.desc())
        .limit(1)
    )


def accounts(session: Session, *, member_id: int, at: datetime) -> list[Account]:
    """Return a member's numbers at partners, the newest of each partner first."""
    rows = session.scalars(
        select(BoundAccount)
        .where(BoundAccount.member_id == member_id)
        .order_by(BoundAccount.partner, BoundAccount.nth.desc())
    ).all()
    shown: list[Account] = []
    held: set[str] = set()
    for row in rows:
        state = row.state
        if state == "bound":
            assert row.effective_at is not None
            if row.effective_at > at:
                state = "waiting"
            elif row.partner in held:
                state = "replaced"
            else:
                held.add(row.partner)
        shown.append(
            Account(
                row.partner,
                row.nth,
                row.account_ref,
                state,
                row.reason,
                row.asked_at,
                row.effective_at,
            )
        )
    return shown


@dataclass(frozen=True, slots=True)
class ToReview:
    """A number whose owner's name a person has to compare."""

    member_id: int
    member_ref: str
    name: str  # as the member is written here
    partner: str
    nth: int
    account_ref: str
    family_name: str  # as it was told; the partner knows it so
    given_name: str
    asked_at: datetime


def to_review(session: Session, *, keyring: Keyring) -> list[ToReview]:
    """Return what waits for somebody to compare names, the oldest first."""
    rows = session.execute(
        text(
            """
            SELECT b.member_id, m.member_ref, coalesce(p.name, '') AS name, b.partner,
                   b.nth, b.account_ref, b.family_name, b.given_name, b.asked_at
              FROM bound_account b JOIN member m USING (member_id)
              LEFT JOIN person p USING (member_id)
             WHERE b.state = 'review' AND b.family_name IS NOT NULL
             ORDER BY b.asked_at, b.member_id
            """
        )
    )
    return [
        ToReview(
            **dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
            | {
                "family_name": keyring.unseal(_SEALED, row.family_name),
                "given_name": keyring.unseal(_SEALED, row.given_name),
            }
        )
        for row in rows
    ]


def named(
    session: Session,
    *,
    member_id: int,
    partner: str,
    account_ref: str,
    keyring: Keyring,
) -> AirlineMember:
    """Return a member as the partner has him written.

    Raises `AccountNotBound` if the name was never told, or has been erased.
    """
    row = session.scalar(
        select(BoundAccount)
        .where(
            BoundAccount.member_id == member_id,
            BoundAccount.partner == partner,
            BoundAccount.account_ref == account_ref,
        )
        .order_by(BoundAccount.nth.desc())
        .limit(1)
    )
    if row is None or row.family_name is None or row.given_name is None:
        raise AccountNotBound(partner=partner)
    return AirlineMember(
        family_name=keyring.unseal(_SEALED, row.family_name),
        given_name=keyring.unseal(_SEALED, row.given_name),
        number=account_ref,
    )


def _bind(session: Session, row: BoundAccount, *, at: datetime) -> None:
    """Bind a number: at once if it is the first, otherwise after the cooling-off."""
    earlier = session.scalar(
        select(func.count()).where(
            BoundAccount.member_id == row.member_id,
            BoundAccount.partner == row.partner,
            BoundAccount.state == "bound",
        )
    )
    is_change = bool(earlier) or _has_other(
        session, row.member_id, row.partner, row.account_ref
    )
    if not _claim(session, row):
        row.state, row.reason = "refused", "account_in_use"
        return
    row.state, row.reason = "bound", None
    row.effective_at = row.asked_at + CHANGE_WAITS if is_change else at
    session.execute(
        insert(Link)
        .values(
            member_id=row.member_id,
            partner=row.partner,
            account_ref=row.account_ref,
            linked_on=at.astimezone(TIME_ZONE).date(),
        )
        .on_conflict_do_nothing()
    )


def _claim(session: Session, row: BoundAccount) -> bool:
    """Take the number for this member; False: somebody else has it."""
    key = f"{row.partner}/{row.account_ref}"
    facts: dict[str, Any] = {
        "space": "account",
        "key": key,
        "member_id": row.member_id,
        "content": digest({"account": key, "member": row.member_id}),
    }
    session.execute(insert(Claim).values(facts).on_conflict_do_nothing())
    return _owner(session, row.partner, row.account_ref) == row.member_id


def _has_other(
    session: Session, member_id: int, partner: str, account_ref: str
) -> bool:
    """Whether another number is linked, by us or by a file of the partner."""
    other = session.scalar(
        select(func.count()).where(
            Link.member_id == member_id,
            Link.partner == partner,
            Link.account_ref != account_ref,
        )
    )
    return bool(other)


def _owner(session: Session, partner: str, account_ref: str) -> int | None:
    return session.scalar(
        select(Claim.member_id).where(
            Claim.space == "account", Claim.key == f"{partner}/{account_ref}"
        )
    )


def _name_of(session: Session, member_id: int) -> str:
    name: str | None = session.scalar(
        text("SELECT name FROM person WHERE member_id = :member"), {"member": member_id}
    )
    return name or ""


def _rows(session: Session, member_id: int, partner: str) -> list[BoundAccount]:
    return list(
        session.scalars(
            select(BoundAccount)
            .where(BoundAccount.member_id == member_id, BoundAccount.partner == partner)
            .order_by(BoundAccount.nth)
            .execution_options(populate_existing=True)
        )
    )


def _locked(session: Session, member_id: int, partner: str, nth: int) -> BoundAccount:
    Book(session).lock([member_id])
    row = session.get(BoundAccount, (member_id, partner, nth), populate_existing=True)
    if row is None:
        raise AccountNotBound(partner=partner)
    return row
