"""Quotes: what an exchange would come to, signed so that it can be held to.

A quote is canonical JSON with its keyed hash behind it. It names the card it was
made by, and is worth nothing once that card holds no longer.
"""

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.exchange.cards import card_in_force, facts_of
from loyalty.exchange.errors import (
    AccountNotLinked,
    BadQuote,
    NoRate,
    QuoteExpired,
    RateChanged,
)
from loyalty.exchange.models import RateCard
from loyalty.exchange.rules import QUOTE_HOLDS, Direction, Offer, offer
from loyalty.keyring import Keyring
from loyalty.points.entries import UNIVERSAL
from loyalty.settings import TIME_ZONE

_PURPOSE = "exchange.quote"
_CHARACTERS_MAX = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an amount comes to at a rate, and until when."""

    exchange_ref: str  # of the one exchange that it is good for
    partner: str
    account_ref: str
    direction: str
    version: int
    from_unit: str
    to_unit: str
    rate_num: int
    rate_den: int
    units: int  # as was asked
    units_out: int
    fee_points: int
    units_in: int
    remainder: int
    money_fen: int
    service_fen: int
    expires_at: datetime


def make(
    session: Session,
    *,
    partner: str,
    account_ref: str,
    from_unit: str,
    to_unit: str,
    units: int,
    at: datetime,
) -> Quote:
    """Return what an amount comes to now.

    Raises `AccountNotLinked`, `NoRate`, `AmountTooSmall` and `AmountTooLarge`.
    """
    owner_of(session, partner=partner, account_ref=account_ref)
    direction = Direction.OUT if from_unit in UNIVERSAL else Direction.IN
    card = card_in_force(
        session,
        partner=partner,
        direction=direction,
        from_unit=from_unit,
        to_unit=to_unit,
        on=at.astimezone(TIME_ZONE).date(),
    )
    if card is None:
        raise NoRate(partner=partner, from_unit=from_unit, to_unit=to_unit)
    comes_to = _offer(card, units)
    return Quote(
        exchange_ref=secrets.token_hex(16),
        partner=partner,
        account_ref=account_ref,
        direction=str(direction),
        version=card.version,
        from_unit=from_unit,
        to_unit=to_unit,
        rate_num=card.points_num,
        rate_den=card.points_den,
        units=units,
        **asdict(comes_to),
        expires_at=at + QUOTE_HOLDS,
    )


def sign(quote: Quote, keyring: Keyring) -> str:
    """Return a quote as it is handed out."""
    body = _canonical(quote)
    return f"{_text(body.encode())}.{_text(keyring.digest(_PURPOSE, body))}"


def read(signed: str, keyring: Keyring) -> Quote:
    """Return the quote that was handed out, whether or not it still holds.

    Raises `BadQuote` if it is none of ours, or was changed.
    """
    try:
        body, mark = (_bytes(part) for part in signed[:_CHARACTERS_MAX].split("."))
        said = body.decode()
        if not hmac.compare_digest(keyring.digest(_PURPOSE, said), mark):
            raise BadQuote
        facts: dict[str, Any] = json.loads(said)
    except (ValueError, binascii.Error) as error:
        raise BadQuote from error
    return Quote(**facts | {"expires_at": datetime.fromisoformat(facts["expires_at"])})


def check(session: Session, quote: Quote, *, at: datetime) -> RateCard:
    """Return the card of a quote that still holds.

    Raises `QuoteExpired`, and `RateChanged` when another card holds by now, or this
    one comes to something else.
    """
    if at >= quote.expires_at:
        raise QuoteExpired(expired_at=quote.expires_at.astimezone(TIME_ZONE))
    card = card_in_force(
        session,
        partner=quote.partner,
        direction=quote.direction,
        from_unit=quote.from_unit,
        to_unit=quote.to_unit,
        on=at.astimezone(TIME_ZONE).date(),
    )
    if card is None or card.version != quote.version:
        raise RateChanged(version=quote.version)
    if _offer(card, quote.units) != Offer(
        units_out=quote.units_out,
        fee_points=quote.fee_points,
        units_in=quote.units_in,
        remainder=quote.remainder,
        money_fen=quote.money_fen,
        service_fen=quote.service_fen,
    ):
        raise RateChanged(version=quote.version)
    return card


def owner_of(session: Session, *, partner: str, account_ref: str) -> int:
    """Return the member who has this account at a partner.

    Raises `AccountNotLinked`.
    """
    found: int | None = session.scalar(
        text(
            """
            SELECT l.member_id FROM claim c JOIN link l USING (member_id)
             WHERE c.space = 'account' AND c.key = :partner || '/' || :account
               AND l.partner = :partner AND l.account_ref = :account
            """
        ),
        {"partner": partner, "account": account_ref},
    )
    if found is None:
        raise AccountNotLinked(partner=partner)
    return found


def _offer(card: RateCard, units: int) -> Offer:
    return offer(facts_of(card), direction=card.direction, units=units)


def _canonical(quote: Quote) -> str:
    facts = asdict(quote) | {"expires_at": quote.expires_at.isoformat()}
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(said: str) -> bytes:
    return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))
