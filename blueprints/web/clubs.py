"""A member's clubs: cards with what is left on them, and how to join or leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.formatting import points, yuan
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.shop import takes_money
from blueprints.wording import say
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item, price
from loyalty.clock import business_date, now
from loyalty.clubs import benefits, queries
from loyalty.clubs.errors import UnknownBenefit, UnknownMembership
from loyalty.clubs.queries import BenefitFacts, Card
from loyalty.clubs.rules import SOLD, Club, JoinWay, renew_from
from loyalty.errors import LoyaltyError
from loyalty.orders.belonging import GivenBack, join_club, leave_club
from loyalty.orders.belonging import leaving_gives_back as gives_back
from loyalty.tiers.queries import standing

_REF_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Door:
    """A club as one member stands before it."""

    club: Club
    card: Card | None  # None: does not belong to it
    tier: str | None
    invited_until: date | None  # None: not invited
    item: Item | None  # what is bought to join; None: nothing is
    ways: Sequence[str]  # open to this member, now
    opens_on: date | None  # the first day to renew; None: not a member

    @property
    def points(self) -> int:
        """What joining with points takes from this member."""
        return price(self.item, tier=self.tier) if self.item else 0

    @property
    def may_renew(self) -> bool:
        """Whether it is time to renew."""
        return self.opens_on is not None and self.opens_on <= business_date()

    @property
    def next_on(self) -> date | None:
        """The first day of the next term; None: does not belong to it."""
        return self.card.until + timedelta(days=1) if self.card else None

    @property
    def may_enter(self) -> bool:
        """Whether the ways are open today, to join or to renew."""
        return self.card is None or self.may_renew


@bp.get("/clubs")
@member_required
def clubs() -> ResponseReturnValue:
    """Show the cards one carries, and the clubs of each community."""
    with services().database.unit_of_work() as session:
        doors = _doors(session, queries.clubs(session))
        communities = queries.communities(session)
    return render_template(
        "web/clubs/clubs.html",
        mine=[door for door in doors if door.card],
        others=[
            (community, [door for door in doors if _is_in(door, community.community)])
            for community in communities
        ],
    )


@bp.get("/clubs/<club>")
@member_required
def club(club: str) -> ResponseReturnValue:
    """Show a club: the card with its benefits, or the ways to join."""
    with services().database.unit_of_work() as session:
        (door,) = _doors(session, [queries.club(session, club)])
        past = queries.history(session, member_id=this_member().member_id, club=club)
        brings = queries.brings(session, club=club)
    return render_template(
        "web/clubs/club.html",
        door=door,
        brings=brings,
        past=[one for one in past if one.state not in ("active", "waiting")],
        waiting=[one for one in past if one.starts_on > business_date()],
        reference=uuid4().hex,
    )


@bp.post("/clubs/<club>/join")
@member_required
def join(club: str) -> ResponseReturnValue:
    """Join by tier or invitation, or renew; a second press joins nothing more."""
    try:
        with services().database.unit_of_work() as session:
            joined = join_club(
                session,
                member_id=this_member().member_id,
                club=club,
                way=request.form.get("way", ""),
                reference=_reference(),
                actor="member",
                at=now(),
            )
            is_new = joined.state == "active"
    except LoyaltyError as error:
        flash(say(error), "warm")
        return redirect(url_for("web.club", club=club), 303)
    flash(
        speak("欢迎加入，会员卡在这里。", "Welcome: here is your card.")
        if is_new
        else speak("已续会，接着上一期。", "Renewed, from the end of this term on."),
        "done",
    )
    return redirect(url_for("web.club", club=club), 303)


@bp.get("/clubs/<club>/leave")
@member_required
def leaving(club: str) -> ResponseReturnValue:
    """Say what leaving a club ends, and what it gives back, before it is done."""
    member_id = this_member().member_id
    with services().database.unit_of_work() as session:
        (door,) = _doors(session, [queries.club(session, club)])
        back = gives_back(session, member_id=member_id, club=club, on=business_date())
    return render_template(
        "web/clubs/leaving.html", door=door, back=back, reference=uuid4().hex
    )


@bp.post("/clubs/<club>/leave")
@member_required
def leave(club: str) -> ResponseReturnValue:
    """Leave a club; a second press gives back nothing more."""
    try:
        with services().database.unit_of_work() as session:
            given = leave_club(
                session,
                member_id=this_member().member_id,
                club=club,
                reference=_reference(),
                actor="member",
                at=now(),
            )
    except LoyaltyError as error:
        flash(say(error), "warm")
        return redirect(url_for("web.club", club=club), 303)
    flash(speak("已退出俱乐部。", "You have left the club.") + _given(given), "done")
    return redirect(url_for("web.clubs"), 303)


@bp.get("/clubs/<club>/benefits/<entitlement>")
@member_required
def benefit(club: str, entitlement: str) -> ResponseReturnValue:
    """Show the code of a benefit, large enough to be read out at a counter."""
    with services().database.unit_of_work() as session:
        card, facts = _benefit(session, club, entitlement)
        code = benefits.good_code(
            session,
            member_id=this_member().member_id,
            membership_ref=card.membership.membership_ref,
            entitlement=entitlement,
            keyring=services().keyring,
            at=now(),
        )
    return render_template(
        "web/clubs/benefit.html", card=card, benefit=facts, code=code
    )


@bp.post("/clubs/<club>/benefits/<entitlement>")
@member_required
def benefit_code(club: str, entitlement: str) -> ResponseReturnValue:
    """Make a code for one use; nothing is used up until somebody takes it."""
    try:
        with services().database.unit_of_work() as session:
            card, _ = _benefit(session, club, entitlement)
            benefits.issue_code(
                session,
                member_id=this_member().member_id,
                membership_ref=card.membership.membership_ref,
                entitlement=entitlement,
                keyring=services().keyring,
                at=now(),
            )
    except LoyaltyError as error:
        flash(say(error), "warm")
        return redirect(url_for("web.club", club=club), 303)
    return redirect(url_for("web.benefit", club=club, entitlement=entitlement), 303)


def _doors(session: Session, known: Sequence[Club]) -> list[Door]:
    member_id, on = this_member().member_id, business_date()
    held = {
        card.club.club: card
        for card in queries.cards(session, member_id=member_id, on=on)
    }
    invited = queries.invited_to(session, member_id=member_id, on=on)
    tier = standing(session, member_id=member_id, on=on).tier
    return [
        _door(session, one, held.get(one.club), tier, invited.get(one.club))
        for one in known
    ]


def _door(
    session: Session,
    club: Club,
    card: Card | None,
    tier: str | None,
    invited_until: date | None,
) -> Door:
    item = catalogue_item(session, club.item_code) if club.item_code else None
    is_sold = item is not None and item.state == "published"
    opens = {
        JoinWay.TIER: club.tiers is not None and tier in club.tiers,
        JoinWay.INVITATION: invited_until is not None,
        JoinWay.FEE: is_sold and takes_money(),
        JoinWay.POINTS: is_sold,
    }
    return Door(
        club=club,
        card=card,
        tier=tier,
        invited_until=invited_until,
        item=item if is_sold else None,
        ways=[way for way in club.ways if opens[JoinWay(way)]],
        opens_on=renew_from(card.until, renew_days=club.renew_days) if card else None,
    )


def _is_in(door: Door, community: str) -> bool:
    return door.club.community == community and door.card is None


def _benefit(
    session: Session, club: str, entitlement: str
) -> tuple[Card, BenefitFacts]:
    """Return a card of the member with one of its benefits.

    Raises `UnknownMembership`, `UnknownBenefit`.
    """
    cards = queries.cards(
        session, member_id=this_member().member_id, on=business_date()
    )
    card = next((one for one in cards if one.club.club == club), None)
    if card is None:
        raise UnknownMembership
    for facts in card.benefits:
        if facts.entitlement == entitlement:
            return card, facts
    raise UnknownBenefit


def _reference() -> str:
    """Return the name of what is asked, minted when its page was drawn."""
    said = request.form.get("reference", "")
    is_ours = len(said) == _REF_LENGTH and said.isalnum() and said.isascii()
    return said if is_ours else uuid4().hex


def _given(given: GivenBack) -> str:
    parts = [points(given.points)] if given.points else []
    parts += [yuan(given.cash_fen)] if given.cash_fen else []
    if not parts:
        return ""
    what = " + ".join(parts)
    return speak(f"退还 {what}。", f" You get {what} back.")


bp.add_app_template_test(lambda way: way in SOLD, "sold_way")
