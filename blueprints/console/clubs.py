"""Clubs in the console: whom they reach, who belongs, what they cost; invitations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.formatting import masked_name
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, state_words, term
from loyalty.access.queries import member_of_number
from loyalty.clock import business_date, now
from loyalty.clubs import operations, queries, reports
from loyalty.clubs.benefits import reverse
from loyalty.clubs.errors import NotTakingPart
from loyalty.clubs.queries import Belonging
from loyalty.clubs.reports import ClubFigures
from loyalty.clubs.rules import churn_saving_fen, of_year
from loyalty.costs.queries import club_costs
from loyalty.errors import LoyaltyError
from loyalty.members.queries import member_id_of
from loyalty.staff.rules import Permission

_ROWS = 200
_ROWS_EXCEL = 100_000
_WORDS_MAX = 32
_DAYS = 30
STATES = ("active", "waiting", "lapsed", "ended", "refunded")
# What winning a new customer costs (domain.md A48, ASSUMED), and last year's churn
# of members (A47), from which less is counted as saved.
ACQUISITION_FEN = 600_00
CHURN_BEFORE_HUNDREDTHS = 1_098


@dataclass(frozen=True, slots=True)
class Days:
    """The days that are asked about; the address says them, this month by default."""

    first: date
    last: date

    @classmethod
    def of_request(cls) -> "Days":
        """Read them; what is no day, or ends before it begins, is this month."""
        today = business_date()
        try:
            first = date.fromisoformat(request.args.get("first", ""))
            last = date.fromisoformat(request.args.get("last", ""))
        except ValueError:
            return cls(today.replace(day=1), today)
        return cls(first, last) if first <= last else cls(today.replace(day=1), today)


@bp.get("/clubs")
@requires(Permission.CLUB_READ)
def clubs() -> ResponseReturnValue:
    """Show whom clubs reach, who stays, and what they cost, over some days."""
    days = Days.of_request()
    with services().database.unit_of_work() as session:
        figures = reports.club_figures(session, first=days.first, last=days.last)
        reached = reports.coverage(session, on=days.last)
        everybody = reports.churn(session, first=days.first, last=days.last)
        costs = club_costs(session, first=days.first, last=days.last)
    before = of_year(CHURN_BEFORE_HUNDREDTHS, first=days.first, last=days.last)
    fewer = before - (everybody.hundredths or 0)
    return render_template(
        "console/clubs/clubs.html",
        days=days,
        figures=figures,
        reached=reached,
        everybody=everybody,
        costs=[one for one in costs if one.fen],
        total_fen=sum(one.fen for one in costs),
        year_hundredths=CHURN_BEFORE_HUNDREDTHS,
        before_hundredths=before,
        acquisition_fen=ACQUISITION_FEN,
        saved_fen=churn_saving_fen(
            points_hundredths=max(fewer, 0),
            members=everybody.members,
            cost_fen=ACQUISITION_FEN,
        ),
    )


@bp.get("/clubs.xlsx")
@requires(Permission.CLUB_READ)
def clubs_xlsx() -> ResponseReturnValue:
    """Return the clubs' figures as a workbook."""
    days = Days.of_request()
    with services().database.unit_of_work() as session:
        figures = reports.club_figures(session, first=days.first, last=days.last)
    columns: list[Column[ClubFigures]] = [
        Column(speak("俱乐部", "Club"), lambda one: speak(one.title_zh, one.title_en)),
        Column(speak("会员", "Members"), lambda one: one.members, "number"),
        Column(speak("期间会员", "Belonged"), lambda one: one.belonged, "number"),
        Column(speak("离网", "Left the network"), lambda one: one.churned, "number"),
        Column(speak("离网率", "Churn"), lambda one: percent(one.churn_hundredths)),
        Column(speak("使用次数", "Uses"), lambda one: one.uses, "number"),
        Column(speak("成本", "Cost"), lambda one: one.cost_fen, "yuan"),
    ]
    return workbook(
        name="clubs",
        title=speak("俱乐部", "Clubs"),
        columns=columns,
        rows=figures,
        filters={
            speak("从", "From"): days.first.isoformat(),
            speak("到", "To"): days.last.isoformat(),
        },
    )


@bp.get("/clubs/<club>")
@requires(Permission.CLUB_READ)
def club(club: str) -> ResponseReturnValue:
    """Show who belongs to a club, and what was used of late."""
    with services().database.unit_of_work() as session:
        shown = queries.club(session, club)
        uses = queries.uses(session, club=club, limit=50)
    words, state = _asked()
    return render_template(
        "console/clubs/club.html",
        club=shown,
        people=_people(club, limit=_ROWS),
        uses=uses,
        words=words,
        state=state or "",
        states=STATES,
        reference=uuid4().hex,
        may_invite="invitation" in shown.ways,
        masked=masked_name,
    )


