"""Whether whoever has an account at a partner bears a name."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.linking.queries import linked_member, may
from loyalty.members.models import Member, Person
from partners.matching import NameMatch, PersonName, match_full_name


@dataclass(frozen=True, slots=True)
class Validated:
    """What a partner is told."""

    status: str  # valid, invalid or review
    member_ref: str | None  # None: it is not valid


_STATUS = {
    NameMatch.SAME: "valid",
    NameMatch.REVIEW: "review",
    NameMatch.DIFFERENT: "invalid",
}


def validate_member(
    session: Session,
    *,
    partner: str,
    account_ref: str,
    family_name: str,
    given_name: str,
    only: int | None,
    at: datetime,
) -> Validated:
    """Compare a name with that of whoever has the account, if they agreed to it.

    A stranger, and somebody who did not agree, are told alike; so is everybody but
    `only` one member, where one is told.
    """
    member_id = linked_member(session, partner=partner, account_ref=account_ref)
    if only not in (None, member_id):
        member_id = None
    if member_id is None or not may(
        session, partner=partner, member_id=member_id, kind="validate", at=at
    ):
        return Validated("invalid", None)
    person = session.get(Person, member_id)
    if person is None:
        return Validated("invalid", None)
    theirs = PersonName(family=family_name, given=given_name)
    status = _STATUS[match_full_name(person.name, theirs)]
    if status != "valid":
        return Validated(status, None)
    return Validated(status, session.get_one(Member, member_id).member_ref)
