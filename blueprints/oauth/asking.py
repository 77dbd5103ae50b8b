"""Where a member says yes or no to a partner: one page, one box, nothing pre-ticked."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, form_may_lead_to, services
from blueprints.language import speak
from blueprints.oauth import bp
from blueprints.oauth.pushing import URN, keep
from blueprints.oauth.server import Server
from blueprints.sessions import caller_address, member_required, this_member
from blueprints.wording import partner_names, say
from blueprints.wording.words import Words
from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    ConfirmationMissing,
    PasskeyRefused,
    TooManyCodes,
)
from loyalty.alliance.queries import partner
from loyalty.clients.models import PushedRequest
from loyalty.clients.rules import KINDS
from loyalty.clients.tokens import answer_pushed, pushed
from loyalty.clock import now, wall
from loyalty.errors import Missing, Refused
from loyalty.linking import operations
from loyalty.linking.errors import AccountTaken
from loyalty.linking.queries import consent, state_of
from loyalty.linking.rules import GRANTED_FOR, PURPOSE_VERSION, binding

CHANNEL = "web"
_FAULTS = (
    CodeExpired,
    CodeSpent,
    ConfirmationMissing,
    PasskeyRefused,
    TooManyCodes,
    AccountTaken,
    confirming.NoNumber,
    confirming.NotSent,
)


class RequestUnclear(Refused):
    """What the partner asked cannot be understood, or not be trusted."""

    code = "request_unclear"

    def __init__(self) -> None:
        super().__init__()


class RequestOver(Missing):
    """What the partner asked is over, or was answered; please begin there again."""

    code = "request_over"

    def __init__(self) -> None:
        super().__init__()


@dataclass(frozen=True, slots=True)
class Question:
    """What a member is asked, in facts."""

    consent_ref: str
    partner_name: Words
    contact: str
    account: str
    kinds: tuple[str, ...]
    redirect_uri: str


@bp.route("/oauth/authorize", methods=["GET", "POST"])
@member_required
def authorize() -> ResponseReturnValue:
    """Show what a partner asks for, and take the answer back to them.

    A yes is confirmed with a code or a passkey that is bound to exactly this.
    """
    if request.method == "GET" and "request_uri" not in request.args:
        return _pushed_here()
    question = _question()
    form_may_lead_to(question.redirect_uri)
    act = request.form.get("do")
    if request.method == "GET":
        return _page(question)
    if act == "reject":
        return _answered(question, is_yes=False)
    if request.form.get("agree") != "yes":
        fault = speak(
            "同意的话，请先勾选。", "If you agree, please tick the box first."
        )
        return _page(question, box_fault=fault), 422
    try:
        return _confirmed(question, act)
    except _FAULTS as error:
        return _page(question, sent_to=_sent_to(), fault=say(error)), 422


def _confirmed(question: Question, act: str | None) -> ResponseReturnValue:
    """Send a code, or take it and go back with the yes."""
    member_id, bound = this_member().member_id, binding(question.consent_ref)
    if act == "send":
        to = confirming.send(
            member_id=member_id,
            bound=bound,
            chinese=f"同意关联{question.partner_name[0]}",
            english=f"linking your account with {question.partner_name[1]}",
        )
        return _page(question, sent_to=to)
    if not confirming.accept(member_id=member_id, bound=bound):
        wrong = speak(
            "验证码不对，请再看一下短信。",
            "That is not the code. Please look at the message again.",
        )
        return _page(question, sent_to=_sent_to(), fault=wrong), 422
    return _answered(question, is_yes=True)


def _answered(question: Question, *, is_yes: bool) -> Response:
    """Keep the answer, and send the browser back with it."""
    answer = operations.Answer(
        consent_ref=question.consent_ref,
        member_id=this_member().member_id,
        channel=CHANNEL,
        source=caller_address(),
    )
    with services().database.unit_of_work() as session:
        server = _server(session)
        asked = _asked(session)
        if not answer_pushed(session, found=asked, at=server.at):
            raise RequestOver
        if not is_yes:
            operations.reject(session, answer=answer, at=server.present)
            return server.answer_member(asked.asked, None)
        given = operations.authorize(
            session, answer=answer, keyring=server.keyring, at=server.present
        )
        return server.answer_member(asked.asked, given)


def _pushed_here() -> ResponseReturnValue:
    """Keep what a client asks in the address, where its profile lets it do so.

    Raises `RequestUnclear`; what the client may be told is sent back to it.
    """
    told = request.args.to_dict()
    with services().database.unit_of_work() as session:
        server = _server(session)
        client = server.query_client(told.get("client_id", ""))
        if client is None or client.row.require_par:
            raise RequestUnclear
        if not client.check_redirect_uri(told.get("redirect_uri", "")):
            raise RequestUnclear
        try:
            name = keep(server, client, told)
        except OAuth2Error as error:
            error.redirect_uri, error.state = told["redirect_uri"], told.get("state")
            answer = server.refuse(error)
            server.name_us(answer)
            return answer
    return redirect(
        url_for("oauth.authorize", client_id=client.client_id, request_uri=name), 303
    )


def _question() -> Question:
    """Return what the address asks.

    Raises `RequestOver`.
    """
    with services().database.unit_of_work() as session:
        server = _server(session)
        asked = _asked(session)
        client = server.query_client(asked.client_id)
        found = consent(session, consent_ref=asked.consent_ref)
        if state_of(found, at=server.present) != "awaiting_authorization":
            raise RequestOver
        known = partner(session, code=found.partner)
        assert client is not None
        return Question(
            consent_ref=found.consent_ref,
            partner_name=partner_names(known.partner, known.name),
            contact=client.row.contact,
            account=operations.account_of(found, keyring=server.keyring) or "",
            kinds=tuple(found.kinds),
            redirect_uri=asked.asked["redirect_uri"],
        )


def _asked(session: Session) -> PushedRequest:
    """Return what was pushed under the name in the address.

    Raises `RequestOver`.
    """
    server = _server(session)
    name = request.args.get("request_uri", "")
    client = server.query_client(request.args.get("client_id", ""))
    found = client and pushed(
        session,
        name=name.removeprefix(URN),
        client_id=client.client_id,
        keyring=server.keyring,
        at=server.at,
    )
    if not found or not name.startswith(URN):
        raise RequestOver
    return found


def _server(session: Session) -> Server:
    return Server(session, keyring=services().keyring, at=wall(), present=now())


def _page(
    question: Question, *, sent_to: str = "", fault: str = "", box_fault: str = ""
) -> str:
    return render_template(
        "oauth/authorize.html",
        asked=question,
        partner=speak(*question.partner_name),
        kinds=[speak(*KINDS[kind]) for kind in question.kinds],
        back=urlsplit(question.redirect_uri).hostname,
        until=now() + GRANTED_FOR,
        days=GRANTED_FOR.days,
        version=PURPOSE_VERSION,
        bound=binding(question.consent_ref),
        is_ticked=request.form.get("agree") == "yes",
        sent_to=sent_to,
        fault=fault,
        box_fault=box_fault,
        action=request.full_path,
    )


def _sent_to() -> str:
    """Return where the code of this form went, to say so again."""
    return request.form.get("sent_to", "")
