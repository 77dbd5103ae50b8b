"""The shop: what points can get, and one item with all that one should know."""

from collections.abc import Sequence
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.language import speak
from blueprints.sessions import member, public
from blueprints.web import bp
from blueprints.wording import issuer_name, term
from loyalty.accrual.queries import points_per_month
from loyalty.alliance.queries import partners
from loyalty.catalogue.errors import UnknownItem
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import FAMILIES, Item
from loyalty.clock import now
from loyalty.orders.errors import NotAMember
from loyalty.orders.quotes import Quote, WayOffer, quote
from loyalty.orders.rules import Way, prices
from loyalty.orders.shelf import OPEN_GATE, shelf

CHANNEL = "web"
_SEARCH_LENGTH_MAX = 60


@bp.get("/catalogue")
@public
def catalogue() -> ResponseReturnValue:
    """Show what there is by family or word, and how far it is for who looks."""
    caller = member()
    family = request.args.get("family")
    family = family if family in FAMILIES else None
    search = request.args.get("q", "").strip()[:_SEARCH_LENGTH_MAX]
    with services().database.unit_of_work() as session:
        found = shelf(
            session,
            member_id=caller.member_id if caller else None,
            channel=CHANNEL,
            on=now().date(),
            family=family,
            search=search or None,
        )
    return render_template(
        "web/catalogue.html",
        shelf=found,
        gate_is_shut=found.gate != OPEN_GATE,
        family=family,
        search=search,
        families=[
            (
                url_for("web.catalogue", family=code, q=search or None),
                term("family", code) or speak("全部", "All"),
                code == family,
            )
            for code in (None, *FAMILIES)
        ],
        takes_money=takes_money(),
    )


@bp.get("/catalogue/<item_code>")
@public
def item(item_code: str) -> ResponseReturnValue:
    """Show an item: what one gets, the ways to pay, the lots that would leave.

    What was withdrawn is shown as such, for people keep links; a draft is not.
    """
    caller = member()
    at = now()
    with services().database.unit_of_work() as session:
        shown = catalogue_item(session, item_code)
        if shown.state in ("draft", "approved"):
            raise UnknownItem(item_code=item_code)
        offer = None
        if caller is not None:
            offer = _quote(session, member_id=caller.member_id, item=shown)
        return render_template(
            "web/item.html",
            item=shown,
            quote=offer,
            ways=ways(shown, offer),
            first_way=first_way(offer),
            per_month=(
                points_per_month(session, member_id=caller.member_id, on=at.date())
                if caller is not None
                else 0
            ),
            has_left=caller is not None and offer is None,
            names=partner_names(session),
        )


def takes_money() -> bool:
    """Whether cards can be paid with here."""
    return services().connections.payments is not None


def partner_names(session: Session) -> dict[str, str]:
    """Return what partners are called on this page."""
    return {p.partner: issuer_name(p.partner, p.name) for p in partners(session)}


def ways(shown: Item, offer: Quote | None) -> Sequence[WayOffer]:
    """Return the ways to pay that are open here, for a guest at list price."""
    offered = offer.ways if offer is not None else _list_ways(shown)
    return [way for way in offered if takes_money() or not way.cash_fen]


def first_way(offer: Quote | None) -> Way | None:
    """Return the way to suggest: the first for which the points are enough."""
    if offer is None or offer.why_not is not None or offer.gate != OPEN_GATE:
        return None
    possible = [way for way in ways(offer.item, offer) if way.affordable]
    return possible[0].way if possible else None


def _quote(session: Session, *, member_id: int, item: Item) -> Quote | None:
    """Return what the item would cost a member; None: no longer a member.

    Where points alone are too few but some money helps, that way's lots are shown.
    """
    facts: dict[str, Any] = {
        "member_id": member_id,
        "item_code": item.item_code,
        "channel": CHANNEL,
        "on": now().date(),
    }
    try:
        offer = quote(session, way=Way.POINTS, **facts)
    except NotAMember:
        return None
    best = first_way(offer)
    return offer if best in (None, Way.POINTS) else quote(session, way=best, **facts)


def _list_ways(shown: Item) -> list[WayOffer]:
    return [
        WayOffer(way, asks.points, asks.cash_fen, affordable=True, missing=0)
        for way, asks in prices(shown, quantity=1, tier=None).items()
    ]
