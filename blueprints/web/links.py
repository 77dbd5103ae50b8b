"""Which partners a member let in, with what, until when; and how to end it."""

from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.wording import issuer_name
from loyalty.alliance.queries import partners
from loyalty.clients.rules import KINDS
from loyalty.clock import now
from loyalty.linking.operations import revoke
from loyalty.linking.queries import consents_of, state_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A consent as a member reads it."""

    consent_ref: str
    name: str
    kinds: tuple[str, ...]
    state: str
    granted_at: datetime | None  # None: was refused
    expires_at: datetime
    ended_at: datetime | None  # None: holds


@bp.get("/profile/links")
@member_required
def links() -> ResponseReturnValue:
    """Show what a member agreed to, partner by partner, and what is over."""
    at = now()
    with current_database().unit_of_work() as session:
        names = {known.partner: known.name for known in partners(session)}
        shown = [
            Shown(
                consent_ref=given.consent_ref,
                name=issuer_name(given.partner, names.get(given.partner)),
                kinds=tuple(speak(*KINDS[kind]) for kind in given.kinds),
                state=state_of(given, at=at),
                granted_at=given.granted_at,
                expires_at=given.expires_at,
                ended_at=given.ended_at,
            )
            for given in consents_of(session, member_id=this_member().member_id)
        ]
    return render_template(
        "web/links.html",
        holding=[one for one in shown if one.state == "authorized"],
        over=[one for one in shown if one.state != "authorized"],
    )


@bp.post("/profile/links/<consent_ref>/end")
@member_required
def end_link(consent_ref: str) -> ResponseReturnValue:
    """End a consent at once; whoever is signed in may do that, twice is once."""
    with current_database().unit_of_work() as session:
        revoke(
            session,
            consent_ref=consent_ref,
            member_id=this_member().member_id,
            reason="member",
            at=now(),
        )
    flash(
        speak(
            "已撤回，对方从现在起不能再查询或操作。",
            "Ended: from now on they can see and do nothing more.",
        ),
        "done",
    )
    return redirect(url_for("web.links"), 303)
