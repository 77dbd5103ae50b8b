"""Differences between what partners say and what we have, and what was compared."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.language import speak
from blueprints.sessions import requires
from blueprints.wording import term
from loyalty.alliance.queries import partners
from loyalty.breaks import queries
from loyalty.breaks.models import StatementBreak
from loyalty.breaks.rules import SUBJECTS
from loyalty.matching.rules import INVOICE_SUBJECT, SUBJECT
from loyalty.settlement.tills import KINDS
from loyalty.staff.rules import Permission

_LISTED, _EXPORTED, _COMPARED = 200, 10_000, 20


@bp.get("/breaks")
@requires(Permission.READ)
def all_breaks() -> ResponseReturnValue:
    """List the differences that are there, or were, and the latest comparisons."""
    is_open, subject = _chosen()
    with current_database().unit_of_work() as session:
        return render_template(
            "console/breaks.html",
            breaks=queries.breaks(
                session, is_open=is_open, subject=subject, limit=_LISTED
            ),
            comparisons=queries.comparisons(session, limit=_COMPARED),
            about=_about,
            is_open=is_open,
            subject=subject,
            subjects=SUBJECTS,
            names={one.partner: one.name for one in partners(session)},
        )


@bp.get("/breaks.xlsx")
@requires(Permission.READ)
def all_breaks_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    is_open, subject = _chosen()
    with current_database().unit_of_work() as session:
        found = queries.breaks(
            session, is_open=is_open, subject=subject, limit=_EXPORTED
        )
    columns: list[Column[StatementBreak]] = [
        Column(speak("对什么", "Compared"), lambda one: term("compared", one.subject)),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("日期", "Day or month"), lambda one: one.about_on, "day"),
        Column(speak("哪一项", "Of what"), _about, width=30),
        Column(speak("差异", "Break"), lambda one: term("break", one.code)),
        Column(speak("我方笔数", "Ours, count"), lambda one: one.ours_count, "number"),
        Column(
            speak("对方笔数", "Theirs, count"), lambda one: one.theirs_count, "number"
        ),
        Column(speak("我方积分", "Ours, points"), lambda one: one.ours_units, "number"),
        Column(
            speak("对方积分", "Theirs, points"), lambda one: one.theirs_units, "number"
        ),
        Column(speak("我方金额", "Ours"), lambda one: one.ours_fen, "yuan"),
        Column(speak("对方金额", "Theirs"), lambda one: one.theirs_fen, "yuan"),
        Column(speak("发现", "Found at"), lambda one: one.found_at, "moment"),
        Column(speak("消失", "Gone at"), lambda one: one.closed_at, "moment"),
    ]
    return workbook(
        name="breaks",
        title=speak("对账差异", "Breaks"),
        columns=columns,
        rows=found,
        filters={"show": "open" if is_open else "closed", "subject": subject or ""},
    )


def _chosen() -> tuple[bool, str | None]:
    """Return whether open ones are wanted, and of what; None: of everything."""
    subject = request.args.get("subject")
    is_open = request.args.get("show") != "closed"
    return is_open, subject if subject in SUBJECTS else None


@bp.app_template_global("break_about")
def _about(one: StatementBreak) -> str:
    """Return what a difference is about, as a person says it."""
    if one.reference in KINDS:
        return term("day_total", one.reference)
    if one.subject in (SUBJECT, INVOICE_SUBJECT):
        kind, _, named = one.reference.partition(" ")
        return f"{term('match_kind', kind)} {named}"
    policy_no, _, event = one.reference.rpartition(" ")
    return f"{policy_no} {term('policy_event', event)}"
