"""A member's own keys: password, passkeys, and showing once more who it is."""

from collections.abc import Sequence
from datetime import datetime

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import confirming, services, wording
from blueprints.language import speak
from blueprints.sessions import (
    caller_address,
    fresh_required,
    member_required,
    onward,
    this_member,
)
from blueprints.web import bp
from loyalty.access import operations, passkeys, queries
from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    PasskeyRefused,
    PasswordTooWeak,
    TooManyAttempts,
    TooManyCodes,
    UnknownPasskey,
)
from loyalty.access.rules import by_address, by_number
from loyalty.clock import now

_WEAKNESSES = {
    "too_short": (
        "密码至少 12 个字符。可以用一句只有您知道的话。",
        "At least 12 characters, please. A sentence only you know is good.",
    ),
    "too_long": (
        "密码最多 200 个字符，请改短一些。",
        "At most 200 characters, please make it shorter.",
    ),
    "common": (
        "这个密码太容易被猜到，请换一个。",
        "This is one of the first passwords somebody would try. Please choose another.",
    ),
    "personal": (
        "密码里不要有您的号码或姓名，请换一个。",
        "Please choose one without your number or name in it.",
    ),
}


@bp.route("/confirm-it-is-you", methods=["GET", "POST"])
@member_required
def confirm_it_is_you() -> ResponseReturnValue:
    """Make sure once more that it is the member, before something that matters."""
    caller, at = this_member(), now()
    bound = f"fresh:{caller.token_hash.hex()}"
    if request.method == "GET":
        return _confirm_page()
    try:
        if request.form.get("do") == "send":
            to = confirming.send(
                member_id=caller.member_id,
                bound=bound,
                chinese="确认是您本人",
                english="confirming that it is you",
            )
            return _confirm_page(sent_to=to)
        is_shown = _shows_again(caller.member_id, bound, at)
    except (
        CodeExpired,
        CodeSpent,
        PasskeyRefused,
        TooManyAttempts,
        TooManyCodes,
    ) as error:
        return _confirm_page(sent_to=_sent_to(), fault=wording.say(error)), 422
    if not is_shown:
        fault = speak("不对，请再看一下。", "That is not right. Please look again.")
        return _confirm_page(sent_to=_sent_to(), fault=fault), 422
    with services().database.unit_of_work() as unit:
        operations.refresh_session(unit, token_hash=caller.token_hash, at=at)
    return redirect(onward(), 303)


@bp.post("/confirm/passkey/question")
@member_required
def confirm_question() -> ResponseReturnValue:
    """Give the browser the question that confirms what the form is bound to."""
    bound = request.form.get("bound", "")
    if not bound:
        bound = f"fresh:{this_member().token_hash.hex()}"
    with services().database.unit_of_work() as unit:
        question = passkeys.ask_to_confirm(
            unit,
            member_id=this_member().member_id,
            purpose="confirm",
            bound=bound,
            site=confirming.site(),
            at=now(),
        )
    return jsonify(confirming.asked(question))


@bp.route("/profile/password", methods=["GET", "POST"])
@fresh_required
def password() -> ResponseReturnValue:
    """Set, change or remove the password."""
    if request.method == "GET":
        return _password_page()
    wanted = None
    if request.form.get("do") != "remove":
        wanted = request.form.get("password", "")
        if wanted != request.form.get("password_again"):
            fault = speak(
                "两次输入的密码不一样，请再输一次。",
                "The two are not the same. Please type them again.",
            )
            return _password_page(fault), 422
    try:
        _change_password(wanted, now())
    except PasswordTooWeak as error:
        chinese, english = _WEAKNESSES[str(error.facts["fault"])]
        return _password_page(speak(chinese, english)), 422
    flash(
        speak("密码已移除。", "The password was removed.")
        if wanted is None
        else speak("新密码已生效。", "The new password is in force."),
        "done",
    )
    return redirect(url_for("web.profile"), 303)


@bp.get("/profile/passkeys")
@member_required
def passkeys_page() -> ResponseReturnValue:
    """Show the passkeys of the member."""
    with services().database.unit_of_work() as unit:
        known = passkeys.passkeys(
            unit, owner="member", owner_id=this_member().member_id
        )
    return render_template("web/passkeys.html", passkeys=known)


@bp.post("/profile/passkeys/question")
@fresh_required
def register_question() -> ResponseReturnValue:
    """Give the browser what it needs to make a passkey."""
    with services().database.unit_of_work() as unit:
        question = passkeys.ask_to_register(
            unit,
            person=_person(),
            site=confirming.site(),
            keyring=services().keyring,
            at=now(),
        )
    return jsonify(confirming.asked(question))


