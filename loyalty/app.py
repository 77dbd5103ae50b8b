"""Put the web application together."""

from flask import Flask, Response

from blueprints import EXTENSION, errors, web
from loyalty.database import Database
from loyalty.settings import Settings

# Own files only: no inline script or style, no frames, no strangers.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " font-src 'self'; connect-src 'self'; manifest-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_BODY_BYTES_MAX = 16 * 1024 * 1024


def create_app(database: Database | None = None) -> Flask:
    """Return the application on a database, by default that of the environment."""
    app = Flask("blueprints", static_folder=None, template_folder="templates")
    app.config.update(
        MAX_CONTENT_LENGTH=_BODY_BYTES_MAX,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = database or Database.open(Settings.from_environment())
    app.register_blueprint(web.bp)
    errors.register(app)
    app.after_request(_protect)
    return app


def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
