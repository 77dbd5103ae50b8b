"""Make rate cards, and let them hold once a second person has agreed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.exchange.arbitrage import Cycle, Rate, gaining_cycle, one_for_one
from loyalty.exchange.errors import (
    BadRateCard,
    CycleGains,
    RateCardMovedOn,
    RateTooSoon,
    UnknownRateCard,
)
from loyalty.exchange.models import RateCard
from loyalty.exchange.rules import Direction, RateFacts, faults_of
from loyalty.points.entries import UNIVERSAL
from loyalty.settings import TIME_ZONE

APPROVE = "exchange.rate"
_FACTS = tuple(RateFacts.__dataclass_fields__)
_DATES = ("valid_from", "valid_to")
# Two cards approved at once could gain together; the number is arbitrary.
_RATES = {"key": 0x52415445}

Key = tuple[str, str, str, str]


def facts_of(card: RateCard) -> RateFacts:
    """Return what a card says."""
    return RateFacts(**{name: getattr(card, name) for name in _FACTS})


def as_json(facts: RateFacts) -> dict[str, Any]:
    """Return what a card says, as an approval keeps it."""
    said = asdict(facts)
    return said | {name: said[name] and said[name].isoformat() for name in _DATES}


def subject_of(card: RateCard) -> str:
    """Return the name under which a card waits for a decision."""
    return f"{card.partner}/{card.direction}/{card.version}"


def draft_card(
    session: Session, *, partner: str, direction: str, facts: RateFacts, at: datetime
) -> RateCard:
    """Write down a new version of a partner's rates; it holds nothing yet.

    Raises `BadRateCard` with the names of what makes no sense.
    """
    faults = faults_of(facts, direction=direction, universal=UNIVERSAL)
    if direction not in tuple(Direction):
        faults.add("direction")
    known = session.scalar(
        text("SELECT count(*) FROM partner WHERE partner = :partner"),
        {"partner": partner},
    )
    if not known:
        faults.add("partner")
    if faults:
        raise BadRateCard(faults=sorted(faults))
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _RATES)
    version = session.scalar(
        select(func.coalesce(func.max(RateCard.version), 0) + 1).where(
            RateCard.partner == partner, RateCard.direction == direction
        )
    )
    card = RateCard(
        partner=partner,
        direction=direction,
        version=version,
        state="draft",
        changed_at=at,
        **{name: getattr(facts, name) for name in _FACTS},
    )
    session.add(card)
    session.flush()
    return card


def ask_approval(
    session: Session,
    *,
    partner: str,
    direction: str,
    version: int,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for a card to hold, from the day after it is approved at the earliest.

    Raises `UnknownRateCard`, `RateCardMovedOn`, `RateTooSoon`, `CycleGains` and
    `AlreadyRequested`.
    """
    card = _locked(session, (partner, direction, version), state="draft")
    _check(session, card, at=at)
    day = max(card.valid_from, at.astimezone(TIME_ZONE).date())
    before = _newest((c for c in _approved(session) if c is not card), card, on=day)
    return request(
        session,
        action=APPROVE,
        subject=subject_of(card),
        before=None if before is None else as_json(facts_of(before)),
        after=as_json(facts_of(card)),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_approval(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let an approved card hold from its first day on, and return that day.

    Raises `RateCardMovedOn`, `RateTooSoon` when that day has come meanwhile, and
    `CycleGains` when another card approved meanwhile stands against it.
    """
    assert approval.action == APPROVE
    assert approval.state == "approved"
    partner, direction, version = approval.subject.rsplit("/", 2)
    card = _locked(session, (partner, direction, int(version)), state="draft")
    _check(session, card, at=at)
    card.state, card.changed_at = "approved", at
    session.flush()
    return card.valid_from


def withdraw_card(
    session: Session, *, partner: str, direction: str, version: int, at: datetime
) -> RateCard:
    """Let a card hold no longer, at once; no older one takes its place.

    It takes one person, for it only stops. Raises `UnknownRateCard` and
    `RateCardMovedOn`.
    """
    card = _locked(session, (partner, direction, version), state=None)
    if card.state == "withdrawn":
        raise RateCardMovedOn(state=card.state)
    card.state, card.changed_at = "withdrawn", at
    session.flush()
    return card


def card_in_force(
    session: Session,
    *,
    partner: str,
    direction: str,
    from_unit: str,
    to_unit: str,
    on: date,
) -> RateCard | None:
    """Return the card that holds on a day; None: nothing can be exchanged."""
    found = session.scalar(
        select(RateCard)
        .where(
            RateCard.partner == partner,
            RateCard.direction == direction,
            RateCard.from_unit == from_unit,
            RateCard.to_unit == to_unit,
            RateCard.state != "draft",
            RateCard.valid_from <= on,
            (RateCard.valid_to.is_(None)) | (RateCard.valid_to >= on),
        )
        .order_by(RateCard.version.desc())
        .limit(1)
    )
    return found if found is not None and found.state == "approved" else None


def cards_in_force(session: Session, *, on: date) -> list[RateCard]:
    """Return all cards that hold on a day, by partner and direction."""
    cards = _holding(_approved(session), on=on).values()
    return sorted(cards, key=lambda c: (c.partner, c.direction, c.version))


def gains(cards: Iterable[RateCard], *, since: date) -> tuple[date, Cycle] | None:
    """Return the first day from which a round of exchanges gains, and the round.

    What holds changes on a day only where a card begins or another one ends, so that
    these days stand for all.
    """
    cards = list(cards)
    days = {since} | {card.valid_from for card in cards}
    days |= {card.valid_to + timedelta(days=1) for card in cards if card.valid_to}
    for day in sorted(day for day in days if day >= since):
        rates = [
            Rate(card.from_unit, card.to_unit, facts_of(card).rate)
            for card in _holding(cards, on=day).values()
        ]
        cycle = gaining_cycle([*rates, *one_for_one(UNIVERSAL)])
        if cycle is not None:
            return day, cycle
    return None


def _check(session: Session, card: RateCard, *, at: datetime) -> None:
    """Refuse a card that comes too soon, or makes a round of exchanges gain."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _RATES)
    tomorrow = at.astimezone(TIME_ZONE).date() + timedelta(days=1)
    if card.valid_from < tomorrow:
        raise RateTooSoon(valid_from=card.valid_from, earliest=tomorrow)
    others = [other for other in _approved(session) if other is not card]
    found = gains([*others, card], since=card.valid_from)
    if found is not None:
        on, cycle = found
        raise CycleGains(cycle=cycle.units, gain=str(cycle.gain), on=on)


def _approved(session: Session) -> list[RateCard]:
    """Return what was ever approved; what was withdrawn still keeps others away."""
    return list(session.scalars(select(RateCard).where(RateCard.state != "draft")))


def _holding(cards: Iterable[RateCard], *, on: date) -> Mapping[Key, RateCard]:
    """Return what holds on a day: of the valid cards of one key the newest."""
    newest: dict[Key, RateCard] = {}
    for card in cards:
        if card.valid_from <= on and (card.valid_to is None or on <= card.valid_to):
            known = newest.get(_key(card))
            if known is None or known.version < card.version:
                newest[_key(card)] = card
    return {key: card for key, card in newest.items() if card.state != "withdrawn"}


def _newest(cards: Iterable[RateCard], like: RateCard, *, on: date) -> RateCard | None:
    return _holding(cards, on=on).get(_key(like))


def _key(card: RateCard) -> Key:
    return card.partner, card.direction, card.from_unit, card.to_unit


def _locked(
    session: Session, key: tuple[str, str, int], *, state: str | None
) -> RateCard:
    card = session.get(RateCard, key, with_for_update=True, populate_existing=True)
    if card is None:
        partner, direction, version = key
        raise UnknownRateCard(partner=partner, direction=direction, version=version)
    if state is not None and card.state != state:
        raise RateCardMovedOn(state=card.state)
    return card
