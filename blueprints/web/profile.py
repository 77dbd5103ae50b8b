"""A member's own data: what is known, agreed to, locked, taken along, forgotten."""

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from io import BytesIO, StringIO
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import confirming, current_database, services, wording
from blueprints.formatting import day
from blueprints.formatting import msisdn as masked
from blueprints.language import speak
from blueprints.sessions import fresh_required, member_required, this_member
from blueprints.web import bp
from loyalty.access import operations as access
from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    ConfirmationMissing,
    PasskeyRefused,
    TooManyCodes,
)
from loyalty.access.queries import guard, language_of
from loyalty.access.rules import CODE_MINUTES
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.members import operations, queries
from loyalty.members.errors import BadContact, NoContact, NoErasureAsked, SameContact
from loyalty.members.rules import (
    ERASURE,
    ERASURE_DAYS,
    NOTICES,
    SPEND_UNLOCK,
    contact_binding,
)

CHANNEL: Final = "web"
_CODE_FAULTS = (CodeExpired, CodeSpent, ConfirmationMissing, PasskeyRefused)


@bp.get("/profile")
@member_required
def profile() -> ResponseReturnValue:
    """Show what is known about the member, and where each of it is changed."""
    member_id, at = this_member().member_id, now()
    with current_database().unit_of_work() as session:
        known = queries.profile(session, member_id=member_id, at=at)
        guarded = guard(session, member_id)
    return render_template("web/profile.html", known=known, guard=guarded, at=at)


# ---- consents ------------------------------------------------------------------------


@bp.route("/profile/consents", methods=["GET", "POST"])
@member_required
def consents() -> ResponseReturnValue:
    """Show what one can agree to, and write down what has changed."""
    member_id, at = this_member().member_id, now()
    with current_database().unit_of_work() as session:
        known = queries.consents(session, member_id=member_id)
        if request.method == "GET":
            return render_template("web/consents.html", consents=known)
        wanted = {purpose: purpose in request.form for purpose in NOTICES}
        for consent in known:
            if wanted[consent.purpose] != consent.granted:
                operations.record_consent(
                    session,
                    member_id=member_id,
                    purpose=consent.purpose,
                    granted=wanted[consent.purpose],
                    channel=CHANNEL,
                    at=at,
                )
    flash(speak("您的选择已保存。", "Your choices were saved."), "done")
    return redirect(url_for("web.consents"), 303)


# ---- spend lock ----------------------------------------------------------------------


@bp.post("/profile/spend-lock/on")
@member_required
def lock_spending() -> ResponseReturnValue:
    """Lock spending at once: whoever is signed in may do that."""
    with current_database().unit_of_work() as session:
        access.lock_spending(session, member_id=this_member().member_id, at=now())
    flash(
        speak("积分已锁定，现在谁也用不了。", "Locked: nobody can spend them now."),
        "done",
    )
    return redirect(url_for("web.profile", _anchor="spend-lock"), 303)


@bp.route("/profile/spend-lock", methods=["GET", "POST"])
@member_required
def spend_lock() -> ResponseReturnValue:
    """Unlock spending with a code that says what it unlocks."""
    member_id = this_member().member_id
    with current_database().unit_of_work() as session:
        is_locked = guard(session, member_id).spend_locked_at is not None
    if is_locked and request.method == "GET":
        return _unlock_page()
    if is_locked:
        try:
            if request.form.get("do") == "send":
                return _unlock_page(sent_to=_send_unlock_code(member_id))
            if not confirming.accept(member_id=member_id, bound=SPEND_UNLOCK):
                return _unlock_page(sent_to=_sent_to(), fault=_wrong_code()), 422
            with current_database().unit_of_work() as session:
                operations.unlock_spending(session, member_id=member_id, at=now())
        except (*_CODE_FAULTS, TooManyCodes) as error:
            return _unlock_page(sent_to=_sent_to(), fault=wording.say(error)), 422
        flash(
            speak("积分已解锁，可以使用了。", "Unlocked: you can spend again."), "done"
        )
    return redirect(url_for("web.profile", _anchor="spend-lock"), 303)


def _send_unlock_code(member_id: int) -> str:
    return confirming.send(
        member_id=member_id,
        bound=SPEND_UNLOCK,
        chinese="解除积分锁定",
        english="unlocking your points",
    )