@bp.post("/profile/passkeys")
@fresh_required
def add_passkey() -> ResponseReturnValue:
    """Keep a passkey that the browser has made, and tell the member's number."""
    at = now()
    try:
        with services().database.unit_of_work() as unit:
            passkeys.register(
                unit,
                question_id=confirming.question_id(),
                credential=request.form.get("credential", ""),
                person=_person(),
                label=request.form.get("label", ""),
                site=confirming.site(),
                at=at,
            )
            numbers = queries.numbers_of(unit, member_id=this_member().member_id, at=at)
    except PasskeyRefused as error:
        flash(wording.say(error), "harm")
        return redirect(url_for("web.passkeys_page"), 303)
    _tell(
        numbers,
        "您的账户新增了一把通行密钥。不是您？请马上到营业厅或致电客服。",
        "A passkey was added to your account. If this was not you, please call us or"
        " come to a service hall at once.",
    )
    flash(
        speak(
            "通行密钥已添加，下次可以直接用它登录。",
            "The passkey was added. You can sign in with it from now on.",
        ),
        "done",
    )
    return redirect(url_for("web.passkeys_page"), 303)


@bp.post("/profile/passkeys/remove")
@fresh_required
def remove_passkey() -> ResponseReturnValue:
    """Forget a passkey."""
    with services().database.unit_of_work() as unit:
        passkeys.forget(
            unit,
            owner="member",
            owner_id=this_member().member_id,
            credential_id=_credential_id(request.form.get("passkey", "")),
        )
    flash(speak("通行密钥已删除。", "The passkey was removed."), "done")
    return redirect(url_for("web.passkeys_page"), 303)


def _shows_again(member_id: int, bound: str, at: datetime) -> bool:
    """Tell whether the form shows that it is the member: code, passkey or password."""
    if request.form.get("do") == "password":
        return _try_own_password(member_id, request.form.get("password", ""), at)
    if not confirming.accept(member_id=member_id, bound=bound):
        return False
    with services().database.unit_of_work() as unit:
        operations.spend_code(
            unit, member_id=member_id, purpose="confirm", bound=bound, at=at
        )
    return True


def _try_own_password(member_id: int, password: str, at: datetime) -> bool:
    keyring = services().keyring
    throttles = (by_number(f"member {member_id}"), by_address(caller_address()))
    with services().database.unit_of_work() as unit:
        operations.let_try(unit, throttles=throttles, keyring=keyring, at=at)
        if operations.check_password(unit, member_id=member_id, password=password):
            return True
        operations.count_failure(unit, throttles=throttles, keyring=keyring, at=at)
        return False


def _tell(numbers: Sequence[str], chinese: str, english: str) -> None:
    """Tell a member's numbers of a change, in case it was somebody else."""
    words = speak(f"【积分联盟】{chinese}", f"Jifen: {english}")
    for msisdn in numbers:
        confirming.deliver(msisdn, words)


def _change_password(wanted: str | None, at: datetime) -> None:
    """Change the member's password, and end every other sign-in of theirs.

    Raises `PasswordTooWeak`.
    """
    caller = this_member()
    with services().database.unit_of_work() as unit:
        numbers = queries.numbers_of(unit, member_id=caller.member_id, at=at)
        operations.set_password(
            unit,
            member_id=caller.member_id,
            password=wanted,
            own=(*numbers, caller.member_ref, caller.name),
        )
        operations.end_sessions(
            unit,
            owner="member",
            owner_id=caller.member_id,
            at=at,
            but=caller.token_hash,
        )
    _tell(
        numbers,
        "您的登录密码已更改，其他设备都已退出。不是您？请马上到营业厅或致电客服。",
        "Your password was changed and other devices were signed out. If this was not"
        " you, please call us or come to a service hall at once.",
    )


def _person() -> passkeys.Person:
    caller = this_member()
    return passkeys.Person("member", caller.member_id, caller.name or caller.member_ref)


def _credential_id(written: str) -> bytes:
    try:
        return bytes.fromhex(written)
    except ValueError as error:
        raise UnknownPasskey from error


def _sent_to() -> str:
    """Return to which number a code was said to be sent, masked already."""
    return request.form.get("sent_to", "")[:20]


def _confirm_page(*, sent_to: str = "", fault: str | None = None) -> str:
    caller = this_member()
    with services().database.unit_of_work() as unit:
        has_password = queries.has_password(unit, caller.member_id)
        known = passkeys.passkeys(unit, owner="member", owner_id=caller.member_id)
    return render_template(
        "web/confirm_it_is_you.html",
        sent_to=sent_to,
        fault=fault,
        has_password=has_password,
        has_passkey=bool(known),
        next=onward(),
    )


def _password_page(fault: str | None = None) -> str:
    with services().database.unit_of_work() as unit:
        has_one = queries.has_password(unit, this_member().member_id)
    return render_template("web/password.html", has_one=has_one, fault=fault)
