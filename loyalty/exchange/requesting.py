"""Ask for an exchange: decide whether the member may have it, and begin it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from ledger import errors as ledger
from ledger.book import Book
from ledger.values import digest
from loyalty.access.errors import CoolingDown
from loyalty.access.operations import spend_code
from loyalty.access.queries import guard
from loyalty.exchange import linking, quotes
from loyalty.exchange.errors import (
    AccountNotBound,
    AccountNotLinked,
    CapReached,
    ExchangesReached,
    GateClosed,
    HasLeft,
    PartnerRefReused,
    PointsMissing,
    SpendLocked,
)
from loyalty.exchange.models import Exchange, RateCard
from loyalty.exchange.moving import Hand, confirm, days, move
from loyalty.exchange.quotes import Quote
from loyalty.exchange.rules import (
    FIRST_WAITS,
    OUT_PER_DAY,
    OUT_POINTS_PER_MONTH,
    Direction,
    binding,
)
from loyalty.points.queries import is_void
from loyalty.prepaid import blocks
from loyalty.prepaid.credit import has_credit
from loyalty.prepaid.errors import BlockEmpty, CreditUsedUp
from loyalty.settings import TIME_ZONE


@dataclass(frozen=True, slots=True)
class Requested:
    """The answer to an exchange asked for: the same one, however often it is sent."""

    exchange: Exchange
    replayed: bool


def request(
    session: Session,
    *,
    member_id: int,
    quote: Quote,
    at: datetime,
    actor: str = "member",
    partner_ref: str | None = None,
) -> Requested:
    """Exchange what was quoted, once per quote; then call `delivery.advance`.

    Points that go out are held; nobody is asked yet. The first exchange to an account
    waits a day. A member confirms it with a code or passkey bound to this quote.

    What a partner asks for, under its own `partner_ref`, the member has confirmed
    there: it has taken what comes in, and vouches for what goes out, so that nobody
    is asked any more.

    When it is refused nothing is written, and no confirmation is used up. Raises
    `AccountNotLinked`, `AccountNotBound`, `QuoteExpired`, `RateChanged`,
    `CapReached`, `ExchangesReached`, `PointsMissing`, `GateClosed`, `SpendLocked`,
    `CoolingDown`, `HasLeft`, `BlockEmpty`, `CreditUsedUp`, `PartnerRefReused` and
    `ConfirmationMissing`.
    """
    on, open_on = days(session, at)
    Book(session).lock([member_id])
    content = digest(asdict(quote))
    known = session.get(Exchange, (member_id, quote.exchange_ref))
    if known is not None:
        assert known.content == content, "a quote has a name of its own"
        session.refresh(known)
        return Requested(known, replayed=True)
    _check_account(session, member_id, quote, is_named=partner_ref is not None, at=at)
    card = quotes.check(session, quote, at=at)
    _check_guards(session, member_id, quote, at=at)
    _check_caps(session, member_id, quote, card, on=on)
    with session.begin_nested():
        if partner_ref is None:
            spend_code(
                session,
                member_id=member_id,
                purpose="confirm",
                bound=bound(quote),
                at=at,
            )
        exchange = _insert(
            session, member_id, quote, card, content=content, at=at, on=on
        )
        if partner_ref is not None:
            _claim_reference(session, exchange, partner_ref)
        hand = Hand(session, exchange, on, open_on, at, actor)
        move(hand, "requested", "first_time" if exchange.send_after > at else None)
        if quote.direction == Direction.OUT:
            with _plainly(quote):
                hand.hold()
        _take_shared(hand, card)
        if partner_ref is not None and exchange.send_after <= at:
            confirm(hand, "asked_by_partner")
    return Requested(exchange, replayed=False)


def bound(quote: Quote) -> str:
    """Return what a confirmation of this exchange is bound to."""
    return binding(
        exchange_ref=quote.exchange_ref,
        partner=quote.partner,
        account=quote.account_ref,
        units_out=quote.units_out,
        units_in=quote.units_in,
    )


def _check_account(
    session: Session, member_id: int, quote: Quote, *, is_named: bool, at: datetime
) -> None:
    """Make sure that an account is the member's own, and the one that is bound."""
    owner = quotes.owner_of(
        session, partner=quote.partner, account_ref=quote.account_ref
    )
    if owner != member_id:
        raise AccountNotLinked(partner=quote.partner)
    if is_named:
        return
    mine = linking.current(session, member_id=member_id, partner=quote.partner, at=at)
    if mine is None or mine.account_ref != quote.account_ref:
        raise AccountNotBound(partner=quote.partner)


def _check_guards(
    session: Session, member_id: int, quote: Quote, *, at: datetime
) -> None:
    if is_void(session, member_id=member_id):
        raise HasLeft
    guarded = guard(session, member_id)
    if quote.direction == Direction.OUT and guarded.spend_locked_at is not None:
        raise SpendLocked
    until = guarded.cool_down_until
    if quote.direction == Direction.OUT and until is not None and until > at:
        raise CoolingDown(until=until.astimezone(TIME_ZONE))