def _unlock_page(sent_to: str = "", fault: str = "") -> str:
    return render_template(
        "web/spend_lock.html", sent_to=sent_to, fault=fault, bound=SPEND_UNLOCK
    )


# ---- contact -------------------------------------------------------------------------


@bp.route("/profile/contact", methods=["GET", "POST"])
@fresh_required
def contact() -> ResponseReturnValue:
    """Change the telephone or address: a code to the old one, and one to the new."""
    if request.method == "GET":
        return _contact_page()
    kind = request.form.get("kind", "")
    value = "".join(request.form.get("value", "").split())
    sides = _contact_sides(kind)
    try:
        if request.form.get("do") == "send":
            _send_contact_codes(kind, value)
            return _contact_page(kind, value, sent=sides)
        faults = _contact_faults(kind, value)
        if faults:
            return _contact_page(kind, value, sent=sides, faults=faults), 422
        _change_contact(kind, value)
    except (BadContact, SameContact, NoContact, TooManyCodes) as error:
        return _contact_page(kind, value, faults={"value": wording.say(error)}), 422
    except _CODE_FAULTS as error:
        faults = {"code_old": wording.say(error)}
        return _contact_page(kind, value, sent=sides, faults=faults), 422
    flash(
        speak(
            "联系方式已更改。为了安全，72 小时内较大额的兑换会先等一等。",
            "Changed. To keep you safe, larger redemptions wait for 72 hours.",
        ),
        "done",
    )
    return redirect(url_for("web.profile", _anchor="contact"), 303)


def _contact_page(
    kind: str = "",
    value: str = "",
    *,
    sent: tuple[str, ...] = (),
    faults: dict[str, str] | None = None,
) -> str:
    with current_database().unit_of_work() as session:
        known = queries.profile(session, member_id=this_member().member_id, at=now())
    return render_template(
        "web/contact.html",
        known=known,
        kind=kind,
        value=value,
        sent=sent,
        faults=faults or {},
        code_minutes=CODE_MINUTES,
    )


def _contact_sides(kind: str) -> tuple[str, ...]:
    """Return whose telephones a code goes to; an address cannot take one."""
    return ("old", "new") if kind == "phone" else ("old",)


def _send_contact_codes(kind: str, value: str) -> None:
    """Send the codes that prove both ends of a change."""
    member_id, at = this_member().member_id, now()
    messages: list[tuple[str, str]] = []
    with current_database().unit_of_work() as session:
        old = operations.check_contact(
            session, member_id=member_id, kind=kind, value=value, at=at
        )
        in_chinese = language_of(session, member_id) == "zh"
        for side in _contact_sides(kind):
            issued = access.issue_code(
                session,
                member_id=member_id,
                purpose="contact",
                bound=contact_binding(side=side, kind=kind, value=value),
                keyring=services().keyring,
                at=at,
            )
            shown = masked(value) if kind == "phone" else value
            words = (
                f"【积分联盟】验证码 {issued.code}，用于把联系方式改为 {shown}，"
                f"{CODE_MINUTES} 分钟内有效。不是您本人操作请勿告诉任何人。"
                if in_chinese
                else f"Jifen: your code is {issued.code}, for changing your contact to"
                f" {shown}. It is good for {CODE_MINUTES} minutes. If this is not you,"
                " tell nobody."
            )
            messages.append((old if side == "old" else value, words))
    for to, words in messages:
        confirming.deliver(to, words)


def _contact_faults(kind: str, value: str) -> dict[str, str]:
    """Return which of the codes in the form are wrong, by field; each try counts."""
    faults = {}
    for side in _contact_sides(kind):
        field = f"code_{side}"
        try:
            with current_database().unit_of_work() as session:
                is_right = access.verify_newest(
                    session,
                    member_id=this_member().member_id,
                    purpose="contact",
                    bound=contact_binding(side=side, kind=kind, value=value),
                    code="".join(request.form.get(field, "").split()),
                    keyring=services().keyring,
                    at=now(),
                )
        except (CodeExpired, CodeSpent) as error:
            faults[field] = wording.say(error)
        else:
            if not is_right:
                faults[field] = _wrong_code()
    return faults


