"""Sessions at venues: offer them, see who comes, and note it at the door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import language, speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.alliance.queries import partners
from loyalty.catalogue.queries import all_items
from loyalty.clock import now
from loyalty.clubs.queries import clubs
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.settings import TIME_ZONE
from loyalty.staff.rules import Permission
from loyalty.venues import operations
from loyalty.venues.errors import BadSession
from loyalty.venues.models import Place
from loyalty.venues.queries import PlaceLine, SessionView, one_session, roster, sessions
from loyalty.venues.rules import SessionFacts

_DIGITS_MAX = 6
_BEFORE, _AFTER = timedelta(days=60), timedelta(hours=12)
_FIRST: Mapping[str, str] = MappingProxyType(
    {"minutes": "90", "capacity": "16", "cancel_hours": "24"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done to a place from the list of its session."""

    action: str  # as the audit trail calls it
    do: Callable[..., Place]


# By the name of the button that was pressed.
STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "attend": Step("session.attended", operations.attend),
        "miss": Step("session.missed", operations.miss),
        "cancel": Step("session.canceled", operations.cancel),
    }
)


@bp.get("/sessions")
@requires(Permission.CLUB)
def all_sessions() -> ResponseReturnValue:
    """List the sessions of today and to come, or those of the last two months."""
    is_past = request.args.get("when") == "past"
    return render_template(
        "console/clubs/sessions.html", sessions=_listed(is_past), is_past=is_past
    )


@bp.get("/sessions.xlsx")
@requires(Permission.CLUB)
def all_sessions_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    is_past = request.args.get("when") == "past"
    columns: list[Column[SessionView]] = [
        Column(speak("开始", "Starts"), lambda one: one.starts_at, "moment"),
        Column(speak("场馆", "Venue"), lambda one: one.venue_name),
        Column(speak("俱乐部", "Club"), lambda one: one.club),
        Column(speak("项目", "Item"), lambda one: one.item.item_code),
        Column(speak("名额", "Places"), lambda one: one.capacity, "number"),
        Column(speak("已约", "Taken"), lambda one: one.taken, "number"),
        Column(speak("候补", "Waiting"), lambda one: one.waiting, "number"),
        Column(
            speak("状态", "State"),
            lambda one: state_words(f"session_{one.state}").words,
        ),
    ]
    return workbook(
        name="sessions",
        title=speak("活动场次", "Sessions"),
        columns=columns,
        rows=_listed(is_past),
        filters={speak("时间", "When"): speak("过去", "past") if is_past else ""},
    )


@bp.get("/sessions/new")
@requires(Permission.CLUB)
def new_session() -> ResponseReturnValue:
    """Show the form of a session."""
    return _form(_FIRST)