@bp.get("/clubs/<club>/members.xlsx")
@requires(Permission.CLUB_READ)
def club_xlsx(club: str) -> ResponseReturnValue:
    """Return the members of a club as a workbook."""
    with services().database.unit_of_work() as session:
        queries.club(session, club)
    words, state = _asked()
    columns: list[Column[Belonging]] = [
        Column(speak("会员编号", "Member"), lambda one: one.member_ref),
        Column(speak("姓名", "Name"), lambda one: masked_name(one.name)),
        Column(speak("加入方式", "Joined"), lambda one: term("club_way", one.way)),
        Column(speak("开始", "From"), lambda one: one.starts_on, "day"),
        Column(speak("结束", "To"), lambda one: one.ends_on, "day"),
        Column(
            speak("状态", "State"), lambda one: state_words(f"club_{one.state}").words
        ),
        Column(speak("已用权益", "Benefits used"), lambda one: one.used, "number"),
    ]
    return workbook(
        name=f"club-{club}",
        title=term("club", club),
        columns=columns,
        rows=_people(club, limit=_ROWS_EXCEL),
        filters={
            speak("状态", "State"): state or "",
            speak("搜索", "Search"): words,
        },
    )


@bp.post("/clubs/<club>/invitations")
@requires(Permission.CLUB)
def invite(club: str) -> ResponseReturnValue:
    """Ask a member to join, for a month; a second press asks once."""
    here = redirect(url_for("console.club", club=club), 303)
    words = request.form.get("words", "").strip()[:_WORDS_MAX]
    try:
        with services().database.unit_of_work() as session:
            member_id = _meant(session, words)
            invited = operations.invite(
                session,
                member_id=member_id,
                club=club,
                days=_DAYS,
                reference=request.form.get("reference", "")[:_WORDS_MAX] or uuid4().hex,
                actor=f"staff:{this_staff().staff_id}",
                at=now(),
            )
            note(
                session,
                action="club.invited",
                object_=f"member:{member_id}",
                after={"club": club, "until": invited.until.isoformat()},
            )
    except NotTakingPart:
        flash(
            speak(
                "没有查到这位会员，请核对编号或号码。",
                "There is no such member: please check reference or number.",
            ),
            "warm",
        )
        return here
    except LoyaltyError as error:
        flash(say(error), "warm")
        return here
    flash(speak("已邀请，一个月内有效。", "Invited, for a month."), "done")
    return here


@bp.post("/clubs/<club>/uses/<int:member_id>/<use_ref>/undo")
@requires(Permission.CLUB)
def undo_use(club: str, member_id: int, use_ref: str) -> ResponseReturnValue:
    """Undo a use that did not happen, saying why."""
    here = redirect(url_for("console.club", club=club) + "#uses", 303)
    reason = request.form.get("reason", "")
    try:
        with services().database.unit_of_work() as session:
            undone = reverse(
                session,
                member_id=member_id,
                use_ref=use_ref,
                actor=f"staff:{this_staff().staff_id}",
                reason=reason,
                at=now(),
            )
            note(
                session,
                action="benefit.undone",
                object_=f"member:{member_id}",
                before={"use": use_ref},
                after={"entitlement": undone.entitlement},
                reason=reason,
            )
    except LoyaltyError as error:
        flash(say(error), "warm")
        return here
    flash(
        speak("已撤销，次数和成本都已冲回。", "Undone: count and cost are back."),
        "done",
    )
    return here


@bp.app_template_filter("percent_hundredths")
def percent(hundredths: int | None) -> str:
    """Return a share with two decimals; a dash where there is nothing to share."""
    if hundredths is None:
        return "–"
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def _meant(session: Session, words: str) -> int:
    """Return the member of a reference or number. Raises `NotTakingPart`."""
    member_id = member_id_of(session, member_ref=words)
    if member_id is None:
        member_id = member_of_number(session, msisdn=words, at=now())
    if member_id is None:
        raise NotTakingPart
    return member_id


def _asked() -> tuple[str, str | None]:
    """Return what the list is filtered by: words, and a state."""
    state = request.args.get("state")
    words = request.args.get("q", "").strip()[:_WORDS_MAX]
    return words, state if state in STATES else None


def _people(club: str, *, limit: int) -> Sequence[Belonging]:
    words, state = _asked()
    with services().database.unit_of_work() as session:
        return queries.members(
            session,
            club=club,
            on=business_date(),
            words=words,
            state=state,
            limit=limit,
        )
