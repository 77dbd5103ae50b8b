"""Partners' machines: what each may do, and what it proves itself with."""

import json
from datetime import datetime

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database, services
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.queries import partners
from loyalty.clients import governance, operations, queries, signing
from loyalty.clients.errors import BadClientKey
from loyalty.clients.models import PartnerClient
from loyalty.clients.operations import Profile
from loyalty.clients.rules import AUTH_METHODS, KINDS, SCOPES
from loyalty.clock import now, wall
from loyalty.errors import LoyaltyError
from loyalty.staff.rules import Permission

_REASON_CHARS = 300
_NAME_CHARS = 60
_CONTACT_CHARS = 120
_KEYS_CHARS = 20_000


@bp.get("/clients")
@requires(Permission.READ)
def clients() -> ResponseReturnValue:
    """List the machines of partners, and the keys that sign their tokens."""
    with current_database().unit_of_work() as session:
        found = queries.clients(session)
        keys = queries.signing_keys(session)
    return render_template(
        "console/clients/list.html",
        clients=found,
        names=_names(),
        keys=keys,
        may_make=Permission.CLIENT_MAKE in this_staff().permissions,
    )


@bp.get("/clients.xlsx")
@requires(Permission.READ)
def clients_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    with current_database().unit_of_work() as session:
        found = list(queries.clients(session))
    columns: list[Column[PartnerClient]] = [
        Column(speak("编号", "Number"), lambda one: one.client_id, width=36),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("名称", "Name"), lambda one: one.name),
        Column(
            speak("证明方式", "Proves itself"),
            lambda one: term("auth_method", one.auth_method),
        ),
        Column(speak("权限", "Scopes"), lambda one: ", ".join(one.scopes), width=60),
        Column(speak("开通时间", "Since"), lambda one: one.created_at, "moment"),
        Column(speak("停用时间", "Until"), lambda one: one.disabled_at, "moment"),
    ]
    return workbook(
        name="clients",
        title=speak("伙伴系统", "Partners' machines"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/clients/new")
@requires(Permission.CLIENT_MAKE)
def new_client() -> ResponseReturnValue:
    """Show the form that asks for a machine to be let in."""
    return _form(None)


@bp.post("/clients")
@requires(Permission.CLIENT_MAKE)
def ask_client() -> ResponseReturnValue:
    """Ask that a machine be let in; another administrator decides."""
    return _asked(None)


@bp.get("/clients/<client_id>")
@requires(Permission.READ)
def partner_client(client_id: str) -> ResponseReturnValue:
    """Show a machine, and what can be done about it."""
    return _page(client_id)


@bp.get("/clients/<client_id>/change")
@requires(Permission.CLIENT_MAKE)
def changing_client(client_id: str) -> ResponseReturnValue:
    """Show the form that asks for other rights."""
    return _form(client_id)


@bp.post("/clients/<client_id>/change")
@requires(Permission.CLIENT_MAKE)
def ask_client_change(client_id: str) -> ResponseReturnValue:
    """Ask that a machine may do other things; another administrator decides."""
    return _asked(client_id)


@bp.post("/clients/<client_id>/secret")
@requires(Permission.CLIENT_MAKE)
def new_client_secret(client_id: str) -> ResponseReturnValue:
    """Make a new secret, and show it this once; the old one is worth nothing."""
    try:
        with current_database().unit_of_work() as session:
            secret = operations.new_secret(
                session, client_id=client_id, keyring=services().keyring
            )
            note(session, action="client.secret", object_=f"client:{client_id}")
    except LoyaltyError as error:
        return _page(client_id, problem=say(error)), 409
    answer = make_response(_page(client_id, secret=secret))
    answer.cache_control.no_store = True
    return answer


@bp.post("/clients/<client_id>/keys")
@requires(Permission.CLIENT_MAKE)
def set_client_keys(client_id: str) -> ResponseReturnValue:
    """Give a machine other public keys; those that are not named are worth nothing."""
    told = request.form.get("jwks", "")[:_KEYS_CHARS]
    try:
        with current_database().unit_of_work() as session:
            found = operations.set_keys(session, client_id=client_id, jwks=_jwks(told))
            kept = found.jwks or {}
            note(
                session,
                action="client.keys",
                object_=f"client:{client_id}",
                after={"kids": [key.get("kid") for key in kept["keys"]]},
            )
    except LoyaltyError as error:
        return _page(client_id, fault=say(error), jwks=told), 422
    flash(speak("公钥已更新。", "The keys were changed."), "done")
    return redirect(url_for("console.partner_client", client_id=client_id), 303)


@bp.post("/clients/<client_id>/disable")
@requires(Permission.CLIENT_MAKE)
def disable_client(client_id: str) -> ResponseReturnValue:
    """Let a machine in no more; its tokens are refused at once."""
    with current_database().unit_of_work() as session:
        operations.disable(session, client_id=client_id, at=wall())
        note(
            session,
            action="client.disable",
            object_=f"client:{client_id}",
            before={"state": "active"},
            after={"state": "disabled"},
        )
    flash(
        speak("已停用，令牌立即失效。", "It is let in no more; its tokens are over."),
        "done",
    )
    return redirect(url_for("console.partner_client", client_id=client_id), 303)


@bp.post("/signing-keys/rotate")
@requires(Permission.CLIENT_MAKE)
def rotate_signing_keys() -> ResponseReturnValue:
    """Sign tokens with our next key from now on."""
    with current_database().unit_of_work() as session:
        current = signing.rotate(session, keyring=services().keyring, at=wall())
        note(session, action="client.rotate_keys", object_=f"oauth_key:{current.kid}")
    flash(
        speak("已启用下一把签名密钥。", "Tokens are signed with the next key now."),
        "done",
    )
    return redirect(url_for("console.clients"), 303)


def _asked(client_id: str | None) -> ResponseReturnValue:
    """Send the form's wish to another person, or show the form with what it lacks."""
    reason = _line("reason")[:_REASON_CHARS]
    if not reason:
        return _form(client_id, fault=speak("请写明理由。", "Please say why.")), 422
    try:
        approval_id = _request(client_id, reason, at=now())
    except LoyaltyError as error:
        return _form(client_id, problem=say(error)), 422
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _request(client_id: str | None, reason: str, *, at: datetime) -> int:
    """Ask for what the form says, and write it down."""
    maker = this_staff().staff_id
    with current_database().unit_of_work() as session:
        if client_id is None:
            asked = governance.ask_add(
                session, profile=_told(), reason=reason, maker=maker, at=at
            )
        else:
            found = queries.client(session, client_id=client_id)
            asked = governance.ask_change(
                session,
                client_id=client_id,
                profile=_told(found),
                reason=reason,
                maker=maker,
                at=at,
            )
        note(
            session,
            action=f"{asked.action}.asked",
            object_=f"client:{asked.subject}",
            before=asked.before,
            after=asked.after,
            reason=reason,
            approval_id=asked.approval_id,
        )
        return asked.approval_id


def _told(found: PartnerClient | None = None) -> Profile:
    """Return the profile in the form; whose machine it is cannot change."""
    form = request.form
    method = _line("auth_method")
    return Profile(
        partner=found.partner if found else _line("partner"),
        name=_line("name")[:_NAME_CHARS],
        auth_method=(
            found.auth_method
            if found
            else method
            if method in AUTH_METHODS
            else AUTH_METHODS[0]
        ),
        scopes=tuple(form.getlist("scopes")),
        contact=_line("contact")[:_CONTACT_CHARS],
        redirect_uris=tuple(form.get("redirect_uris", "").split()),
        require_dpop="require_dpop" in form,
        require_par="require_par" in form,
    )


def _line(field: str) -> str:
    """Return what was typed into a field, without what nobody can type."""
    told = request.form.get(field, "")
    return "".join(letter for letter in told if letter.isprintable()).strip()


def _form(client_id: str | None, *, problem: str = "", fault: str = "") -> str:
    with current_database().unit_of_work() as session:
        found = (
            queries.client(session, client_id=client_id)
            if client_id is not None
            else None
        )
        known = partners(session)
    if request.method == "POST":
        profile = _told(found)
    elif found is not None:
        profile = governance.profile_of(found)
    else:
        profile = Profile(partner="", name="", auth_method=AUTH_METHODS[0], scopes=())
    return render_template(
        "console/clients/form.html",
        found=found,
        profile=profile,
        partners=[(one.partner, issuer_name(one.partner, one.name)) for one in known],
        methods=[(method, term("auth_method", method)) for method in AUTH_METHODS],
        scopes={scope: speak(*words) for scope, words in SCOPES.items()},
        kinds={kind: speak(*words) for kind, words in KINDS.items()},
        reason=request.form.get("reason", ""),
        problem=problem,
        fault=fault,
    )


def _page(
    client_id: str,
    *,
    problem: str = "",
    fault: str = "",
    secret: str = "",
    jwks: str = "",
) -> str:
    with current_database().unit_of_work() as session:
        found = queries.client(session, client_id=client_id)
    return render_template(
        "console/clients/one.html",
        client=found,
        name=_names().get(found.partner, found.partner),
        keys=(found.jwks or {}).get("keys", []),
        scopes=[(scope, term("scope", scope)) for scope in found.scopes],
        may_make=Permission.CLIENT_MAKE in this_staff().permissions
        and found.disabled_at is None,
        problem=problem,
        fault=fault,
        secret=secret,
        jwks=jwks,
    )


def _jwks(told: str) -> dict[str, object]:
    try:
        found = json.loads(told)
    except ValueError as error:
        fault = speak("这不是 JSON", "this is not JSON")
        raise BadClientKey(fault=fault) from error
    return found if isinstance(found, dict) else {}


def _names() -> dict[str, str]:
    """Return what each partner is called."""
    with current_database().unit_of_work() as session:
        return {
            one.partner: issuer_name(one.partner, one.name) for one in partners(session)
        }
