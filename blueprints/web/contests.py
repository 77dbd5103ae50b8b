"""Tournaments: enter one, see whom one plays, and who came where."""

from functools import partial
from itertools import groupby

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.places import my_clubs
from blueprints.wording import say
from loyalty.clock import now
from loyalty.contests import operations, queries
from loyalty.database import retrying
from loyalty.errors import LoyaltyError

_CITY_CHARS = 40


@bp.get("/tournaments")
@member_required
def tournaments() -> ResponseReturnValue:
    """List tournaments, and in which of them a member plays."""
    with services().database.unit_of_work() as session:
        found = queries.contests(session)
        mine = queries.entries_of(session, member_id=this_member().member_id)
    return render_template(
        "web/tournaments.html", contests=found, mine=mine, today=now().date()
    )


@bp.get("/tournaments/<int:contest_id>")
@member_required
def tournament(contest_id: int) -> ResponseReturnValue:
    """Show a tournament, where to enter, and one's own matches."""
    at, member_id = now(), this_member().member_id
    with services().database.unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
        entry = queries.entries_of(session, member_id=member_id).get(contest_id)
        played = queries.matches_of(session, member_id=member_id, contest_id=contest_id)
        clubs = my_clubs(session, at=at)
    return render_template(
        "web/tournament.html",
        contest=shown,
        entry=entry,
        matches=played,
        is_welcome=shown.club is None or shown.takes_guests or shown.club in clubs,
        takes_entries=shown.takes_entries(at.date()),
        plays=entry is not None and entry.state in ("entered", "waiting"),
    )


@bp.post("/tournaments/<int:contest_id>/enter")
@member_required
def enter_tournament(contest_id: int) -> ResponseReturnValue:
    """Enter in a city, or wait for a place there."""
    at = now()
    with services().database.unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
        is_in_club = shown.club in my_clubs(session, at=at)
    work = partial(
        operations.enter,
        member_id=this_member().member_id,
        contest_id=contest_id,
        city=request.form.get("city", "")[:_CITY_CHARS],
        is_in_club=is_in_club,
        at=at,
    )
    try:
        entry = retrying(services().database, work)
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        flash(
            speak("已为您候补。", "You are on the waiting list.")
            if entry.state == "waiting"
            else speak(
                "报名成功。抽签后这里会写明对手。",
                "You have entered. After the draw your opponent is shown here.",
            ),
            "done",
        )
    return redirect(url_for("web.tournament", contest_id=contest_id), 303)


@bp.post("/tournaments/<int:contest_id>/withdraw")
@member_required
def withdraw_from_tournament(contest_id: int) -> ResponseReturnValue:
    """Take part no longer."""
    work = partial(
        operations.withdraw,
        member_id=this_member().member_id,
        contest_id=contest_id,
        actor="member",
        at=now(),
    )
    try:
        retrying(services().database, work)
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        flash(speak("已退赛。", "You have withdrawn."), "done")
    return redirect(url_for("web.tournament", contest_id=contest_id), 303)


@bp.get("/tournaments/<int:contest_id>/<stage>/<city>")
@member_required
def tournament_results(contest_id: int, stage: str, city: str) -> ResponseReturnValue:
    """Show the draw of a group, its matches by round, and who came where."""
    which = {"contest_id": contest_id, "stage": stage, "city": city}
    with services().database.unit_of_work() as session:
        shown = queries.contest(session, contest_id=contest_id)
        group = queries.group_of(shown, stage=stage, city=city)
        players = queries.players(session, **which)  # type: ignore[arg-type]
        matches = queries.matches(session, **which)  # type: ignore[arg-type]
    return render_template(
        "web/tournament_results.html",
        contest=shown,
        group=group,
        players=players,
        rounds=[
            (number, list(lines))
            for number, lines in groupby(matches, key=lambda line: line.round)
        ],
        me=this_member().member_id,
    )
