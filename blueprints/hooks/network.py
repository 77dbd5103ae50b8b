"""What the operator tells of its lines; signed, repeated, and in any order.

Each event has an answer of its own, and the whole is signed. What a leaving sets in
motion at partners is gone on with by the chaser.
"""

import json
from functools import partial
from typing import Final

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.hooks import bp
from blueprints.hooks.partners import incoming_of, is_replay
from blueprints.sessions import signed
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.feeds.line_events import EVENTS_MAX, book_line_events

PAYLOAD_BYTES_MAX: Final = 512 * 1024


@bp.post("/network")
@signed
def network() -> ResponseReturnValue:
    """Book events of lines; the operator sends them again unless the answer is 200."""
    request.max_content_length = PAYLOAD_BYTES_MAX
    kit = services()
    code, operator = next(iter(kit.connections.networks.items()), ("", None))
    if operator is None:
        abort(404)
    incoming = incoming_of()
    events = operator.line_events(incoming)
    if events is None:
        abort(400)
    if len(events) > EVENTS_MAX:
        abort(413)
    if is_replay(code, incoming):
        abort(409)
    answers = retrying(
        kit.database,
        partial(book_line_events, events=events, partner=code, at=now()),
    )
    told = [
        {"event_ref": event.event_ref, "status": answer.outcome}
        | ({} if answer.reason is None else {"reason": answer.reason})
        for event, answer in zip(events, answers, strict=True)
    ]
    body = json.dumps({"events": told}).encode()
    headers = operator.sign(incoming, status=200, body=body)
    return Response(body, 200, headers, content_type="application/json")
