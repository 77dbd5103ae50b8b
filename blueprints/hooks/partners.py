"""What partners tell us by themselves: late outcomes, signed, repeated, out of order.

A notice is a hint: what it says is taken as the answer to a look-up, or makes us ask.
It may come again, signed again; the same signature twice is a replay, and refused.
"""

import logging
from datetime import datetime
from functools import partial

from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from blueprints import services
from blueprints.hooks import bp
from blueprints.sessions import signed
from loyalty.calls.operations import is_news
from loyalty.churn.delivery import take_in as take_in_leaving
from loyalty.clock import now, wall
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.exchange.delivery import tell as tell_exchange
from loyalty.orders.delivery import advance
from loyalty.orders.rules import order_named
from partners.ports import Incoming, Notice
from partners.signing import nonce_of

log = logging.getLogger(__name__)

PAYLOAD_BYTES_MAX = 64 * 1024


@bp.post("/partners/<code>")
@signed
def partner(code: str) -> ResponseReturnValue:
    """Take a notice in; the partner sends it again unless the answer is 200."""
    request.max_content_length = PAYLOAD_BYTES_MAX
    notifier = services().connections.notifiers.get(code)
    if notifier is None:
        abort(404)
    incoming = incoming_of()
    notice = notifier.notice(incoming)
    if notice is None:
        abort(400)
    if is_replay(code, incoming):
        abort(409)
    _take_in(notice, at=now())
    return jsonify(received=True)


def is_replay(code: str, incoming: Incoming) -> bool:
    """Whether this very message was heard before; a partner signs each try anew."""
    nonce = nonce_of(incoming.headers)
    if not nonce:  # signed in a way that has none
        return False
    heard = partial(is_news, partner=code, nonce=nonce, at=wall())
    return not retrying(services().database, heard)


def incoming_of() -> Incoming:
    """Return what somebody asks, as it came: what is signed is that."""
    return Incoming(
        request.method,
        request.full_path if request.query_string else request.path,
        dict(request.headers.items()),
        request.get_data(cache=False),
    )


def _take_in(notice: Notice, *, at: datetime) -> None:
    """Go on with what a notice is about; what is of nobody is passed over."""
    kit = services()
    if tell_exchange(
        kit.database, exchange_ref=notice.reference, receipt=notice.receipt, at=at
    ):
        return
    if take_in_leaving(
        kit.database, reference=notice.reference, receipt=notice.receipt, at=at
    ):
        return
    named = order_named(notice.reference)
    if named is None:
        return
    try:
        # Orders ask for themselves: the answer, not the notice, moves them.
        advance(
            kit.database,
            kit.connections,
            kit.keyring,
            member_id=named.member_id,
            order_ref=named.order_ref,
            at=at,
        )
    except Missing:
        return
    except (LoyaltyError, DBAPIError):
        log.exception("order %s has to be taken up again", named.order_ref)
