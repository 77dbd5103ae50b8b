"""Where tokens are given out; machines only, and each proves who it is."""

from collections.abc import Callable
from functools import wraps
from typing import cast

from authlib.oauth2 import OAuth2Error
from flask import Response
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.oauth import bp
from blueprints.oauth.server import Server
from blueprints.sessions import csrf, declared
from loyalty.clock import wall


def for_clients(
    view: Callable[[Server], Response],
) -> Callable[[], ResponseReturnValue]:
    """Let machines in whom the view makes prove who they are; give it the server.

    Everything here goes by the real time: a stranger's clock is not ours to turn.
    """

    @wraps(view)
    def guarded() -> Response:
        with services().database.unit_of_work() as session:
            server = Server(session, keyring=services().keyring, at=wall())
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
