"""What a machine may do is asked for by one person and decided by another.

It is a grant of rights like a role (domain.md 4.8). What takes rights away, and a new
secret for rights there are, needs no second person.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from loyalty.approvals import operations as approvals
from loyalty.approvals.models import Approval
from loyalty.clients.errors import NothingChanges
from loyalty.clients.models import PartnerClient
from loyalty.clients.operations import Profile, accept, add, change
from loyalty.clients.queries import client as known_client

ADD: Final = "client.add"
CHANGE: Final = "client.change"


def ask_add(
    session: Session, *, profile: Profile, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask that a machine of a partner be let in.

    Raises as `accept` does, and `AlreadyRequested`.
    """
    accept(session, profile=profile)
    return approvals.request(
        session,
        action=ADD,
        subject=f"{profile.partner} {profile.name}",
        before=None,
        after=facts_of(profile),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_add(session: Session, *, approval: Approval, at: datetime) -> PartnerClient:
    """Let the machine in that was approved; it has no secret yet, and no keys.

    Raises as `accept` does.
    """
    assert (approval.action, approval.state) == (ADD, "approved")
    return add(session, profile=_profile(approval.after), at=at)


def ask_change(
    session: Session,
    *,
    client_id: str,
    profile: Profile,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that a machine may do other things, or go back another way.

    Raises `UnknownClient`, `NothingChanges`, as `accept` does, and `AlreadyRequested`.
    """
    before = facts_of(profile_of(known_client(session, client_id=client_id)))
    after = facts_of(profile)
    if before == after:
        raise NothingChanges
    accept(session, profile=profile)
    return approvals.request(
        session,
        action=CHANGE,
        subject=client_id,
        before=before,
        after=after,
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_change(session: Session, *, approval: Approval) -> PartnerClient:
    """Let the machine do what was approved, at once.

    Raises `UnknownClient`, `ClientDisabled`, and as `accept` does.
    """
    assert (approval.action, approval.state) == (CHANGE, "approved")
    return change(session, client_id=approval.subject, profile=_profile(approval.after))


def profile_of(found: PartnerClient) -> Profile:
    """Return what a machine is and may do, as it would be registered."""
    return Profile(
        partner=found.partner,
        name=found.name,
        auth_method=found.auth_method,
        scopes=tuple(found.scopes),
        contact=found.contact,
        redirect_uris=tuple(found.redirect_uris),
        require_dpop=found.require_dpop,
        require_par=found.require_par,
    )


def facts_of(profile: Profile) -> dict[str, Any]:
    """Return a profile as a request keeps it."""
    facts = asdict(profile)
    return {
        "client_partner": facts.pop("partner"),
        **facts,
        "scopes": sorted(set(profile.scopes)),
        "redirect_uris": list(profile.redirect_uris),
    }


def _profile(facts: dict[str, Any]) -> Profile:
    others = {name: said for name, said in facts.items() if name != "client_partner"}
    return Profile(
        partner=facts["client_partner"],
        **others
        | {
            "scopes": tuple(facts["scopes"]),
            "redirect_uris": tuple(facts["redirect_uris"]),
        },
    )
