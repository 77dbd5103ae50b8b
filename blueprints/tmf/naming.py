"""Whom a partner may mean by a member's number."""

from sqlalchemy.orm import Session

from blueprints.oauth.protecting import caller
from loyalty.alliance.errors import NotLinked
from loyalty.linking.queries import known_member


def member_named(session: Session, member_ref: str) -> int:
    """Return the member whom the caller names.

    Raises `NotLinked` for everybody it has nothing to do with, members or not.
    """
    who = caller()
    found = known_member(session, partner=who.partner, member_ref=member_ref)
    if who.member_id not in (None, found):
        raise NotLinked
    return found
