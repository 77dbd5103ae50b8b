"""Staff sign in: with a password and a second factor, or a passkey."""

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import confirming, services, sessions, wording
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import caller_address, onward, public, requires, this_staff
from loyalty.access import operations, passkeys
from loyalty.access.errors import (
    PasskeyRefused,
    PasswordTooWeak,
    TooManyAttempts,
    UnknownPasskey,
)
from loyalty.access.passwords import LENGTH_MIN
from loyalty.clock import now, wall
from loyalty.staff import operations as staff_operations
from loyalty.staff.queries import staff as working_staff
from loyalty.staff.rules import Permission

_HOME = "console.home"


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Let somebody in who has a login, its password and its second factor."""
    if request.method == "GET":
        if sessions.staff() is not None:
            return redirect(onward(_HOME), 303)
        return _page()
    login = request.form.get("login", "").strip()
    try:
        with services().database.unit_of_work() as unit:
            found = staff_operations.sign_in(
                unit,
                login=login,
                password=request.form.get("password", ""),
                totp="".join(request.form.get("totp", "").split()),
                address=caller_address(),
                keyring=services().keyring,
                at=now(),
                wall=wall(),
            )
    except TooManyAttempts as error:
        return _page(login, wording.say(error)), 429
    if found is None:
        fault = speak(
            "登录名、密码或动态码不对。动态码每个只能用一次，请等下一个再试。",
            "The login, the password or the code is wrong. A code works once: please"
            " wait for the next one.",
        )
        return _page(login, fault), 422
    return _let_in(found.staff_id, "password and totp")


@bp.post("/sign-in/passkey/question")
@public
def passkey_question() -> ResponseReturnValue:
    """Give the browser the question that a passkey answers."""
    with services().database.unit_of_work() as unit:
        question = passkeys.ask_who(
            unit, owner="staff", site=confirming.site(), at=now()
        )
    return jsonify(confirming.asked(question))


@bp.post("/sign-in/passkey")
@public
def sign_in_passkey() -> ResponseReturnValue:
    """Let somebody in who showed a passkey."""
    try:
        staff_id = _who_showed()
    except PasskeyRefused as error:
        return _page(fault=wording.say(error)), 422
    return _let_in(staff_id, "passkey")


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End the sign-in of this browser."""
    sessions.sign_out("staff")
    return redirect(url_for("console.sign_in"), 303)


@bp.route("/me", methods=["GET", "POST"])
@requires(Permission.ENTER)
def me() -> ResponseReturnValue:
    """Show one's own sign-in, and change its password."""
    if request.method == "GET":
        return _own_page()
    caller, at = this_staff(), now()
    if request.form.get("password") != request.form.get("password_again"):
        fault = speak(
            "两次输入的密码不一样，请再输一次。",
            "The two are not the same. Please type them again.",
        )
        return _own_page(fault), 422
    try:
        with services().database.unit_of_work() as unit:
            is_changed = staff_operations.change_password(
                unit,
                staff_id=caller.staff_id,
                present=request.form.get("password_now", ""),
                wanted=request.form.get("password", ""),
                address=caller_address(),
                keyring=services().keyring,
                at=at,
                but=caller.token_hash,
            )
            if is_changed:
                note(unit, action="staff.password", object_=caller.login)
    except PasswordTooWeak:
        fault = speak(
            f"这个密码太容易被猜到。至少 {LENGTH_MIN} 个字符，不要包含登录名。",
            f"This password is too easy to guess: at least {LENGTH_MIN} characters,"
            " without your login.",
        )
        return _own_page(fault), 422
    except TooManyAttempts as error:
        return _own_page(wording.say(error)), 429
    if not is_changed:
        fault = speak("现在的密码不对。", "The present password is not that.")
        return _own_page(fault), 422
    flash(speak("新密码已生效。", "The new password is in force."), "done")
    return redirect(url_for("console.me"), 303)


@bp.post("/me/passkeys/question")
@requires(Permission.ENTER)
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


@bp.post("/me/passkeys")
@requires(Permission.ENTER)
def add_passkey() -> ResponseReturnValue:
    """Keep a passkey that the browser has made."""
    try:
        with services().database.unit_of_work() as unit:
            passkeys.register(
                unit,
                question_id=confirming.question_id(),
                credential=request.form.get("credential", ""),
                person=_person(),
                label=request.form.get("label", ""),
                site=confirming.site(),
                at=now(),
            )
            note(unit, action="staff.passkey_added", object_=this_staff().login)
    except PasskeyRefused as error:
        flash(wording.say(error), "harm")
    else:
        flash(speak("通行密钥已添加。", "The passkey was added."), "done")
    return redirect(url_for("console.me"), 303)


@bp.post("/me/passkeys/remove")
@requires(Permission.ENTER)
def remove_passkey() -> ResponseReturnValue:
    """Forget a passkey."""
    try:
        credential_id = bytes.fromhex(request.form.get("passkey", ""))
    except ValueError as error:
        raise UnknownPasskey from error
    with services().database.unit_of_work() as unit:
        passkeys.forget(
            unit,
            owner="staff",
            owner_id=this_staff().staff_id,
            credential_id=credential_id,
        )
        note(unit, action="staff.passkey_removed", object_=this_staff().login)
    flash(speak("通行密钥已删除。", "The passkey was removed."), "done")
    return redirect(url_for("console.me"), 303)


def _who_showed() -> int:
    """Return whose passkey was shown.

    Raises `PasskeyRefused`.
    """
    with services().database.unit_of_work() as unit:
        staff_id = passkeys.who_showed(
            unit,
            question_id=confirming.question_id(),
            credential=request.form.get("credential", ""),
            owner="staff",
            site=confirming.site(),
            at=now(),
        )
        if working_staff(unit, staff_id=staff_id) is None:
            raise PasskeyRefused
    return staff_id


def _let_in(staff_id: int, method: str) -> ResponseReturnValue:
    with services().database.unit_of_work() as unit:
        token = operations.start_session(
            unit,
            owner="staff",
            owner_id=staff_id,
            method=method,
            keyring=services().keyring,
            at=now(),
        )
    sessions.sign_in("staff", token)
    return redirect(onward(_HOME), 303)


def _person() -> passkeys.Person:
    caller = this_staff()
    return passkeys.Person("staff", caller.staff_id, caller.login)


def _page(login: str = "", fault: str | None = None) -> str:
    return render_template(
        "console/sign_in.html", login=login, fault=fault, next=onward(_HOME)
    )


def _own_page(fault: str | None = None) -> str:
    caller = this_staff()
    with services().database.unit_of_work() as unit:
        known = passkeys.passkeys(unit, owner="staff", owner_id=caller.staff_id)
    return render_template("console/me.html", fault=fault, passkeys=known)
