"""A bank's own desk or shop asks for points; the answer is signed, and said once.

The question is verified by the bank's adapter before a line of it is believed.
"""

import json
from collections.abc import Mapping
from functools import partial

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.hooks import bp
from blueprints.hooks.partners import PAYLOAD_BYTES_MAX, incoming_of
from blueprints.sessions import signed
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.linking.queries import linked_member
from loyalty.redemption.errors import NoSuchAccount
from loyalty.redemption.till import Move, Wish, authorize, capture_held
from partners.ports import BankBurn


@bp.post("/partners/<code>/burns")
@signed
def burn(code: str) -> ResponseReturnValue:
    """Spend points at a bank's desk, at once; the same question has one answer."""
    request.max_content_length = PAYLOAD_BYTES_MAX
    desk = services().connections.desks.get(code)
    if desk is None:
        abort(404)
    incoming = incoming_of()
    asked = desk.burn(incoming)
    if asked is None:
        abort(400)
    status, told = _answer(code, asked)
    body = json.dumps(told).encode()
    headers = desk.sign(incoming, status=status, body=body)
    return Response(body, status, headers, content_type="application/json")


def _answer(code: str, asked: BankBurn) -> tuple[int, Mapping[str, object]]:
    try:
        return 200, retrying(
            services().database, partial(_spend, code=code, asked=asked)
        )
    except LoyaltyError as error:
        return 422, {"id": asked.partner_ref, "status": "refused", "code": error.code}


def _spend(session: Session, *, code: str, asked: BankBurn) -> Mapping[str, object]:
    member_id = linked_member(session, partner=code, account_ref=asked.account_ref)
    if member_id is None:
        raise NoSuchAccount
    at, actor = now(), f"desk:{code}"
    held = authorize(
        session,
        Wish(
            partner=code,
            partner_ref=asked.partner_ref,
            member_id=member_id,
            points=None if asked.amount_fen else asked.points,
            amount_fen=asked.amount_fen,
            partial_allowed=asked.partial_allowed,
            actor=actor,
            at=at,
        ),
    )
    taken = capture_held(
        session,
        Move(partner=code, partner_ref=held.partner_ref, actor=actor, at=at),
    )
    return {
        "id": taken.partner_ref,
        "status": taken.state,
        "points": taken.points,
        "selfPaidFen": taken.self_paid_fen,
    }
