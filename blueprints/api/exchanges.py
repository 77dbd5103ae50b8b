"""Exchanges that partners ask for: quoted first, then asked for once."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import POINTS_MAX, Closed, Open, Whole, written
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.alliance.errors import NotLinked
from loyalty.clock import now
from loyalty.exchange import quotes
from loyalty.exchange.errors import BadQuote, UnknownExchange
from loyalty.exchange.queries import ExchangeView, exchange, member_of
from loyalty.exchange.requesting import request as request_exchange
from loyalty.feeds.kinds import CODE, REF
from loyalty.linking.queries import linked_member, may

_STATES = ("requested", "sent", "confirmed", "declined", "disputed")
_PREFIX = "exc_"
_QUOTE_LENGTH_MAX = 2_000


class FromSchema(Closed):
    """What is given."""

    unit = written(CODE, required=True)
    units = Whole(required=True, validate=validate.Range(1, POINTS_MAX))


class ToSchema(Closed):
    """What is wanted for it."""

    unit = written(CODE, required=True)


class AskQuoteSchema(Closed):
    """What somebody would exchange."""

    account_ref = written(REF, pattern=REF_PATTERN, required=True)
    from_ = fields.Nested(FromSchema, required=True, data_key="from")
    to = fields.Nested(ToSchema, required=True)


class RateSchema(Open):
    """Units that come for units that go."""

    num = fields.Integer(required=True)
    den = fields.Integer(required=True)


class QuoteSchema(Open):
    """What an exchange comes to, for as long as it holds."""

    quote = fields.String(required=True)
    rate = fields.Nested(RateSchema, required=True)
    takes = fields.Integer(required=True)
    fee = fields.Integer(required=True)
    gives = fields.Integer(required=True)
    remainder = fields.Integer(required=True)
    expires_at = fields.AwareDateTime(required=True, format="iso")


class ExchangeSchema(Closed):
    """An exchange as it was quoted."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    quote = fields.String(required=True, validate=validate.Length(1, _QUOTE_LENGTH_MAX))


class ExchangeAnswerSchema(Open):
    """Where an exchange stands."""

    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATES))
    direction = fields.String(required=True)
    from_unit = fields.String(required=True)
    units_out = fields.Integer(required=True)
    fee = fields.Integer(required=True)
    to_unit = fields.String(required=True)
    units_in = fields.Integer(required=True)
    requested_at = fields.AwareDateTime(required=True, format="iso")


@bp.post("/v1/exchanges/quotes")
@requires_scope("exchanges:write")
@contract(
    does=("询价", "Ask what an exchange comes to"),
    takes=AskQuoteSchema,
    gives={201: QuoteSchema},
    refuses=("not_linked", "no_rate", "amount_too_small", "amount_too_large"),
)
def create_quote(session: Session, asked: Mapping[str, Any]) -> Given:
    """Quote an exchange; the quote is signed, and nothing is promised after it ends."""
    account_ref: str = asked["account_ref"]
    _owner(session, account_ref)
    quote = quotes.make(
        session,
        partner=caller().partner,
        account_ref=account_ref,
        from_unit=asked["from_"]["unit"],
        to_unit=asked["to"]["unit"],
        units=asked["from_"]["units"],
        at=now(),
    )
    return Given(
        {
            "quote": quotes.sign(quote, services().keyring),
            "rate": {"num": quote.rate_num, "den": quote.rate_den},
            "takes": quote.units_out,
            "fee": quote.fee_points,
            "gives": quote.units_in,
            "remainder": quote.remainder,
            "expires_at": quote.expires_at,
        },
        201,
    )


@bp.post("/v1/exchanges")
@requires_scope("exchanges:write")
@contract(
    does=("兑换", "Exchange what was quoted"),
    takes=ExchangeSchema,
    gives={201: ExchangeAnswerSchema, 202: ExchangeAnswerSchema},
    refuses=(
        "not_linked",
        "bad_quote",
        "quote_expired",
        "points_missing",
        "reference_reused",
    ),
)
def create_exchange(session: Session, asked: Mapping[str, Any]) -> Given:
    """Exchange; 202 while the partner's side of it is still to be asked."""
    quote = quotes.read(asked["quote"], services().keyring)
    if quote.partner != caller().partner:
        raise BadQuote
    member_id = _owner(session, quote.account_ref, kind=f"exchange.{quote.direction}")
    done = request_exchange(
        session,
        member_id=member_id,
        quote=quote,
        at=now(),
        actor=f"client:{caller().client_id}",
        partner_ref=asked["partner_ref"],
    )
    view = exchange(
        session, member_id=member_id, exchange_ref=done.exchange.exchange_ref
    )
    told = _told(view)
    place = url_for("api.show_exchange", exchange_id=told["id"])
    return Given(told, 202 if view.is_open else 201, location=place)


@bp.get("/v1/exchanges/<exchange_id>")
@requires_scope("exchanges:write")
@contract(
    does=("查看兑换", "Show where an exchange stands"),
    gives={200: ExchangeAnswerSchema},
    refuses=("unknown_exchange",),
)
def show_exchange(session: Session, exchange_id: str) -> Given:
    """Show an exchange with the partner."""
    ref = exchange_id.removeprefix(_PREFIX)
    if not ref.isalnum():
        raise UnknownExchange(exchange_ref=ref)
    member_id = member_of(session, exchange_ref=ref)
    if member_id is None:
        raise UnknownExchange(exchange_ref=ref)
    view = exchange(session, member_id=member_id, exchange_ref=ref)
    if view.partner != caller().partner:
        raise UnknownExchange(exchange_ref=ref)
    return Given(_told(view))


def _owner(session: Session, account_ref: str, *, kind: str | None = None) -> int:
    """Return whose account it is, if they let the partner exchange.

    Raises `NotLinked`.
    """
    partner = caller().partner
    found = linked_member(session, partner=partner, account_ref=account_ref)
    kinds = (kind,) if kind else ("exchange.out", "exchange.in")
    if found is None or caller().member_id not in (None, found):
        raise NotLinked
    if not any(
        may(session, partner=partner, member_id=found, kind=one, at=now())
        for one in kinds
    ):
        raise NotLinked
    return found


def _told(view: ExchangeView) -> dict[str, object]:
    return {
        "id": f"{_PREFIX}{view.exchange_ref}",
        "status": view.state,
        "direction": view.direction,
        "from_unit": view.from_unit,
        "units_out": view.units_out,
        "fee": view.fee_points,
        "to_unit": view.to_unit,
        "units_in": view.units_in,
        "requested_at": view.requested_at,
    }
