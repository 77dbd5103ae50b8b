"""Put the web application together."""

from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, g

from blueprints import (
    EXTENSION,
    Services,
    api,
    console,
    errors,
    formatting,
    hooks,
    language,
    oauth,
    sessions,
    tmf,
    web,
    wording,
)
from blueprints.hooks import desk, network, partners, stripe  # noqa: F401 - add their views
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.keyring import Keyring
from loyalty.settings import Settings

# Own files only: no inline script or style, no frames, no strangers.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " font-src 'self'; connect-src 'self'; manifest-src 'self';"
    " form-action 'self'{elsewhere}; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STRIPE_PAGES = "https://checkout.stripe.com"
_BODY_BYTES_MAX = 16 * 1024 * 1024


def create_app(
    database: Database | None = None,
    *,
    settings: Settings | None = None,
    connections: Connections | None = None,
) -> Flask:
    """Return the application; what is not given is that of the environment."""
    settings = settings or Settings.from_environment()
    keyring = Keyring.open(settings)
    app = Flask("blueprints", static_folder=None, template_folder="templates")
    app.config.update(
        SECRET_KEY=keyring.key("flask.session"),
        MAX_CONTENT_LENGTH=_BODY_BYTES_MAX,
        SESSION_COOKIE_NAME="jifen",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = Services(
        database=database or Database.open(settings),
        settings=settings,
        keyring=keyring,
        connections=connections or Connections.open(settings),
    )
    for blueprint in (web.bp, console.bp, hooks.bp, oauth.bp):
        app.register_blueprint(blueprint)
    api.register(app)
    tmf.register(app)
    language.register(app)
    formatting.register(app)
    wording.register(app)
    sessions.register(app)
    errors.register(app)
    app.after_request(partial(_protect, _payment_page(settings)))
    return app


def _payment_page(settings: Settings) -> str:
    """Return the page that forms may lead to where cards are taken, and no other."""
    if settings.stripe_key is None:
        return ""
    page = urlsplit(settings.stripe_address or STRIPE_PAGES)
    return f" {page.scheme}://{page.netloc}"


def _protect(payment_page: str, response: Response) -> Response:
    elsewhere = payment_page + g.get("forms_lead_to", "")
    policy = {"Content-Security-Policy": _POLICY.format(elsewhere=elsewhere)}
    for name, value in (_HEADERS | policy).items():
        response.headers.setdefault(name, value)
    return response
