"""Exchange: from, to, amount; a quote that holds; then how the exchange stands.

The quote on the page comes back with its form, signed, so that what is confirmed is
what was shown. Sent twice, it is answered with the one exchange it made.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.exchange_story import heading, story
from blueprints.wording import issuer_name, say, term, words_for
from loyalty.access.operations import verified
from loyalty.access.passkeys import passkeys
from loyalty.access.rules import CODE_MINUTES
from loyalty.alliance.queries import partners
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.exchange import delivery, linking, operations, queries, quotes
from loyalty.exchange.cards import cards_in_force
from loyalty.exchange.models import RateCard
from loyalty.exchange.queries import ExchangeView
from loyalty.exchange.quotes import Quote
from loyalty.exchange.rules import FIRST_WAITS, QUOTE_HOLDS, Direction
from loyalty.points.queries import IssuerPart, wallet

_AMOUNT = re.compile(r"\d{1,12}", re.ASCII)
_HOURS = 3600


@dataclass(frozen=True, slots=True)
class Way:
    """Something that can be exchanged today, and between which accounts."""

    code: str
    partner: str
    name: str
    direction: str
    from_unit: str
    to_unit: str
    account_ref: str | None  # None: no number is bound there
    card: RateCard

    @property
    def from_words(self) -> str:
        """What is given, in words."""
        return self._words(self.from_unit, is_ours=self.direction == Direction.OUT)

    @property
    def to_words(self) -> str:
        """What is got, in words."""
        return self._words(self.to_unit, is_ours=self.direction == Direction.IN)

    def _words(self, unit: str, *, is_ours: bool) -> str:
        if is_ours:
            return speak("我的积分", "my points")
        return f"{self.name} {term('unit', unit)}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page asks for."""

    way: str = ""
    units: str = ""
    quote: str = ""  # signed; "": none was made yet


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says about a wish that was not carried out."""

    fault: str | None = None  # of the amount
    code_fault: str | None = None
    refusal: str | None = None
    sent_to: str | None = None  # None: no code was sent just now


@bp.get("/exchange")
@member_required
def exchange() -> ResponseReturnValue:
    """Show what one has, what it can be exchanged for, and what an amount comes to."""
    wish = Wish(request.args.get("way", ""), request.args.get("units", "").strip())
    if not wish.units:
        return _draw(wish)
    try:
        return _draw(replace(wish, quote=_quoted(wish)))
    except LoyaltyError as error:
        return _draw(wish, Answer(fault=say(error)))


@bp.post("/exchange")
@member_required
def make_exchange() -> ResponseReturnValue:
    """Send the code that confirms a quote, or carry it out."""
    form = request.form
    wish = Wish(form.get("way", ""), form.get("units", ""), form.get("quote", ""))
    try:
        quote = quotes.read(wish.quote, services().keyring)
        if form.get("act") == "send":
            return _draw(wish, Answer(sent_to=_send(quote)))
        return _confirmed(wish, quote)
    except LoyaltyError as error:
        return _draw(replace(wish, quote=""), Answer(refusal=say(error)))


@bp.get("/exchanges")
@member_required
def exchanges() -> ResponseReturnValue:
    """List a member's exchanges, the newest first."""
    with services().database.unit_of_work() as session:
        found = queries.exchanges_of(session, member_id=this_member().member_id)
    return render_template("web/exchanges.html", exchanges=found)


@bp.get("/exchanges/<exchange_ref>")
@member_required
def one_exchange(exchange_ref: str) -> ResponseReturnValue:
    """Show where an exchange stands, in words; nobody but its owner sees it."""
    shown = _mine(exchange_ref)
    page = make_response(
        render_template(
            "web/exchange_one.html",
            exchange=shown,
            heading=heading(shown),
            story=story(shown),
            partner=issuer_name(shown.partner, shown.partner_name),
            masked=f"…{shown.account_ref[-4:]}",
        )
    )
    page.headers["Cache-Control"] = "no-store"
    return page


@bp.post("/exchanges/<exchange_ref>/cancel")
@member_required
def cancel_exchange(exchange_ref: str) -> ResponseReturnValue:
    """Call an exchange off that was not sent yet."""
    work = partial(
        operations.cancel,
        member_id=this_member().member_id,
        exchange_ref=exchange_ref,
        actor="member",
        at=now(),
    )
    try:
        retrying(services().database, work)
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        flash(
            speak(
                "已取消，积分回到原来的批次，有效期不变。",
                "Called off. The points are back where they were, good as long.",
            ),
            "done",
        )
    return redirect(url_for("web.one_exchange", exchange_ref=exchange_ref), 303)


def _quoted(wish: Wish) -> str:
    """Return a signed quote of what is wished for; "": something is missing."""
    at = now()
    with services().database.unit_of_work() as session:
        way = _way(_ways(session, at), wish.way)
        if way is None or way.account_ref is None or not _AMOUNT.fullmatch(wish.units):
            return ""
        quote = quotes.make(
            session,
            partner=way.partner,
            account_ref=way.account_ref,
            from_unit=way.from_unit,
            to_unit=way.to_unit,
            units=int(wish.units),
            at=at,
        )
    return quotes.sign(quote, services().keyring)


