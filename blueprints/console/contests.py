"""Tournaments: announce them, draw, check in, and note who won."""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.console.places import club_options
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.clock import now
from loyalty.contests import operations, queries
from loyalty.contests.errors import BadContest
from loyalty.contests.operations import Result
from loyalty.contests.queries import PlayerLine
from loyalty.contests.rules import ContestFacts, GroupFacts
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.staff.rules import Permission

_TITLE_CHARS, _SCORE_CHARS = 60, 20
_SEED_BYTES: Final = 16
# A heat in a line: city, day, places, how many go on, perhaps a venue.
_HEAT = re.compile(
    r"(\S{1,40})\s+(\d{4}-\d\d-\d\d)\s+(\d{1,4})\s+(\d{1,4})(?:\s+(\S+))?"
)
_MONEY = re.compile(r"(\d{1,6})(?:\.(\d{2}))?", re.ASCII)


@bp.get("/tournaments")
@requires(Permission.CLUB)
def tournaments() -> ResponseReturnValue:
    """List tournaments, the latest first."""
    with current_database().unit_of_work() as session:
        found = queries.contests(session)
    return render_template("console/clubs/tournaments.html", contests=found)


@bp.get("/tournaments/new")
@requires(Permission.CLUB)
def new_tournament() -> ResponseReturnValue:
    """Show the form of a tournament."""
    return _form({"subsidy": "0"})


