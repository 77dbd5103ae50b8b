"""Who is calling, and what each view asks of the caller.

A view says so with one decorator: `public`, `member_required`, `requires` (staff
with a permission) or `signed` (a system whose signature the view checks itself).
What machines of partners bring is asked in `oauth`: a proof of who they are
(`client`), or a token.
The browser keeps a token in a signed cookie; everything else about a sign-in is in
the database, where it can be ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from ipaddress import ip_address
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

from flask import (
    Flask,
    Response,
    abort,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from blueprints import hooks, services
from blueprints.language import KEPT_AS
from loyalty.access import operations, queries
from loyalty.access.rules import is_fresh
from loyalty.clock import now
from loyalty.staff.queries import staff as working_staff
from loyalty.staff.rules import Permission, permissions_of

F = TypeVar("F", bound=Callable[..., Any])

# Somebody else may pick a telephone up; a counter is left more often.
_MEMBER_IDLE, _MEMBER_ABSOLUTE = timedelta(minutes=30), timedelta(hours=12)
_STAFF_IDLE, _STAFF_ABSOLUTE = timedelta(minutes=15), timedelta(hours=10)
# A minute more or less matters to nobody, and a write per request would.
_TOUCH_AFTER = timedelta(minutes=1)
# What was typed is given back, but for what nobody may read over a shoulder.
_SECRET_FIELDS = ("csrf_token", "password", "code", "totp", "credential")
_KEPT_FIELDS_MAX = 50

csrf = CSRFProtect()


@dataclass(frozen=True, slots=True)
class SignedInMember:
    """A member who is signed in."""

    member_id: int
    member_ref: str
    name: str
    token_hash: bytes
    fresh_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class SignedInStaff:
    """Somebody of staff who is signed in."""

    staff_id: int
    login: str
    name: str
    roles: tuple[str, ...]
    channel: str
    hall: str | None
    permissions: frozenset[Permission]
    must_change_password: bool
    token_hash: bytes
    fresh_at: datetime


class _Cookies(SecureCookieSessionInterface):
    """Cookies that travel over TLS only, except to one's own machine."""

    def get_cookie_secure(self, app: Flask) -> bool:
        del app
        return request.is_secure or not is_loopback(request.host)


def register(app: Flask) -> None:
    """Guard every form of the application."""
    app.session_interface = _Cookies()
    # A form is good for as long as the session it was drawn in.
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    csrf.init_app(app)
    csrf.exempt(hooks.bp)
    app.register_error_handler(CSRFError, _form_expired)


def public(view: F) -> F:
    """Let everybody in."""
    return declared(view, "public")


def signed(view: F) -> F:
    """Let a system in whose signature the view verifies."""
    return declared(view, "signed")


def member_required(view: F) -> F:
    """Let members in who are signed in; send others to sign in first."""

    @wraps(view)
    def guarded(*arguments: Any, **options: Any) -> Any:
        if member() is None:
            return redirect(url_for("web.sign_in", next=_way_back()), 303)
        return view(*arguments, **options)

    return declared(cast("F", guarded), "member")


def fresh_required(view: F) -> F:
    """Let members in who have just shown who they are; ask others to do it again."""

    @wraps(view)
    def guarded(*arguments: Any, **options: Any) -> Any:
        if not is_fresh(this_member().fresh_at, at=now()):
            return redirect(url_for("web.confirm_it_is_you", next=_way_back()), 303)
        return view(*arguments, **options)

    return member_required(cast("F", guarded))


def requires(permission: Permission) -> Callable[[F], F]:
    """Let staff in who have a permission; send others to sign in first."""

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*arguments: Any, **options: Any) -> Any:
            caller = staff()
            if caller is None:
                return redirect(url_for("console.sign_in", next=_way_back()), 303)
            if caller.must_change_password and request.endpoint != "console.me":
                return redirect(url_for("console.me"), 303)
            if permission not in caller.permissions:
                abort(403)
            return view(*arguments, **options)

        return declared(cast("F", guarded), permission.value)

    return decorate


def member() -> SignedInMember | None:
    """Return the member who is signed in; None: nobody is."""
    if "member" not in g:
        g.member = _member()
    return cast("SignedInMember | None", g.member)


def this_member() -> SignedInMember:
    """Return the member who is signed in, where somebody must be."""
    found = member()
    assert found is not None, "the view does not say member_required"
    return found


def staff() -> SignedInStaff | None:
    """Return who of staff is signed in; None: nobody is."""
    if "staff" not in g:
        g.staff = _staff()
    return cast("SignedInStaff | None", g.staff)


def this_staff() -> SignedInStaff:
    """Return who of staff is signed in, where somebody must be."""
    found = staff()
    assert found is not None, "the view does not say what it requires"
    return found


