"""Ask at the counter that points of a member be changed; others decide."""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.console.serving import customer_of, day_of, served_member
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.web.shop import partner_names
from blueprints.wording import say, term
from loyalty.adjustments import operations, queries
from loyalty.adjustments.errors import BadAdjustment, BadEvidence
from loyalty.adjustments.evidence import Shown, look_at
from loyalty.adjustments.rules import EVIDENCE_BYTES_MAX, WORDS_MAX, Reason, Wish
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.points.entries import CUP, UNIVERSAL
from loyalty.staff.rules import Permission

_DIGITS_MAX: Final = 9
_REF_CHARS: Final = 32


@bp.get("/counter/<served>/adjust")
@requires(Permission.ADJUST_MAKE)
def adjust(served: str) -> ResponseReturnValue:
    """Ask what is to be changed and why, beside what was asked for lately."""
    return _page(served, {})


@bp.post("/counter/<served>/adjust")
@requires(Permission.ADJUST_MAKE)
def ask_adjustment(served: str) -> ResponseReturnValue:
    """Send the request to a supervisor, once however often the form is sent."""
    member_id, typed = served_member(served), _typed()
    try:
        wish, shown = _wish(typed), _shown()
        with services().database.unit_of_work() as session:
            asked = operations.ask(
                session,
                member_id=member_id,
                adjustment_ref=typed["adjustment_ref"],
                wish=wish,
                shown=shown,
                maker=this_staff().staff_id,
                keyring=services().keyring,
                at=now(),
            )
            note(
                session,
                action="adjustment.asked",
                object_=f"member:{member_id}",
                before=asked.before,
                after=asked.after,
                reason=wish.words,
                approval_id=asked.approval_id,
            )
    except BadAdjustment as error:
        faults = error.facts["faults"]
        assert isinstance(faults, list)
        return _page(served, typed, faults=faults), 422
    except BadEvidence as error:
        return _page(served, typed, faults=["evidence"], problem=say(error)), 422
    except LoyaltyError as error:
        return _page(served, typed, problem=say(error)), 409
    flash(
        speak("申请已提交，等待主管审批。", "Sent; a supervisor decides now."), "done"
    )
    return redirect(url_for("console.adjust", served=served), 303)


def _typed() -> dict[str, str]:
    names = ("adjustment_ref", "reason", "unit", "points", "partner", "words")
    typed = {name: request.form.get(name, "").strip() for name in names}
    typed["adjustment_ref"] = typed["adjustment_ref"][:_REF_CHARS] or _new_ref()
    typed["words"] = typed["words"][:WORDS_MAX]
    return typed


def _wish(typed: Mapping[str, str]) -> Wish:
    written = typed["points"].replace(",", "")
    is_number = written.isascii() and written.isdecimal()
    return Wish(
        reason=typed["reason"],
        unit=typed["unit"],
        # What is no number of points is none, and refused as such.
        points=int(written) if is_number and len(written) <= _DIGITS_MAX else 0,
        partner=typed["partner"] or None,
        words=typed["words"],
    )


def _shown() -> Shown:
    """Return the file that was shown.

    Raises `BadEvidence`.
    """
    file = request.files.get("evidence")
    if file is None or not file.filename:
        raise BadEvidence(bytes_max=EVIDENCE_BYTES_MAX)
    content = file.stream.read(EVIDENCE_BYTES_MAX + 1)
    return look_at(name=file.filename, content=content)


def _new_ref() -> str:
    return uuid4().hex[:12]


def _page(
    served: str,
    typed: Mapping[str, str],
    *,
    faults: list[str] | None = None,
    problem: str = "",
) -> str:
    member_id, at, clerk = served_member(served), now(), this_staff()
    on = at.date()
    with services().database.unit_of_work() as session:
        limits = queries.limits(session, on=on)
        known = [one for one in queries.reasons(session) if not one.in_bulk]
        return render_template(
            "console/adjustments/ask.html",
            customer=customer_of(session, member_id, served),
            day=day_of(session),
            names=partner_names(session),
            typed={"adjustment_ref": _new_ref(), "unit": CUP} | dict(typed),
            faults=faults or [],
            problem=problem,
            reasons=[(one.reason, _reason_words(one)) for one in known],
            units=[(unit, term("unit", unit)) for unit in UNIVERSAL],
            partners=[
                ("", speak("无", "none")),
                *partner_names(session).items(),
            ],
            has=[
                (unit, queries.standing(session, member_id=member_id, unit=unit, on=on))
                for unit in UNIVERSAL
            ],
            changes=queries.of_member(session, member_id=member_id, at=at),
            limits=limits,
            left=max(
                0,
                limits.agent_points_per_day
                - queries.asked_by_agent(session, staff_id=clerk.staff_id, on=on),
            ),
            words_max=WORDS_MAX,
        )


def _reason_words(reason: Reason) -> str:
    way = term("adjust_direction", reason.direction)
    return f"{way} · {speak(reason.title_zh, reason.title_en)}"