@bp.post("/sessions")
@requires(Permission.CLUB)
def hold_session() -> ResponseReturnValue:
    """Offer a session."""
    typed = {name: said.strip() for name, said in request.form.items()}
    facts, faults = _read(typed)
    if facts is None:
        return _form(typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            held = operations.hold_session(
                session, facts=facts, actor=_actor(), at=now()
            )
            note(
                session,
                action="session.held",
                object_=f"session:{held.session_id}",
                after={name: str(said) for name, said in typed.items() if said},
            )
    except BadSession as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(typed, faults=wrong), 422
    except Missing as error:
        return _form(typed, faults=["item_code"], problem=say(error)), 422
    return redirect(_to(held.session_id), 303)


@bp.get("/sessions/<int:session_id>")
@requires(Permission.CLUB)
def one_of_sessions(session_id: int) -> ResponseReturnValue:
    """Show who comes and who waits, with names, which is written down."""
    with current_database().unit_of_work() as session:
        shown = one_session(session, session_id=session_id)
        lines = roster(session, session_id=session_id)
        note(session, action="session.list_read", object_=f"session:{session_id}")
    at = now()
    return render_template(
        "console/clubs/session.html",
        shown=shown,
        lines=lines,
        is_open=shown.state == "open" and at < shown.starts_at,
        is_day=shown.state != "called_off"
        and at.date() >= shown.starts_at.astimezone(TIME_ZONE).date(),
    )


@bp.get("/sessions/<int:session_id>/list.xlsx")
@requires(Permission.CLUB)
def one_of_sessions_xlsx(session_id: int) -> ResponseReturnValue:
    """Return the list of a session as a workbook."""
    with current_database().unit_of_work() as session:
        shown = one_session(session, session_id=session_id)
        lines = roster(session, session_id=session_id)
        note(session, action="session.list_read", object_=f"session:{session_id}")
    columns: list[Column[PlaceLine]] = [
        Column(speak("次序", "Arrival"), lambda line: line.arrival, "number"),
        Column(speak("会员", "Member"), lambda line: line.member_ref),
        Column(speak("姓名", "Name"), lambda line: line.name),
        Column(speak("等级", "Tier"), lambda line: term("tier", line.tier)),
        Column(speak("积分", "Points"), lambda line: line.points, "number"),
        Column(speak("预约时间", "Asked at"), lambda line: line.asked_at, "moment"),
        Column(
            speak("状态", "State"),
            lambda line: state_words(f"place_{line.state}").words,
        ),
    ]
    return workbook(
        name=f"session-{session_id}",
        title=f"{shown.starts_at.astimezone(TIME_ZONE):%Y-%m-%d %H.%M}",
        columns=columns,
        rows=lines,
        filters={},
    )


@bp.post("/sessions/<int:session_id>")
@requires(Permission.CLUB)
def change_session(session_id: int) -> ResponseReturnValue:
    """Let more or fewer come, or call the session off."""
    at = now()
    work = (
        partial(operations.call_off, session_id=session_id, at=at)
        if request.form.get("do") == "call_off"
        else partial(
            operations.resize,
            session_id=session_id,
            capacity=_number(request.form.get("capacity", "")) or 0,
            actor=_actor(),
            at=at,
        )
    )

    def change(session: Session) -> None:
        held = work(session)
        note(
            session,
            action="session.changed",
            object_=f"session:{session_id}",
            after={"state": held.state, "capacity": held.capacity},
        )

    return _done(change, session_id)


@bp.post("/sessions/<int:session_id>/<int:member_id>")
@requires(Permission.CLUB)
def see_member(session_id: int, member_id: int) -> ResponseReturnValue:
    """Note that a member came, or did not; or cancel for a member."""
    step = STEPS.get(request.form.get("do", ""), STEPS["attend"])

    def see(session: Session) -> None:
        step.do(
            session,
            member_id=member_id,
            session_id=session_id,
            actor=_actor(),
            at=now(),
        )
        note(
            session,
            action=step.action,
            object_=f"session:{session_id}",
            after={"member_id": member_id},
        )

    return _done(see, session_id)


def _done(work: Callable[[Session], None], session_id: int) -> ResponseReturnValue:
    try:
        retrying(current_database(), work)
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
    return redirect(_to(session_id), 303)


def _listed(is_past: bool) -> list[SessionView]:
    at = now()
    with current_database().unit_of_work() as session:
        if is_past:
            found = sessions(session, since=at - _BEFORE, until=at)
            return found[::-1]
        return sessions(session, since=at - _AFTER)


def _read(typed: Mapping[str, str]) -> tuple[SessionFacts | None, list[str]]:
    """Return what the form says, or the names of what cannot be read."""
    numbers = {
        name: _number(typed.get(name, ""))
        for name in ("minutes", "capacity", "cancel_hours")
    }
    starts_at = _moment(typed.get("starts_at", ""))
    faults = [name for name, said in numbers.items() if said is None]
    if starts_at is None:
        faults.append("starts_at")
    if typed.get("club", "") not in dict(club_options()):
        faults.append("club")
    if faults or starts_at is None:
        return None, faults
    return SessionFacts(
        venue=typed.get("venue", ""),
        club=typed.get("club") or None,
        item_code=typed.get("item_code", ""),
        starts_at=starts_at,
        takes_guests=typed.get("takes_guests") == "on",
        **{name: said or 0 for name, said in numbers.items()},
    ), []


def club_options() -> list[tuple[str, str]]:
    """Return the clubs there are to choose from, or that it is for everybody."""
    with current_database().unit_of_work() as session:
        found = clubs(session)
    return [
        ("", speak("不限：所有会员都可以来", "None: every member may come")),
        *((one.club, speak(one.title_zh, one.title_en)) for one in found),
    ]


def _number(said: str) -> int | None:
    """Return a whole number that was typed; None: it is none."""
    fine = said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX
    return int(said) if fine else None


def _moment(said: str) -> datetime | None:
    """Return a moment as browsers send it, on our clocks; None: it is none."""
    try:
        return datetime.fromisoformat(said).replace(tzinfo=TIME_ZONE)
    except ValueError:
        return None


def _form(
    typed: Mapping[str, str], *, faults: list[str] | None = None, problem: str = ""
) -> str:
    with current_database().unit_of_work() as session:
        venues = [
            (one.partner, issuer_name(one.partner, one.name))
            for one in partners(session)
            if one.kind == "venue"
        ]
        items = [
            (one.item_code, one.title_zh if language() == "zh" else one.title_en)
            for one in all_items(session)
            if one.fulfilment == "BOOKING" and one.state == "published"
        ]
    return render_template(
        "console/clubs/session_form.html",
        typed=typed,
        faults=faults or [],
        problem=problem,
        fault_words=speak("这一项不合理。", "This makes no sense."),
        venues=venues,
        clubs=club_options(),
        items=items,
    )


def _actor() -> str:
    return f"staff:{this_staff().staff_id}"


def _to(session_id: int) -> str:
    return url_for("console.one_of_sessions", session_id=session_id)