def sign_in(owner: str, token: str) -> None:
    """Give the browser the token of a new sign-in, and nothing of what was before.

    What a browser brought along may have been planted there: only the language and
    a sign-in on the other side (member, staff) are kept.
    """
    sign_out(owner)
    session[owner] = token
    # Now and not with the first form: a cookie that changes on a page makes the
    # browser fetch that page anew for its back button.
    generate_csrf()
    g.pop("member", None)
    g.pop("staff", None)


def sign_out(owner: str) -> None:
    """Take the token of a sign-in away, and end what it stood for."""
    token = session.get(owner)
    if isinstance(token, str):
        with services().database.unit_of_work() as unit:
            operations.end_session(
                unit,
                token_hash=operations.token_hash(services().keyring, token),
                at=now(),
            )
    other = "staff" if owner == "member" else "member"
    kept = {name: session[name] for name in (KEPT_AS, other) if name in session}
    session.clear()
    session.update(kept)
    g.pop("csrf_token", None)
    g.pop(owner, None)


def local_path(target: str | None, *, otherwise: str) -> str:
    """Return a path of this site that a browser may be sent to, or another.

    An address that leads elsewhere is never followed: neither with a scheme or a
    host, nor in the spellings that browsers read as one.
    """
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return otherwise
    if "\\" in target or any(ord(letter) < ord(" ") for letter in target):
        return otherwise
    try:
        parts = urlsplit(target)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else target


def onward(home: str = "web.home") -> str:
    """Return where the browser wanted to go before it was asked something."""
    return local_path(request.values.get("next"), otherwise=url_for(home))


def caller_address() -> str:
    """Return the network address of who calls."""
    return request.remote_addr or "unknown"


def request_id() -> str:
    """Return the name of this request in the audit trail."""
    if "request_id" not in g:
        g.request_id = uuid4().hex
    return cast("str", g.request_id)


def declared(view: F, access: str) -> F:
    """Write on a view whom it lets in, for whoever walks all views."""
    view.access = access  # type: ignore[attr-defined]
    return view


def _member() -> SignedInMember | None:
    token = session.get("member")
    if not isinstance(token, str):
        return None
    at, hashed = now(), operations.token_hash(services().keyring, token)
    with services().database.unit_of_work() as unit:
        live = queries.live_session(
            unit,
            token_hash=hashed,
            owner="member",
            at=at,
            idle=_MEMBER_IDLE,
            absolute=_MEMBER_ABSOLUTE,
        )
        known = live and queries.signed_in_member(unit, live.owner_id)
        if live is None or known is None:
            return None
        if at - live.seen_at > _TOUCH_AFTER:
            operations.touch_session(unit, token_hash=hashed, at=at)
    return SignedInMember(
        member_id=live.owner_id,
        member_ref=known.member_ref,
        name=known.name,
        token_hash=hashed,
        fresh_at=live.fresh_at,
        started_at=live.started_at,
    )


def _staff() -> SignedInStaff | None:
    token = session.get("staff")
    if not isinstance(token, str):
        return None
    at, hashed = now(), operations.token_hash(services().keyring, token)
    with services().database.unit_of_work() as unit:
        live = queries.live_session(
            unit,
            token_hash=hashed,
            owner="staff",
            at=at,
            idle=_STAFF_IDLE,
            absolute=_STAFF_ABSOLUTE,
        )
        known = live and working_staff(unit, staff_id=live.owner_id)
        if live is None or known is None:
            return None
        if at - live.seen_at > _TOUCH_AFTER:
            operations.touch_session(unit, token_hash=hashed, at=at)
    return SignedInStaff(
        staff_id=known.staff_id,
        login=known.login,
        name=known.name,
        roles=tuple(known.roles),
        channel=known.channel,
        hall=known.hall,
        permissions=permissions_of(known.roles),
        must_change_password=known.password_is_temporary,
        token_hash=hashed,
        fresh_at=live.fresh_at,
    )


def _way_back() -> str:
    """Return where to go after signing in: here, or to the page of the form."""
    if request.method in ("GET", "HEAD"):
        return request.full_path.rstrip("?")
    came_from = urlsplit(request.referrer or "")
    return came_from.path if came_from.netloc == request.host else "/"


def _form_expired(error: CSRFError) -> ResponseReturnValue:
    """Say that a form was not taken, and give back what was typed into it.

    It can be sent again from here only if it came from a page of ours: what a
    strange page has put together must not be one click away from being done.
    """
    ours = request.headers.get("Origin", request.host_url).rstrip("/")
    is_ours = ours == request.host_url.rstrip("/") and request.headers.get(
        "Sec-Fetch-Site", "same-origin"
    ) in ("same-origin", "none")
    kept = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if not any(secret in name for secret in _SECRET_FIELDS)
    ][:_KEPT_FIELDS_MAX]
    page = render_template(
        "form_expired.html",
        kept=kept if is_ours else [],
        may_repeat=is_ours,
        reason=error.description,
    )
    return Response(page, status=400)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without its port, is one's own machine."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
