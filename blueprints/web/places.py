"""Sessions at venues: find one, have a place or wait for one, and give it up."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.formatting import moment
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.wording import say, words_for
from loyalty.clock import now
from loyalty.clubs.queries import clubs_of
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.venues import operations
from loyalty.venues.models import Place
from loyalty.venues.queries import (
    Offer,
    offers,
    one_session,
    places_of,
    sessions,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page of a session says about what was asked there."""

    sent_to: str = ""  # "": no code was sent
    fault: str = ""  # of the code
    refusal: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether something was not done."""
        return bool(self.fault or self.refusal)


@bp.get("/sessions")
@member_required
def all_sessions() -> ResponseReturnValue:
    """Show the places of a member, and the sessions to come."""
    at, member_id = now(), this_member().member_id
    with services().database.unit_of_work() as session:
        clubs = my_clubs(session, at=at)
        mine = places_of(session, member_id=member_id, clubs=clubs, at=at)
        coming = offers(
            session,
            sessions(session, since=at, open_only=True),
            member_id=member_id,
            clubs=clubs,
            at=at,
        )
    return render_template(
        "web/sessions.html",
        mine=sorted(
            (one for one in mine if one.shown.ends_at > at),
            key=lambda one: one.shown.starts_at,
        ),
        past=[one for one in mine if one.shown.ends_at <= at],
        coming=[one for one in coming if one.mine is None],
    )


@bp.get("/sessions/<int:session_id>")
@member_required
def one_of_sessions(session_id: int) -> ResponseReturnValue:
    """Show a session: what it costs this member, how many places are left."""
    return _page(session_id, Answer())


@bp.post("/sessions/<int:session_id>")
@member_required
def book_place(session_id: int) -> ResponseReturnValue:
    """Send the code that confirms a place, or book it."""
    try:
        shown = _offer(session_id)
        if request.form.get("do") == "send":
            return _page(session_id, Answer(sent_to=_send(shown)))
        if (
            shown.points
            and shown.mine is None
            and not confirming.accept(
                member_id=this_member().member_id, bound=shown.bound
            )
        ):
            return _page(session_id, _code_fault())
        place = retrying(services().database, partial(_book, shown=shown, at=now()))
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(session_id, Answer(refusal=say(error)))
    if place.state == "waiting":
        flash(
            speak(
                "已为您候补。有人取消时按先后自动补上，并发短信告诉您。",
                "You are on the waiting list. When somebody cancels the next one moves"
                " up, and is told by a message.",
            ),
            "done",
        )
    else:
        flash(speak("已为您订好。", "Your place is booked."), "done")
    return redirect(url_for("web.one_of_sessions", session_id=session_id), 303)


@bp.post("/sessions/<int:session_id>/cancel")
@member_required
def cancel_place(session_id: int) -> ResponseReturnValue:
    """Give a place up, or stop waiting for one."""
    work = partial(
        operations.cancel,
        member_id=this_member().member_id,
        session_id=session_id,
        actor="member",
        at=now(),
    )
    try:
        place = retrying(services().database, work)
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        back = speak(
            "已取消，留出的积分回到原来的批次。" if place.points else "已取消。",
            "Canceled. The points are back where they were."
            if place.points
            else "Canceled.",
        )
        flash(back, "done")
    return redirect(url_for("web.one_of_sessions", session_id=session_id), 303)


def my_clubs(session: Session, *, at: datetime) -> Collection[str]:
    """Return the clubs of the member who is signed in."""
    return clubs_of(session, member_id=this_member().member_id, on=at.date())


def _offer(session_id: int) -> Offer:
    at = now()
    with services().database.unit_of_work() as session:
        shown = one_session(session, session_id=session_id)
        (found,) = offers(
            session,
            [shown],
            member_id=this_member().member_id,
            clubs=my_clubs(session, at=at),
            at=at,
        )
    return found


def _book(session: Session, *, shown: Offer, at: datetime) -> Place:
    return operations.book(
        session,
        member_id=this_member().member_id,
        session_id=shown.session_id,
        is_in_club=shown.club in my_clubs(session, at=at),
        expected_points=shown.points,
        at=at,
    )


def _send(shown: Offer) -> str:
    """Send the code that confirms exactly this place."""
    when = f"{shown.shown.starts_at:%m-%d %H:%M}"
    item = shown.shown.item
    return confirming.send(
        member_id=this_member().member_id,
        bound=shown.bound,
        chinese=f"预约 {when} {item.title_zh}（{shown.points:,} 积分）",
        english=f"booking {item.title_en}, {when} ({shown.points:,} points)",
    )


def _code_fault() -> Answer:
    is_typed = bool(request.form.get("code", "").strip())
    words = words_for("code_wrong" if is_typed else "code_needed", {}) or ""
    return Answer(sent_to=request.form.get("sent_to", "")[:20], fault=words)


def _page(session_id: int, answer: Answer) -> ResponseReturnValue:
    shown = _offer(session_id)
    page = make_response(
        render_template(
            "web/session.html",
            offer=shown,
            shown=shown.shown,
            answer=answer,
            title=speak(
                f"{moment(shown.shown.starts_at)} {shown.shown.item.title_zh}",
                f"{shown.shown.item.title_en}, {moment(shown.shown.starts_at)}",
            ),
            may_cancel=shown.mine is not None
            and shown.mine.state in ("booked", "waiting")
            and now() <= shown.may_cancel_until
            and now() < shown.shown.starts_at,
        ),
        422 if answer.is_refusal else 200,
    )
    page.headers["Cache-Control"] = "private, no-cache"
    return page