def _change_contact(kind: str, value: str) -> None:
    """Change the contact, and tell the old telephone once it is so."""
    member_id = this_member().member_id
    with current_database().unit_of_work() as session:
        old = operations.change_contact(
            session,
            member_id=member_id,
            kind=kind,
            value=value,
            actor="member",
            at=now(),
        )
        in_chinese = language_of(session, member_id) == "zh"
    words = (
        "【积分联盟】您的联系方式刚刚更改，72 小时内较大额的兑换会暂缓。"
        "不是您本人？请马上致电客服或到营业厅。"
        if in_chinese
        else "Jifen: your contact details were just changed; larger redemptions wait"
        " for 72 hours. If this was not you, call us or come to a hall at once."
    )
    # The change stands, whether or not the old telephone can be reached.
    with suppress(confirming.NotSent):
        confirming.deliver(old, words)


# ---- all that is kept ----------------------------------------------------------------


@bp.get("/profile/export")
@fresh_required
def export() -> ResponseReturnValue:
    """Send all that is kept about the member, as JSON and as tables."""
    at = now()
    with current_database().unit_of_work() as session:
        kept = queries.everything(session, member_id=this_member().member_id)
    return Response(
        _packed(kept, at),
        mimetype="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="jifen-{at:%Y%m%d}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _packed(kept: dict[str, list[dict[str, Any]]], at: datetime) -> bytes:
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        about = {"exported_at": at, "tables": kept}
        archive.writestr(
            "jifen.json", json.dumps(about, default=str, ensure_ascii=False, indent=1)
        )
        for name, rows in kept.items():
            if rows:
                archive.writestr(f"{name}.csv", "".join(_table(rows)))
    return written.getvalue()


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "\N{ZERO WIDTH NO-BREAK SPACE}"
    page = StringIO()
    table = csv.DictWriter(page, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    yield page.getvalue()


# ---- to be forgotten -----------------------------------------------------------------


@bp.route("/profile/erasure", methods=["GET", "POST"])
@fresh_required
def erasure() -> ResponseReturnValue:
    """Say what being forgotten means, take the wish, or take it back."""
    member_id = this_member().member_id
    if request.method == "GET":
        return _erasure_page()
    try:
        match request.form.get("do"):
            case "withdraw":
                _withdraw_erasure(member_id)
                return redirect(url_for("web.profile", _anchor="data"), 303)
            case "send":
                to = confirming.send(
                    member_id=member_id,
                    bound=ERASURE,
                    chinese="申请删除您的全部个人资料",
                    english="asking for all your personal data to be deleted",
                )
                return _erasure_page(sent_to=to)
        if not confirming.accept(member_id=member_id, bound=ERASURE):
            return _erasure_page(sent_to=_sent_to(), fault=_wrong_code()), 422
        with current_database().unit_of_work() as session:
            asked = operations.ask_erasure(session, member_id=member_id, at=now())
            due_on = asked.due_on
    except LoyaltyError as error:
        return _erasure_page(sent_to=_sent_to(), fault=wording.say(error)), 422
    _flash_erasure(due_on)
    return redirect(url_for("web.erasure"), 303)


def _erasure_page(sent_to: str = "", fault: str = "") -> str:
    with current_database().unit_of_work() as session:
        member_id = this_member().member_id
        asked = queries.erasure_request(session, member_id=member_id)
        orders = queries.orders_under_way(session, member_id=member_id)
    return render_template(
        "web/erasure.html",
        asked=asked,
        orders=orders,
        days=ERASURE_DAYS,
        sent_to=sent_to,
        fault=fault,
        bound=ERASURE,
    )


def _withdraw_erasure(member_id: int) -> None:
    """Take the wish back; twice is once."""
    with (
        suppress(NoErasureAsked),
        current_database().unit_of_work() as session,
    ):
        operations.withdraw_erasure(session, member_id=member_id, at=now())
    flash(
        speak(
            "申请已撤回，什么都没有删除。",
            "Your request was withdrawn; nothing was deleted.",
        ),
        "done",
    )


def _flash_erasure(due_on: date) -> None:
    flash(
        speak(
            f"申请已收到。{day(due_on)}之前可以随时撤回。",
            f"We have your request. You can withdraw it until {day(due_on)}.",
        ),
        "done",
    )


def _sent_to() -> str:
    """Return where the code of this form went, to say so again."""
    return request.form.get("sent_to", "")


def _wrong_code() -> str:
    return speak(
        "验证码不对，请再看一下短信。",
        "That is not the code. Please look at the message again.",
    )
