"""Step-up for the faces: ask a member to confirm one thing, with a code or a passkey.

What is confirmed is named by `bound`, in canonical words that the use case makes
again from what is really done; a confirmation of anything else is worth nothing.
"""

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import request, session
from werkzeug.exceptions import BadRequest

from blueprints import services
from blueprints.formatting import msisdn as masked
from loyalty.access import operations, passkeys, queries
from loyalty.access.errors import PasskeyRefused
from loyalty.access.rules import CODE_MINUTES
from loyalty.clock import now
from loyalty.errors import Unavailable
from partners.ports import Message, Outcome

_QUESTION = "question"  # where the cookie keeps which question a passkey was asked


class NoNumber(Unavailable):
    """The member has no number to which a code could be sent."""

    code = "no_number"

    def __init__(self) -> None:
        super().__init__()


class NotSent(Unavailable):
    """The code could not be sent just now; please try again."""

    code = "not_sent"

    def __init__(self) -> None:
        super().__init__()


def send(
    *,
    member_id: int,
    bound: str,
    chinese: str,
    english: str,
    purpose: str = "confirm",
) -> str:
    """Send a member a code that confirms this alone; return the masked number.

    The words say what is confirmed, as a noun: "兑换 意外险（2,500 积分）".

    Raises `TooManyCodes`, `NoNumber`, `NotSent`.
    """
    at = now()
    with services().database.unit_of_work() as unit:
        numbers = queries.numbers_of(unit, member_id=member_id, at=at)
        if not numbers:
            raise NoNumber
        issued = operations.issue_code(
            unit,
            member_id=member_id,
            purpose=purpose,
            bound=bound,
            keyring=services().keyring,
            at=at,
        )
        language = queries.language_of(unit, member_id)
    minutes = CODE_MINUTES
    words = (
        f"【积分联盟】验证码 {issued.code}，用于{chinese}，{minutes} 分钟内有效。"
        "不是您本人操作请勿告诉任何人。"
        if language == "zh"
        else f"Jifen: your code is {issued.code}, for {english}. It is good for"
        f" {minutes} minutes. If this is not you, tell nobody."
    )
    deliver(numbers[0], words)
    return masked(numbers[0])


def deliver(msisdn: str, words: str) -> None:
    """Send words to a number.

    Raises `NotSent`.
    """
    receipt = services().connections.messenger.send(Message(to=msisdn, words=words))
    if receipt.outcome in (Outcome.DECLINED, Outcome.ABSENT):
        raise NotSent


def accept(*, member_id: int, bound: str, purpose: str = "confirm") -> bool:
    """Take the `code` or `credential` of this form as a confirmation of this.

    False: the code is wrong, or there is neither. A right one is kept and can be
    spent within five minutes; attempts are counted whatever happens next.

    Raises `CodeExpired`, `CodeSpent`, `PasskeyRefused`.
    """
    if request.form.get("credential"):
        answer_to_confirm(member_id=member_id, bound=bound, purpose=purpose)
        return True
    code = "".join(request.form.get("code", "").split())
    if not code:
        return False
    with services().database.unit_of_work() as unit:
        return operations.verify_newest(
            unit,
            member_id=member_id,
            purpose=purpose,
            bound=bound,
            code=code,
            keyring=services().keyring,
            at=now(),
        )


def answer_to_confirm(*, member_id: int, bound: str, purpose: str = "confirm") -> None:
    """Take the `credential` of this form as a confirmation.

    Raises `PasskeyRefused`.
    """
    with services().database.unit_of_work() as unit:
        passkeys.confirm(
            unit,
            question_id=question_id(),
            credential=request.form["credential"],
            member_id=member_id,
            purpose=purpose,
            bound=bound,
            site=site(),
            at=now(),
        )


def asked(question: passkeys.Question) -> dict[str, Any]:
    """Remember which question the browser was asked; return it as JSON."""
    session[_QUESTION] = question.question_id.hex
    options: dict[str, Any] = json.loads(question.options)
    return options


def question_id() -> UUID:
    """Return which question the browser was asked; it is answered once.

    Raises `PasskeyRefused`.
    """
    try:
        return UUID(session.pop(_QUESTION, ""))
    except (ValueError, AttributeError, TypeError) as error:
        raise PasskeyRefused from error


def site() -> passkeys.Site:
    """Return this site as passkeys know it."""
    address = urlsplit(services().settings.public_url or request.host_url)
    if address.hostname is None:
        raise BadRequest
    return passkeys.Site(
        host=address.hostname, origin=f"{address.scheme}://{address.netloc}"
    )
