"""Members sign in: by a code to their number, a password, or a passkey."""

import re
from datetime import datetime
from uuid import UUID

from flask import (
    Response,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, services, sessions, wording
from blueprints.formatting import msisdn as masked
from blueprints.language import language, speak
from blueprints.sessions import caller_address, member, onward, public
from blueprints.web import bp
from loyalty.access import operations, passkeys, queries
from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    PasskeyRefused,
    TooManyAttempts,
    TooManyCodes,
)
from loyalty.access.rules import (
    CODE_MINUTES,
    DORMANT_COOL_DOWN_HOURS,
    by_address,
    by_number,
    codes_by_address,
)
from loyalty.clock import now

_NUMBER = re.compile(r"1\d{10}")
_STATE = "signing_in"  # where the cookie keeps whose code is waited for


@bp.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    """Ask for a number."""
    if member() is not None:
        return redirect(onward(), 303)
    return _sign_in_page()


@bp.post("/sign-in")
@public
def send_sign_in_code() -> ResponseReturnValue:
    """Send a code to a number, which may be nobody's: the answer is the same."""
    return _send_code("sign_in")


@bp.route("/sign-in/recover", methods=["GET", "POST"])
@public
def recover() -> ResponseReturnValue:
    """Help somebody who forgot a password, or lost the telephone."""
    if request.method == "POST":
        return _send_code("recover")
    return render_template("web/recover.html", fault=None, msisdn="", next=onward())


@bp.route("/sign-in/code", methods=["GET", "POST"])
@public
def sign_in_code() -> ResponseReturnValue:
    """Take the code, and let the member in."""
    waiting = session.get(_STATE)
    if not isinstance(waiting, dict):
        return redirect(url_for("web.sign_in", next=onward()), 303)
    if request.method == "GET":
        return _code_page(waiting["msisdn"])
    code, at = "".join(request.form.get("code", "").split()), now()
    try:
        member_id, left = _try_code(UUID(waiting["code_id"]), code, at)
    except (CodeExpired, CodeSpent, TooManyAttempts) as error:
        return _code_page(waiting["msisdn"], fault=wording.say(error)), 422
    if member_id is None:
        fault = speak(
            f"验证码不对，还可以试 {left} 次。",
            f"That is not the code. You can try {left} more times.",
        )
        return _code_page(waiting["msisdn"], fault=fault), 422
    return _let_in(member_id, method=waiting["purpose"], at=at)


@bp.route("/sign-in/password", methods=["GET", "POST"])
@public
def sign_in_password() -> ResponseReturnValue:
    """Let a member in who knows the password of a number."""
    if request.method == "GET":
        return _password_page("")
    typed, at = request.form.get("msisdn", ""), now()
    msisdn = _number(typed)
    if msisdn is None:
        return _password_page(typed, number_fault=_not_a_number()), 422
    try:
        member_id = _try_password(msisdn, request.form.get("password", ""), at)
    except TooManyAttempts as error:
        return _password_page(typed, fault=wording.say(error)), 429
    if member_id is None:
        fault = speak(
            "号码或密码不对。也可以改用验证码登录。",
            "The number or the password is wrong. You can also sign in with a code.",
        )
        return _password_page(typed, fault=fault), 422
    return _let_in(member_id, method="password", at=at)


@bp.post("/sign-in/passkey/question")
@public
def passkey_question() -> ResponseReturnValue:
    """Give the browser the question that a passkey answers."""
    with services().database.unit_of_work() as unit:
        question = passkeys.ask_who(
            unit, owner="member", site=confirming.site(), at=now()
        )
    return jsonify(confirming.asked(question))


