"""Leaving the network: what would end, what did, and why, to be kept as a table."""

import csv
from collections.abc import Iterator
from io import StringIO

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.statement import harmless
from blueprints.wording import issuer_name, term
from loyalty.churn.queries import LeavingView, StepView
from loyalty.churn.showing import latest_leaving, may_redeem, prospect
from loyalty.clock import now


@bp.get("/leaving")
@member_required
def leaving_network() -> ResponseReturnValue:
    """Say what leaving did; or, before it, what it would do."""
    member_id, at = this_member().member_id, now()
    with current_database().unit_of_work() as session:
        left = latest_leaving(session, member_id=member_id)
        is_gone = left is not None and left.line.reinstated_on is None
        is_free = left is not None and may_redeem(session, left.line)
        ahead = None if is_gone else prospect(session, member_id=member_id, at=at)
    return render_template(
        "web/leaving.html",
        left=left,
        line=left.line if left else None,
        others=[
            (stage, step)
            for stage in (left.stages if left else ())
            for step in stage.steps
            if not stage.benefit.startswith("points.")
        ],
        became=_became,
        may_redeem=is_free,
        ahead=ahead,
        today=at.date(),
    )


@bp.get("/leaving.csv")
@member_required
def leaving_network_csv() -> ResponseReturnValue:
    """Send what was voided and why as a table for Excel; without one, its head."""
    with current_database().unit_of_work() as session:
        left = latest_leaving(session, member_id=this_member().member_id)
    on = now().date() if left is None else left.line.left_on
    return Response(
        "".join(_lines(left)),
        mimetype="text/csv",
        headers={
            "Content-Disposition": f'attachment; filename="jifen-leaving-{on}.csv"',
            "Cache-Control": "no-store",
        },
    )


def _lines(left: LeavingView | None) -> Iterator[str]:
    yield "\N{ZERO WIDTH NO-BREAK SPACE}"
    yield _line(
        speak("项目", "What"),
        speak("结果", "What became of it"),
        speak("积分", "Points"),
        speak("来源", "From"),
        speak("获得月份", "Earned in"),
        speak("原有效期至", "Was good until"),
        speak("编号", "Reference"),
        speak("原因", "Why"),
        speak("离网日期", "Left on"),
        speak("规则版本", "Version of the rule"),
        speak("可恢复至", "May return until"),
    )
    if left is None:
        return
    line = left.line
    about = (
        term("churn_reason", line.reason),
        line.left_on,
        line.policy_version,
        line.reinstate_until,
    )
    became = term("leaving_step", "back" if line.reinstated_on else "done")
    for lot in left.lots:
        yield _line(
            term("unit", lot.unit)
            + (speak("（待生效）", " (pending)") if lot.is_pending else ""),
            became,
            lot.units,
            issuer_name(lot.issuer, lot.issuer_name) if lot.issuer else "",
            f"{lot.earned_in:%Y-%m}" if lot.earned_in else "",
            lot.expires_on or "",
            "",
            *about,
        )
    for stage in left.stages:
        if stage.benefit.startswith("points."):
            continue
        for step in stage.steps:
            why = step.detail.get("why")
            yield _line(
                term("churn_benefit", step.benefit),
                _became(step),
                *[""] * 4,
                step.subject,
                term("leaving_why", why) if why else about[0],
                *about[1:],
            )


def _became(step: StepView) -> str:
    """Return what became of a benefit, in words; one that came back was no end."""
    is_back = step.benefit.startswith("return.") and step.state == "done"
    return term("leaving_step", "back" if is_back else step.state)


def _line(*cells: object) -> str:
    written = StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()