@bp.post("/tournaments")
@requires(Permission.CLUB)
def plan_tournament() -> ResponseReturnValue:
    """Announce a tournament."""
    typed = {name: said.strip() for name, said in request.form.items()}
    facts, faults = _read(typed)
    if facts is None:
        return _form(typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            contest = operations.plan(session, facts=facts, actor=_actor(), at=now())
            contest_id = contest.contest_id
            note(
                session,
                action="contest.planned",
                object_=f"contest:{contest_id}",
                after={name: said for name, said in typed.items() if said},
            )
    except BadContest as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(typed, faults=wrong), 422
    return redirect(url_for("console.tournament", contest_id=contest_id), 303)


@bp.get("/tournaments/<int:contest_id>")
@requires(Permission.CLUB)
def tournament(contest_id: int) -> ResponseReturnValue:
    """Show a tournament with its groups."""
    with current_database().unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
    return render_template("console/clubs/tournament.html", contest=shown)


@bp.get("/tournaments/<int:contest_id>/<stage>/<city>")
@requires(Permission.CLUB)
def tournament_group(contest_id: int, stage: str, city: str) -> ResponseReturnValue:
    """Show who is in a group, what is played, and what can be done."""
    with current_database().unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
        group = queries.group_of(shown, stage=stage, city=city)
        lines = _lines(session, contest_id, stage, city, group.state)
        played = queries.matches(session, contest_id=contest_id, stage=stage, city=city)
        differs = queries.draw_differs(
            session, contest_id=contest_id, stage=stage, city=city
        )
        note(session, action="contest.list_read", object_=f"contest:{contest_id}")
    return render_template(
        "console/clubs/tournament_group.html",
        contest=shown,
        group=group,
        lines=lines,
        round=played[0].round if played else 0,
        matches=[line for line in played if line.round == played[0].round],
        is_true=not differs,
    )


@bp.get("/tournaments/<int:contest_id>/<stage>/<city>/list.xlsx")
@requires(Permission.CLUB)
def tournament_group_xlsx(
    contest_id: int, stage: str, city: str
) -> ResponseReturnValue:
    """Return who is in a group as a workbook."""
    with current_database().unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
        group = queries.group_of(shown, stage=stage, city=city)
        lines = _lines(session, contest_id, stage, city, group.state)
        note(session, action="contest.list_read", object_=f"contest:{contest_id}")
    columns: list[Column[PlayerLine]] = [
        Column(speak("签号", "Drawn as"), lambda line: line.slot, "number"),
        Column(speak("会员", "Member"), lambda line: line.member_ref),
        Column(speak("姓名", "Name"), lambda line: line.name),
        Column(speak("签到", "Checked in"), lambda line: line.checked_in_at, "moment"),
        Column(speak("名次", "Place"), lambda line: line.place, "number"),
    ]
    return workbook(
        name=f"tournament-{contest_id}-{stage}",
        title=f"{city} {stage}",
        columns=columns,
        rows=lines,
        filters={},
    )


@bp.post("/tournaments/<int:contest_id>/<stage>/<city>")
@requires(Permission.CLUB)
def play_tournament(contest_id: int, stage: str, city: str) -> ResponseReturnValue:
    """Draw a group, check in, give walkovers, or note results."""
    done = request.form.get("do", "")
    group: dict[str, Any] = {"contest_id": contest_id, "stage": stage, "city": city}

    def play(session: Session) -> None:
        after = _STEPS.get(done, _record)(session, group)
        note(
            session,
            action=f"contest.{done if done in _STEPS else 'recorded'}",
            object_=f"contest:{contest_id}:{stage}:{city}",
            after=after,
        )

    try:
        retrying(current_database(), play)
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
    return redirect(url_for("console.tournament_group", **group), 303)


def _draw(session: Session, group: Mapping[str, Any]) -> dict[str, Any]:
    seed = secrets.token_hex(_SEED_BYTES)
    operations.draw(session, **group, seed=seed, actor=_actor(), at=now())
    return {"seed": seed}


def _check_in(session: Session, group: Mapping[str, Any]) -> dict[str, Any]:
    came = [int(said) for said in request.form.getlist("member") if said.isdecimal()]
    return {"came": operations.check_in(session, **group, members=came, at=now())}


def _walk_over(session: Session, group: Mapping[str, Any]) -> dict[str, Any]:
    decided = operations.walk_over(session, **group, actor=_actor(), at=now())
    return {"matches": decided}


def _record(session: Session, group: Mapping[str, Any]) -> dict[str, Any]:
    """Note what was filled in of the newest round; what is left open stays so."""
    form = request.form
    results = [
        Result(
            nth=int(name.removeprefix("winner-")),
            winner=int(said),
            score=form.get(name.replace("winner", "score"), "").strip()[:_SCORE_CHARS]
            or None,
        )
        for name, said in form.items()
        if re.fullmatch(r"winner-\d{1,5}", name) and re.fullmatch(r"\d{1,18}", said)
    ]
    number = form.get("round", "")
    operations.record(
        session,
        **group,
        round_=int(number) if re.fullmatch(r"\d{1,3}", number) else 0,
        results=results,
        actor=_actor(),
        at=now(),
    )
    return {"round": number, "results": len(results)}


# By the name of the button that was pressed.
_STEPS: Mapping[str, Callable[[Session, Mapping[str, Any]], dict[str, Any]]] = {
    "drawn": _draw,
    "checked_in": _check_in,
    "walked_over": _walk_over,
}


def _lines(
    session: Session, contest_id: int, stage: str, city: str, state: str
) -> list[PlayerLine]:
    if state == "gathering" and stage == "heat":
        return queries.entrants(session, contest_id=contest_id, city=city)
    return queries.players(session, contest_id=contest_id, stage=stage, city=city)


def _read(typed: Mapping[str, str]) -> tuple[ContestFacts | None, list[str]]:
    """Return what the form says, or the names of what cannot be read."""
    heats = [
        _heat(line) for line in typed.get("heats", "").splitlines() if line.strip()
    ]
    until, final_on = _day(typed, "entries_until"), _day(typed, "final_on")
    money = _MONEY.fullmatch(typed.get("subsidy", ""))
    faults = [
        name
        for name, is_fine in (
            ("heats", bool(heats) and None not in heats),
            ("entries_until", until is not None),
            ("final", final_on is not None),
            ("subsidy_fen", money is not None),
            ("club", typed.get("club", "") in dict(club_options())),
        )
        if not is_fine
    ]
    if faults or until is None or final_on is None or money is None:
        return None, faults
    told = [heat for heat in heats if heat is not None]
    return ContestFacts(
        title_zh=typed.get("title_zh", "")[:_TITLE_CHARS],
        title_en=typed.get("title_en", "")[:_TITLE_CHARS],
        club=typed.get("club") or None,
        takes_guests=typed.get("takes_guests") == "on",
        subsidy_fen=int(money[1]) * 100 + int(money[2] or 0),
        entries_until=until,
        heats=told,
        final=GroupFacts(
            city=typed.get("final_city", ""),
            held_on=final_on,
            places=sum(heat.advance for heat in told),
        ),
    ), []


def _heat(line: str) -> GroupFacts | None:
    """Return the heat that a line tells of; None: it tells of none."""
    found = _HEAT.fullmatch(line.strip())
    if found is None:
        return None
    try:
        held_on = date.fromisoformat(found[2])
    except ValueError:
        return None
    return GroupFacts(found[1], held_on, int(found[3]), int(found[4]), found[5])


def _day(typed: Mapping[str, str], name: str) -> date | None:
    try:
        return date.fromisoformat(typed.get(name, ""))
    except ValueError:
        return None


def _form(typed: Mapping[str, str], *, faults: list[str] | None = None) -> str:
    return render_template(
        "console/clubs/tournament_form.html",
        typed=typed,
        faults=faults or [],
        fault_words=speak("这一项不合理。", "This makes no sense."),
        clubs=club_options(),
    )


def _actor() -> str:
    return f"staff:{this_staff().staff_id}"