def _check_caps(
    session: Session, member_id: int, quote: Quote, card: RateCard, *, on: date
) -> None:
    """Refuse what passes a member's caps: the card's, and the programme's own."""
    month, year = on.replace(day=1), date(on.year, 1, 1)
    row = session.execute(
        text(
            """
            SELECT coalesce(sum(n) FILTER (WHERE c AND d = :on), 0) AS day,
                   coalesce(sum(n) FILTER (WHERE c AND d >= :month), 0) AS month,
                   coalesce(sum(n) FILTER (WHERE c), 0) AS year,
                   count(*) FILTER (WHERE d = :on) AS exchanges,
                   coalesce(sum(n) FILTER (WHERE d >= :month), 0) AS points
              FROM (SELECT units_out AS n, requested_on AS d,
                           partner = :partner AND from_unit = :from_unit AS c
                      FROM exchange
                     WHERE member_id = :member AND direction = :direction
                       AND state <> 'declined' AND requested_on >= :year) mine
            """
        ),
        {
            "member": member_id,
            "direction": quote.direction,
            "partner": quote.partner,
            "from_unit": quote.from_unit,
            "on": on,
            "month": month,
            "year": year,
        },
    ).one()
    caps: list[tuple[str, int | None, int]] = [
        ("day", card.member_day_max, row.day),
        ("month", card.member_month_max, row.month),
        ("year", card.member_year_max, row.year),
    ]
    if quote.direction == Direction.OUT:
        if row.exchanges >= OUT_PER_DAY:
            raise ExchangesReached(most=OUT_PER_DAY)
        caps.append(("month", OUT_POINTS_PER_MONTH, row.points))
    for per, most, had in caps:
        if most is not None and had + quote.units_out > most:
            raise CapReached(per=per, most=most, left=max(0, most - int(had)))


def _insert(
    session: Session,
    member_id: int,
    quote: Quote,
    card: RateCard,
    *,
    content: UUID,
    at: datetime,
    on: date,
) -> Exchange:
    is_first = quote.direction == Direction.OUT and not session.scalar(
        select(func.count()).where(
            Exchange.member_id == member_id,
            Exchange.partner == quote.partner,
            Exchange.account_ref == quote.account_ref,
            Exchange.direction == Direction.OUT,
            Exchange.state == "confirmed",
        )
    )
    send_after = at + FIRST_WAITS if is_first else at
    exchange = Exchange(
        member_id=member_id,
        exchange_ref=quote.exchange_ref,
        direction=quote.direction,
        partner=quote.partner,
        account_ref=quote.account_ref,
        rate_version=quote.version,
        from_unit=quote.from_unit,
        to_unit=quote.to_unit,
        units_out=quote.units_out,
        fee_points=quote.fee_points,
        units_in=quote.units_in,
        money_fen=quote.money_fen,
        service_fen=quote.service_fen,
        billing=card.billing,
        content=content,
        requested_on=on,
        requested_at=at,
        send_after=send_after,
        deadline=send_after + timedelta(hours=card.wait_hours),
        state="requested",
        state_at=at,
        is_reversal_wanted=False,
    )
    session.add(exchange)
    session.flush()
    return exchange


def _claim_reference(session: Session, exchange: Exchange, partner_ref: str) -> None:
    """Take a partner's own name for an exchange; it can never pay two members."""
    claimed = session.execute(
        text(
            """
            INSERT INTO claim (space, key, member_id, content)
            VALUES ('exchange', :partner || '/' || :ref, :member, :content)
            ON CONFLICT DO NOTHING RETURNING member_id
            """
        ),
        {
            "partner": exchange.partner,
            "ref": partner_ref,
            "member": exchange.member_id,
            "content": exchange.content,
        },
    ).first()
    if claimed is None:
        raise PartnerRefReused(partner_ref=partner_ref)
    exchange.partner_ref = partner_ref


def _take_shared(hand: Hand, card: RateCard) -> None:
    """Take what all members share: the programme's cap, blocks, a partner's credit."""
    session, exchange = hand.session, hand.exchange
    if card.programme_day_max is not None:
        session.refresh(card, with_for_update=True)
        had = session.scalar(
            select(func.coalesce(func.sum(Exchange.units_out), 0)).where(
                Exchange.partner == card.partner,
                Exchange.direction == card.direction,
                Exchange.from_unit == card.from_unit,
                Exchange.requested_on == hand.on,
                Exchange.state != "declined",
            )
        )
        left = card.programme_day_max - int(had or 0)
        if left < 0:
            raise CapReached(
                per="programme_day",
                most=card.programme_day_max,
                left=max(0, left + exchange.units_out),
            )
    if card.billing == "prepaid":
        (is_met,) = blocks.reserve(
            session,
            [blocks.Want(exchange.exchange_ref, exchange.units_in, hand.on)],
            partner=card.partner,
            direction=card.direction,
            at=hand.at,
        )
        if not is_met:
            raise BlockEmpty(partner=card.partner)
    elif exchange.direction == Direction.IN and not has_credit(
        # This one is counted among what is under way.
        session,
        partner=card.partner,
        counted_fen=exchange.money_fen,
        at=hand.at,
    ):
        raise CreditUsedUp(partner=card.partner)


@contextmanager
def _plainly(quote: Quote) -> Iterator[None]:
    """Say what the ledger refuses in the words of an exchange."""
    try:
        yield
    except ledger.InsufficientPoints as error:
        raise PointsMissing(
            needed=quote.units_out,
            available=int(str(error.facts.get("available", 0))),
        ) from error
    except ledger.GateClosed as error:
        raise GateClosed(gate="suspended") from error