@bp.post("/sign-in/passkey")
@public
def sign_in_passkey() -> ResponseReturnValue:
    """Let a member in who showed a passkey."""
    at = now()
    try:
        with services().database.unit_of_work() as unit:
            member_id = passkeys.who_showed(
                unit,
                question_id=confirming.question_id(),
                credential=request.form.get("credential", ""),
                owner="member",
                site=confirming.site(),
                at=at,
            )
    except PasskeyRefused as error:
        return _sign_in_page(fault=wording.say(error)), 422
    return _let_in(member_id, method="passkey", at=at)


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End the sign-in of this browser."""
    sessions.sign_out("member")
    flash(speak("您已退出登录。", "You are signed out."), "done")
    return redirect(url_for("web.home"), 303)


def _send_code(purpose: str) -> ResponseReturnValue:
    typed, at = request.form.get("msisdn", ""), now()
    msisdn = _number(typed)
    if msisdn is None:
        return _ask_again(purpose, typed, _not_a_number()), 422
    try:
        member_id, issued = _issue(msisdn, purpose, at)
    except (TooManyCodes, TooManyAttempts) as error:
        waiting = session.get(_STATE)
        if isinstance(waiting, dict) and waiting["msisdn"] == msisdn:
            # The code that was sent before is still good.
            return _code_page(msisdn, fault=wording.say(error)), 429
        return _ask_again(purpose, typed, wording.say(error)), 429
    session[_STATE] = {
        "code_id": issued.code_id.hex,
        "msisdn": msisdn,
        "purpose": purpose,
    }
    # A stranger's number is written to as well: who asks sees and waits the same.
    confirming.deliver(
        msisdn, _code_words(issued.code, is_member=member_id is not None)
    )
    return redirect(url_for("web.sign_in_code", next=onward()), 303)


def _issue(
    msisdn: str, purpose: str, at: datetime
) -> tuple[int | None, operations.IssuedCode]:
    keyring = services().keyring
    throttles = (codes_by_address(caller_address()),)
    with services().database.unit_of_work() as unit:
        operations.let_try(unit, throttles=throttles, keyring=keyring, at=at)
        member_id = queries.member_of_number(unit, msisdn=msisdn, at=at)
        issued = operations.issue_code(
            unit,
            member_id=member_id,
            purpose=purpose,
            bound=keyring.digest("number", msisdn).hex(),
            keyring=keyring,
            at=at,
        )
        operations.count_failure(unit, throttles=throttles, keyring=keyring, at=at)
    return member_id, issued


def _code_words(code: str, *, is_member: bool) -> str:
    if is_member:
        return speak(
            f"【积分联盟】登录验证码 {code}，{CODE_MINUTES} 分钟内有效。"
            "工作人员不会向您索要，请勿告诉任何人。",
            f"Jifen: your code to sign in is {code}. It is good for {CODE_MINUTES}"
            " minutes. Nobody of ours will ask you for it.",
        )
    return speak(
        "【积分联盟】有人想用这个号码登录，但它还不是会员号码，所以没有验证码。"
        "如果不是您，请忽略。",
        "Jifen: somebody wanted to sign in with this number, but it belongs to no"
        " member, so there is no code. If this was not you, please ignore it.",
    )


def _try_code(code_id: UUID, code: str, at: datetime) -> tuple[int | None, int]:
    """Return who signs in, or None and how often the code may still be tried."""
    keyring = services().keyring
    throttles = (by_address(caller_address()),)
    with services().database.unit_of_work() as unit:
        operations.let_try(unit, throttles=throttles, keyring=keyring, at=at)
        found = operations.sign_in_with_code(
            unit, code_id=code_id, code=code, keyring=keyring, at=at
        )
        if found is None:
            operations.count_failure(unit, throttles=throttles, keyring=keyring, at=at)
        return found, queries.attempts_left(unit, code_id=code_id)


def _try_password(msisdn: str, password: str, at: datetime) -> int | None:
    keyring = services().keyring
    throttles = (by_number(msisdn), by_address(caller_address()))
    with services().database.unit_of_work() as unit:
        operations.let_try(unit, throttles=throttles, keyring=keyring, at=at)
        found = queries.member_of_number(unit, msisdn=msisdn, at=at)
        if operations.check_password(unit, member_id=found, password=password):
            operations.forget_failures(unit, throttle=throttles[0], keyring=keyring)
            return found
        operations.count_failure(unit, throttles=throttles, keyring=keyring, at=at)
        return None


def _let_in(member_id: int, *, method: str, at: datetime) -> Response:
    """Sign a member in, and send the browser on."""
    with services().database.unit_of_work() as unit:
        operations.record_sign_in(unit, member_id=member_id, at=at)
        operations.remember_language(unit, member_id=member_id, language=language())
        if method == "recover":
            _cool_down_after_recovery(unit, member_id, at)
        token = operations.start_session(
            unit,
            owner="member",
            owner_id=member_id,
            method=method,
            keyring=services().keyring,
            at=at,
        )
    target = url_for("web.password") if method == "recover" else onward()
    sessions.sign_in("member", token)
    return redirect(target, 303)  # type: ignore[return-value]


def _cool_down_after_recovery(unit: Session, member_id: int, at: datetime) -> None:
    """Wait a day before much is spent by whoever said to have forgotten a password.

    Recovery is the strictest level of domain.md 4.3; who had no password recovers
    nothing.
    """
    if queries.has_password(unit, member_id):
        operations.cool_down(
            unit, member_id=member_id, at=at, hours=DORMANT_COOL_DOWN_HOURS
        )


def _number(typed: str) -> str | None:
    """Return a number as we keep it; None: this is none."""
    digits = re.sub(r"[\s()\-+]", "", typed)
    for prefix in ("0086", "86"):
        if len(digits) == len(prefix) + 11 and digits.startswith(prefix):
            digits = digits[len(prefix) :]
    return digits if _NUMBER.fullmatch(digits) else None


def _not_a_number() -> str:
    return speak(
        "请填 11 位手机号码，例如 133 0000 0000。",
        "Please enter a mobile number of 11 digits, like 133 0000 0000.",
    )


def _sign_in_page(*, msisdn: str = "", fault: str | None = None) -> str:
    return render_template(
        "web/sign_in.html", msisdn=msisdn, fault=fault, next=onward()
    )


def _ask_again(purpose: str, msisdn: str, fault: str) -> str:
    if purpose == "sign_in":
        return _sign_in_page(msisdn=msisdn, fault=fault)
    return render_template(
        "web/recover.html", msisdn=msisdn, fault=fault, next=onward()
    )


def _code_page(msisdn: str, *, fault: str | None = None) -> str:
    return render_template(
        "web/sign_in_code.html",
        msisdn=msisdn,
        shown=masked(msisdn),
        fault=fault,
        minutes=CODE_MINUTES,
        next=onward(),
    )


def _password_page(
    msisdn: str, *, fault: str | None = None, number_fault: str | None = None
) -> str:
    return render_template(
        "web/sign_in_password.html",
        msisdn=msisdn,
        fault=fault,
        number_fault=number_fault,
        next=onward(),
    )