def _send(quote: Quote) -> str:
    """Send the code that confirms exactly this exchange."""
    given, got = f"{quote.units_out:,}", f"{quote.units_in:,}"
    name = issuer_name(quote.partner, None)
    if quote.direction == Direction.OUT:
        chinese = f"用 {given} 积分换{name} {got}"
        english = f"exchanging {given} points for {got} with {name}"
    else:
        chinese = f"用{name} {given} 换 {got} 积分"
        english = f"exchanging {given} with {name} for {got} points"
    return confirming.send(
        member_id=this_member().member_id,
        bound=operations.bound(quote),
        chinese=chinese,
        english=english,
    )


def _confirmed(wish: Wish, quote: Quote) -> ResponseReturnValue:
    """Carry out what was confirmed; what the partner does begins after the commit."""
    kit, member_id, at = services(), this_member().member_id, now()
    bound = operations.bound(quote)
    with kit.database.unit_of_work() as session:
        is_done = queries.member_of(session, exchange_ref=quote.exchange_ref)
        is_known = is_done == member_id or verified(
            session, member_id=member_id, purpose="confirm", bound=bound, at=at
        )
    if not is_known and not confirming.accept(member_id=member_id, bound=bound):
        is_typed = bool(request.form.get("code", "").strip())
        fault = words_for("code_wrong" if is_typed else "code_needed", {})
        sent_to = request.form.get("sent_to", "")[:20]
        return _draw(wish, Answer(code_fault=fault, sent_to=sent_to or None))
    asked = retrying(
        kit.database,
        partial(operations.request, member_id=member_id, quote=quote, at=at),
    ).exchange
    delivery.advance(
        kit.database,
        kit.connections.airline(asked.partner),
        kit.keyring,
        member_id=member_id,
        exchange_ref=asked.exchange_ref,
        at=at,
    )
    to = url_for("web.one_exchange", exchange_ref=asked.exchange_ref)
    return redirect(to, 303)


def _draw(wish: Wish, answer: Answer | None = None) -> ResponseReturnValue:
    """Draw the page as things stand now; what was typed is still there."""
    answer, at, member_id = answer or Answer(), now(), this_member().member_id
    quote = quotes.read(wish.quote, services().keyring) if wish.quote else None
    with services().database.unit_of_work() as session:
        ways = _ways(session, at)
        purse = wallet(session, member_id=member_id, on=at.date())
        page: dict[str, Any] = {
            "wallet": purse,
            "recent": queries.exchanges_of(session, member_id=member_id, limit=3),
            "has_passkey": bool(passkeys(session, owner="member", owner_id=member_id)),
            "is_confirmed": quote is not None
            and verified(
                session,
                member_id=member_id,
                purpose="confirm",
                bound=operations.bound(quote),
                at=at,
            ),
        }
    chosen = _way(ways, wish.way)
    page |= {
        "ways": ways,
        "chosen": chosen,
        "wish": wish,
        "quote": quote,
        "next_out": _next_out(purse.parts),
        "bound": operations.bound(quote) if quote else "",
        "answer": answer,
        "code_minutes": CODE_MINUTES,
        "quote_minutes": QUOTE_HOLDS.seconds // 60,
        "first_hours": int(FIRST_WAITS.total_seconds()) // _HOURS,
        "missing": max(0, quote.units_out - purse.available)
        if quote and quote.direction == Direction.OUT
        else 0,
    }
    is_refused = answer.fault or answer.code_fault or answer.refusal
    response = make_response(
        render_template("web/exchange.html", **page), 422 if is_refused else 200
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _next_out(parts: Sequence[IssuerPart]) -> date | None:
    return min((part.next_on for part in parts if part.next_on), default=None)


def _ways(session: Session, at: datetime) -> list[Way]:
    """Return what can be exchanged today, with partners that can be asked."""
    member_id = this_member().member_id
    names = {known.partner: known.name for known in partners(session)}
    ways = []
    for card in cards_in_force(session, on=at.date()):
        if services().connections.airline(card.partner) is None:
            continue
        mine = linking.current(
            session, member_id=member_id, partner=card.partner, at=at
        )
        ways.append(
            Way(
                code=f"{card.partner}.{card.direction}.{card.from_unit}.{card.to_unit}",
                partner=card.partner,
                name=issuer_name(card.partner, names.get(card.partner)),
                direction=card.direction,
                from_unit=card.from_unit,
                to_unit=card.to_unit,
                account_ref=mine.account_ref if mine else None,
                card=card,
            )
        )
    return sorted(ways, key=lambda way: (way.direction == Direction.IN, way.code))


def _way(ways: Sequence[Way], code: str) -> Way | None:
    """Return the way that was chosen; None: none was, or it is gone."""
    return next((way for way in ways if way.code == code), None)


def _mine(exchange_ref: str) -> ExchangeView:
    with services().database.unit_of_work() as session:
        return queries.exchange(
            session, member_id=this_member().member_id, exchange_ref=exchange_ref
        )
