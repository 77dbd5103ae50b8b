"""Where tokens are given out; machines only, and each proves who it is."""

from collections.abc import Callable
from functools import wraps
from typing import cast

from authlib.oauth2 import OAuth2Error
from flask import Response, request
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.oauth import bp
from blueprints.oauth.ending import Introspecting, Revoking
from blueprints.oauth.pushing import Pushing
from blueprints.oauth.server import Server
from blueprints.sessions import csrf, declared
from loyalty.clock import now, wall

_FORM_BYTES_MAX = 64 * 1024


def for_clients(
    view: Callable[[Server], Response],
) -> Callable[[], ResponseReturnValue]:
    """Let machines in whom the view makes prove who they are; give it the server.

    Everything here goes by the real time: a stranger's clock is not ours to turn.
    """

    @wraps(view)
    def guarded() -> Response:
        request.max_content_length = _FORM_BYTES_MAX
        with services().database.unit_of_work() as session:
            server = Server(
                session, keyring=services().keyring, at=wall(), present=now()
            )
            try:
                return view(server)
            except OAuth2Error as error:
                return server.refuse(error)

    # Their proof is in the request; there is no cookie that a form could abuse.
    csrf.exempt(guarded)
    return declared(guarded, "client")


@bp.post("/oauth/token")
@for_clients
def token(server: Server) -> Response:
    """Give out a token (RFC 6749)."""
    return cast("Response", server.create_token_response())


@bp.post("/oauth/par")
@for_clients
def par(server: Server) -> Response:
    """Take in what a client wants to ask a member (RFC 9126)."""
    return cast("Response", server.create_endpoint_response(Pushing.ENDPOINT_NAME))


@bp.post("/oauth/revoke")
@for_clients
def revoke(server: Server) -> Response:
    """Take a token back (RFC 7009)."""
    return cast("Response", server.create_endpoint_response(Revoking.ENDPOINT_NAME))


@bp.post("/oauth/introspect")
@for_clients
def introspect(server: Server) -> Response:
    """Tell a client what its token is worth (RFC 7662)."""
    name = Introspecting.ENDPOINT_NAME
    return cast("Response", server.create_endpoint_response(name))
