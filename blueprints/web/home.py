"""The first page: what you have, what it is worth, what runs out, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from flask import render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints import charts, current_database
from blueprints.sessions import member, public
from blueprints.telling import Told, tell
from blueprints.web import bp
from blueprints.wording import term
from loyalty import clock
from loyalty.access.queries import guard
from loyalty.churn.showing import pre_cancelled_on
from loyalty.members.models import ErasureRequest
from loyalty.members.queries import erasure_request
from loyalty.orders.shelf import Offer, Shelf, shelf
from loyalty.points.queries import (
    IssuerPart,
    Wallet,
    balance_by_day,
    wallet,
)
from loyalty.points.statement import (
    StatementEntry,
    statement,
)
from loyalty.rules.queries import Terms, programme_terms
from loyalty.tiers.queries import ladder, standing
from loyalty.tiers.rules import TierStanding

CHANNEL: Final = "web"
SUGGESTED: Final = 3
RECENT: Final = 5
ISSUERS_SHOWN: Final = 4
SOON: Final = timedelta(days=60)  # what runs out so soon is said aloud


@dataclass(frozen=True, slots=True)
class Worry:
    """What keeps points from being spent, or is about to change them."""

    gate: str
    left_on: date | None
    reinstate_until: date | None  # None: has not left, or it is too late
    void_on: date | None  # None: has not left, or it is done
    pre_cancelled_on: date | None  # None: no line is about to be closed
    locked: bool
    cool_down_until: datetime | None
    erasure: ErasureRequest | None


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    """Welcome a guest, or show members what they have."""
    caller, at = member(), clock.now()
    with current_database().unit_of_work() as session:
        if caller is None:
            shown = shelf(session, member_id=None, channel=CHANNEL, on=at.date())
            return render_template("web/welcome.html", offers=shown.offers[:SUGGESTED])
        facts = _facts(session, caller.member_id, at)
    return render_template("web/home.html", name=caller.name, today=at.date(), **facts)


def _facts(session: Session, member_id: int, at: datetime) -> dict[str, object]:
    """Return what the page of a member shows."""
    on = at.date()
    purse = wallet(session, member_id=member_id, on=on)
    terms = programme_terms(session)
    shown = shelf(session, member_id=member_id, channel=CHANNEL, on=on)
    balances = balance_by_day(
        session, member_id=member_id, first=charts.half_a_year_before(on), last=on
    )
    recent = statement(session, member_id=member_id, last=on, limit=RECENT)
    rank = standing(session, member_id=member_id, on=on)
    rungs = [(term("tier", rung.tier), rung.needed) for rung in ladder(session, on=on)]
    return {
        "wallet": purse,
        "worth_fen": _worth(purse, terms),
        "next_out": _next_out(purse.parts),
        "soon": on + SOON,
        "parts": purse.parts[:ISSUERS_SHOWN],
        "more_parts": purse.parts[ISSUERS_SHOWN:],
        "suggestions": _suggestions(shown),
        "shelf": shown,
        "tier": rank,
        "tier_bar": _bar(rank, rungs),
        "recent": [_told(entry) for entry in recent],
        "chart": charts.balance_chart(balances),
        "months": charts.by_month(balances),
        "has_history": bool(recent),
        "worry": _worry(session, member_id, purse, at),
    }


def _worth(purse: Wallet, terms: Terms) -> int:
    """Return what the points are carried at, in fen, rounded down."""
    return purse.available * terms.carrying_fen_num // terms.carrying_fen_den


def _next_out(parts: Sequence[IssuerPart]) -> tuple[date, int] | None:
    """Return the next last good day and how many points go with it; None: none do."""
    days = [part.next_on for part in parts if part.next_on is not None]
    if not days:
        return None
    first = min(days)
    return first, sum(part.next_points for part in parts if part.next_on == first)


def _suggestions(shown: Shelf) -> list[Offer]:
    """Return three things that could be had now, else those that are nearest."""
    now = shown.within_reach(SUGGESTED)
    if now or shown.available is None:
        return now
    possible = [offer for offer in shown.offers if offer.why_not is None]
    return sorted(possible, key=lambda offer: offer.missing)[:SUGGESTED]


def _bar(rank: TierStanding, rungs: list[tuple[str, int]]) -> Markup:
    return charts.tier_bar(rank.figure, rungs)


def _told(entry: StatementEntry) -> tuple[StatementEntry, Told]:
    return entry, tell(entry)


def _worry(session: Session, member_id: int, purse: Wallet, at: datetime) -> Worry:
    guarded = guard(session, member_id)
    until = guarded.cool_down_until
    back = purse.reinstate_until if purse.left_on is not None else None
    return Worry(
        gate=purse.gate,
        left_on=purse.left_on,
        reinstate_until=back if back is not None and back >= at.date() else None,
        void_on=purse.void_on if purse.left_on is not None else None,
        pre_cancelled_on=pre_cancelled_on(session, member_id=member_id),
        locked=guarded.spend_locked_at is not None,
        cool_down_until=until if until is not None and until > at else None,
        erasure=erasure_request(session, member_id=member_id),
    )
