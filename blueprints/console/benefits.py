"""Let a member have what a club brings: the code is taken at the counter, once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.formatting import masked_name
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.access.operations import count_failure, let_try
from loyalty.access.queries import signed_in_member
from loyalty.access.rules import Throttle
from loyalty.clock import now
from loyalty.clubs import queries
from loyalty.clubs.benefits import find, use_code
from loyalty.clubs.errors import UnknownBenefitCode
from loyalty.clubs.models import BenefitCode
from loyalty.clubs.queries import BenefitFacts
from loyalty.errors import LoyaltyError
from loyalty.staff.rules import Permission

# As with vouchers: who misses ten times in ten minutes is not reading from a phone.
_MISSES, _SECONDS = 10, 600


@dataclass(frozen=True, slots=True)
class Presented:
    """A benefit whose code somebody shows, as staff may see it."""

    code: str  # as it was typed: it is sent along to be taken
    tail: str
    benefit: BenefitFacts
    owner: str  # masked
    state: str
    expires_at: datetime
    may_be_used: bool


@bp.get("/benefits")
@requires(Permission.BENEFIT)
def benefits() -> ResponseReturnValue:
    """Ask for a code."""
    return _page()


@bp.post("/benefits")
@requires(Permission.BENEFIT)
def find_benefit() -> ResponseReturnValue:
    """Find what a member's code stands for; every look-up is written down."""
    throttles = [Throttle(f"benefit:{this_staff().staff_id}", _MISSES, _SECONDS)]
    keyring, at, typed = services().keyring, now(), request.form.get("code", "")
    try:
        with services().database.unit_of_work() as session:
            let_try(session, throttles=throttles, keyring=keyring, at=at)
            found = find(session, code=typed, keyring=keyring)
            note(
                session,
                action="benefit.look_up",
                object_=f"member:{found.member_id}",
                after={"entitlement": found.entitlement, "state": found.state},
            )
            return _page(shown=_presented(session, found, typed))
    except UnknownBenefitCode as error:
        with services().database.unit_of_work() as session:
            count_failure(session, throttles=throttles, keyring=keyring, at=at)
            note(session, action="benefit.look_up", object_="member:?")
        return _page(problem=say(error)), 404
    except LoyaltyError as error:
        return _page(problem=say(error)), 422


@bp.post("/benefits/use")
@requires(Permission.BENEFIT)
def use_benefit() -> ResponseReturnValue:
    """Take a code from its owner; a second press says that it is used."""
    throttles = [Throttle(f"benefit:{this_staff().staff_id}", _MISSES, _SECONDS)]
    keyring, at, typed = services().keyring, now(), request.form.get("code", "")
    clerk = this_staff()
    try:
        with services().database.unit_of_work() as session:
            let_try(session, throttles=throttles, keyring=keyring, at=at)
            found = find(session, code=typed, keyring=keyring)
            done = use_code(
                session,
                code_hash=found.code_hash,
                reference=uuid4().hex,
                actor=f"staff:{clerk.staff_id}",
                channel=clerk.channel,
                at=at,
            )
            note(
                session,
                action="benefit.used",
                object_=f"member:{done.member_id}",
                after={"entitlement": done.entitlement, "use": done.use_ref},
            )
            return _page(shown=_presented(session, found, typed), is_done=True)
    except UnknownBenefitCode as error:
        with services().database.unit_of_work() as session:
            count_failure(session, throttles=throttles, keyring=keyring, at=at)
        return _page(problem=say(error)), 404
    except LoyaltyError as error:
        return _page(problem=say(error)), 409


def _presented(session: Session, code: BenefitCode, typed: str) -> Presented:
    benefit = queries.benefit(
        session,
        member_id=code.member_id,
        membership_ref=code.membership_ref,
        entitlement=code.entitlement,
    )
    assert benefit is not None, "codes are made for what a membership brings"
    known = signed_in_member(session, code.member_id)
    return Presented(
        code=typed,
        tail=code.code_tail,
        benefit=benefit,
        owner=masked_name(known.name) if known else "",
        state=code.state,
        expires_at=code.expires_at,
        may_be_used=code.state == "issued"
        and code.expires_at > now()
        and benefit.left != 0,
    )


def _page(
    *,
    shown: Presented | None = None,
    problem: str | None = None,
    is_done: bool = False,
) -> str:
    return render_template(
        "console/clubs/benefits.html", shown=shown, problem=problem, is_done=is_done
    )
